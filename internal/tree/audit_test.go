package tree

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Everything that is wrong is named at once, however it would have ended a Scan.
func TestAuditNamesEveryFault(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"good", "flipped", "longer", "bits", "gone/a", "gone/b", "kind", "pipe"} {
		write(name, "text")
	}
	if err := os.Symlink("good", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	want, err := Scan(t.Context(), dir, 2)
	if err != nil {
		t.Fatal(err)
	}
	if faults, err := Audit(t.Context(), dir, want, 2); err != nil || len(faults) > 0 {
		t.Fatalf("undamaged: %v, %v", faults, err)
	}

	write("flipped", "tExt")
	write("longer", "texts")
	write("added/x", "")
	write("a:b", "")
	write("GOOD", "twin")
	os.Chmod(filepath.Join(dir, "bits"), 0o755)
	os.RemoveAll(filepath.Join(dir, "gone"))
	os.Remove(filepath.Join(dir, "link"))
	os.Symlink("bits", filepath.Join(dir, "link"))
	os.Remove(filepath.Join(dir, "kind"))
	os.Mkdir(filepath.Join(dir, "kind"), 0o755)
	os.Remove(filepath.Join(dir, "pipe"))
	if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}

	faults, err := Audit(t.Context(), dir, want, 2)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range faults {
		got = append(got, f.Path+" "+f.Problem)
	}
	for i, begin := range []string{
		"GOOD does not belong", "a:b ", "added does not belong", "added/x does not belong", "bits is an executable file",
		"flipped has other contents", "gone is missing", "gone/a is missing", "gone/b is missing", "kind is a directory", "link leads to \"bits\"",
		"longer has 5 bytes", "pipe is a named pipe",
	} {
		if i >= len(got) || !strings.HasPrefix(got[i], begin) {
			t.Fatalf("fault %d does not begin with %q in\n%s", i, begin, strings.Join(got, "\n"))
		}
	}
	if len(got) != 13 {
		t.Errorf("found\n%s", strings.Join(got, "\n"))
	}
}

// What lies below an unreadable directory is not reported as missing as well.
func TestAuditUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	dir := t.TempDir()
	locked := filepath.Join(dir, "locked")
	if err := os.MkdirAll(filepath.Join(locked, "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	want, err := Scan(t.Context(), dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	os.Chmod(locked, 0)
	defer os.Chmod(locked, 0o755)
	faults, err := Audit(t.Context(), dir, want, 1)
	if err != nil || len(faults) != 1 || faults[0].Path != "locked" || !strings.Contains(faults[0].Problem, "cannot be read") {
		t.Errorf("%v, %v", faults, err)
	}
}
