package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCopy has a copy be the same file with the same bit, where the store has room for more names of it.
func TestCopy(t *testing.T) {
	s := open(t)
	lease, err := s.Add(t.Context(), Spec{Name: "tool", Version: "1"}, func(g *Stage) error {
		return errors.Join(g.File("bin/a", true, big("alpha")), g.Stream("b", false, strings.NewReader("beta")),
			g.Copy("c/d/a", "bin/a"), g.Copy("c/b", "b"), g.Copy("again", "c/b"))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	for name, from := range map[string]string{"c/d/a": "bin/a", "c/b": "b", "again": "b"} {
		is, err := os.Stat(filepath.Join(lease.Path(), name))
		was, err2 := os.Stat(filepath.Join(lease.Path(), from))
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if !os.SameFile(is, was) {
			t.Errorf("%s and %s are two files", name, from)
		}
	}
	if err := s.Verify(t.Context(), lease.Object().Tree); err != nil {
		t.Error(err)
	}
}

func TestCopyRefused(t *testing.T) {
	s := open(t)
	for name, try := range map[string]func(g *Stage) error{
		"missing":   func(g *Stage) error { return g.Copy("b", "missing") },
		"directory": func(g *Stage) error { return g.Copy("b", "d") },
		"link":      func(g *Stage) error { return g.Copy("b", "l") },
		"twice":     func(g *Stage) error { return g.Copy("a", "a") },
		"escapes":   func(g *Stage) error { return g.Copy("../b", "a") },
		"from":      func(g *Stage) error { return g.Copy("b", "../a") },
	} {
		_, err := s.Add(t.Context(), Spec{Name: "tool", Version: "1"}, func(g *Stage) error {
			if err := errors.Join(g.File("a", false, nil), g.Dir("d"), g.Link("l", "a")); err != nil {
				return err
			}
			return try(g)
		})
		if err == nil {
			t.Errorf("%s: a copy was made", name)
		}
	}
}

// TestCopyTooMany has a copy be a file of its own where a file can have no more names.
func TestCopyTooMany(t *testing.T) {
	s := open(t)
	g, err := s.newStage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer g.files.Close()
	defer g.abandon()
	if err := g.File("a", true, []byte("alpha")); err != nil {
		t.Fatal(err)
	}
	e, err := g.file("a")
	if err != nil {
		t.Fatal(err)
	}
	err = g.at("a", func(old place) error {
		return g.at("b", func(p place) error { return g.write(old, p, e) })
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(s.path(g.name), "b"))
	if err != nil || string(data) != "alpha" {
		t.Errorf("%q, %v", data, err)
	}
	if info, err := os.Stat(filepath.Join(s.path(g.name), "b")); err != nil || info.Mode() != 0o555 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestNest has what is in a directory be moved into a new one, whatever it is called, and more be added after.
func TestNest(t *testing.T) {
	s := open(t)
	lease, err := s.Add(t.Context(), Spec{Name: "tool", Version: "1"}, func(g *Stage) error {
		return errors.Join(
			g.File("top/a", true, []byte("alpha")), g.Dir("empty"), g.File("b", false, big("beta")), g.Link("l", "b"),
			g.Nest("top"),
			g.File("b", false, []byte("other")), g.Dir("top"), g.Copy("top/c", "top/b"), g.File("top/top/d", false, nil),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	m, err := s.Manifest(lease.Object().Tree)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range m.Entries() {
		got = append(got, string(e.Kind)+" "+e.Path)
	}
	const want = "f b, d top, f top/b, f top/c, d top/empty, l top/l, d top/top, x top/top/a, f top/top/d"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	if err := s.Verify(t.Context(), lease.Object().Tree); err != nil {
		t.Error(err)
	}
}

// TestNestBelow has only what is in the directory's parent be moved.
func TestNestBelow(t *testing.T) {
	s := open(t)
	lease, err := s.Add(t.Context(), Spec{Name: "tool", Version: "1"}, func(g *Stage) error {
		return errors.Join(g.File("x", false, nil), g.File("lib/a", false, nil), g.File("library/y", false, nil),
			g.Nest("lib/top"), g.Nest("new/top"), g.File("new/b", false, nil))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	for _, name := range []string{"x", "lib/top/a", "library/y", "new/top", "new/b"} {
		if _, err := os.Stat(filepath.Join(lease.Path(), name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(lease.Path(), "lib/a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still where it was: %v", err)
	}
	if err := s.Verify(t.Context(), lease.Object().Tree); err != nil {
		t.Error(err)
	}
}
