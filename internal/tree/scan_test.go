package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// populate makes a tree of several levels with many files.
func populate(t *testing.T, dir string) {
	t.Helper()
	for i := range 300 {
		path := filepath.Join(dir, fmt.Sprintf("d%d", i%5), fmt.Sprintf("e%d", i%30), fmt.Sprintf("f%d", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Repeat("x", i*i)), fs.FileMode(0o644|i%2*0o100)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestScanWorkers(t *testing.T) {
	dir := t.TempDir()
	populate(t, dir)
	one, err := Scan(context.Background(), dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(one.Entries()); n != 335 {
		t.Fatalf("%d entries, want 335", n)
	}
	for _, workers := range []int{-1, 0, 2, 3, 16, 100} {
		if m, err := Scan(context.Background(), dir, workers); err != nil || m.Digest() != one.Digest() {
			t.Errorf("Scan with %d workers: %v, %v; want %v", workers, m.Digest(), err, one.Digest())
		}
	}
}

func TestScanIgnores(t *testing.T) {
	dir := t.TempDir()
	populate(t, dir)
	was, err := Scan(context.Background(), dir, 2)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "d0", "e0", "f0")
	if err := os.Chmod(path, 0o455); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "d0"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Unix(0, 0), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	if is, err := Scan(context.Background(), dir, 2); err != nil || is.Digest() != was.Digest() {
		t.Errorf("modes and times count: %v", Diff(was, is))
	}
	if err := os.Chmod(path, 0o500); err != nil {
		t.Fatal(err)
	}
	is, err := Scan(context.Background(), dir, 2)
	if err != nil {
		t.Fatal(err)
	}
	if changes := Diff(was, is); len(changes) != 1 || changes[0].Path != "d0/e0/f0" || changes[0].Is.Kind != Exec {
		t.Errorf("the executable bit makes the changes %v", changes)
	}
}

func TestScanErrors(t *testing.T) {
	for _, test := range []struct {
		name string
		make func(path string) error
		want string
	}{
		{"pipe", func(p string) error { return unix.Mkfifo(p, 0o644) }, `path "d0/pipe": is a named pipe`},
		{"socket", listen, `path "d0/socket": is a socket`},
		{"device", func(p string) error { return unix.Mknod(p, unix.S_IFCHR|0o644, 0x103) }, `path "d0/device": is a device`},
		{"absolute", func(p string) error { return os.Symlink("/etc", p) }, `path "d0/absolute": has the absolute link target "/etc"`},
		{"a\nb", func(p string) error { return os.Mkdir(p, 0o755) }, `path "d0/a\nb": contains the control character U+000A`},
		{"E0", func(p string) error { return os.Mkdir(p, 0o755) }, `path "d0/e0": "d0/e0" and "d0/E0" are one name`},
		{"aux", func(p string) error { return os.WriteFile(p, nil, 0o644) }, `path "d0/aux": has the name "aux"`},
		{"secret", func(p string) error { return os.WriteFile(p, nil, 0) }, `d0/secret": openat: permission denied`},
		{"closed", func(p string) error { return os.Mkdir(p, 0) }, `d0/closed": openat: permission denied`},
		{strings.Repeat("d/", maxDepth) + "d", func(p string) error { return os.MkdirAll(p, 0o755) }, "100 names deep"},
	} {
		t.Run(test.name[:min(len(test.name), 8)], func(t *testing.T) {
			dir := t.TempDir()
			populate(t, dir)
			err := test.make(filepath.Join(dir, "d0", test.name))
			if errors.Is(err, fs.ErrPermission) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(test.want, "permission") && os.Geteuid() == 0 {
				t.Skip("root may read everything")
			}
			for _, workers := range []int{1, 4} {
				m, err := Scan(context.Background(), dir, workers)
				if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), `scanning "`+dir) {
					t.Errorf("Scan with %d workers: %v; want %q", workers, err, test.want)
				}
				if !m.Digest().IsZero() {
					t.Error("has an error and a manifest")
				}
			}
		})
	}
}

// listen makes a socket at path, whose length is limited to 103 bytes: hence by way of a
// shorter name.
func listen(path string) error {
	short, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(short)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(short, "s"), Net: "unix"})
	if err != nil {
		return err
	}
	defer l.Close()
	l.SetUnlinkOnClose(false)
	return os.Rename(filepath.Join(short, "s"), path)
}

