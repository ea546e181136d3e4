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

// A lost manifest is made again also while a cleaning removes what it takes for left behind.
func TestLostManifestBesideClean(t *testing.T) {
	s := open(t)
	tree := add(t, s, "go", long).Object().Tree
	stop := make(chan struct{})
	var cleaner sync.WaitGroup
	defer cleaner.Wait()
	defer close(stop)
	cleaner.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := s.Clean(t.Context(), CleanOptions{}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 500 {
		os.Remove(s.metaPath(tree, manifestSuffix)) // may not have been made again
		if m, err := s.Manifest(tree); err != nil || m.Digest() != tree {
			t.Fatalf("it is %s, %v", m.Digest(), err)
		}
	}
}
