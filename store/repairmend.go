package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime/trace"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/filelock"
	"gostore/internal/removal"
	"gostore/internal/sys"
	"gostore/internal/tree"
)

// Mending. An object is put right inside its directory, name by name, and not by putting another directory in its place: the lease
// of a running process is a lock on that very directory, and would be one on a directory that nobody finds any more. Each
// file is renamed over the damaged one. Whoever has that open or mapped keeps it as it was, and nobody finds the name
// without a file.
//
// What is renamed is made in the spool, which is not part of any object. So what a crash leaves of an object is the
// object with some of the names put right, and of directories perhaps a mode or a time that are not sealed; Examine
// finds both. Nothing additional is ever in it.

// Mend puts right what d says is wrong with an object: it removes what does not belong to it, makes directories and links as the
// manifest has them, takes the contents that the spool has, and seals. A content that the spool lacks stays as
// it is. Whether all is right then, Examine says; it may find what could not be seen before.
//
// Order, and what a crash after each step leaves:
//  1. manifest and description, where they were lost: the object as it was;
//  2. syncfs: what is going to be renamed is on the disk;
//  3. the shared files, then names of the object, one after the other: some of them are right;
//  4. seal and syncfs: the object.
func (s *Store) Mend(ctx context.Context, d Diagnosis, sp *Spool) error {
	defer trace.StartRegion(ctx, "mend").End()
	if d.Manifest.Digest().IsZero() {
		return fmt.Errorf("mending %s: what it should be is not known", d.Object)
	}
	lease, err := s.Lease(ctx, d.Object.Tree)
	if errors.Is(err, fs.ErrPermission) { // the object itself is closed
		if err := os.Chmod(s.Path(d.Object), 0o755); err != nil {
			return err
		}
		lease, err = s.Lease(ctx, d.Object.Tree)
	}
	if err != nil {
		return err
	}
	defer lease.Release()
	if d.NoManifest {
		if err := s.KeepManifest(ctx, d.Manifest); err != nil {
			return err
		}
	}
	m := &mending{spool: sp, root: lease.File(), full: lease.Path(), damage: d, touched: map[string]bool{}}
	if err := durable.SyncFS(m.root); err != nil {
		return err
	}
	err = m.run(ctx)
	err = errors.Join(err, m.seal()) // also after an error: what was opened is closed again
	return errors.Join(err, durable.SyncFS(m.root))
}

// KeepManifest writes the manifest of an object that is there.
func (s *Store) KeepManifest(ctx context.Context, m tree.Manifest) error {
	describing, err := filelock.ShareDir(ctx, s.path(metaDir))
	if err != nil {
		return err
	}
	return errors.Join(s.writeManifest(m), describing.Close())
}

// Redescribe writes the description of an object anew, as spec says where it came from. What spec lacks, and the object itself
// can say, is taken from there.
func (s *Store) Redescribe(ctx context.Context, d Diagnosis, spec Spec) error {
	info, err := s.describe(d.Object)
	if err != nil {
		return err
	}
	if old, err := s.readInfo(d.Object.Tree); err == nil && !old.Added.IsZero() {
		info.Added = old.Added
	}
	if spec.Name != "" && newObject(d.Object.Tree, spec.Name, spec.Version) == d.Object {
		info.Tool, info.Release, info.Archive, info.From = spec.Name, spec.Version, spec.Archive, spec.From
	}
	info.Files, info.Size = len(d.Manifest.Entries()), d.Manifest.Size()
	describing, err := filelock.ShareDir(ctx, s.path(metaDir))
	if err != nil {
		return err
	}
	err = s.writeInfo(description{info, short(d.Manifest)})
	return errors.Join(err, describing.Close())
}

// mending is one call of Mend.
type mending struct {
	spool   *Spool
	root    *os.File // the object
	full    string   // its path
	damage  Diagnosis
	touched map[string]bool // directories that are sealed at the end
}

