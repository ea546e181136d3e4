package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gostore/internal/digest"
	"gostore/internal/tree"
)

// spool opens a spool that ends with the test.
func spool(t *testing.T, s *Store) *Spool {
	t.Helper()
	p, err := s.Part(t.Context(), digest.SHA256([]byte("bundle")))
	if err != nil {
		t.Fatal(err)
	}
	sp, err := s.Spool(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(sp.Close(), p.Release()); err != nil {
			t.Error(err)
		}
	})
	return sp
}

// entry returns what a manifest says of a file.
func entry(name string, kind tree.Kind, data []byte) tree.Entry {
	return tree.Entry{Path: name, Kind: kind, Content: digest.Sum(data), Size: int64(len(data))}
}

func TestSpooledContentBecomesAnObject(t *testing.T) {
	s := open(t)
	sp := spool(t, s)
	files := []tree.Entry{
		entry("a/plain", tree.File, big("x")), entry("a/program", tree.Exec, big("x")), entry("small", tree.File, []byte("s")),
		entry("empty", tree.File, nil),
	}
	contents := map[digest.Content][]byte{files[0].Content: big("x"), files[2].Content: []byte("s"), files[3].Content: nil}
	for i, e := range files {
		if sp.Has(e) {
			t.Fatalf("%s is there before it was put", e.Path)
		}
		var err error
		if i%2 == 0 {
			err = sp.Put(e, contents[e.Content])
		} else {
			err = sp.Stream(e, bytes.NewReader(contents[e.Content]))
		}
		if err != nil || !sp.Has(e) {
			t.Fatalf("%s: %v, or it is not there after it was put", e.Path, err)
		}
	}
	twice := files[0]
	twice.Path = "again"
	l, err := s.Add(t.Context(), Spec{Name: "tool", Version: "1"}, func(g *Stage) error {
		var errs []error
		for _, e := range append(files, twice) {
			errs = append(errs, g.Adopt(sp, e))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if err := s.Verify(t.Context(), l.Object().Tree); err != nil {
		t.Error(err)
	}
	for name, mode := range map[string]os.FileMode{"a/plain": 0o444, "a/program": 0o555, "small": 0o444, "empty": 0o444} {
		fi, err := os.Stat(filepath.Join(l.Path(), name))
		if err != nil || fi.Mode() != mode || !fi.ModTime().Equal(sealTime) {
			t.Errorf("%s: %v, %v, %v", name, fi.Mode(), fi.ModTime(), err)
		}
	}
	same := add(t, s, "other", content{"p": string(big("x"))})
	a, _ := os.Stat(filepath.Join(l.Path(), "a/plain"))
	b, _ := os.Stat(filepath.Join(same.Path(), "p"))
	if !os.SameFile(a, b) {
		t.Error("what was adopted is not shared")
	}
}

// What was spoilt since it was put is a miss, and can be put again.
func TestSpoiltContentIsAMiss(t *testing.T) {
	s := open(t)
	sp := spool(t, s)
	e := entry("x", tree.File, big("x"))
	path := filepath.Join(sp.Path(), sharedName(e))
	for what, spoil := range map[string]func(){
		"other bytes": func() {
			os.Chmod(path, 0o600)
			os.WriteFile(path, big("y"), 0)
			os.Chmod(path, 0o444)
			os.Chtimes(path, sealTime, sealTime)
		},
		"cut off": func() {
			os.Chmod(path, 0o600)
			os.Truncate(path, 5)
			os.Chmod(path, 0o444)
			os.Chtimes(path, sealTime, sealTime)
		},
		"mode": func() { os.Chmod(path, 0o644) },
		"time": func() { os.Chtimes(path, sealTime.Add(1), sealTime.Add(1)) },
		"link": func() { os.Rename(path, path+"y"); os.Symlink(path+"y", path) },
		"gone": func() { os.Remove(path) },
	} {
		if err := sp.Put(e, big("x")); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		spoil()
		if sp.Has(e) {
			t.Errorf("%s: taken", what)
		}
	}
}

// What the spool took from files/ stays when nothing else holds it.
func TestSpoolKeepsSharedContent(t *testing.T) {
	s := open(t)
	sp := spool(t, s)
	l := add(t, s, "tool", content{"x": string(big("x")), "small": "s"})
	e := entry("x", tree.File, big("x"))
	if !sp.Has(e) {
		t.Fatal("a shared content is not found")
	}
	if sp.Has(entry("x", tree.Exec, big("x"))) {
		t.Error("found as an executable")
	}
	l.Release()
	c, err := s.Claim(l.Object().Tree)
	if err == nil {
		err = errors.Join(c.Discard(), c.Release())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Clean(t.Context(), CleanOptions{}); err != nil {
		t.Fatal(err)
	}
	if !sp.Has(e) {
		t.Error("it is gone")
	}
}

// Where another link cannot be made, or what would be linked does not look right, the bytes are copied and checked.
func TestAdoptCopies(t *testing.T) {
	s := open(t)
	sp := spool(t, s)
	e := entry("x", tree.File, big("x"))
	if err := sp.Put(e, big("x")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(sp.Path(), sharedName(e))
	os.Chmod(path, 0o644)
	adopt := func(g *Stage) error { return g.Adopt(sp, e) }
	l, err := s.Add(t.Context(), Spec{Name: "tool", Version: "1"}, adopt)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if err := s.Verify(t.Context(), l.Object().Tree); err != nil {
		t.Error(err)
	}
	os.WriteFile(path, []byte(strings.Repeat("y", int(e.Size))), 0)
	_, err = s.Add(t.Context(), Spec{Name: "tool", Version: "2"}, adopt)
	var mismatch *digest.MismatchError
	if !errors.As(err, &mismatch) {
		t.Errorf("%v; want a mismatch", err)
	}
}

func TestRememberArchive(t *testing.T) {
	s := open(t)
	l := add(t, s, "tool", sample)
	a := digest.SHA256([]byte("archive"))
	if err := s.RememberArchive(t.Context(), a, l.Object().Tree); err != nil {
		t.Fatal(err)
	}
	if got, ok := s.LookupArchive(a); !ok || got != l.Object().Tree {
		t.Errorf("%v, %v", got, ok)
	}
}
