package store

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// RemoveTree unlinks a directory and everything in it, sealed directories included. It works through
// directory descriptors and follows no link. What is not there is no error.
func RemoveTree(path string) error {
	parent, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer parent.Close()
	r := &remover{slots: make(chan struct{}, 4*runtime.GOMAXPROCS(0))}
	r.dir(int(parent.Fd()), filepath.Base(path), path)
	if err := r.err.Load(); err != nil {
		return *err
	}
	return nil
}

// remover removes subdirectories in parallel as long as there are slots: unlinking waits for the
// file system more than for the processor (225 ms by one, 140 ms by 4 to 16, for a Go tree).
type remover struct {
	slots chan struct{}
	err   atomic.Pointer[error] // the first
}

func (r *remover) fail(op, path string, err error) {
	if err == nil || errors.Is(err, unix.ENOENT) {
		return
	}
	err = &os.PathError{Op: op, Path: path, Err: err}
	r.err.CompareAndSwap(nil, &err)
}

// dir empties and removes the directory name in parent; path is for messages.
func (r *remover) dir(parent int, name, path string) {
	fd, err := retry(func() (int, error) {
		return unix.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		r.fail("open", path, err)
		return
	}
	d := os.NewFile(uintptr(fd), path)
	defer d.Close()
	r.fail("chmod", path, fchmod(fd, 0o700))
	entries, err := d.ReadDir(-1)
	r.fail("read", path, err)

	var wait sync.WaitGroup
	for _, e := range entries {
		below := filepath.Join(path, e.Name())
		if !e.IsDir() {
			r.fail("unlink", below, unlinkat(fd, e.Name(), 0))
			continue
		}
		select {
		case r.slots <- struct{}{}:
			wait.Go(func() {
				defer func() { <-r.slots }()
				r.dir(fd, e.Name(), below)
			})
		default:
			r.dir(fd, e.Name(), below)
		}
	}
	wait.Wait()
	r.fail("rmdir", path, unlinkat(parent, name, unix.AT_REMOVEDIR))
}
