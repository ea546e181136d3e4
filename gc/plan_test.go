package gc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gostore/internal/digest"
	"gostore/store"
)

// example makes two environments that share a tool, a tool of neither, and an environment of an environment.
func example(t *testing.T, st *store.Store) map[string]digest.Tree {
	e := map[string]digest.Tree{}
	for _, name := range []string{"gopls", "go", "node", "lone"} {
		e[name] = add(t, st, name)
	}
	e["env1"] = add(t, st, "env1", e["go"], e["gopls"])
	e["env2"] = add(t, st, "env2", e["go"], e["node"])
	e["outer"] = add(t, st, "outer", e["env1"])
	e["absent"] = digest.Tree(digest.Sum([]byte("absent")))
	return e
}

func TestPlanMarksWhatRootsReach(t *testing.T) {
	st := openStore(t)
	e := example(t, st)
	for _, test := range []struct {
		roots, leases []string
		live, dead    string
	}{
		{nil, nil, "", "env2 outer lone node env1 go gopls"},
		{[]string{"go"}, nil, "go", "env2 outer lone node env1 gopls"},
		{[]string{"env1"}, nil, "env1 go gopls", "env2 outer lone node"},
		{[]string{"env1", "env2"}, nil, "env1 env2 go gopls node", "outer lone"},
		{[]string{"outer", "absent"}, nil, "env1 outer go gopls", "env2 lone node"},
		{nil, []string{"env2"}, "env2 go node", "outer lone env1 gopls"},
		{[]string{"lone"}, []string{"outer", "lone"}, "env1 outer go gopls lone", "env2 node"},
	} {
		t.Run(fmt.Sprint(test.roots, test.leases), func(t *testing.T) {
			var trees []digest.Tree
			for _, name := range test.roots {
				trees = append(trees, e[name])
			}
			for _, name := range test.leases {
				defer lease(t, st, e[name]).Release()
			}
			c := plan(t, st, naming(trees...), Options{})
			if got := planned(c.Live); got != test.live {
				t.Errorf("live: %s\n want: %s", got, test.live)
			}
			if got := planned(c.Dead); got != test.dead {
				t.Errorf("dead: %s\n want: %s", got, test.dead)
			}
		})
	}
}

func TestPlanMeasuresRoots(t *testing.T) {
	st := openStore(t)
	e := example(t, st)
	size := func(names ...string) (n int64) {
		for _, name := range names {
			info, err := st.Info(e[name])
			if err != nil {
				t.Fatal(err)
			}
			n += info.Size
		}
		return n
	}
	lease(t, st, e["lone"])
	c := plan(t, st, naming(e["env1"], e["env2"], e["absent"]), Options{})
	for i, want := range []Kept{
		{Objects: 3, Size: size("env1", "go", "gopls"), Alone: size("env1", "gopls")},
		{Objects: 3, Size: size("env2", "go", "node"), Alone: size("env2", "node")},
		{Missing: []digest.Tree{e["absent"]}},
		{Objects: 1, Size: size("lone"), Alone: size("lone")},
	} {
		got := c.Roots[i]
		if got.Objects != want.Objects || got.Size != want.Size || got.Alone != want.Alone || !slices.Equal(got.Missing, want.Missing) {
			t.Errorf("root %d: %+v, want %+v", i, got, want)
		}
	}
	if got := c.Roots[3]; got.Kind != KindLease {
		t.Errorf("last root is %v, want a lease", got)
	}
	if i := slices.IndexFunc(c.Live, func(o Object) bool { return o.Name == "go" }); c.Live[i].Reason != "test 0" {
		t.Errorf("go is kept by %q, want test 0", c.Live[i].Reason)
	}
}

func TestPlanKeepsRecentObjects(t *testing.T) {
	st := openStore(t)
	e := example(t, st)
	info, err := st.Info(e["env1"])
	if err != nil {
		t.Fatal(err)
	}
	c := plan(t, st, naming(), Options{KeepAddedSince: info.Added.Add(time.Hour)})
	if len(c.Live) != 0 || len(c.Roots) != 0 {
		t.Errorf("kept %s although nothing is so recent", planned(c.Live))
	}
	c = plan(t, st, naming(), Options{KeepAddedSince: info.Added.Add(-time.Hour)})
	if len(c.Dead) != 0 || len(c.Roots) != 1 || c.Roots[0].Kind != KindRecent {
		t.Errorf("dead: %s, roots %v; everything is recent", planned(c.Dead), c.Roots)
	}
}

// What a recent environment refers to stays, however old it is.
func TestRecentKeepsWhatItRefersTo(t *testing.T) {
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	tree := func(s string) digest.Tree { return digest.Tree(digest.Sum([]byte(s))) }
	g := graph{
		tree("env"):   {Added: noon, Refs: []digest.Tree{tree("go")}},
		tree("go"):    {Added: noon.Add(-time.Hour)},
		tree("other"): {Added: noon.Add(-time.Second)},
	}
	m := marking{graph: g, reason: map[digest.Tree]string{}}
	m.addAll(g.recent(noon))
	if dead := m.unmarked(); len(dead) != 1 || dead[0] != tree("other") {
		t.Errorf("%d objects are dead, want only the other", len(dead))
	}
}

