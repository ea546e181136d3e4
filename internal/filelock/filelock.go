// Package filelock keeps processes out of each other's way with the kernel's own locks (flock).
//
// Contract. A lock belongs to an open file description: it ends when the last descriptor
// of it is closed, at the latest with the last process that inherited it, whatever killed that process. So
// nothing is ever stale, there are no PID files, no expiry and no clean-up after kill -9. Two
// opens in one process exclude each other as two processes do. A lock is only reported as held when,
// after taking it, the path was seen to name the same inode still: whoever waits for a file or
// directory that was removed meanwhile notices.
//
// Limits. Locks are advisory. On NFS, flock is emulated by byte-range locks on recent Linux,
// and does nothing on some other network file systems. There is no fairness between waiters.
//
// Order, for whoever needs several: the filelock of a profile, then that of a partial
// download, then leases (shared locks on directories). That of the log comes last: nothing is waited for while it is held.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

// ErrBusy says that somebody else holds the lock.
var ErrBusy = errors.New("in use by another process")

// retryDelay is how often a waiter looks. Waiting in the kernel could not be interrupted
// by a context; a look costs two microseconds.
const retryDelay = 5 * time.Millisecond

// File is an exclusive lock on a lock file.
type File struct {
	lock *flock.Flock
}

// Lock takes the exclusive lock on path, creating the file where it is missing, and waits for it
// until ctx ends.
func Lock(ctx context.Context, path string) (*File, error) {
	var p patience
	for {
		f, err := TryLock(path)
		if !errors.Is(err, ErrBusy) {
			return f, err
		}
		if err := p.wait(ctx, path); err != nil {
			return nil, err
		}
	}
}

// TryLock is Lock without waiting: ErrBusy when another holds the lock.
func TryLock(path string) (*File, error) {
	for {
		lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o644))
		var ok bool
		err := sys.Again(func() (err error) {
			ok, err = lock.TryLock()
			return err
		})
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("%q: %w", path, ErrBusy)
		}
		held, err := lock.Stat()
		if err == nil && sameAs(path, held) {
			return &File{lock}, nil
		}
		if err := errors.Join(err, sys.Again(lock.Unlock)); err != nil {
			return nil, err
		}
	}
}

// Release gives the lock up; the file stays.
func (f *File) Release() error { return sys.Again(f.lock.Unlock) }

// Remove unlinks the file while the lock is held and then gives the lock up. Waiters notice
// and make a new file.
func (f *File) Remove() error {
	return errors.Join(os.Remove(f.lock.Path()), f.Release())
}

// ShareDir takes a shared lock on a directory, waiting for an exclusive holder until ctx ends. The
// lock lasts until the returned file, and every copy of its descriptor that a child inherited, is
// closed. The error is fs.ErrNotExist when the directory is not there, or went while
// waiting.
func ShareDir(ctx context.Context, path string) (*os.File, error) {
	return wait(ctx, path, func() (*os.File, error) { return tryDir(path, unix.LOCK_SH) })
}

// TryShareDir is ShareDir without waiting: ErrBusy when another holds an exclusive lock on the directory.
func TryShareDir(path string) (*os.File, error) { return tryDir(path, unix.LOCK_SH) }

// ShareFile is ShareDir for a lock file, which it creates where it is missing.
func ShareFile(ctx context.Context, path string) (*os.File, error) {
	return wait(ctx, path, func() (*os.File, error) { return try(path, os.O_RDWR|os.O_CREATE, unix.LOCK_SH) })
}

// LockDir takes an exclusive lock on a directory, waiting until ctx ends.
func LockDir(ctx context.Context, path string) (*os.File, error) {
	return wait(ctx, path, func() (*os.File, error) { return TryExclusiveDir(path) })
}

// wait tries until somebody else's lock is gone, or ctx ends.
func wait(ctx context.Context, path string, try func() (*os.File, error)) (*os.File, error) {
	var p patience
	for {
		f, err := try()
		if !errors.Is(err, ErrBusy) {
			return f, err
		}
		if err := p.wait(ctx, path); err != nil {
			return nil, err
		}
	}
}

// TryExclusiveDir takes an exclusive lock on a directory without waiting: ErrBusy when anybody holds
// a lock on it, fs.ErrNotExist when it is not there.
func TryExclusiveDir(path string) (*os.File, error) { return tryDir(path, unix.LOCK_EX) }

func tryDir(path string, how int) (*os.File, error) {
	return try(path, os.O_RDONLY|syscall.O_DIRECTORY, how)
}

// try opens and locks a directory or file, then looks whether the path still names it. Where another
// took its place meanwhile, that one is tried.
func try(path string, flags, how int) (*os.File, error) {
	for {
		fd, err := sys.Open(path, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644) // one system call: objects are claimed by the thousand
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
		var held, now unix.Stat_t
		err = sys.Fstat(fd, &held)
		if err == nil {
			err = sys.Flock(fd, how|unix.LOCK_NB)
		}
		if err == nil && sys.Lstat(path, &now) == nil && now.Ino == held.Ino && now.Dev == held.Dev {
			return os.NewFile(uintptr(fd), path), nil
		}
		unix.Close(fd)
		switch {
		case err == nil: // another directory took its place
		case errors.Is(err, unix.EWOULDBLOCK):
			return nil, fmt.Errorf("%q: %w", path, ErrBusy)
		default:
			return nil, &os.PathError{Op: "flock", Path: path, Err: err}
		}
	}
}

// sameAs reports whether path still names the file that held describes.
func sameAs(path string, held fs.FileInfo) bool {
	now, err := os.Lstat(path)
	return err == nil && os.SameFile(now, held)
}

func sleep(ctx context.Context) error {
	timer := time.NewTimer(retryDelay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
