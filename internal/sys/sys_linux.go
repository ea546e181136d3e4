package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ioctl is ioctl(2) with a pointer, which package unix has for some requests only.
func Ioctl(fd int, request uint, arg unsafe.Pointer) error {
	return Again(func() error {
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(arg)); errno != 0 {
			return errno
		}
		return nil
	})
}

// Openat2 opens a name below a directory, found as how says.
func Openat2(dir int, name string, how *unix.OpenHow) (fd int, err error) {
	return number(func() (int, error) { return unix.Openat2(dir, name, how) })
}

// Preadv2 reads from a place in an open file.
func Preadv2(fd int, iovs [][]byte, offset int64, flags int) (n int, err error) {
	return number(func() (int, error) { return unix.Preadv2(fd, iovs, offset, flags) })
}

// ReadDirent reads entries of an open directory, in the form that getdents64(2) describes.
func ReadDirent(fd int, p []byte) (n int, err error) {
	return number(func() (int, error) { return unix.ReadDirent(fd, p) })
}

// Statx describes a name in a directory.
func Statx(dir int, name string, flags, mask int, st *unix.Statx_t) error {
	return Again(func() error { return unix.Statx(dir, name, flags, mask, st) })
}

// Syncfs makes what is on the file system of an open file durable.
func Syncfs(fd int) error {
	return Again(func() error { return unix.Syncfs(fd) })
}
