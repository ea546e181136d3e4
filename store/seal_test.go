package store

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func sealing(seal func(*os.File) error) func() func(*os.File) error {
	return func() func(*os.File) error { return seal }
}

// Each file of an object is sealed, links and directories are not, when the object has no name yet; an object that is there already is left alone.
func TestSealFiles(t *testing.T) {
	s := open(t)
	var mu sync.Mutex
	var sealed []string
	s.SealFiles(sealing(func(f *os.File) error {
		mu.Lock()
		defer mu.Unlock()
		if objects, err := s.Objects(); err != nil || len(objects) > 0 {
			t.Errorf("when %s is sealed there are the objects %v, %v", f.Name(), objects, err)
		}
		if _, err := f.Read(make([]byte, 1)); err != nil {
			t.Errorf("%s: %v", f.Name(), err)
		}
		if _, err := f.Write([]byte("x")); err == nil {
			t.Errorf("%s is open for writing", f.Name())
		}
		_, rel, _ := strings.Cut(f.Name(), stagePrefix)
		_, rel, _ = strings.Cut(rel, "/")
		sealed = append(sealed, rel)
		return nil
	}), func(err error) { t.Error(err) })
	fill := func(g *Stage) error {
		return errors.Join(g.File("bin/a", true, []byte("program")), g.File("b", false, []byte("data")), g.Link("c", "b"), g.Dir("d"))
	}
	for range 2 {
		l, err := s.Add(t.Context(), Spec{Name: "tool", Version: "1"}, fill)
		if err != nil {
			t.Fatal(err)
		}
		l.Release()
	}
	slices.Sort(sealed)
	if !slices.Equal(sealed, []string{"b", "bin/a"}) {
		t.Errorf("sealed %q", sealed)
	}
}

// An object whose files cannot be sealed is added all the same; that is said once.
func TestSealFails(t *testing.T) {
	s := open(t)
	said := 0
	no := errors.New("no seals here")
	s.SealFiles(sealing(func(*os.File) error { return no }), func(err error) {
		said++
		if !errors.Is(err, no) {
			t.Error(err)
		}
	})
	l, err := s.Add(t.Context(), Spec{Name: "tool", Version: "1"}, func(g *Stage) error {
		for _, name := range []string{"a", "b", "c", "d"} {
			if err := g.File(name, false, []byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if said != 1 {
		t.Errorf("it was said %d times", said)
	}
	if _, err := os.Stat(filepath.Join(l.Path(), "d")); err != nil {
		t.Error(err)
	}
}
