package store

import (
	"os"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

// eachName calls do with every name in a directory, in no order, and with whether it is a directory where that is known
// without looking. The name is good until do returns.
func eachName(dir string, do func(name []byte, isDir, known bool)) error {
	fd, err := sys.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir, Err: err}
	}
	d := newDirectory(fd, dir)
	defer d.close()
	if err := d.each(make([]byte, 64<<10), do); err != nil {
		return &os.PathError{Op: "readdirent", Path: dir, Err: err}
	}
	return nil
}

// each calls do with every name from where the directory is read next, as next does.
func (d directory) each(buf []byte, do func(name []byte, isDir, known bool)) error {
	for {
		if filled, err := d.next(buf, do); err != nil || filled == 0 {
			return err
		}
	}
}
