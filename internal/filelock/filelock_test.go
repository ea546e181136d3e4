package filelock

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain lets a test start this binary again as a process that inherits descriptor 3
// and holds it until its standard input ends.
func TestMain(m *testing.M) {
	if os.Getenv("FILELOCK_TEST_HOLD") != "" {
		os.Stdout.WriteString("holding\n")
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// holder starts a process that inherits f and waits until it runs.
func holder(t *testing.T, f *os.File) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "FILELOCK_TEST_HOLD=1")
	cmd.ExtraFiles = []*os.File{f}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("read %q, %v", line, err)
	}
	return cmd
}

func TestLockExcludesWithinAProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	f, err := TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TryLock(path); !errors.Is(err, ErrBusy) {
		t.Fatalf("second lock: %v", err)
	}
	if err := f.Release(); err != nil {
		t.Fatal(err)
	}
	if f, err = TryLock(path); err != nil {
		t.Fatal(err)
	}
	f.Release()
}

func TestLockEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	f, err := TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Lock(ctx, path); !errors.Is(err, context.Canceled) {
		t.Fatalf("waiting with a cancelled context: %v", err)
	}
}

// A waiter that gets the lock of a file that was removed meanwhile must not believe that it
// holds the path.
func TestRemovedLockFileIsNotHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	first, err := TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan *File)
	go func() {
		f, err := Lock(context.Background(), path)
		if err != nil {
			t.Error(err)
		}
		got <- f
	}()
	if err := first.Remove(); err != nil {
		t.Fatal(err)
	}
	second := <-got
	if _, err := TryLock(path); !errors.Is(err, ErrBusy) {
		t.Fatalf("the waiter's lock does not hold: %v", err)
	}
	if err := second.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("file is left: %v", err)
	}
}

func TestDirectoryLeases(t *testing.T) {
	dir := t.TempDir()
	a, err := ShareDir(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := ShareDir(t.Context(), dir)
	if err != nil {
		t.Fatalf("second lease: %v", err)
	}
	a.Close()
	if _, err := TryExclusiveDir(dir); !errors.Is(err, ErrBusy) {
		t.Fatalf("claimed a leased directory: %v", err)
	}
	b.Close()
	claim, err := LockDir(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer claim.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ShareDir(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Fatalf("leased a claimed directory: %v", err)
	}
}

// A lease is held by whoever inherited the descriptor, and ends with kill -9.
func TestLeaseLivesInAChildUntilItIsKilled(t *testing.T) {
	dir := t.TempDir()
	lease, err := ShareDir(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	child := holder(t, lease)
	lease.Close()
	if _, err := TryExclusiveDir(dir); !errors.Is(err, ErrBusy) {
		t.Fatalf("claimed a directory that a child leases: %v", err)
	}
	child.Process.Signal(unix.SIGKILL)
	child.Wait()
	claim, err := TryExclusiveDir(dir)
	if err != nil {
		t.Fatalf("the lease of a killed process holds: %v", err)
	}
	claim.Close()
}

func TestMissingAndReplacedDirectories(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if _, err := ShareDir(t.Context(), dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing directory: %v", err)
	}
	other := t.TempDir()
	if err := os.Symlink(other, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := ShareDir(t.Context(), dir); err == nil {
		t.Error("followed a link to a directory")
	}
}

// A shared lock on a file is held beside others, and keeps the exclusive one away.
func TestShareFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	one, err := ShareFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	two, err := ShareFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{one, two} {
		if _, err := TryLock(path); !errors.Is(err, ErrBusy) {
			t.Errorf("locked what is shared: %v", err)
		}
		f.Close()
	}
	lock, err := TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Remove(); err != nil {
		t.Error(err)
	}
}
