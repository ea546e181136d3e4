package isolation

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/filelock"
	"gostore/internal/removal"
	"gostore/store"
)

// Collection says what Collect removes.
type Collection struct {
	Alive  func(digest.Tree) bool // whether there is an object of a toolchain
	Before time.Time              // caches that were last taken into use before are removed as well; the zero time keeps them
	Now    time.Time
	DryRun bool // only find out
}

// Removed are caches that were removed.
type Removed struct {
	Name  string    // of the toolchain and its version, go-1.22.6
	Used  time.Time // when they were last taken into use
	Bytes int64     // of disk
}

// Collect removes the caches whose toolchain has gone or that are old, go env files that nobody has asked for in a year, and what earlier
// collections left. What is in use stays. root is the store's directory.
func Collect(ctx context.Context, root string, c Collection) ([]Removed, error) {
	dir := filepath.Join(root, store.IsolatedDir)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var removed []Removed
	errs := []error{err}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		fi, err := e.Info()
		if err != nil {
			continue // another collector was faster
		}
		r, done, err := c.one(filepath.Join(dir, e.Name()), fi)
		if done {
			removed = append(removed, r)
		}
		errs = append(errs, err)
	}
	return removed, errors.Join(errs...)
}

// one looks at one entry. done says that caches were, or would be, removed.
func (c Collection) one(path string, fi fs.FileInfo) (r Removed, done bool, err error) {
	name := fi.Name()
	toolchain, isSpace := toolchainOf(name)
	switch {
	case !fi.IsDir():
		return r, false, c.file(path, fi)
	case strings.HasPrefix(name, trashPrefix):
		return r, false, c.remove(path)
	case !isSpace, c.Alive(toolchain) && !fi.ModTime().Before(c.Before):
		return r, false, nil
	}
	held, err := filelock.TryExclusiveDir(path)
	if errors.Is(err, filelock.ErrBusy) || errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	defer held.Close()
	_, label, _ := strings.Cut(name, "-")
	r = Removed{Name: label, Used: fi.ModTime(), Bytes: diskUsage(path)}
	return r, true, c.discard(path, filepath.Join(filepath.Dir(path), trashPrefix+rand.Text()))
}

// discard renames a directory and removes it. Between the two a crash leaves a directory that the next collection removes.
func (c Collection) discard(path, trash string) error {
	if c.DryRun {
		return nil
	}
	if err := os.Rename(path, trash); err != nil {
		return err
	}
	return c.remove(trash)
}

// remove removes a directory that was renamed. What is in GOMODCACHE is read-only.
func (c Collection) remove(trash string) error {
	if c.DryRun {
		return nil
	}
	return removal.Tree(trash)
}

// file removes a go env file, or a temporary one of a writer that was killed, when it is old.
func (c Collection) file(path string, fi fs.FileInfo) error {
	age := c.Now.Sub(fi.ModTime())
	old := strings.HasPrefix(fi.Name(), coverPrefix) && age > coverAge ||
		strings.HasPrefix(fi.Name(), durable.TempPrefix) && age > time.Hour
	if !old || c.DryRun {
		return nil
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// diskUsage returns what a directory takes, as far as it can be read.
func diskUsage(dir string) int64 {
	var total int64
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if fi, err := e.Info(); err == nil {
			total += fi.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return nil
	}) // the function returns no error
	return total
}
