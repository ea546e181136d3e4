package lock

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestFind(t *testing.T) {
	top := t.TempDir()
	for _, dir := range []string{"locked/inside/deep", "stopped/inside", "piped/inside", "public/inside"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(top, name), []byte("# "+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("locked/" + Name)
	write("stopped/" + Name)
	write("stopped/inside/stop.toml")
	write("public/" + Name)
	write(Name)
	err := errors.Join(syscall.Mkfifo(filepath.Join(top, "piped", Name), 0o644), os.Chmod(filepath.Join(top, "public"), 0o777|fs.ModeSticky))
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		"locked": "locked", "locked/inside/deep": "locked", "stopped": "stopped", "stopped/inside": "",
		"piped/inside": ".", "public": "public", "public/inside": ".",
	} {
		path, data, err := Find(filepath.Join(top, dir), "stop.toml")
		if want == "" {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %q, %v; want none", dir, path, err)
			}
			continue
		}
		if want := filepath.Join(top, want, Name); err != nil || path != want || len(data) == 0 {
			t.Errorf("%s: %q, %v; want %q", dir, path, err, want)
		}
	}
}
