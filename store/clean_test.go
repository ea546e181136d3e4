package store

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Files that come and go in the directory of the index, as they do where something is written under a
// temporary name first, do not end a cleaning.
func TestCleanBesideWriters(t *testing.T) {
	s := open(t)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	defer writers.Wait()
	defer close(stop)
	for _, name := range []string{"hint-a", "hint-b"} {
		writers.Go(func() {
			path := filepath.Join(s.Dir(), indexDir, name)
			for {
				select {
				case <-stop:
					return
				default:
				}
				if os.WriteFile(path+".new", nil, 0o644) == nil {
					os.Rename(path+".new", path) // unless it has gone by then, which is a hint less
				}
			}
		})
	}
	for range 500 {
		if _, err := s.Clean(t.Context(), CleanOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}
