package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/filelock"
	"gostore/internal/tree"
)

const (
	stagePrefix = ".stage-"
	trashPrefix = ".trash-"
)

// ShareSize is the least size, in bytes, of a file that is shared between objects. Of go1.22.6 beside
// go1.22.5 (9,546 files), sharing from 8 KiB on takes 2,069 links and leaves 140 MB to store, from 1 KiB on
// 5,962 links and 119 MB, all files 9,546 links and 104 MB; the first of them takes 231 MB.
const ShareSize = 1 << 10

// sealTime is the modification time of everything in an object. It is the same everywhere, so that
// nothing derives from when an object was unpacked, and late enough for formats that begin in 1980.
var sealTime = time.Date(1980, 1, 2, 0, 0, 0, 0, time.UTC)

// Stage is an object being filled. File, Dir, Link and Stream may be called from several
// goroutines. Parents are made as needed. Every name is checked as package tree demands before anything is
// made for it. Links are made last, so that nothing is ever written through one.
type Stage struct {
	store *Store
	name  string // store/.stage-…, relative to the store's root
	held  *os.File
	names tree.Names

	mu      sync.Mutex
	entries []tree.Entry
	made    map[string]bool // directories
}

// newStage makes an empty stage and takes the lock that says that it is alive.
func (s *Store) newStage(ctx context.Context) (*Stage, error) {
	for {
		name := path.Join(objectsDir, stagePrefix+rand.Text())
		if err := s.root.Mkdir(name, 0o755); err != nil {
			return nil, err
		}
		held, err := filelock.ShareDir(ctx, s.path(name))
		if err == nil {
			return &Stage{store: s, name: name, held: held, made: map[string]bool{".": true}}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		// A collector took the stage for a dead one before it was locked: make another.
	}
}

// Workers returns how many files are worth writing at once. More than the processors gain nothing.
func (g *Stage) Workers() int { return runtime.GOMAXPROCS(0) }

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
	if err := g.store.root.Mkdir(path.Join(g.name, name), 0o755); err != nil {
		return err
	}
	g.made[name] = true
	g.entries = append(g.entries, tree.Entry{Path: name, Kind: tree.Dir})
	return nil
}

// add checks the name of a file or link, makes its parent and records the entry.
func (g *Stage) add(e tree.Entry) error {
	if err := g.names.Add(e.Path, e.Kind); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.mkdir(path.Dir(e.Path)); err != nil {
		return err
	}
	g.entries = append(g.entries, e)
	return nil
}

// File makes a file with the contents data, executable or not. data may be reused after it returns.
func (g *Stage) File(name string, exec bool, data []byte) error {
	e := tree.Entry{Path: name, Kind: fileKind(exec), Content: digest.Sum(data), Size: int64(len(data))}
	if err := g.add(e); err != nil {
		return err
	}
	staged := path.Join(g.name, name)
	if e.Size < ShareSize {
		return g.store.writeSealed(staged, exec, bytes.NewReader(data))
	}
	shared := sharedName(e)
	same := func(f *os.File) bool { return sameBytes(f, data) }
	if g.store.reuse(shared, staged, same) {
		return nil
	}
	if err := g.store.writeSealed(staged, exec, bytes.NewReader(data)); err != nil {
		return err
	}
	return g.store.share(shared, staged)
}

// Stream is File for contents that are too large to be held in memory.
func (g *Stage) Stream(name string, exec bool, r io.Reader) error {
	// The name is checked and taken first, the entry completed when the digest is known.
	if err := g.names.Add(name, fileKind(exec)); err != nil {
		return err
	}
	g.mu.Lock()
	err := g.mkdir(path.Dir(name))
	g.mu.Unlock()
	if err != nil {
		return err
	}
	staged := path.Join(g.name, name)
	h := digest.NewHash()
	count := &counter{r: io.TeeReader(r, h)}
	if err := g.store.writeSealed(staged, exec, count); err != nil {
		return err
	}
	e := tree.Entry{Path: name, Kind: fileKind(exec), Content: h.Content(), Size: count.n}
	g.mu.Lock()
	g.entries = append(g.entries, e)
	g.mu.Unlock()
	if e.Size < ShareSize {
		return nil
	}
	return g.store.share(sharedName(e), staged)
}

// Link records a symbolic link, which is made when the stage is complete.
func (g *Stage) Link(name, target string) error {
	return g.add(tree.Entry{Path: name, Kind: tree.Link, Target: target})
}

// finish makes the links, seals the directories and returns the manifest.
func (g *Stage) finish() (tree.Manifest, error) {
	m, err := tree.New(g.entries)
	if err != nil {
		return tree.Manifest{}, err
	}
	for _, e := range m.Entries() {
		if e.Kind != tree.Link {
			continue
		}
		if err := g.store.root.Symlink(e.Target, path.Join(g.name, e.Path)); err != nil {
			return tree.Manifest{}, err
		}
	}
	for _, e := range m.Entries() {
		switch e.Kind {
		case tree.Dir:
			err = g.sealDir(e.Path)
		case tree.Link:
			err = g.store.setTime(path.Join(g.name, e.Path))
		}
		if err != nil {
			return tree.Manifest{}, err
		}
	}
	return m, g.sealDir(".")
}

// sealDir makes a directory read-only; changing a mode does not change the times.
func (g *Stage) sealDir(name string) error {
	d, err := g.store.root.Open(path.Join(g.name, name))
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Chmod(0o555); err != nil {
		return err
	}
	return g.store.setTime(path.Join(g.name, name))
}

// abandon takes the stage away after a failure. Where that fails too, the next Clean does it.
func (g *Stage) abandon() error {
	defer g.held.Close()
	return removeTree(g.store.path(g.name))
}

// setTime gives a file, link or directory of a stage the fixed modification time.
func (s *Store) setTime(name string) error {
	ts, err := unix.TimeToTimespec(sealTime)
	if err != nil {
		return err
	}
	full := s.path(name)
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, full, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &os.PathError{Op: "utimensat", Path: full, Err: err}
	}
	return nil
}

// writeSealed writes a new file of a stage, read-only and with the fixed modification time.
func (s *Store) writeSealed(staged string, exec bool, r io.Reader) (err error) {
	mode := sealedMode(exec)
	f, err := s.root.OpenFile(staged, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(f, r); err != nil {
		return err
	}
	if err := s.fixMode(f, mode); err != nil {
		return err
	}
	return s.setTime(staged)
}

// fixMode undoes what the umask took. Whether it takes anything is learnt from the first file.
func (s *Store) fixMode(f *os.File, mode fs.FileMode) error {
	if !s.narrow.Load() {
		fi, err := f.Stat()
		if err != nil || fi.Mode().Perm() == mode {
			return err
		}
		s.narrow.Store(true)
	}
	return f.Chmod(mode)
}

func sealedMode(exec bool) fs.FileMode {
	if exec {
		return 0o555
	}
	return 0o444
}

func fileKind(exec bool) tree.Kind {
	if exec {
		return tree.Exec
	}
	return tree.File
}

// counter counts what is read through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// sharedName returns where the link of a shared content stands. Executable and plain files of
// equal content are different inodes, because the mode belongs to the inode.
func sharedName(e tree.Entry) string {
	hex := e.Content.Hex()
	name := path.Join(filesDir, hex[:2], hex[2:])
	if e.Kind == tree.Exec {
		name += "x"
	}
	return name
}
