package archive_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/store"
)

// TestMeasure unpacks the archive GOSTORE_MEASURE into a new store in the directory GOSTORE_MEASURE_DIR, verified and
// synced, and says how long it took and how much memory. It is run by hand, beside tar.
func TestMeasure(t *testing.T) {
	name, dir := os.Getenv("GOSTORE_MEASURE"), os.Getenv("GOSTORE_MEASURE_DIR")
	if name == "" {
		t.Skip("GOSTORE_MEASURE names no archive")
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := archive.Digest(t.Context(), f, "sha256")
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.MkdirTemp(dir, "measure-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(root)
	s, err := store.Open(filepath.Join(root, "root"))
	if err != nil {
		t.Fatal(err)
	}
	var before syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := install(t.Context(), s, f, want); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begin)
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	user, system := seconds(usage.Utime)-seconds(before.Utime), seconds(usage.Stime)-seconds(before.Stime)
	fmt.Printf("%.3f real %.3f user %.3f sys, %d MB resident\n", took.Seconds(), user, system, usage.Maxrss>>10)
}

func seconds(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }

// install adds what f holds to s.
func install(ctx context.Context, s *store.Store, f *os.File, want digest.Archive) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	lease, err := s.Add(ctx, store.Spec{Name: "tool", Version: "1.0", Archive: want}, func(g *store.Stage) error {
		return archive.Unpack(ctx, f, info.Size(), archive.Options{Want: want}, g, nil)
	})
	if err != nil {
		return err
	}
	return lease.Release()
}
