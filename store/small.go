package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// smallSize holds nearly every description and every index entry.
const smallSize = 2 << 10

// readSmall is os.ReadFile with three system calls for what is smaller than smallSize, instead of seven: a collector reads
// descriptions by the thousand, and every start of a program some.
func readSmall(path string) ([]byte, error) {
	fd, err := retry(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	buf := make([]byte, smallSize)
	n, err := retry(func() (int, error) { return unix.Read(fd, buf) })
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	if n < len(buf) { // of a regular file that is all of it: these are replaced, never written to
		return buf[:n], nil
	}
	return os.ReadFile(path)
}
