package store

import (
	"errors"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

// earlyWriteSize is the size from which on the kernel is asked to begin writing a file out at
// once, so that the sync at the end has less to wait for.
const earlyWriteSize = 256 << 10

// startWriting begins to write a file out without waiting. Only a hint: the sync at the end is what counts.
func startWriting(fd int) { unix.SyncFileRange(fd, 0, 0, unix.SYNC_FILE_RANGE_WRITE) }

// openDirBeneath opens a directory below another without following links, for ...at calls. openat2 does so in one
// system call; where it is missing (before Linux 5.6) or forbidden (some containers) the names are walked.
func openDirBeneath(dir int, name string) (int, error) {
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	}
	fd, err := sys.Openat2(dir, name, &how)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EAGAIN) {
		return walkDir(dir, name)
	}
	return fd, err
}