func TestWhy(t *testing.T) {
	st := openStore(t)
	e := example(t, st)
	lease(t, st, e["lone"])
	roots := func(context.Context) ([]Root, error) {
		return []Root{
			{Kind: "profile", Name: "default generation 3", Note: "current", Trees: []digest.Tree{e["env1"]}},
			{Kind: "project", Name: "/src/p", Trees: []digest.Tree{e["absent"], e["outer"], e["go"]}},
			{Kind: "project", Name: "/src/q", Trees: []digest.Tree{e["node"]}},
		}, nil
	}
	c := plan(t, st, roots, Options{})
	for name, want := range map[string]string{
		"go":     "profile default generation 3 (current) > environment-env1 > go-1; project /src/p > go-1",
		"gopls":  "profile default generation 3 (current) > environment-env1 > gopls-1; project /src/p > environment-outer > environment-env1 > gopls-1",
		"node":   "project /src/q > node-1",
		"lone":   "lease on lone-1 (in use) > lone-1",
		"env2":   "",
		"absent": "",
	} {
		var chains []string
		for _, chain := range c.Why(e[name]) {
			chains = append(chains, strings.Join(chain, " > "))
		}
		if got := strings.Join(chains, "; "); got != want {
			t.Errorf("why %s: %s\n want: %s", name, got, want)
		}
	}
}

func TestPlanFailsWithItsRoots(t *testing.T) {
	st := openStore(t)
	add(t, st, "go")
	unmounted := errors.New("not mounted")
	_, err := Plan(t.Context(), st, func(context.Context) ([]Root, error) { return nil, unmounted }, Options{})
	if !errors.Is(err, unmounted) {
		t.Errorf("planned without roots: %v", err)
	}
}

// forgetful is a store that cannot say what an object refers to.
type forgetful struct {
	*store.Store
	err error
}

func (f forgetful) InfoOf(store.Object) (store.Info, error) { return store.Info{}, f.err }

func TestWhatCannotBeReadIsNotPassedOver(t *testing.T) {
	st := openStore(t)
	add(t, st, "go")
	there, err := st.Objects()
	if err != nil {
		t.Fatal(err)
	}
	gone := []store.Object{{Tree: digest.Tree{1}, Name: "gone", Version: "1"}}
	for _, test := range []struct {
		name       string
		object     []store.Object
		err        error
		unreadable bool
	}{
		{"failing disk", there, errors.New("input/output error"), true},
		{"there but not described", there, &store.NotPresentError{}, true},
		{"gone", gone, &store.NotPresentError{}, false},
	} {
		nodes, err := readNodes(t.Context(), forgetful{st, test.err}, test.object)
		var unreadable *UnreadableError
		if errors.As(err, &unreadable) != test.unreadable || nodes[0].read {
			t.Errorf("%s: %v, %v", test.name, nodes, err)
		}
	}
}

// A lost or damaged description must not make an environment forget its tools.
func TestLostDescriptionsLoseNoReferences(t *testing.T) {
	for name, change := range map[string]func(string) error{
		"lost":  os.Remove,
		"empty": func(name string) error { return os.Truncate(name, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			st := openAt(t, filepath.Join(t.TempDir(), "a[b"))
			e := example(t, st)
			err := filepath.WalkDir(filepath.Join(st.Dir(), "meta"), func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				return change(path)
			})
			if err != nil {
				t.Fatal(err)
			}
			c, err := Plan(t.Context(), st, naming(e["outer"]), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := planned(c.Live), "env1 outer go gopls"; got != want {
				t.Errorf("live: %s, want %s", got, want)
			}
		})
	}
}

func TestReferringFirst(t *testing.T) {
	tree := func(s string) digest.Tree { return digest.Tree(digest.Sum([]byte(s))) }
	g := graph{}
	for name, refs := range map[string][]string{"a": nil, "b": {"a", "absent", "b"}, "c": {"a", "b"}, "d": nil} {
		info := node{Object: store.Object{Tree: tree(name), Name: name}}
		for _, ref := range refs {
			info.Refs = append(info.Refs, tree(ref))
		}
		g[tree(name)] = info
	}
	for _, test := range [][2]string{{"a b c d", "c d b a"}, {"a b", "b a"}, {"a c", "c a"}, {"", ""}} {
		var trees []digest.Tree
		for _, name := range strings.Fields(test[0]) {
			trees = append(trees, tree(name))
		}
		got := names(g.referringFirst(trees), func(t digest.Tree) store.Object { return g[t].Object })
		if got != test[1] {
			t.Errorf("sorted %s to %s, want %s", test[0], got, test[1])
		}
	}
}
