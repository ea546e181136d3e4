package verity

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sealedFile returns a read-only file, open for reading.
func sealedFile(t *testing.T, dir string) *os.File {
	t.Helper()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("contents of more than nothing\n"), 0o444); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// What the kernel may say, and what becomes of it.
func TestSealBy(t *testing.T) {
	enable, measure := uint(unix.FS_IOC_ENABLE_VERITY), uint(unix.FS_IOC_MEASURE_VERITY)
	for _, tt := range []struct {
		name    string
		says    []error // to each request
		want    error
		request []uint
	}{
		{"sealed", []error{nil}, nil, []uint{enable}},
		{"sealed before", []error{unix.EEXIST}, nil, []uint{enable}},
		{"somebody else seals it", []error{unix.EBUSY}, nil, []uint{enable}},
		{"no such ioctl", []error{unix.ENOTTY}, ErrUnsupported, []uint{enable}},
		{"not on this file system", []error{unix.EOPNOTSUPP}, ErrUnsupported, []uint{enable}},
		{"open for writing", []error{unix.ETXTBSY}, unix.ETXTBSY, []uint{enable}},
		{"no space for the tree", []error{unix.ENOSPC}, unix.ENOSPC, []uint{enable}},
		{"read-only, sealed before", []error{unix.EACCES, nil}, nil, []uint{enable, measure}},
		{"read-only", []error{unix.EACCES, unix.ENODATA, nil}, nil, []uint{enable, measure, enable}},
		{"read-only, no space", []error{unix.EACCES, unix.ENODATA, unix.ENOSPC}, unix.ENOSPC, []uint{enable, measure, enable}},
	} {
		f := sealedFile(t, t.TempDir())
		var asked []uint
		var modes []os.FileMode
		err := SealBy(f, func(fd int, request uint, arg unsafe.Pointer) error {
			if request == enable {
				if a := *(*unix.FsverityEnableArg)(arg); a.Version != 1 || a.Hash_algorithm != 1 || a.Block_size != 4096 || a.Salt_size != 0 || a.Sig_size != 0 {
					t.Errorf("%s: asked for %+v", tt.name, a)
				}
			}
			fi, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			asked, modes = append(asked, request), append(modes, fi.Mode())
			return tt.says[len(asked)-1]
		})
		if !errors.Is(err, tt.want) || tt.want == nil && err != nil || !slices.Equal(asked, tt.request) {
			t.Errorf("%s: %v after %x, want %v after %x", tt.name, err, asked, tt.want, tt.request)
		}
		if len(modes) == 3 && modes[2] != 0o644 {
			t.Errorf("%s: the owner cannot write to it when it is sealed: %v", tt.name, modes[2])
		}
		if fi, err := f.Stat(); err != nil || fi.Mode() != 0o444 {
			t.Errorf("%s: afterwards the mode is %v, %v", tt.name, fi.Mode(), err)
		}
	}
}

// The structures are those of linux/fsverity.h: 128 bytes, and 4 before the digest.
func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(unix.FsverityEnableArg{}); n != 128 {
		t.Errorf("fsverity_enable_arg has %d bytes", n)
	}
	if n := unsafe.Sizeof(unix.FsverityDigest{}); n != 4 {
		t.Errorf("fsverity_digest has %d bytes before the digest", n)
	}
}

// TestKernel seals a file where the kernel and the file system let it. GOSTORE_TEST_VERITY names a directory on such a file system.
func TestKernel(t *testing.T) {
	dir := os.Getenv("GOSTORE_TEST_VERITY")
	if dir == "" {
		dir = t.TempDir()
	} else if made, err := os.MkdirTemp(dir, "verity"); err != nil {
		t.Fatal(err)
	} else {
		dir = made
		t.Cleanup(func() { os.RemoveAll(dir) })
	}
	f := sealedFile(t, dir)
	err := Seal(f)
	if errors.Is(err, ErrUnsupported) {
		t.Skipf("no fs-verity in %s: %v; GOSTORE_TEST_VERITY can name a directory where it is", dir, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !sealed(int(f.Fd()), Kernel) {
		t.Error("the file has no digest")
	}
	if err := Seal(f); err != nil {
		t.Errorf("sealing it again: %v", err)
	}
	if err := os.Chmod(f.Name(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.Name(), []byte("other"), 0o644); err == nil {
		t.Error("a sealed file can be written to")
	}
}

func TestProbe(t *testing.T) {
	dir := t.TempDir()
	for _, want := range []error{nil, ErrUnsupported} {
		err := Probe(dir, func(f *os.File) error { return want })
		if !errors.Is(err, want) {
			t.Errorf("probing said %v, want %v", err, want)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("probing left %v, %v", left, err)
	}
}
