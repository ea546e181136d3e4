package durable

import (
	"os"

	"golang.org/x/sys/unix"
)

// SyncFS makes everything on the file system that holds f durable as far as macOS offers it:
// sync for all dirty files, then F_FULLFSYNC on f, which empties the drive's cache.
func SyncFS(f *os.File) error {
	if err := unix.Sync(); err != nil {
		return &os.PathError{Op: "sync", Path: f.Name(), Err: err}
	}
	return f.Sync()
}
