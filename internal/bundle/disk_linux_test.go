package bundle

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// An import that fills the disk leaves nothing visible, and goes on when there is room.
func TestFullDiskEndsAnImport(t *testing.T) {
	data, objects := killable(t)
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
		t.Skipf("mounting a small file system: %v", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	to := openAt(t, filepath.Join(dir, "root"))
	_, err := Read(t.Context(), bytes.NewReader(data), to, Options{})
	var damaged *DamagedError
	if !errors.Is(err, unix.ENOSPC) || errors.As(err, &damaged) {
		t.Fatalf("%v; want that the disk is full", err)
	}
	wantNothing(t, to)
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=20m"); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(t.Context(), bytes.NewReader(data), to, Options{}); err != nil {
		t.Fatal(err)
	}
	wantObjects(t, to, objects...)
	if err := to.Close(); err != nil {
		t.Error(err)
	}
}
