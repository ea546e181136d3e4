package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/filelock"
	"gostore/internal/sys"
	"gostore/internal/tree"
)

// asidePrefix begins the names of objects that were set aside: .damaged-<unix time>-<name of the object>. No reader of objects sees
// such a name, so for everyone the object is absent.
const asidePrefix = ".damaged-"

// Aside is an object that was set aside because it is damaged and nobody could mend it.
type Aside struct {
	Object Object
	Since  time.Time // whole seconds
	Path   string    // where it stands now
}

// SetAside takes a damaged object away from its name without touching what is in it: a process that runs from it keeps it, and its
// lease. The rename is in one directory, is durable when SetAside returns, and is all that happens, so a crash leaves the object
// at one name or the other.
func (s *Store) SetAside(o Object) (Aside, error) {
	for now := time.Now(); ; now = now.Add(time.Second) { // a name is free sooner or later
		a := Aside{Object: o, Since: now.Truncate(time.Second)}
		a.Path = s.path(objectsDir, asidePrefix+strconv.FormatInt(now.Unix(), 10)+"-"+o.Base())
		if _, err := os.Lstat(a.Path); err == nil {
			continue
		}
		if err := os.Rename(s.Path(o), a.Path); err != nil {
			return Aside{}, fmt.Errorf("setting %s aside: %w", o, err)
		}
		return a, durable.SyncDir(s.path(objectsDir))
	}
}

// parseAside reads a name that SetAside gave.
func (s *Store) parseAside(name string) (Aside, bool) {
	rest, ok := strings.CutPrefix(name, asidePrefix)
	stamp, base, cut := strings.Cut(rest, "-")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if !ok || !cut || err != nil {
		return Aside{}, false
	}
	o, err := ParseBase(base)
	return Aside{o, time.Unix(seconds, 0), s.path(objectsDir, name)}, err == nil
}

// WithoutAside returns what follows in text what SetAside puts before an object's name, and text where it does not begin so. A program
// that was started before its object was set aside shows the new name in /proc.
func WithoutAside(text []byte) []byte {
	rest, ok := bytes.CutPrefix(text, []byte(asidePrefix))
	if _, base, cut := bytes.Cut(rest, []byte("-")); ok && cut {
		return base
	}
	return text
}

// Asides lists what was set aside, the oldest first.
func (s *Store) Asides() ([]Aside, error) {
	now, err := s.List()
	return now.Asides, err
}

// asides reads the names that SetAside gave, and sorts what they stand for by age.
func (s *Store) asides(names []string) []Aside {
	var list []Aside
	for _, name := range names {
		a, ok := s.parseAside(name)
		if fi, err := os.Lstat(a.Path); ok && err == nil && fi.IsDir() {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b Aside) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Path, b.Path))
	})
	return list
}

// DropAsides gives up those of a list that were set aside before a time, where nobody holds a lease on them and busy says that no process uses them:
// they are renamed to what Clean unlinks. It returns what it gave up. An error of busy keeps what it was asked about.
func (s *Store) DropAsides(list []Aside, before time.Time, busy func(Aside) (bool, error)) ([]Aside, error) {
	var gone []Aside
	var errs []error
	for _, a := range list {
		if !a.Since.Before(before) {
			continue
		}
		used, err := busy(a)
		if err == nil && !used {
			used, err = s.dropAside(a)
		}
		if err == nil && !used {
			gone = append(gone, a)
		}
		errs = append(errs, err)
	}
	return gone, errors.Join(errs...)
}

// dropAside renames what was set aside, unless it is leased, or gone.
func (s *Store) dropAside(a Aside) (kept bool, err error) {
	held, err := filelock.TryExclusiveDir(a.Path)
	if errors.Is(err, filelock.ErrBusy) || errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return true, err
	}
	return false, errors.Join(os.Rename(a.Path, s.path(objectsDir, trashPrefix+rand.Text())), held.Close())
}