// at calls do with the place of a name of the object.
func (m *mending) at(name string, do func(place) error) error {
	p := place{int(m.root.Fd()), path.Base(name), filepath.Join(m.full, filepath.FromSlash(name))}
	parent := path.Dir(name)
	if parent == "." {
		return do(p)
	}
	fd, err := openDirBeneath(p.dir, parent)
	if err != nil {
		return &os.PathError{Op: "open", Path: filepath.Dir(p.full), Err: err}
	}
	defer unix.Close(fd)
	p.dir = fd
	return do(p)
}

// change is at for what changes the directory that the name is in. That directory is made writable only where
// nothing else helps: a root's is changed as it is.
func (m *mending) change(name string, do func(place) error) error {
	m.touched[path.Dir(name)] = true
	err := m.at(name, do)
	if errors.Is(err, fs.ErrPermission) {
		if err := m.open(path.Dir(name)); err != nil {
			return err
		}
		err = m.at(name, do)
	}
	return err
}

// open makes a directory of the object writable, and those that lead to it where they are closed.
func (m *mending) open(dir string) error {
	m.touched[dir] = true
	chmod := func(p place) error { return p.failed("chmod", sys.Fchmodat(p.dir, p.base, 0o755, 0)) }
	err := m.at(dir, chmod)
	if errors.Is(err, fs.ErrPermission) && dir != "." {
		if err := m.open(path.Dir(dir)); err != nil {
			return err
		}
		err = m.at(dir, chmod)
	}
	return err
}

// run removes what is too much, the deepest first, and then makes what belongs there, directories before what they hold.
func (m *mending) run(ctx context.Context) error {
	var wrong []tree.Entry
	for _, f := range slices.Backward(m.damage.Faults) {
		if e, belongs := m.damage.Manifest.Find(f.Path); belongs {
			wrong = append(wrong, e)
			continue
		}
		err := m.foreign(f.Path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	slices.Reverse(wrong)
	for _, e := range wrong {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.make(e); err != nil {
			return fmt.Errorf("mending %q of %s: %w", e.Path, m.damage.Object, err)
		}
	}
	return nil
}

// foreign removes what does not belong to the object.
func (m *mending) foreign(name string) error {
	if name == "." {
		return m.open(".") // it could not be read
	}
	return m.change(name, remove)
}

// remove unlinks whatever stands at a place.
func remove(p place) error {
	err := sys.Unlinkat(p.dir, p.base, 0)
	if errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EPERM) { // what unlinking a directory gives, on Linux and elsewhere
		return removal.At(p.dir, p.base, p.full)
	}
	return p.failed("unlink", err)
}

// make puts one entry right.
func (m *mending) make(e tree.Entry) error {
	switch e.Kind {
	case tree.Dir:
		return m.dir(e.Path)
	case tree.Link:
		return m.replace(e.Path, func(temp place) error {
			if err := sys.Symlinkat(e.Target, temp.dir, temp.base); err != nil {
				return temp.failed("symlink", err) // alone: that its time cannot be set either would look like something that is lacking
			}
			return temp.setTime()
		})
	}
	if !m.spool.Has(e) {
		return nil // not found anywhere
	}
	if err := m.spool.share(e); err != nil {
		return err
	}
	return m.replace(e.Path, func(temp place) error {
		if m.spool.link(e, temp) {
			return nil
		}
		return m.spool.copy(e, temp)
	})
}

// dir makes a directory, or opens one that could not be read.
func (m *mending) dir(name string) error {
	m.touched[name] = true
	mkdir := func(p place) error { return p.failed("mkdir", sys.Mkdirat(p.dir, p.base, 0o755)) }
	err := m.change(name, mkdir)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	var st unix.Stat_t
	err = m.at(name, func(p place) error {
		return p.failed("stat", sys.Fstatat(p.dir, p.base, &st, unix.AT_SYMLINK_NOFOLLOW))
	})
	if err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return m.open(name)
	}
	if err := errors.Join(err, m.change(name, remove)); err != nil {
		return err
	}
	return m.change(name, mkdir)
}

