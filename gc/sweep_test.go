package gc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gostore/internal/digest"
	"gostore/internal/filelock"
	"gostore/store"
)

func TestSweepFreesWhatWasPlanned(t *testing.T) {
	for _, batch := range []int{0, 1, 2} {
		st := openStore(t)
		e := example(t, st)
		stage := filepath.Join(st.Dir(), "store", ".stage-killed")
		if err := os.Mkdir(stage, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(stage, "half"), payload("half"), 0o644); err != nil {
			t.Fatal(err)
		}
		roots := naming(e["env1"])
		before := diskUsage(t, st.Dir())
		c := plan(t, st, roots, Options{})
		promised, err := c.Measure(st, store.CleanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := Sweep(t.Context(), st, c, roots, Options{Batch: batch})
		if err != nil {
			t.Fatal(err)
		}
		if freed := before - diskUsage(t, st.Dir()); promised <= 0 || promised != freed || r.Freed != freed {
			t.Errorf("planned %d bytes, reported %d, freed %d", promised, r.Freed, freed)
		}
		if got, want := present(t, st), "env1 go gopls"; got != want {
			t.Errorf("left %s, want %s", got, want)
		}
		if got := removed(r); got != planned(c.Dead) || len(r.Skipped) != 0 {
			t.Errorf("removed %s, skipped %s; planned %s", got, planned(r.Skipped), planned(c.Dead))
		}
		checkWhole(t, st)
	}
}

// The last collection leaves nothing but what an empty store has.
func TestSweepOfEverything(t *testing.T) {
	st := openStore(t)
	empty := listing(t, st.Dir())
	example(t, st)
	collect(t, st, naming(), Options{})
	if got := listing(t, st.Dir()); !slices.Equal(got, empty) {
		t.Errorf("left %q, want %q", got, empty)
	}
	if r := collect(t, st, naming(), Options{}); r.Freed != 0 || len(r.Removed) != 0 {
		t.Errorf("a second collection freed %d bytes and removed %v", r.Freed, r.Removed)
	}
}

// What became live after the plan was made stays, whichever way it became live.
func TestSweepLooksAgain(t *testing.T) {
	for _, test := range []struct {
		name  string
		after func(t *testing.T, st *store.Store, e map[string]digest.Tree) (roots []digest.Tree)
		left  string
	}{
		{"nothing", func(*testing.T, *store.Store, map[string]digest.Tree) []digest.Tree { return nil }, ""},
		{"a root", func(_ *testing.T, _ *store.Store, e map[string]digest.Tree) []digest.Tree {
			return []digest.Tree{e["outer"], e["lone"]}
		}, "env1 outer go gopls lone"},
		{"a lease on an environment", func(t *testing.T, st *store.Store, e map[string]digest.Tree) []digest.Tree {
			lease(t, st, e["env2"])
			return nil
		}, "env2 go node"},
		{"an environment that nothing names", func(t *testing.T, st *store.Store, e map[string]digest.Tree) []digest.Tree {
			add(t, st, "new", e["env1"])
			return nil
		}, "env1 new go gopls"},
	} {
		for _, batch := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s, batch %d", test.name, batch), func(t *testing.T) {
				st := openStore(t)
				e := example(t, st)
				c := plan(t, st, naming(), Options{})
				roots := naming(test.after(t, st, e)...)
				r, err := Sweep(t.Context(), st, c, roots, Options{Batch: batch})
				if err != nil {
					t.Fatal(err)
				}
				if got := present(t, st); got != test.left {
					t.Errorf("left %q, want %q", got, test.left)
				}
				if len(r.Removed)+len(r.Skipped) != len(c.Dead) {
					t.Errorf("removed %s, skipped %s; planned %s", removed(r), planned(r.Skipped), planned(c.Dead))
				}
				checkWhole(t, st)
			})
		}
	}
}

// An environment that was made while an earlier batch was looked at keeps its tools.
func TestSweepSeesNewEnvironmentsBetweenBatches(t *testing.T) {
	st := openStore(t)
	e := example(t, st)
	c := plan(t, st, naming(), Options{})
	roots := func(context.Context) ([]Root, error) {
		if _, err := st.Lookup(e["env2"]); err == nil { // it is the first batch
			add(t, st, "new", e["go"])
		}
		return nil, nil
	}
	if _, err := Sweep(t.Context(), st, c, roots, Options{Batch: 1}); err != nil {
		t.Fatal(err)
	}
	if got := present(t, st); got != "new go" {
		t.Errorf("left %q, want go and what refers to it", got)
	}
	checkWhole(t, st)
}

// An object that was collected and added again since the plan is a recent one.
func TestSweepKeepsWhatCameBack(t *testing.T) {
	st := openStore(t)
	tree := add(t, st, "go")
	c := plan(t, st, naming(), Options{})
	info, err := st.Info(tree)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Sweep(t.Context(), st, c, naming(), Options{KeepAddedSince: info.Added}); err != nil {
		t.Fatal(err)
	}
	if got := present(t, st); got != "go" {
		t.Errorf("left %q, want go", got)
	}
}

// While the roots are read again, nobody can begin to use a claimed object, and no other collector runs.
func TestSweepHoldsClaimsWhileItLooks(t *testing.T) {
	st := openStore(t)
	tree := add(t, st, "go")
	c := plan(t, st, naming(), Options{})
	looked := 0
	roots := func(ctx context.Context) ([]Root, error) {
		looked++
		waits, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := st.Lease(waits, tree); !errors.Is(err, context.Canceled) {
			t.Errorf("leased a claimed object: %v", err)
		}
		if _, err := Sweep(ctx, st, c, naming(), Options{}); !errors.Is(err, filelock.ErrBusy) {
			t.Errorf("a second collector: %v", err)
		}
		return nil, nil
	}
	if _, err := Sweep(t.Context(), st, c, roots, Options{}); err != nil {
		t.Fatal(err)
	}
	if looked != 1 {
		t.Errorf("the roots were read %d times, want once", looked)
	}
	if _, err := st.Lease(t.Context(), tree); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("leasing what was collected: %v", err)
	}
}

// A collection that ends early, by a failure or because it is cancelled, leaves a consistent store and no claims.
func TestSweepEndsEarly(t *testing.T) {
	unmounted := errors.New("not mounted")
	for _, test := range []struct {
		want error
		end  func(cancel func()) error
	}{
		{unmounted, func(func()) error { return unmounted }},
		{context.Canceled, func(cancel func()) error { cancel(); return nil }},
	} {
		st := openStore(t)
		example(t, st)
		c := plan(t, st, naming(), Options{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		looks := 0
		roots := func(context.Context) ([]Root, error) {
			if looks++; looks == 3 {
				return nil, test.end(cancel)
			}
			return nil, nil
		}
		r, err := Sweep(ctx, st, c, roots, Options{Batch: 1})
		if !errors.Is(err, test.want) {
			t.Errorf("ended with %v, want %v", err, test.want)
		}
		if n := len(r.Removed); n < 2 || n > 3 {
			t.Errorf("removed %s before it ended", removed(r))
		}
		checkWhole(t, st)
		if again := plan(t, st, naming(), Options{}); len(again.Roots) != 0 {
			t.Errorf("what is left is kept by %v", again.Roots)
		}
		collect(t, st, naming(), Options{})
		if got := present(t, st); got != "" {
			t.Errorf("left %s", got)
		}
	}
}