// Draft makes a tree in a stage, as Add does, and keeps nothing of it but its manifest, if it is the tree that is wanted: then it is written
// as the manifest of the object. Another tree is a *digest.MismatchError.
func (s *Store) Draft(ctx context.Context, t digest.Tree, fill func(*Stage) error) (tree.Manifest, error) {
	g, err := s.newStage(ctx)
	if err != nil {
		return tree.Manifest{}, err
	}
	defer g.files.Close()
	m, err := tree.Manifest{}, fill(g)
	if err == nil {
		m, err = g.finish()
	}
	if err == nil && m.Digest() != t {
		err = &digest.MismatchError{What: "the tree", Want: t.String(), Got: m.Digest().String()}
	}
	if err == nil {
		err = s.KeepManifest(ctx, m)
	}
	return m, errors.Join(err, g.abandon())
}

// StoreFault is something of the store that is damaged and belongs to no object.
type StoreFault struct {
	Path    string // below the store
	Problem string
	Tree    digest.Tree // what an entry of the index is made again with; zero where it is removed, which costs a look or a download
}

// StoreFaults finds the entries of the index that cannot be understood, and those that contradict the description of an object that is
// here while they lead to none; and contents that no object uses and that are not what their names say.
func (s *Store) StoreFaults(ctx context.Context) ([]StoreFault, error) {
	faults, err := s.indexFaults()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	err = s.eachShared(func(shard *os.File, base string) error {
		name := filepath.Join(shard.Name(), base)
		var st unix.Stat_t
		alone := sys.Lstat(name, &st) == nil && st.Nlink == 1
		if alone && !isShared(name) { // else it is damaged with its object
			rel, _ := filepath.Rel(s.dir, name) // fails only for paths that are not absolute
			mu.Lock()
			defer mu.Unlock()
			faults = append(faults, StoreFault{Path: filepath.ToSlash(rel), Problem: "has other contents than its name says"})
		}
		return ctx.Err()
	})
	slices.SortFunc(faults, func(a, b StoreFault) int { return strings.Compare(a.Path, b.Path) })
	return faults, err
}

// isShared reports whether the file at a path in files/ holds what its name says.
func isShared(name string) bool {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return true // collected meanwhile
	}
	if err != nil {
		return false
	}
	defer f.Close()
	hex := filepath.Base(filepath.Dir(name)) + strings.TrimSuffix(filepath.Base(name), "x")
	return contentOf(int(f.Fd())).Hex() == hex
}

func (s *Store) indexFaults() ([]StoreFault, error) {
	objects, err := s.Objects()
	if err != nil {
		return nil, err
	}
	here, leads := map[digest.Tree]bool{}, map[string]digest.Tree{}
	for _, o := range objects {
		here[o.Tree] = true
		if info, err := s.readInfo(o.Tree); err == nil && !info.Archive.IsZero() {
			leads[info.Archive.FileName()] = o.Tree
		}
	}
	var faults []StoreFault
	err = eachFile(s.path(indexDir), func(_ string, fi fs.FileInfo) error {
		name := fi.Name()
		t, ok := s.readIndex(name)
		f := StoreFault{Path: path.Join(indexDir, name), Tree: leads[name]}
		switch {
		case strings.HasPrefix(name, durable.TempPrefix): // Clean takes care of it
		case !ok:
			f.Problem = "cannot be understood"
		case !here[t] && !f.Tree.IsZero():
			f.Problem = "leads to another object, which is not here"
		}
		if f.Problem != "" {
			faults = append(faults, f)
		}
		return nil
	})
	return faults, err
}

// MendStore makes an entry of the index again, or removes what is damaged.
func (s *Store) MendStore(ctx context.Context, f StoreFault) error {
	if f.Tree.IsZero() {
		if err := s.root.RemoveAll(f.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	describing, err := filelock.ShareDir(ctx, s.path(metaDir))
	if err != nil {
		return err
	}
	return errors.Join(s.writeAtomic(f.Path, formatIndex(path.Base(f.Path), f.Tree)), describing.Close())
}