// replace makes a file or link in the spool and renames it to its name.
func (m *mending) replace(name string, make func(temp place) error) error {
	base := durable.TempPrefix + rand.Text()
	temp := place{int(m.spool.dir.Fd()), base, path.Join(m.spool.path, base)}
	if err := make(temp); err != nil {
		sys.Unlinkat(temp.dir, temp.base, 0) // best effort: it goes with the spool
		return err
	}
	rename := func(p place) error {
		return p.failed("rename", sys.Renameat(temp.dir, temp.base, p.dir, p.base))
	}
	err := m.change(name, rename)
	if errors.Is(err, unix.EISDIR) || errors.Is(err, fs.ErrExist) { // a directory is in the way
		if err = m.change(name, remove); err == nil {
			err = m.change(name, rename)
		}
	}
	return err
}

// seal closes what was worked in, and what was found open, the deepest first.
func (m *mending) seal() error {
	paths := m.damage.Unsealed
	for dir := range m.touched {
		paths = append(slices.Clip(paths), dir)
	}
	slices.SortFunc(paths, func(a, b string) int { return strings.Compare(b, a) })
	if i := slices.Index(paths, "."); i >= 0 { // it sorts before names that begin with a letter, but is above all
		paths = append(slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return p == "." }), ".")
	}
	var errs []error
	for _, name := range slices.Compact(paths) {
		if err := m.sealOne(name); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// sealOne gives a directory or file its mode and time, if it is the kind that it should be.
func (m *mending) sealOne(name string) error {
	return m.at(name, func(p place) error {
		var st unix.Stat_t
		if err := p.failed("stat", sys.Fstatat(p.dir, p.base, &st, unix.AT_SYMLINK_NOFOLLOW)); err != nil {
			return err
		}
		e, ok := m.damage.Manifest.Find(name)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			if name == "." || ok && e.Kind == tree.Dir {
				return p.seal()
			}
		case unix.S_IFREG:
			if ok && (e.Kind == tree.File || e.Kind == tree.Exec) {
				err := p.failed("chmod", sys.Fchmodat(p.dir, p.base, uint32(sealedMode(e.Kind == tree.Exec)), 0))
				return errors.Join(err, p.setTime())
			}
		}
		return nil
	})
}

// share makes the content that the spool has the shared one, in the place of one that is not what its name says. Has took
// such a one out of files/ when it looked for the content; where the file in files/ is right, it is that of the spool.
func (sp *Spool) share(e tree.Entry) error {
	if e.Size < ShareSize {
		return nil
	}
	files := int(sp.files.Fd())
	if _, ok := holds(files, e); ok {
		return nil
	}
	g := &Stage{store: sp.store, files: sp.files}
	return g.share(e, sp.place(e))
}

// PutChecked takes the content of e from r, to its end, unless the spool has it. A content that is another one is a
// *digest.MismatchError, and is not kept.
func (sp *Spool) PutChecked(e tree.Entry, r io.Reader) error {
	if sp.Has(e) {
		return nil
	}
	h := digest.NewHash()
	err := sp.Stream(e, io.TeeReader(r, h))
	if err == nil && h.Content() != e.Content {
		err = &digest.MismatchError{What: fmt.Sprintf("%q", e.Path), Want: e.Content.Hex(), Got: h.Content().Hex()}
	}
	if err != nil {
		p := sp.place(e)
		sys.Unlinkat(p.dir, p.base, 0) // best effort: Has does not believe it
	}
	return err
}

// IsContent reports whether the file at a path holds the content of e. Links are not followed.
func IsContent(name string, e tree.Entry) bool {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	fi, err := f.Stat()
	return err == nil && fi.Mode().IsRegular() && fi.Size() == e.Size && contentOf(int(f.Fd())) == e.Content
}
