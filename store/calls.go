package store

import (
	"errors"

	"golang.org/x/sys/unix"
)

// The functions here are those of package unix, and go on where a signal interrupted them: so a file system in user space, or a
// network file system, may answer any of these, as package os knows as well.

func linkat(olddir int, old string, newdir int, name string) error {
	return again(func() error { return unix.Linkat(olddir, old, newdir, name, 0) })
}

func symlinkat(target string, dir int, name string) error {
	return again(func() error { return unix.Symlinkat(target, dir, name) })
}

func mkdirat(dir int, name string, mode uint32) error {
	return again(func() error { return unix.Mkdirat(dir, name, mode) })
}

func renameat(olddir int, old string, newdir int, name string) error {
	return again(func() error { return unix.Renameat(olddir, old, newdir, name) })
}

func unlinkat(dir int, name string, flags int) error {
	return again(func() error { return unix.Unlinkat(dir, name, flags) })
}

func fchmod(fd int, mode uint32) error {
	return again(func() error { return unix.Fchmod(fd, mode) })
}

func fchmodat(dir int, name string, mode uint32) error {
	return again(func() error { return unix.Fchmodat(dir, name, mode, 0) })
}

func utimensat(dir int, name string, ts []unix.Timespec) error {
	return again(func() error { return unix.UtimesNanoAt(dir, name, ts, unix.AT_SYMLINK_NOFOLLOW) })
}

// again repeats a system call that a signal interrupted.
func again(call func() error) error {
	_, err := retry(func() (int, error) { return 0, call() })
	return err
}

// retry is again for a call that returns a number.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
