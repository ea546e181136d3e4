package lock

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Find returns the path and the bytes of the lock that a directory belongs to: the nearest one in dir or above it, but not past a directory
// that has a file named stop and no lock. The error is fs.ErrNotExist when there is none. It looks at no other file, unlike
// package project, which comes to the same lock.
//
// What lies in a public directory counts only for dir itself.
func Find(dir, stop string) (path string, data []byte, err error) {
	for start := dir; ; dir = filepath.Dir(dir) {
		path = filepath.Join(dir, Name)
		last := dir == filepath.Dir(dir)
		if dir != start && Public(dir) {
			if last {
				return path, nil, fs.ErrNotExist
			}
			continue
		}
		data, err = readRegular(path)
		if !errors.Is(err, fs.ErrNotExist) || last {
			return path, data, err
		}
		if _, err := os.Lstat(filepath.Join(dir, stop)); err == nil {
			return path, nil, fs.ErrNotExist
		}
	}
}

// readRegular is Text, for which a name that is no regular file, such as a pipe, is not there.
func readRegular(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	return Text(path)
}

// Public reports whether a directory is one in which everybody may make files, and remove only their own, such as /tmp.
func Public(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.Mode()&fs.ModeSticky != 0 && info.Mode()&0o002 != 0
}
