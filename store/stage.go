package store

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/filelock"
	"gostore/internal/removal"
	"gostore/internal/sys"
	"gostore/internal/tree"
)

const (
	stagePrefix = ".stage-"
	trashPrefix = ".trash-"
)

// ShareSize is the least size, in bytes, of a file that is shared between objects. Smaller files are more links than they save
// blocks. Of six Go releases (1.22.5–1.22.8, 1.23.0, 1.23.1; 57,929 files, 1,449 MB on ext4) sharing from 1 KiB on leaves 0.64 of
// the blocks for 6,000 links a release, from 256 bytes on 0.605, from 64 on 0.596 for 9,400, and all files 0.594.
const ShareSize = 64

// sealTime is the modification time of everything in an object. It is the same everywhere, so that
// nothing derives from when an object was unpacked, and late enough for formats that begin in 1980.
var sealTime = time.Date(1980, 1, 2, 0, 0, 0, 0, time.UTC)

// Stage is an object being filled. File, Dir, Link and Stream may be called from several
// goroutines. Parents are made as needed.
//
// Nothing is written outside of the stage. Every name is checked, as package tree demands, before
// anything is made for it; files and directories are made relative to the descriptor of their parent, which
// is opened without following links; and links are made last.
type Stage struct {
	store *Store
	name  string   // store/.stage-…, relative to the store's root
	held  *os.File // the stage, locked
	files *os.File // the directory of shared contents
	names tree.Names
	dirs  openDirs
	bare  bool // files/ had nothing when the stage was made

	mu       sync.Mutex
	expected tree.Manifest   // what Expect said
	arrived  []bool          // of its entries, which were made
	entries  []tree.Entry    // all others that were made
	made     map[string]bool // directories
	index    map[string]int  // where in entries a path is; of those that Copy looked at
	given    map[string]bool // names that were claimed and given back
	members  []member        // what is remembered, without contents
	shared   map[string]bool // by sharedName, what was or is being linked into a bare files/

	known func() []memberTable // reads the tables once
}

// newStage makes an empty stage and takes the lock that says that it is alive.
func (s *Store) newStage(ctx context.Context) (*Stage, error) {
	files, err := s.root.Open(filesDir)
	if err != nil {
		return nil, err
	}
	for {
		name := path.Join(objectsDir, stagePrefix+rand.Text())
		if err := sys.Again(func() error { return s.root.Mkdir(name, 0o755) }); err != nil {
			return nil, errors.Join(err, files.Close())
		}
		held, err := filelock.ShareDir(ctx, s.path(name))
		if err == nil {
			g := &Stage{store: s, name: name, held: held, files: files, made: map[string]bool{".": true}, given: map[string]bool{}}
			g.known = sync.OnceValue(s.newestMembers)
			_, err := files.Readdirnames(1)
			g.bare, g.shared = err == io.EOF, map[string]bool{}
			return g, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(err, files.Close())
		}
		// A collector took the stage for a dead one before it was locked: make another.
	}
}

// Workers returns how many files are worth writing at once. More than the processors gain nothing.
func (g *Stage) Workers() int { return runtime.GOMAXPROCS(0) }

// Expect says what the stage is going to hold, before anything is made: of what comes as m says it is remembered only that it came. A million
// entries are 77 MB otherwise. Anything else may come as well.
func (g *Stage) Expect(m tree.Manifest) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.expected, g.arrived = m, make([]bool, len(m.Entries()))
}

// Dir makes a directory. One that is there already is no error.
func (g *Stage) Dir(name string) error {
	if err := g.names.Add(name, tree.Dir); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mkdir(name)
}

// mkdir makes a checked directory and its parents. g.mu is held.
func (g *Stage) mkdir(name string) error {
	if g.made[name] {
		return nil
	}
	if err := g.mkdir(path.Dir(name)); err != nil {
		return err
	}
	err := g.at(name, func(p place) error {
		return p.failed("mkdir", sys.Mkdirat(p.dir, p.base, 0o755))
	})
	if err != nil {
		return err
	}
	g.made[name] = true
	g.remember(tree.Entry{Path: name, Kind: tree.Dir})
	return nil
}

// claim checks the name of a file or link, takes it, and makes its parent.
func (g *Stage) claim(name string, kind tree.Kind) error {
	if g.regain(name) {
		return nil
	}
	if err := g.names.Add(name, kind); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mkdir(path.Dir(name))
}

// giveBack lets a name that was claimed, and for which nothing was made, be claimed once more.
func (g *Stage) giveBack(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.given[name] = true
}

func (g *Stage) regain(name string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	ok := g.given[name]
	delete(g.given, name)
	return ok
}

// record adds the entry of a file or link that was made.
func (g *Stage) record(e tree.Entry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.remember(e)
}

