package filelock

import (
	"os"
	"runtime"
	"testing"
)

// TestWatch has the holder told to whoever waits, who then lets go.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	held, err := TryExclusiveDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	times := 0
	ctx := Watch(t.Context(), Watcher{Tell: func(path string, holders []Holder) {
		times++
		if path != dir {
			t.Errorf("waits for %q, want %q", path, dir)
		}
		if runtime.GOOS == "linux" && (len(holders) != 1 || holders[0].PID != os.Getpid() || holders[0].UID != os.Getuid() || holders[0].Name == "") {
			t.Errorf("held by %v", holders)
		}
		if times == 1 {
			held.Close()
		}
	}})
	shared, err := ShareDir(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	shared.Close()
	if times != 1 {
		t.Errorf("told %d times", times)
	}
}
