// Package smallfile reads files of a few hundred bytes, such as descriptions, of which a collector reads thousands and each start of a
// shim some.
//
// It promises what os.ReadFile does, with three system calls for what is small instead of a dozen: package os asks the kernel whether each file
// can be waited for, and first makes what would wait. It does not promise to be sparing with large files.
package smallfile

import (
	"os"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

// size holds nearly every file that is read by this package.
const size = 2 << 10

// Read returns the contents of a file that is replaced and never written to. An error is an *os.PathError.
func Read(path string) ([]byte, error) {
	fd, err := sys.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	buf := make([]byte, size)
	n, err := sys.Read(fd, buf)
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	if n < len(buf) { // of a regular file that is all of it
		return buf[:n], nil
	}
	return os.ReadFile(path)
}