// remember is record where g.mu is held.
func (g *Stage) remember(e tree.Entry) {
	if i, ok := g.expected.Index(e.Path); ok && g.expected.Entries()[i] == e {
		g.arrived[i] = true
	} else {
		g.entries = append(g.entries, e)
	}
}

// list has everything that was made in g.entries. g.mu is held, or nothing else runs.
func (g *Stage) list() {
	for i, e := range g.expected.Entries() {
		if g.arrived[i] {
			g.entries = append(g.entries, e)
		}
	}
	g.expected, g.arrived = tree.Manifest{}, nil
}

// manifest returns that of everything that was made.
func (g *Stage) manifest() (tree.Manifest, error) {
	if g.arrived != nil && len(g.entries) == 0 && !slices.Contains(g.arrived, false) {
		return g.expected, nil
	}
	g.list()
	return tree.Of(g.entries)
}

// File makes a file with the contents data, executable or not. data may be reused after it returns.
func (g *Stage) File(name string, exec bool, data []byte) error {
	e := tree.Entry{Path: name, Kind: fileKind(exec), Content: digest.Sum(data), Size: int64(len(data))}
	if err := g.claim(name, e.Kind); err != nil {
		return err
	}
	err := g.at(name, func(p place) error {
		if e.Size >= ShareSize && g.mayBeShared(e) && g.reuse(e, p, data) {
			return nil
		}
		if err := g.store.writeSealed(p, exec, data); err != nil {
			return err
		}
		return g.share(e, p)
	})
	if err == nil {
		g.record(e)
	}
	return err
}

// Stream is File for contents that are too large to be held in memory.
func (g *Stage) Stream(name string, exec bool, r io.Reader) error {
	e := tree.Entry{Path: name, Kind: fileKind(exec)}
	if err := g.claim(name, e.Kind); err != nil {
		return err
	}
	err := g.at(name, func(p place) error {
		h := digest.NewHash()
		var err error
		if e.Size, err = g.store.streamSealed(p, exec, io.TeeReader(r, h)); err != nil {
			return err
		}
		e.Content = h.Content()
		return g.share(e, p)
	})
	if err == nil {
		g.record(e)
	}
	return err
}

// Link records a symbolic link, which is made when the stage is complete.
func (g *Stage) Link(name, target string) error {
	if err := g.claim(name, tree.Link); err != nil {
		return err
	}
	g.record(tree.Entry{Path: name, Kind: tree.Link, Target: target})
	return nil
}

// finish makes the links, seals the directories and returns the manifest.
func (g *Stage) finish() (tree.Manifest, error) {
	g.names, g.index = tree.Names{}, nil // no more names come
	m, err := g.manifest()
	if err != nil {
		return tree.Manifest{}, err
	}
	for _, e := range m.Entries() {
		if e.Kind != tree.Link {
			continue
		}
		err := g.at(e.Path, func(p place) error {
			err := p.failed("symlink", sys.Symlinkat(e.Target, p.dir, p.base))
			return errors.Join(err, p.setTime())
		})
		if err != nil {
			return tree.Manifest{}, err
		}
	}
	return m, g.sealDirs(m)
}

// sealDirs makes the directories read-only, the deepest first, so that each can be reached until it is done.
func (g *Stage) sealDirs(m tree.Manifest) error {
	entries := m.Entries()
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].Kind != tree.Dir {
			continue
		}
		if err := g.at(entries[i].Path, place.seal); err != nil {
			return err
		}
	}
	return errors.Join(g.at(".", place.seal), g.dirs.clear())
}

// abandon takes the stage away after a failure, and the contents that only it shared. Where that fails too, the next
// Clean does it; the stage goes last, so that it finds out.
func (g *Stage) abandon() error {
	defer g.held.Close()
	r := removal.New(context.Background(), nil)
	path := g.store.path(g.name)
	r.Empty(g.held, path)
	if err := errors.Join(g.dirs.clear(), r.Err(), g.unshare()); err != nil {
		return err
	}
	return removal.Tree(path)
}

// unshare unlinks those contents of the stage that nothing else shares. Another stage that links one between the look
// and the unlink keeps its own link.
func (g *Stage) unshare() error {
	g.list()
	files := int(g.files.Fd())
	for _, e := range g.entries {
		if e.Size < ShareSize {
			continue
		}
		var st unix.Stat_t
		if sys.Fstatat(files, sharedName(e), &st, unix.AT_SYMLINK_NOFOLLOW) != nil || st.Nlink != 1 {
			continue
		}
		if err := sys.Unlinkat(files, sharedName(e), 0); err != nil && !errors.Is(err, unix.ENOENT) {
			return &os.PathError{Op: "unlink", Path: path.Join(g.files.Name(), sharedName(e)), Err: err}
		}
	}
	return nil
}

func fileKind(exec bool) tree.Kind {
	if exec {
		return tree.Exec
	}
	return tree.File
}
