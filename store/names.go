package store

import (
	"os"

	"gostore/internal/sys"

	"golang.org/x/sys/unix"
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
	buf := make([]byte, 64<<10)
	for {
		n, err := d.next(buf, do)
		if err != nil {
			return &os.PathError{Op: "readdirent", Path: dir, Err: err}
		}
		if n == 0 {
			return nil
		}
	}
}
