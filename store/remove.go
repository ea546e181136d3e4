package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

// RemoveTree unlinks a directory and everything in it, sealed directories included. It works through
// directory descriptors and follows no link. What is not there is no error.
func RemoveTree(path string) error {
	parent, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer parent.Close()
	r := newRemover(context.Background(), nil)
	r.dir(sys.Unlinkat, int(parent.Fd()), filepath.Base(path), path)
	return r.failure()
}

// removalWorkers is how many directories are worth emptying at once: unlinking waits for the file system more than for
// the processor (225 ms by one, 140 ms by 4 to 16, for a Go tree).
func removalWorkers() int { return 4 * runtime.GOMAXPROCS(0) }

// namesBuffer is for the names of a directory that are read before they are unlinked, in bytes.
const namesBuffer = 16 << 10

// remover removes subdirectories in parallel as long as there are slots.
type remover struct {
	ctx   context.Context
	slots chan struct{}
	freed *freed                // counts what is given back, where it is not nil
	err   atomic.Pointer[error] // the first
	bufs  sync.Pool             // of namesBuffer
}

func newRemover(ctx context.Context, f *freed) *remover {
	r := &remover{ctx: ctx, slots: make(chan struct{}, removalWorkers()), freed: f}
	r.bufs.New = func() any { return new([namesBuffer]byte) }
	return r
}

// failure returns the first error.
func (r *remover) failure() error {
	if err := r.err.Load(); err != nil {
		return *err
	}
	return nil
}

// fail keeps the first error. What is gone is as it should be. The path is a directory and perhaps a name in it.
func (r *remover) fail(op string, err error, path ...string) {
	if err == nil || errors.Is(err, unix.ENOENT) {
		return
	}
	err = &os.PathError{Op: op, Path: filepath.Join(path...), Err: err}
	r.err.CompareAndSwap(nil, &err)
}

// dir empties and removes the directory name in parent, by a kind of unlinkat; path is for messages.
func (r *remover) dir(unlinkat unlinking, parent int, name, path string) {
	fd, err := sys.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		r.fail("open", err, path)
		return
	}
	d := newDirectory(fd, path)
	defer d.close()
	r.remove(d, unlinkat, parent, name, path)
}

// remove empties and removes an open directory, which is name in parent. Whether it is empty is tried after each read that brings little: that
// was nearly always the last, and if a signal cut it short, or the file system passed names over while others were being unlinked, what is
// left is read as well.
func (r *remover) remove(d directory, unlinkat unlinking, parent int, name, path string) {
	for some, end := false, false; ; {
		found, filled := r.next(d, path)
		if r.ctx.Err() != nil {
			return
		}
		some, end = some || found, filled == 0
		if filled >= namesBuffer/2 {
			continue
		}
		err := r.rmdir(unlinkat, d.handle(), parent, name)
		if !errors.Is(err, unix.ENOTEMPTY) || end && !some || r.stopped() {
			r.fail("rmdir", err, path)
			return
		}
		if end {
			r.fail("read", d.rewind(), path)
			some = false
		}
	}
}

// empty unlinks what is in an open directory, and leaves it.
func (r *remover) empty(d directory, path string) {
	for some := true; some && !r.stopped(); {
		some = false
		for filled := 1; filled > 0 && !r.stopped(); {
			var found bool
			found, filled = r.next(d, path)
			some = some || found
		}
		r.fail("read", d.rewind(), path)
	}
}

// stopped reports whether reading a directory again leads to nothing.
func (r *remover) stopped() bool { return r.ctx.Err() != nil || r.err.Load() != nil }

// unlinking is sys.Unlinkat, or unsealing.
type unlinking func(parent int, name string, flags int) error

// unsealing is unlinkat within a tree that is being removed. A sealed directory is made writable when it turns out that it has to be:
// for root it has not, and each change of a mode is one more inode to write.
func unsealing(parent int, name string, flags int) error {
	err := sys.Unlinkat(parent, name, flags)
	if errors.Is(err, unix.EACCES) && sys.Fchmod(parent, 0o700) == nil {
		err = sys.Unlinkat(parent, name, flags)
	}
	return err
}

// next reads some names of a directory, unlinks what they stand for, and says whether there was something and how much was read.
func (r *remover) next(d directory, path string) (some bool, filled int) {
	var wait sync.WaitGroup
	defer wait.Wait()
	buf := r.bufs.Get().(*[namesBuffer]byte)
	defer r.bufs.Put(buf)
	fd := d.handle()
	filled, err := d.next(buf[:], func(name []byte, isDir, known bool) {
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
func (r *remover) entry(wait *sync.WaitGroup, parent int, name, path string, isDir bool) {
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
func (r *remover) file(parent int, name, path string) {
	if r.freed != nil {
		var st unix.Stat_t
		err := sys.Fstatat(parent, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil {
			r.freed.file(&st)
		}
	}
	r.fail("unlink", unsealing(parent, name, 0), path, name)
}

// rmdir removes a directory that is open.
func (r *remover) rmdir(unlinkat unlinking, fd, parent int, name string) error {
	var st unix.Stat_t
	if r.freed != nil {
		_ = sys.Fstat(fd, &st) // best effort: only for the count
	}
	err := unlinkat(parent, name, unix.AT_REMOVEDIR)
	if r.freed != nil && err == nil {
		r.freed.add(st.Blocks * blockSize)
	}
	return err
}

// freed counts the disk that unlinking gives back, from several goroutines. A file with several links is given back with
// the last of them. Stores are on one file system, so the inode's number tells which file it is.
type freed struct {
	mu     sync.Mutex
	bytes  int64
	linked map[uint64]links // files of which some links were unlinked
}

// links are how many links a file had and how many of them were unlinked. No file has more than 65,000 on ext4, and where
// more are allowed the count only becomes too small.
type links struct{ had, gone uint32 }

// file counts a link that is about to be unlinked. Whoever looks at a file first sees all its links, as each is
// unlinked after it was looked at.
func (f *freed) file(st *unix.Stat_t) {
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
	f.bytes += st.Blocks * blockSize
}

func (f *freed) add(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bytes += bytes
}
