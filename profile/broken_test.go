package profile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBrokenCurrent(t *testing.T) {
	for name, c := range map[string]struct {
		bend    func(current string) error
		problem string
	}{
		"missing":           {func(string) error { return nil }, "is missing"},
		"dangling":          {func(s string) error { return os.Symlink("7", s) }, "leads to generation 7, which does not exist"},
		"outside":           {func(s string) error { return os.Symlink("../x/1", s) }, `leads to "../x/1", which is no generation`},
		"a loop":            {func(s string) error { return os.Symlink("current", s) }, `leads to "current", which is no generation`},
		"a file":            {func(s string) error { return os.WriteFile(s, nil, 0o644) }, "is not a link"},
		"not quite number":  {func(s string) error { return os.Symlink("02", s) }, `leads to "02", which is no generation`},
		"number with slash": {func(s string) error { return os.Symlink("2/", s) }, `leads to "2/", which is no generation`},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, newStore(t), "default")
			switchTo(t, p, "1")
			switchTo(t, p, "2")
			if err := errors.Join(os.Remove(p.Dir()), c.bend(p.Dir())); err != nil {
				t.Fatal(err)
			}
			isBroken := func(what string, err error) {
				t.Helper()
				var broken *BrokenError
				if !errors.As(err, &broken) || broken.Problem != c.problem || broken.Path != p.Dir() {
					t.Errorf("%s: %v, want a BrokenError: %s", what, err, c.problem)
				}
			}
			_, err := p.Current()
			isBroken("Current", err)
			_, err = trySwitch(t, p, "3")
			isBroken("Switch", err)
			_, err = p.Rollback(t.Context(), 0, Who{}, noon)
			isBroken("Rollback to the one before", err)
			_, err = p.Prune(t.Context(), Pruning{})
			isBroken("Prune", err)
			if list, err := p.Generations(); err != nil || len(list) != 2 {
				t.Errorf("generations are %v, %v", list, err)
			}
			if g, err := p.Rollback(t.Context(), 1, Who{}, noon); err != nil || g.Number != 1 {
				t.Fatalf("repaired by %+v, %v", g, err)
			}
			if g, err := p.Current(); err != nil || g.Number != 1 {
				t.Errorf("after the repair current is %+v, %v", g, err)
			}
			// Where current led to a number, that one may have existed: it is not used again.
			next := 3
			if name == "dangling" {
				next = 8
			}
			if g := switchTo(t, p, "3"); g.Number != next {
				t.Errorf("next generation is %d", g.Number)
			}
		})
	}
}

func TestReplaceOfABrokenProfile(t *testing.T) {
	st := newStore(t)
	p := open(t, st, "default")
	g := switchTo(t, p, "1")
	if err := os.Rename(g.Dir, filepath.Join(st.Dir(), "elsewhere")); err != nil {
		t.Fatal(err)
	}
	var broken *BrokenError
	if _, err := p.Current(); !errors.As(err, &broken) || !strings.Contains(broken.Problem, "not in the store") {
		t.Errorf("environment is missing: %v", err)
	}
	if _, err := trySwitch(t, p, "2"); !errors.As(err, &broken) {
		t.Errorf("switched a broken profile: %v", err)
	}
	tool, err := addTool(t.Context(), st, "tool", "2")
	if err != nil {
		t.Fatal(err)
	}
	g, err = p.Switch(t.Context(), Change{Replace: true, Edit: with(t.Context(), st, tool)})
	if err != nil || g.Number != 2 {
		t.Errorf("replaced by %+v, %v", g, err)
	}
	wantState(t, p, "1 [2] | s0>1 s1>2")
}

func TestProfileThatIsALink(t *testing.T) {
	st := newStore(t)
	p := open(t, st, "default")
	if err := os.Symlink(t.TempDir(), p.dir); err != nil {
		t.Fatal(err)
	}
	var broken *BrokenError
	if _, err := trySwitch(t, p, "1"); !errors.As(err, &broken) {
		t.Errorf("switched a profile whose generations are no roots: %v", err)
	}
}
