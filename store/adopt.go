package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/filelock"
	"gostore/internal/sys"
	"gostore/internal/tree"
)

// Spool keeps contents that came from elsewhere until all of what they belong to is known to be right. It is
// the directory of a Part: it lasts when an import is interrupted, and Clean removes it when it is old. Its files
// are named like those of files/ and sealed like those of objects, so that a stage takes them over by
// linking. Its methods may be called from several goroutines, for one content by one at a time.
//
// A spool does not check what is put into it; Has checks what it finds. So an import that was killed
// in the middle of a file does no harm.
type Spool struct {
	store *Store
	path  string
	dir   *os.File
	files *os.File // the directory of shared contents
}

// Spool opens the spool of a part, and makes it where it is missing. It is closed before the part is released.
func (s *Store) Spool(p *Part) (*Spool, error) {
	dir := partDir(p.path)
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	now := time.Now()
	_ = os.Chtimes(p.path, now, now) // best effort: it only becomes old sooner
	d, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	files, err := s.root.Open(filesDir)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return &Spool{s, dir, d, files}, nil
}

// Path returns the directory. Files of other names than those of contents may be kept in it.
func (sp *Spool) Path() string { return sp.path }

// Close ends the use of the spool; what it holds stays.
func (sp *Spool) Close() error { return errors.Join(sp.dir.Close(), sp.files.Close()) }

// place returns where a content stands.
func (sp *Spool) place(e tree.Entry) place {
	name := sharedName(e)
	return place{int(sp.dir.Fd()), name, path.Join(sp.path, name)}
}

// Has reports whether the spool holds the content of e, a file or executable file, and takes it from
// files/ where that has it: the link in the spool keeps it from being collected. The bytes are hashed again; a
// file that is not what its name says is removed, as in reuse. Whatever goes wrong is a miss.
func (sp *Spool) Has(e tree.Entry) bool {
	p := sp.place(e)
	if _, ok := holds(p.dir, e); ok {
		return true
	}
	if e.Size < ShareSize {
		return false
	}
	files := int(sp.files.Fd())
	was, ok := holds(files, e)
	if !ok || sp.made(p, func() error { return sys.Linkat(files, p.base, p.dir, p.base, 0) }) != nil {
		return false
	}
	var is unix.Stat_t
	if sys.Fstatat(p.dir, p.base, &is, unix.AT_SYMLINK_NOFOLLOW) != nil || is.Ino != was.Ino || is.Dev != was.Dev {
		sys.Unlinkat(p.dir, p.base, 0) // replaced since it was hashed
		return false
	}
	return true
}

// holds reports whether the content of e stands below a directory, sealed and under its name, and which
// file that is. One that is wrong is unlinked.
func holds(dir int, e tree.Entry) (st unix.Stat_t, ok bool) {
	name := sharedName(e)
	fd, err := sys.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) {
		sys.Unlinkat(dir, name, 0) // a link; best effort: it is only ever a miss
	}
	if err != nil {
		return st, false
	}
	defer unix.Close(fd)
	if sys.Fstat(fd, &st) == nil && isSealed(st, e) && contentOf(fd) == e.Content {
		return st, true
	}
	sys.Unlinkat(dir, name, 0) // best effort: it is only ever a miss
	return st, false
}

// isSealed reports whether a file has the kind, mode, size and time that e has in an object.
func isSealed(st unix.Stat_t, e tree.Entry) bool {
	want := uint32(sealedMode(e.Kind == tree.Exec)) | unix.S_IFREG
	return uint32(st.Mode) == want && st.Size == e.Size && st.Mtim.Nano() == sealTime.UnixNano()
}

// contentOf returns the digest of a file's bytes, the zero one where they cannot be read.
func contentOf(fd int) digest.Content {
	buf := compareBuffers.Get().(*[256 << 10]byte)
	defer compareBuffers.Put(buf)
	n, err := readFull(fd, buf[:])
	if err == nil && n < len(buf) {
		return digest.Sum(buf[:n]) // at once is quicker than piece by piece
	}
	h := digest.NewHash()
	for err == nil && n > 0 {
		h.Write(buf[:n])
		n, err = readFull(fd, buf[:])
	}
	if err != nil {
		return digest.Content{}
	}
	return h.Content()
}

