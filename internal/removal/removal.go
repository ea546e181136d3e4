// Package removal unlinks directories and what is in them, several at a time.
//
// It works through descriptors of directories and follows no link, so nothing outside of a tree is unlinked whatever anybody makes of it
// meanwhile. A directory within the tree that is read-only is made writable where it has to be; the one that the tree stands in never is. What is
// not there is no error. After an error, or the end of a context, the rest of a tree is left.
package removal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"gostore/internal/dirent"
	"gostore/internal/sys"
)

// Tree unlinks the directory at a path and everything in it.
func Tree(path string) error {
	parent, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer parent.Close()
	return At(int(parent.Fd()), filepath.Base(path), path)
}

// At is Tree for a name in an open directory; path is for messages.
func At(parent int, name, path string) error {
	r := New(context.Background(), nil)
	r.dir(sys.Unlinkat, parent, name, path)
	return r.Err()
}

// Workers is how many directories are worth emptying at once: unlinking waits for the file system more than for
// the processor (225 ms by one, 140 ms by 4 to 16, for a Go tree).
func Workers() int { return 4 * runtime.GOMAXPROCS(0) }

// NamesBuffer is for the names of a directory that are read before they are unlinked, in bytes.
const NamesBuffer = 16 << 10

// Remover unlinks trees, and what is below each in parallel as long as there are slots. Several goroutines may use one.
type Remover struct {
	ctx   context.Context
	slots chan struct{}
	freed *Freed                // counts what is given back, where it is not nil
	err   atomic.Pointer[error] // the first
	bufs  sync.Pool             // of NamesBuffer
}

// New returns a Remover that works until ctx ends, and counts what is given back in f, where that is not nil.
func New(ctx context.Context, f *Freed) *Remover {
	r := &Remover{ctx: ctx, slots: make(chan struct{}, Workers()), freed: f}
	r.bufs.New = func() any { return new([NamesBuffer]byte) }
	return r
}

// Err returns the first error, of all that the Remover did.
func (r *Remover) Err() error {
	if err := r.err.Load(); err != nil {
		return *err
	}
	return nil
}

// fail keeps the first error. What is gone is as it should be. The path is a directory and perhaps a name in it.
func (r *Remover) fail(op string, err error, path ...string) {
	if err == nil || errors.Is(err, unix.ENOENT) {
		return
	}
	err = &os.PathError{Op: op, Path: filepath.Join(path...), Err: err}
	r.err.CompareAndSwap(nil, &err)
}

// dir empties and removes the directory name in parent, by a kind of unlinkat; path is for messages.
func (r *Remover) dir(unlinkat unlinking, parent int, name, path string) {
	fd, err := sys.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		r.fail("open", err, path)
		return
	}
	d := dirent.New(fd, path)
	defer d.Close()
	r.remove(d, unlinkat, parent, name, path)
}

// remove empties and removes an open directory, which is name in parent. Whether it is empty is tried after each read that brings little: that
// was nearly always the last, and if a signal cut it short, or the file system passed names over while others were being unlinked, what is
// left is read as well.
func (r *Remover) remove(d dirent.Dir, unlinkat unlinking, parent int, name, path string) {
	for some, end := false, false; ; {
		found, filled := r.next(d, path)
		if r.ctx.Err() != nil {
			return
		}
		some, end = some || found, filled == 0
		if filled >= NamesBuffer/2 {
			continue
		}
		err := r.rmdir(unlinkat, d.Fd(), parent, name)
		if !errors.Is(err, unix.ENOTEMPTY) || end && !some || r.stopped() {
			r.fail("rmdir", err, path)
			return
		}
		if end {
			r.fail("read", d.Rewind(), path)
			some = false
		}
	}
}

// Remove empties and removes an open directory, which is name in parent; path is for messages.
func (r *Remover) Remove(dir *os.File, parent int, name, path string) {
	r.remove(dirent.Of(dir), sys.Unlinkat, parent, name, path)
}

// Empty unlinks what is in an open directory, and leaves it; path is for messages.
func (r *Remover) Empty(dir *os.File, path string) {
	d := dirent.Of(dir)
	for some := true; some && !r.stopped(); {
		some = false
		for filled := 1; filled > 0 && !r.stopped(); {
			var found bool
			found, filled = r.next(d, path)
			some = some || found
		}
		r.fail("read", d.Rewind(), path)
	}
}

