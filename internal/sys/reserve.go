package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// fewDescriptors is how many a process has room for without being asked, more or less.
const fewDescriptors = 256

// Reserve makes room for so many more descriptors, if the process may have as many. The kernel doubles the table of a process as
// descriptors are opened, and in one with several threads it waits each time until every processor has passed through the
// scheduler (Linux: expand_fdtable and synchronize_rcu). Opening 4,096 files took 61 ms on two processors, and 25 ms with room
// made before, medians of four. It is a hint; nothing fails without it.
func Reserve(n int) {
	if n < fewDescriptors {
		return
	}
	dir, err := os.Open("/")
	if err != nil {
		return
	}
	defer dir.Close()
	if fd, err := unix.FcntlInt(dir.Fd(), unix.F_DUPFD_CLOEXEC, n+fewDescriptors); err == nil {
		unix.Close(fd)
	}
}
