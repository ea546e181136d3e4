package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOpenDirs uses a directory while so many others are opened that it is forgotten, and then no longer.
func TestOpenDirs(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 * openDirsKept {
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprint(i)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(root)
	var o openDirs
	used, err := o.open(root, "0")
	if err != nil {
		t.Fatal(err)
	}
	var was, is unix.Stat_t
	if err := unix.Fstat(used.fd, &was); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for i := range 3 * openDirsKept {
			d, err := o.open(root, fmt.Sprint(i))
			if err == nil {
				err = o.done(d)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(o.dirs) != openDirsKept {
		t.Errorf("%d directories are open, want %d", len(o.dirs), openDirsKept)
	}
	if err := unix.Fstat(used.fd, &is); err != nil || is.Ino != was.Ino {
		t.Errorf("a directory that is used was closed: %v", err)
	}
	last := o.dirs[openDirsKept-1]
	if again, err := o.open(root, last.name); again != last || err != nil || o.done(again) != nil {
		t.Errorf("a directory that was open was opened again: %v", err)
	}
	if err := o.done(used); err != nil {
		t.Error(err)
	}
	if err := unix.Fstat(used.fd, &is); err == nil && is.Ino == was.Ino {
		t.Error("a directory that was forgotten stays open after its last use")
	}
	if err := o.clear(); err != nil || len(o.dirs) > 0 {
		t.Errorf("%d directories stay open, %v", len(o.dirs), err)
	}
	if _, err := o.open(root, "missing"); err == nil {
		t.Error("opened a directory that is not there")
	}
}