func TestScanRoot(t *testing.T) {
	dir := t.TempDir()
	if _, err := Scan(context.Background(), filepath.Join(dir, "absent"), 2); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent directory: %v, want fs.ErrNotExist", err)
	}
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Scan(context.Background(), path, 2); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("a file: %v, want ENOTDIR", err)
	}
}

// TestScanFollowsNothing lets names turn into something else after their directory was
// listed: into links to something outside, into a directory, into a pipe that nobody writes to.
func TestScanFollowsNothing(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	for _, name := range []string{"file", "dir"} {
		if err := os.Symlink(outside, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	s := &scan{ctx: context.Background(), dir: dir}
	for name, kind := range map[string]Kind{"file": File, "dir": Dir} {
		j := job{parent: &parent{file: root, jobs: 1}, name: name, path: name, kind: kind}
		if _, _, err := s.do(j, s.reader()); !errors.Is(err, errChanged) {
			t.Errorf("a %v that became a link: %v, want %v", kind, err, errChanged)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "directory"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"directory", "pipe"} {
		j := job{parent: &parent{file: root, jobs: 1}, name: name, path: name, kind: File}
		if _, _, err := s.do(j, s.reader()); !errors.Is(err, errChanged) {
			t.Errorf("a file that became a %s: %v, want %v", name, err, errChanged)
		}
	}
}

// TestScanListsGoodNames holds that a bad name ends the scan where it is listed: before files
// are hashed in vain, and before a tree that is too deep holds too many directories open.
func TestScanListsGoodNames(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "nul"), 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	s := &scan{ctx: context.Background(), dir: dir}
	if jobs, err := s.jobsIn(root, "a"); !errors.As(err, new(*PathError)) {
		t.Errorf("jobsIn = %v, %v; want a *PathError", jobs, err)
	}
}

// TestScanChanging holds that a file which is not as long as its size says is an error.
func TestScanChanging(t *testing.T) {
	for _, length := range []int{0, 10, bufferSize - 1, bufferSize, bufferSize + 1} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, make([]byte, length), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, wrong := range []int64{-1, 0, 1} {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = (&scan{ctx: context.Background()}).reader().content(int(f.Fd()), int64(length)+wrong)
			if (wrong != 0) != errors.Is(err, errChanged) {
				t.Errorf("%d bytes, and %d more by its size: %v", length, wrong, err)
			}
			f.Close()
		}
	}
}

func TestScanCancelled(t *testing.T) {
	dir := t.TempDir()
	populate(t, dir)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Scan(ctx, dir, 3); !errors.Is(err, context.Canceled) {
		t.Errorf("Scan = %v, want context.Canceled", err)
	}
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, make([]byte, 2*bufferSize), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(big)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := (&scan{ctx: ctx}).reader().content(int(f.Fd()), 2*bufferSize); !errors.Is(err, context.Canceled) {
		t.Errorf("within a large file: %v, want context.Canceled", err)
	}
}

// TestScanCloses counts file descriptors after scans that end well, by an error and by cancelling.
func TestScanCloses(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("counts /proc/self/fd")
	}
	// An unreachable os.File is closed by the garbage collector, which would hide a leak.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	dir := t.TempDir()
	populate(t, dir)
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	before := descriptors(t)
	for i := range 10 {
		if _, err := Scan(context.Background(), dir, 2); err != nil {
			t.Fatal(err)
		}
		if _, err := Scan(cancelled, dir, 2); err == nil {
			t.Fatal("no error though cancelled")
		}
		bad := filepath.Join(dir, fmt.Sprintf("d%d", i%5), "nul")
		if err := os.Mkdir(bad, 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := Scan(context.Background(), dir, 2); err == nil {
			t.Fatal("no error though there is a bad name")
		}
		if err := os.Remove(bad); err != nil {
			t.Fatal(err)
		}
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d open files, %d before", after, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}
