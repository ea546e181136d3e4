package tree

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
)

// A file that the disk cannot read is named, and the others are read; one that was sealed by fs-verity would be said to have rotted.
func TestAuditReadError(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "bad", "c"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := Scan(t.Context(), dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "c"), []byte("d"), 0o644); err != nil {
		t.Fatal(err)
	}
	a := Auditor{Workers: 2, read: func(fd int, p []byte) (int, error) {
		n, err := unix.Read(fd, p)
		if n == len("bad") {
			return 0, unix.EIO
		}
		return n, err
	}}
	faults, err := a.Audit(t.Context(), dir, want)
	if err != nil || len(faults) != 2 || faults[0] != (Fault{"bad", "cannot be read: input/output error"}) || faults[1].Path != "c" {
		t.Errorf("%v, %v", faults, err)
	}
	entries, listed, err := a.List(t.Context(), dir)
	if err != nil || len(entries) != 2 || !reflect.DeepEqual(listed, faults[:1]) {
		t.Errorf("listed %v, %v, %v", entries, listed, err)
	}
	if got := reason(errSeal); got != "has other contents than it was sealed with (fs-verity)" {
		t.Errorf("a sealed file %s", got)
	}
}

// What is known is not read, and is compared like what was read.
func TestAuditKnown(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := Scan(t.Context(), dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []digest.Content{digest.Sum([]byte("a")), digest.Sum([]byte("other"))} {
		read := 0
		a := Auditor{Workers: 1, Aside: true,
			Known: func(e Entry, st *unix.Stat_t) (digest.Content, bool) {
				if e.Size != 1 || e.Kind != File || st.Ino == 0 {
					t.Errorf("asked about %+v", e)
				}
				return content, e.Path == "a"
			},
			read: func(fd int, p []byte) (int, error) { read++; return unix.Read(fd, p) }}
		faults, err := a.Audit(t.Context(), dir, want)
		if err != nil || (len(faults) == 0) != (content == digest.Sum([]byte("a"))) || read != 2 { // to the end of b
			t.Errorf("%v, %v, after reading %d times", faults, err, read)
		}
	}
}
