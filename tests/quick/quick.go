// Package quick lets the tests of a package write where nothing waits for a disk: what is synced there costs nothing, and neither do the files that
// are made and removed by the thousand; some file systems of disks look at every inode that was in use a moment ago before they give one out. It is
// for tests of what programs do, not of what a file system does. Who sets TMPDIR chooses instead.
package quick

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"gostore/internal/filelock"
)

// memory is a file system in memory, where the system has one.
const memory = "/dev/shm"

// prefix begins the names of directories there. Only those that Temp made may have it: the others are taken for left.
const prefix = "gostore-temporary-"

// What must be free: room in that file system, in bytes, as containers may have some megabytes only, and memory of the machine, as the file system
// promises half of all of it whatever is in use. The tests of a package take some hundred megabytes.
const (
	enough       = 4 << 30
	enoughMemory = 8 << 30
)

// Temp makes a directory in memory the one for temporary files, of this process and those that it starts, if there is room for it and programs
// may run in it. The caller must call remove at the end. What a process leaves that is killed, the next one removes.
func Temp() (remove func()) {
	none := func() {}
	if os.Getenv("TMPDIR") != "" || available() < enoughMemory {
		return none
	}
	removeAbandoned()
	dir, err := os.MkdirTemp(memory, prefix)
	if err != nil {
		return none
	}
	held, err := filelock.TryExclusiveDir(dir)
	if err != nil {
		os.Remove(dir) // best effort
		return none
	}
	remove = func() {
		removeAll(dir)
		held.Close()
	}
	if !serves(dir) {
		remove()
		return none
	}
	os.Chmod(dir, os.ModeSticky|0o777) // as /tmp: some tests act as other users
	os.Setenv("TMPDIR", dir)
	return remove
}

// removeAbandoned removes the directories whose processes have ended: nobody holds their locks any more.
func removeAbandoned() {
	dirs, _ := filepath.Glob(filepath.Join(memory, prefix+"*"))
	for _, dir := range dirs {
		if held, err := filelock.TryExclusiveDir(dir); err == nil {
			removeAll(dir)
			held.Close()
		}
	}
}

// removeAll removes a directory, and the stores in it, whose directories nobody may write. It is best effort.
func removeAll(dir string) {
	filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			os.Chmod(path, 0o755)
		}
		return nil
	})
	os.RemoveAll(dir)
}

// serves reports whether a directory has enough room, and programs may run in it.
func serves(dir string) bool {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil || fs.Bavail*uint64(fs.Bsize) < enough {
		return false
	}
	program := filepath.Join(dir, "program")
	defer os.Remove(program)
	return os.WriteFile(program, nil, 0o755) == nil && unix.Access(program, unix.X_OK) == nil
}

// available returns how many bytes of memory programs can have, 0 where the system does not say.
func available() (bytes uint64) {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(info), "\nMemAvailable:")
	fmt.Sscan(rest, &bytes) // stays 0 where there is no number
	return bytes << 10
}
