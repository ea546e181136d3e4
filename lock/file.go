package lock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"gostore/internal/durable"
	"gostore/internal/filelock"
	"gostore/internal/textfile"
)

// maxSize bounds a lock file: 100 times a lock of ten tools for all platforms.
const maxSize = 16 << 20

// Read reads the lock file at path. A file that is not there satisfies fs.ErrNotExist.
func Read(path string) (*File, error) {
	data, err := Text(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Text returns the bytes of the lock file at path, for Parse. What is no regular file, or more than a lock can be, is an error: the
// project may be a stranger's.
func Text(path string) ([]byte, error) { return textfile.Read(path, maxSize) }

// Write replaces the lock file at path by the canonical form of f. It writes nothing that Read
// would refuse, and an error leaves the old file as it was. Where path is a symbolic link, the
// file that it points to is replaced.
//
// The new contents are complete and synced before they take the name (durable.WriteFile). A crash
// leaves the old file or the new one; a kill in between can leave a .tmp- file beside it.
func (f *File) Write(path string) error {
	data := f.Format()
	if _, err := Parse(path, data); err != nil {
		return fmt.Errorf("writing %q: its contents would not be valid: %w", path, err)
	}
	path, err := resolve(path)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("writing %q: %w", path, err)
	}
	return nil
}

// Update changes the lock file at path: it reads the file (one without tools if there is none),
// calls change, and writes the result in canonical form unless the file holds just that already.
// An error of change is returned as it is and nothing is written.
//
// A filelock on the project's directory is held meanwhile, so that of two Updates at the same time
// the second sees what the first wrote. Update waits for it until ctx ends; change must not
// wait for a network, but use what was resolved before.
func Update(ctx context.Context, path string, change func(*File) error) error {
	path, err := resolve(path)
	if err != nil {
		return err
	}
	dir, err := lockDir(ctx, filepath.Dir(path))
	if err != nil {
		return err
	}
	if dir != nil {
		defer dir.Close()
	}
	f := new(File)
	old, err := Text(path)
	if err == nil {
		f, err = Parse(path, old)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := change(f); err != nil {
		return err
	}
	if old != nil && bytes.Equal(old, f.Format()) {
		return nil
	}
	return f.Write(path)
}

// lockDir excludes other Updates in dir. Where the file system cannot lock a directory (NFS
// turns the lock into one that needs a descriptor open for writing) it returns nil: a lock file that
// cannot be written there at all would be worse than an Update lost to another at the same instant.
func lockDir(ctx context.Context, dir string) (*os.File, error) {
	f, err := filelock.LockDir(ctx, dir)
	for _, cannot := range []error{syscall.EBADF, syscall.ENOLCK, syscall.EOPNOTSUPP, syscall.ENOSYS} {
		if errors.Is(err, cannot) {
			return nil, nil
		}
	}
	return f, err
}

// resolve follows links in path: in its directory, because a filelock is taken on that itself, and
// in its last element, because a rename would replace the link.
func resolve(path string) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return resolved, err
	}
	if _, err := os.Lstat(path); err == nil {
		return "", &fs.PathError{Op: "writing", Path: path, Err: errors.New("a link to a file that does not exist")}
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	return filepath.Join(dir, filepath.Base(path)), err
}
