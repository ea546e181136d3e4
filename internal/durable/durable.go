// Package durable changes files and links so that a crash leaves the old state or the new one,
// and so that what a function reported as done is still there after a power cut.
//
// Contract. Each function names the system calls that it makes, in order. After it returned
// nil, the change survives a power cut on a file system that honours fsync. When it returned an
// error, or was interrupted, the path holds its old contents or its new ones, nothing
// between; a temporary name (TempPrefix and a random part) may remain beside it and may be
// removed by anyone who knows that no writer is active.
//
// Limits. Errors of fsync are reported once by the kernel and not retried. On macOS,
// fsync does not empty the drive's own cache (Go's os.File.Sync asks for that, SyncFS cannot). A
// file system mounted without barriers, or a network file system, gives less than it says.
package durable

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// TempPrefix begins every temporary name that this package makes.
const TempPrefix = ".tmp-"

// tempName returns a fresh temporary name in dir.
func tempName(dir string) string { return filepath.Join(dir, TempPrefix+rand.Text()) }

// WriteFile replaces the contents of path: open(O_EXCL) of a temporary file in the same
// directory, write, fsync, rename, fsync of the directory. perm is subject to the umask.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	return WriteFunc(path, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteFunc is WriteFile for contents that write writes piece by piece. When write fails, path is left as it was.
func WriteFunc(path string, perm fs.FileMode, write func(w io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	temp := tempName(dir)
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temp) // best effort: the error that led here says more
		}
	}()
	if err = write(f); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(temp, path); err != nil {
		return err
	}
	return SyncDir(dir)
}

// Symlink makes path a link to target, replacing what stands there: symlink under a temporary name,
// rename, fsync of the directory. Readers see the old link or the new one.
func Symlink(target, path string) error {
	dir := filepath.Dir(path)
	temp := tempName(dir)
	if err := os.Symlink(target, temp); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp) // best effort: the error that led here says more
		return err
	}
	return SyncDir(dir)
}

// MkdirAll makes a directory, and its parents, where it is missing, and its name durable also where it is not: mkdir, fsync of the
// parent. Who made it may be between the two, or have been killed there; what is to be durable in the directory is nothing without
// its name. A parent that may not be read cannot be synced and is left to whoever keeps it.
func MkdirAll(path string, perm fs.FileMode) error {
	parent := filepath.Dir(path)
	err := os.Mkdir(path, perm)
	if errors.Is(err, fs.ErrNotExist) && parent != path {
		if err := MkdirAll(parent, perm); err != nil {
			return err
		}
		err = os.Mkdir(path, perm)
	}
	if errors.Is(err, fs.ErrExist) {
		if fi, statErr := os.Stat(path); statErr != nil || !fi.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR}
		}
		err = nil
	}
	if err != nil {
		return err
	}
	if err := SyncDir(parent); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// Remove unlinks path: unlink, fsync of the parent.
func Remove(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes the entries of a directory durable: open, fsync, close.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
