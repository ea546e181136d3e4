// Package dirent reads the names of directories, for what reads those of thousands: a collector does little else.
//
// It promises what os.ReadDir does, without the order, and without an os.File for each directory, which on Linux costs three times as much. A
// name that comes or goes while a directory is read may or may not be told.
package dirent

import (
	"os"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

// Each calls do with every name in the directory at a path, in no order, and with whether it is a directory where that is known
// without looking. The name is good until do returns.
func Each(path string, do func(name []byte, isDir, known bool)) error {
	fd, err := sys.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	d := New(fd, path)
	defer d.Close()
	if err := d.Each(make([]byte, 64<<10), do); err != nil {
		return &os.PathError{Op: "readdirent", Path: path, Err: err}
	}
	return nil
}

// Names lists the names in the directory at a path, in no order.
func Names(path string) (names []string, err error) {
	err = Each(path, func(name []byte, _, _ bool) { names = append(names, string(name)) })
	return names, err
}

// Each calls do with every name from where the directory is read next, as Next does.
func (d Dir) Each(buf []byte, do func(name []byte, isDir, known bool)) error {
	for {
		if filled, err := d.Next(buf, do); err != nil || filled == 0 {
			return err
		}
	}
}
