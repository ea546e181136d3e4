package dirent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// All names are told, more than go into a buffer, and again after Rewind; which of them are directories is told, or that it is not known.
func TestEach(t *testing.T) {
	dir := t.TempDir()
	want := map[string]bool{}
	for i := range 300 {
		name := fmt.Sprintf("%0*d", 1+i%200, i)
		want[name] = i%3 == 0
		create := func() error { return os.WriteFile(filepath.Join(dir, name), nil, 0o644) }
		if want[name] {
			create = func() error { return os.Mkdir(filepath.Join(dir, name), 0o755) }
		}
		if err := create(); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := Of(f)
	for _, buf := range []int{1 << 10, 64 << 10} {
		got := map[string]bool{}
		err := d.Each(make([]byte, buf), func(name []byte, isDir, known bool) {
			if known && isDir != want[string(name)] {
				t.Errorf("%s is a directory: %v", name, isDir)
			}
			got[string(name)] = true
		})
		if err != nil || len(got) != len(want) {
			t.Errorf("told %d names of %d, %v", len(got), len(want), err)
		}
		if err := d.Rewind(); err != nil {
			t.Fatal(err)
		}
	}
	names, err := Names(dir)
	slices.Sort(names)
	if err != nil || len(slices.Compact(names)) != len(want) {
		t.Errorf("%d names, %v", len(names), err)
	}
}

func TestNamesOfNothing(t *testing.T) {
	dir := t.TempDir()
	if names, err := Names(dir); err != nil || len(names) != 0 {
		t.Errorf("%q, %v", names, err)
	}
	if _, err := Names(filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
