// Package quick lets the tests of a package write where nothing waits for a disk: what is synced there costs nothing. It is for tests
// of what programs do, not of what a file system does. Who sets TMPDIR chooses instead.
package quick

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// memory is a file system in memory, where the system has one.
const memory = "/dev/shm"

// enough is the room in bytes that must be free there: containers may have some megabytes only.
const enough = 2 << 30

// Temp makes a directory in memory the one for temporary files, of this process and those that it starts, if there is room for it and programs
// may run in it. The caller must call remove at the end.
func Temp() (remove func()) {
	if os.Getenv("TMPDIR") != "" {
		return func() {}
	}
	dir, err := os.MkdirTemp(memory, "gostore-test-")
	if err != nil {
		return func() {}
	}
	remove = func() { os.RemoveAll(dir) }
	if !serves(dir) {
		remove()
		return func() {}
	}
	os.Setenv("TMPDIR", dir)
	return remove
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
