package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"gostore/internal/filelock"
)

// Where there is as much, temporary files are in memory. The tests make and remove thousands of small stores: a third of their time was spent
// in a disk's file system, most of it on looking for inodes that were not in use a moment ago. They need a few hundred megabytes.
const (
	sharedMemory = "/dev/shm"
	memoryRoom   = 4 << 30 // that the file system there must have
	memoryFree   = 8 << 30 // that the machine must have
)

// inMemory makes a directory in memory the one for temporary files, unless the user chose another one or there is little memory. It returns
// what removes it.
func inMemory() (remove func()) {
	none := func() {}
	if os.Getenv("TMPDIR") != "" || !roomy() {
		return none
	}
	removeAbandoned()
	dir, err := os.MkdirTemp(sharedMemory, "gostore-tests-")
	if err != nil {
		return none
	}
	held, err := filelock.TryExclusiveDir(dir)
	if err != nil {
		os.Remove(dir) // best effort: the next run removes it
		return none
	}
	os.Chmod(dir, os.ModeSticky|0o777) // as /tmp: some tests act as another user
	os.Setenv("TMPDIR", dir)
	return func() {
		unseal(dir)
		os.RemoveAll(dir) // best effort, likewise
		held.Close()
	}
}

// removeAbandoned removes the directories of runs that were killed or gave up, whose locks nobody holds any more.
func removeAbandoned() {
	dirs, _ := filepath.Glob(filepath.Join(sharedMemory, "gostore-tests-*"))
	for _, dir := range dirs {
		if held, err := filelock.TryExclusiveDir(dir); err == nil {
			unseal(dir)
			os.RemoveAll(dir)
			held.Close()
		}
	}
}

// roomy reports whether there is a file system in memory, for programs too, and enough of both.
func roomy() bool {
	var st unix.Statfs_t
	if unix.Statfs(sharedMemory, &st) != nil || st.Type != unix.TMPFS_MAGIC || st.Flags&unix.MS_NOEXEC != 0 {
		return false
	}
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(info), "\nMemAvailable:")
	var available uint64 // in KiB
	if n, _ := fmt.Sscan(rest, &available); n != 1 {
		return false
	}
	return st.Bavail*uint64(st.Bsize) >= memoryRoom && available<<10 >= memoryFree
}
