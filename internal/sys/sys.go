// Package sys has the system calls of package unix that gostore makes, each gone on with where a signal interrupted it (EINTR). Go
// signals its own threads at any moment, and while file systems on the disk do not mind, one in user space or on a network may answer
// any call that reaches it so: package os repeats nearly all of its calls, package unix none.
//
// The functions are those of package unix of the same name, with its arguments and its errors, which are plain numbers (unix.Errno)
// and say nothing of a path. Whoever needs another one adds it here: a test holds all other packages to it.
//
// It does not promise to tell that an interrupted call did its work after all, which a file system on a network may do: then the
// repeated one finds the name made (EEXIST) or gone (ENOENT) already, as with package os. There is no Close: Linux gives the descriptor
// up also where close is interrupted, and by the second call it may be another file's.
package sys

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// BlockSize is the unit of Stat_t.Blocks in bytes, whatever the file system's own is.
const BlockSize = 512

// Again calls call until no signal interrupts it, and returns what it said then. It is for what ends in a system call that nobody else
// repeats: the methods Rename and Stat of an os.Root, and calls of other modules.
func Again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// number is Again for a call that also returns a number: a descriptor, or how many bytes.
func number(call func() (int, error)) (n int, err error) {
	err = Again(func() error {
		n, err = call()
		return err
	})
	return n, err
}

// Access asks whether this process may use a path in a way.
func Access(path string, mode uint32) error {
	return Again(func() error { return unix.Access(path, mode) })
}

// Exec becomes another program; it returns only where it cannot.
func Exec(path string, argv, environ []string) error {
	return Again(func() error { return syscall.Exec(path, argv, environ) })
}

// Fchmod changes the mode of an open file.
func Fchmod(fd int, mode uint32) error {
	return Again(func() error { return unix.Fchmod(fd, mode) })
}

// Fchmodat changes the mode of a name in a directory.
func Fchmodat(dir int, name string, mode uint32, flags int) error {
	return Again(func() error { return unix.Fchmodat(dir, name, mode, flags) })
}

// Flock takes a lock on an open file or gives it up. On network file systems it is interrupted also where it does not wait (LOCK_NB);
// where it does, no signal ends the wait.
func Flock(fd, how int) error {
	return Again(func() error { return unix.Flock(fd, how) })
}

// Fstat describes an open file.
func Fstat(fd int, st *unix.Stat_t) error {
	return Again(func() error { return unix.Fstat(fd, st) })
}

// Fstatat describes a name in a directory.
func Fstatat(dir int, name string, st *unix.Stat_t, flags int) error {
	return Again(func() error { return unix.Fstatat(dir, name, st, flags) })
}

// Linkat makes another name of a file.
func Linkat(olddir int, old string, newdir int, name string, flags int) error {
	return Again(func() error { return unix.Linkat(olddir, old, newdir, name, flags) })
}

// Lstat describes a path, without following a link that it is.
func Lstat(path string, st *unix.Stat_t) error {
	return Again(func() error { return unix.Lstat(path, st) })
}

// Mkdirat makes a directory.
func Mkdirat(dir int, name string, mode uint32) error {
	return Again(func() error { return unix.Mkdirat(dir, name, mode) })
}

// Open opens a path.
func Open(path string, flags int, mode uint32) (fd int, err error) {
	return number(func() (int, error) { return unix.Open(path, flags, mode) })
}

// Openat opens a name in a directory.
func Openat(dir int, name string, flags int, mode uint32) (fd int, err error) {
	return number(func() (int, error) { return unix.Openat(dir, name, flags, mode) })
}

// Read reads from an open file.
func Read(fd int, p []byte) (n int, err error) {
	return number(func() (int, error) { return unix.Read(fd, p) })
}

// Readlinkat reads where a link in a directory leads to.
func Readlinkat(dir int, name string, p []byte) (n int, err error) {
	return number(func() (int, error) { return unix.Readlinkat(dir, name, p) })
}

// Rename gives a file or directory another path.
func Rename(from, to string) error {
	return Again(func() error { return unix.Rename(from, to) })
}

// Renameat gives a name in a directory another, or another directory.
func Renameat(olddir int, old string, newdir int, name string) error {
	return Again(func() error { return unix.Renameat(olddir, old, newdir, name) })
}

// Stat describes what a path leads to.
func Stat(path string, st *unix.Stat_t) error {
	return Again(func() error { return unix.Stat(path, st) })
}

// Statfs describes the file system that a path is on.
func Statfs(path string, st *unix.Statfs_t) error {
	return Again(func() error { return unix.Statfs(path, st) })
}

// Symlinkat makes a symbolic link.
func Symlinkat(target string, dir int, name string) error {
	return Again(func() error { return unix.Symlinkat(target, dir, name) })
}

// Unlink removes a path that is no directory.
func Unlink(path string) error {
	return Again(func() error { return unix.Unlink(path) })
}

// Unlinkat removes a name in a directory.
func Unlinkat(dir int, name string, flags int) error {
	return Again(func() error { return unix.Unlinkat(dir, name, flags) })
}

// UtimesNanoAt changes the times of a name in a directory: of access, and of modification.
func UtimesNanoAt(dir int, name string, ts []unix.Timespec, flags int) error {
	return Again(func() error { return unix.UtimesNanoAt(dir, name, ts, flags) })
}

// Write writes to an open file, perhaps less than there is.
func Write(fd int, p []byte) (n int, err error) {
	return number(func() (int, error) { return unix.Write(fd, p) })
}
