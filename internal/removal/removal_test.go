package removal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A tree goes with what is sealed in it and with its links; what these lead to stays.
func TestTree(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	sealed := filepath.Join(dir, "tree", "a", "b")
	err := errors.Join(os.MkdirAll(sealed, 0o755), os.Mkdir(outside, 0o755), os.WriteFile(filepath.Join(outside, "kept"), nil, 0o644),
		os.WriteFile(filepath.Join(sealed, "f"), []byte("x"), 0o444), os.Symlink(outside, filepath.Join(sealed, "l")),
		os.Chmod(sealed, 0o555), os.Chmod(filepath.Dir(sealed), 0o555))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is not there, which is no error
		if err := Tree(filepath.Join(dir, "tree")); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*", "*")); err != nil || len(left) != 1 || left[0] != filepath.Join(outside, "kept") {
		t.Errorf("left %q, %v", left, err)
	}
	if err := Tree(filepath.Join(outside, "kept")); err == nil {
		t.Error("a file was taken for a tree")
	}
}

// What unlinking gives back is counted once for each file, with the last of its links.
func TestFreed(t *testing.T) {
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	name := func(s string) string { return filepath.Join(tree, s) }
	data := make([]byte, 64<<10)
	err := errors.Join(os.Mkdir(tree, 0o755), os.WriteFile(name("alone"), data, 0o644), os.WriteFile(name("twice"), data, 0o644), os.Link(name("twice"), name("again")),
		os.WriteFile(name("shared"), data, 0o644), os.Link(name("shared"), filepath.Join(dir, "kept")))
	if err != nil {
		t.Fatal(err)
	}
	handle, err := os.Open(tree)
	if err != nil {
		t.Fatal(err)
	}
	defer handle.Close()
	var f Freed
	r := New(t.Context(), &f)
	r.Empty(handle, tree)
	if got, want := f.Bytes(), int64(2*len(data)); r.Err() != nil || got < want || got >= want+int64(len(data)) {
		t.Errorf("%d bytes were given back, %v, want %d", got, r.Err(), want)
	}
}

// Removing a tree never changes the mode of the directory that it is in.
func TestTreeLeavesItsParent(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may unlink in every directory")
	}
	parent := t.TempDir()
	if err := os.MkdirAll(filepath.Join(parent, "tree", "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, sealed := range []string{filepath.Join(parent, "tree", "below"), filepath.Join(parent, "tree"), parent} {
		if err := os.Chmod(sealed, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.Chmod(parent, 0o755) })
	if err := Tree(filepath.Join(parent, "tree")); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("removed a tree from a read-only directory: %v", err)
	}
	if fi, err := os.Stat(parent); err != nil || fi.Mode().Perm() != 0o555 {
		t.Errorf("the parent has mode %v, %v", fi.Mode(), err)
	}
}