// stopped reports whether reading a directory again leads to nothing.
func (r *Remover) stopped() bool { return r.ctx.Err() != nil || r.err.Load() != nil }

// unlinking is sys.Unlinkat, or unsealing.
type unlinking func(parent int, name string, flags int) error

// unsealing is unlinkat within a tree that is being removed. A sealed dirent.Dir is made writable when it turns out that it has to be:
// for root it has not, and each change of a mode is one more inode to write.
func unsealing(parent int, name string, flags int) error {
	err := sys.Unlinkat(parent, name, flags)
	if errors.Is(err, unix.EACCES) && sys.Fchmod(parent, 0o700) == nil {
		err = sys.Unlinkat(parent, name, flags)
	}
	return err
}

// next reads some names of a directory, unlinks what they stand for, and says whether there was something and how much was read.
func (r *Remover) next(d dirent.Dir, path string) (some bool, filled int) {
	var wait sync.WaitGroup
	defer wait.Wait()
	buf := r.bufs.Get().(*[NamesBuffer]byte)
	defer r.bufs.Put(buf)
	fd := d.Fd()
	filled, err := d.Next(buf[:], func(name []byte, isDir, known bool) {
		some = true
		if r.ctx.Err() == nil {
			r.entry(&wait, fd, string(name), path, isDir || !known && isDirAt(fd, string(name)))
		}
	})
	r.fail("read", err, path)
	return some, filled
}

// isDirAt reports whether a name in a directory is one.
func isDirAt(parent int, name string) bool {
	var st unix.Stat_t
	return sys.Fstatat(parent, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
}

// entry unlinks one name of a directory; what is below it perhaps beside what follows.
func (r *Remover) entry(wait *sync.WaitGroup, parent int, name, path string, isDir bool) {
	if !isDir {
		r.file(parent, name, path)
		return
	}
	below := filepath.Join(path, name)
	select {
	case r.slots <- struct{}{}:
		wait.Go(func() {
			defer func() { <-r.slots }()
			r.dir(unsealing, parent, name, below)
		})
	default:
		r.dir(unsealing, parent, name, below)
	}
}

// file unlinks what is no directory, in the one at a path.
func (r *Remover) file(parent int, name, path string) {
	if r.freed != nil {
		var st unix.Stat_t
		err := sys.Fstatat(parent, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil {
			r.freed.file(&st)
		}
	}
	r.fail("unlink", unsealing(parent, name, 0), path, name)
}

// Rmdir removes an open directory that is empty, which is name in parent.
func (r *Remover) Rmdir(dir *os.File, parent int, name string) error {
	return r.rmdir(sys.Unlinkat, int(dir.Fd()), parent, name)
}

// rmdir removes a directory that is open.
func (r *Remover) rmdir(unlinkat unlinking, fd, parent int, name string) error {
	var st unix.Stat_t
	if r.freed != nil {
		_ = sys.Fstat(fd, &st) // best effort: only for the count
	}
	err := unlinkat(parent, name, unix.AT_REMOVEDIR)
	if r.freed != nil && err == nil {
		r.freed.Add(st.Blocks * sys.BlockSize)
	}
	return err
}

// Freed counts the disk that unlinking gives back, from several goroutines. A file with several links is given back with
// the last of them. Stores are on one file system, so the inode's number tells which file it is.
type Freed struct {
	mu     sync.Mutex
	bytes  int64
	linked map[uint64]links // files of which some links were unlinked
}

// links are how many links a file had and how many of them were unlinked. No file has more than 65,000 on ext4, and where
// more are allowed the count only becomes too small.
type links struct{ had, gone uint32 }

// file counts a link that is about to be unlinked. Whoever looks at a file first sees all its links, as each is
// unlinked after it was looked at.
func (f *Freed) file(st *unix.Stat_t) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if st.Nlink > 1 {
		n := f.linked[st.Ino]
		n.had = max(n.had, uint32(st.Nlink))
		n.gone++
		if n.gone < n.had {
			if f.linked == nil {
				f.linked = make(map[uint64]links)
			}
			f.linked[st.Ino] = n
			return
		}
		delete(f.linked, st.Ino)
	}
	f.bytes += st.Blocks * sys.BlockSize
}

// Add counts bytes that were given back.
func (f *Freed) Add(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bytes += bytes
}

// Bytes returns what was given back so far.
func (f *Freed) Bytes() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bytes
}
