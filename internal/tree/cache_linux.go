package tree

import (
	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

// uncached reports whether the beginning of an open file is not in the page cache: reading it without waiting for the disk says EAGAIN
// (preadv2, RWF_NOWAIT, since Linux 4.14). One byte of a file that is cached costs a system call.
func uncached(fd int) bool {
	var one [1]byte
	_, err := sys.Preadv2(fd, [][]byte{one[:]}, 0, unix.RWF_NOWAIT)
	return err == unix.EAGAIN
}

// dropCache has the page cache forget an open file.
func dropCache(fd int) { unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED) } // best effort: only a hint

// sealed reports whether a file is sealed by fs-verity. STATX_ATTR_VERITY is of Linux 5.5; before that nothing says so.
func sealed(fd int) bool {
	var st unix.Statx_t
	err := sys.Statx(fd, "", unix.AT_EMPTY_PATH, 0, &st)
	return err == nil && st.Attributes&unix.STATX_ATTR_VERITY != 0
}