// readFull reads until buf is full or the file ends.
func readFull(fd int, buf []byte) (n int, err error) {
	for n < len(buf) {
		k, err := sys.Read(fd, buf[n:])
		if err != nil || k == 0 {
			return n, err
		}
		n += k
	}
	return n, nil
}

// made calls create, which makes p, once more where only the directory was missing.
func (sp *Spool) made(p place, create func() error) error {
	err := create()
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := sys.Mkdirat(p.dir, path.Dir(p.base), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return p.failed("mkdir", err)
	}
	return create()
}

// Put writes the content of e, which Has did not find. data may be reused after it returns. What is left of
// a file after an error is a miss for Has.
func (sp *Spool) Put(e tree.Entry, data []byte) error {
	p := sp.place(e)
	return sp.made(p, func() error { return sp.store.writeSealed(p, e.Kind == tree.Exec, data) })
}

// Stream is Put for a content that is too large to be held in memory. It reads r to its end.
func (sp *Spool) Stream(e tree.Entry, r io.Reader) error {
	p := sp.place(e)
	return sp.made(p, func() error {
		_, err := sp.store.streamSealed(p, e.Kind == tree.Exec, r)
		return err
	})
}

// Open opens the content of e, which was found or put before.
func (sp *Spool) Open(e tree.Entry) (*os.File, error) {
	return os.OpenFile(path.Join(sp.path, sharedName(e)), os.O_RDONLY|unix.O_NOFOLLOW, 0)
}

// Adopt makes e, a file or executable file, of the content that a spool holds: found by Has, or put and checked by the
// caller, since the spool was opened. It makes another link; where the file system lets no more of
// them be made it makes a copy.
func (g *Stage) Adopt(sp *Spool, e tree.Entry) error {
	if err := g.claim(e.Path, e.Kind); err != nil {
		return err
	}
	err := g.at(e.Path, func(p place) error {
		if !sp.link(e, p) {
			if err := sp.copy(e, p); err != nil {
				return err
			}
		}
		return g.share(e, p)
	})
	if err == nil {
		g.record(e)
	}
	return err
}

// link makes the place another link of a content. What is linked must look as the content does.
func (sp *Spool) link(e tree.Entry, p place) bool {
	from := sp.place(e)
	var st unix.Stat_t
	if sys.Linkat(from.dir, from.base, p.dir, p.base, 0) != nil {
		return false
	}
	if sys.Fstatat(p.dir, p.base, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && isSealed(st, e) {
		return true
	}
	sys.Unlinkat(p.dir, p.base, 0) // best effort: the copy that follows fails if it is still there
	return false
}

// copy makes the place a copy of a content, checking its bytes.
func (sp *Spool) copy(e tree.Entry, p place) error {
	f, err := sp.Open(e)
	if err != nil {
		return err
	}
	defer f.Close()
	h := digest.NewHash()
	n, err := sp.store.streamSealed(p, e.Kind == tree.Exec, io.TeeReader(f, h))
	if err != nil {
		return err
	}
	if got := h.Content(); got != e.Content || n != e.Size {
		return &digest.MismatchError{What: fmt.Sprintf("%q", f.Name()), Want: e.Content.Hex(), Got: got.Hex()}
	}
	return nil
}

// NewObject returns how Add names the object of a tree, for a tool and its version.
func NewObject(t digest.Tree, tool, version string) Object { return newObject(t, tool, version) }

// RememberArchive notes that an archive unpacks to the tree of an object on which the caller holds a lease.
func (s *Store) RememberArchive(ctx context.Context, a digest.Archive, t digest.Tree) error {
	describing, err := filelock.ShareDir(ctx, s.path(metaDir))
	if err != nil {
		return err
	}
	return errors.Join(s.writeIndex(a, t), describing.Close())
}
