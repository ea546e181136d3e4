package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// A copy has the same files; those that another tree shares with the first are links to the copy of it.
func TestCopy(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	write(t, in("old/same"), "shared content")
	write(t, in("old/sub/other"), "of old")
	write(t, in("new/sub/other"), "of new")
	if err := errors.Join(os.Link(in("old/same"), in("new/same")), os.Mkdir(in("one"), 0o755), os.Mkdir(in("two"), 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := copyTree(in("old"), in("one/copy"), "", ""); err != nil {
		t.Fatal(err)
	}
	if err := copyTree(in("new"), in("two/copy"), in("old"), in("one/copy")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"one/copy/same": "shared content", "one/copy/sub/other": "of old", "two/copy/same": "shared content", "two/copy/sub/other": "of new"} {
		if got, err := os.ReadFile(in(path)); string(got) != want {
			t.Errorf("%s has %q, %v", path, got, err)
		}
	}
	same := func(a, b string) bool {
		x, err1 := os.Stat(in(a))
		y, err2 := os.Stat(in(b))
		return err1 == nil && err2 == nil && os.SameFile(x, y)
	}
	if !same("one/copy/same", "two/copy/same") || same("one/copy/same", "old/same") || same("one/copy/sub/other", "two/copy/sub/other") {
		t.Error("what is linked is not what is shared")
	}
	if err := read(in("two")); err != nil {
		t.Error(err)
	}
}

// A download is what was served, and anything but success an error.
func TestFetch(t *testing.T) {
	served := httptest.NewServer(http.FileServerFS(fstest.MapFS{"file": {Data: []byte("content")}}))
	defer served.Close()
	name := filepath.Join(t.TempDir(), "f")
	if err := fetch(served.URL+"/file", name); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(name); string(got) != "content" {
		t.Errorf("%q, %v", got, err)
	}
	if err := fetch(served.URL+"/other", name); err == nil {
		t.Error("what is not served was downloaded")
	}
}

// What cannot be read is an error, and what is listed goes, directories last.
func TestReadAndRemove(t *testing.T) {
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	write(t, filepath.Join(tree, "a/b/f"), "")
	write(t, filepath.Join(tree, "a/g"), string(make([]byte, 64<<10))) // as much as is read at once
	if err := read(tree); err != nil {
		t.Error(err)
	}
	if err := read(filepath.Join(dir, "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("reading what is not there: %v", err)
	}
	list := filepath.Join(dir, "list")
	names := tree + "/a/\n" + tree + "/a/b/\n" + tree + "/a/b/f\n" + tree + "/a/g\n"
	write(t, list, names)
	if err := remove(list); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(tree); err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}
