package removal

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A signal makes the kernel return fewer names than there are, even only "." and "..". What is left is removed as well.
func TestTreeDespiteSignals(t *testing.T) {
	top := filepath.Join(t.TempDir(), "top")
	for i := range 400 {
		dir := filepath.Join(top, fmt.Sprint(i), "bin")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "tool"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			for _, thread := range threads {
				select {
				case <-done:
					return
				default:
				}
				var id int
				fmt.Sscan(thread.Name(), &id)
				_ = unix.Tgkill(os.Getpid(), id, unix.SIGURG) // what the runtime sends itself; the thread may have ended
			}
		}
	}()
	err = Tree(top)
	close(done)
	<-stopped
	if err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(top); err == nil {
		t.Error("it is still there")
	}
}
