package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gostore/internal/tree"
)

// filled returns the manifest of what fill makes in a store of its own.
func filled(t *testing.T, fill func(*Stage) error) tree.Manifest {
	t.Helper()
	s := open(t)
	lease, err := s.Add(t.Context(), Spec{Name: "tool", Version: "1"}, fill)
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	m, err := s.Manifest(lease.Object().Tree)
	if err := errors.Join(err, s.Verify(t.Context(), lease.Object().Tree)); err != nil {
		t.Fatal(err)
	}
	return m
}

// expected is what the stages of these tests are told to expect.
func expected(g *Stage) error {
	return errors.Join(g.File("bin/a", true, big("alpha")), g.File("b", false, []byte("beta")), g.Link("l", "bin/a"), g.Dir("empty"))
}

// A stage that was told what to expect makes the object that it would have made untold, whatever comes then.
func TestExpect(t *testing.T) {
	want := filled(t, expected)
	for name, fill := range map[string]func(*Stage) error{
		"as expected": expected,
		"one changed": func(g *Stage) error {
			return errors.Join(g.File("bin/a", true, big("other")), g.File("b", false, []byte("beta")), g.Link("l", "bin/a"), g.Dir("empty"))
		},
		"another mode": func(g *Stage) error { return g.File("bin/a", false, big("alpha")) },
		"one missing":  func(g *Stage) error { return g.File("b", false, []byte("beta")) },
		"nothing":      func(*Stage) error { return nil },
		"one more":     func(g *Stage) error { return errors.Join(expected(g), g.File("more", false, big("more"))) },
		"copies": func(g *Stage) error {
			return errors.Join(expected(g), g.Copy("c/a", "bin/a"), g.File("d", false, nil), g.Copy("e", "d"))
		},
		"nested": func(g *Stage) error {
			return errors.Join(expected(g), g.Nest("bin/top"), g.File("bin/a", true, big("alpha")))
		},
	} {
		untold := filled(t, fill)
		told := filled(t, func(g *Stage) error {
			g.Expect(want)
			return fill(g)
		})
		if told.Digest() != untold.Digest() {
			t.Errorf("%s: made %v, untold %v", name, told.Entries(), untold.Entries())
		}
	}
}

// What came as expected goes as well when the stage fails.
func TestExpectFails(t *testing.T) {
	want, s := filled(t, expected), open(t)
	broken := errors.New("broken")
	_, err := s.Add(t.Context(), Spec{Name: "tool", Version: "1"}, func(g *Stage) error {
		g.Expect(want)
		return errors.Join(expected(g), broken)
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(s.Dir(), "files", "*", "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if left, err := os.ReadDir(filepath.Join(s.Dir(), "store")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
