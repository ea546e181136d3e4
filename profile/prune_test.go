package profile

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gostore/store"
)

func TestPrune(t *testing.T) {
	for _, c := range []struct {
		name    string
		rule    Pruning
		current int
		want    string
	}{
		{"all but current", Pruning{}, 6, "[6] | p6>6"},
		{"two newest", Pruning{Keep: 2}, 6, "5 [6] | p6>6"},
		{"current is old", Pruning{Keep: 2}, 1, "[1] 5 6 | p1>1"},
		{"current is young", Pruning{Keep: 1}, 5, "[5] 6 | p5>5"},
		{"old ones", Pruning{Before: at(4)}, 6, "4 5 [6] | p6>6"},
		{"old ones, but keep", Pruning{Before: at(6), Keep: 4}, 6, "3 4 5 [6] | p6>6"},
		{"nothing is old", Pruning{Before: at(1)}, 6, "1 2 3 4 5 [6] |"},
		{"more than there are", Pruning{Keep: 99}, 6, "1 2 3 4 5 [6] |"},
		{"negative", Pruning{Keep: -1}, 6, "[6] | p6>6"},
		{"dry run", Pruning{DryRun: true}, 6, "1 2 3 4 5 [6] |"},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := newStore(t)
			p := open(t, st, "default")
			for n := range 6 {
				switchTo(t, p, strconv.Itoa(n+1))
			}
			if c.current != 6 {
				if _, err := p.Rollback(t.Context(), c.current, Who{}, at(7)); err != nil {
					t.Fatal(err)
				}
			}
			before := state(t, p)
			roots, err := Trees(st)
			if err != nil || len(roots) != 6 {
				t.Fatalf("roots are %v, %v", roots, err)
			}
			removed, err := p.Prune(t.Context(), c.rule)
			if err != nil {
				t.Fatal(err)
			}
			_, records, _ := strings.Cut(before, "|")
			generations, added, _ := strings.Cut(c.want, "|")
			wantState(t, p, generations+"|"+records+added)
			left, err := Trees(st)
			if err != nil || !c.rule.DryRun && len(left)+len(removed) != 6 {
				t.Errorf("removed %v, roots are %v, %v", removed, left, err)
			}
			if c.rule.DryRun && len(removed) != 5 {
				t.Errorf("would remove %v", removed)
			}
			if g := switchTo(t, p, "9"); g.Number != 7 {
				t.Errorf("next generation is %d", g.Number)
			}
		})
	}
}

func TestNumbersAreNotUsedAgain(t *testing.T) {
	p := open(t, newStore(t), "default")
	switchTo(t, p, "1")
	switchTo(t, p, "2")
	if _, err := p.Rollback(t.Context(), 1, Who{}, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Prune(t.Context(), Pruning{}); err != nil {
		t.Fatal(err)
	}
	if g := switchTo(t, p, "3"); g.Number != 3 {
		t.Errorf("number %d is used again", g.Number)
	}
}

func TestListAndTrees(t *testing.T) {
	st := newStore(t)
	if names, err := List(st); err != nil || len(names) != 0 {
		t.Errorf("profiles are %q, %v", names, err)
	}
	a, b := open(t, st, "b"), open(t, st, "a")
	one, two := switchTo(t, a, "1"), switchTo(t, b, "2")
	if err := os.MkdirAll(filepath.Join(st.Dir(), store.ProfilesDir, ".hidden"), 0o755); err != nil {
		t.Fatal(err)
	}
	if names, err := List(st); err != nil || !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("profiles are %q, %v", names, err)
	}
	// A current that somebody bent to lead straight to an object still keeps it alive.
	if err := errors.Join(os.Remove(a.Dir()), os.Symlink(toStore+filepath.Base(two.Dir), a.Dir())); err != nil {
		t.Fatal(err)
	}
	roots, err := Trees(st)
	want := []Root{{"a", 1, two.Tree, true}, {"b", 0, two.Tree, true}, {"b", 1, one.Tree, false}}
	if err != nil || !slices.Equal(roots, want) {
		t.Errorf("roots are %v, %v; want %v", roots, err, want)
	}
}
