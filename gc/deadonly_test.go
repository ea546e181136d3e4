package gc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"gostore/internal/digest"
	"gostore/store"
)

// With DeadOnly the same is dead, whatever is rooted or leased.
func TestDeadOnlyPlansTheSame(t *testing.T) {
	st := openStore(t)
	e := example(t, st)
	for _, test := range []struct{ roots, also, leases []string }{
		{nil, nil, nil},
		{[]string{"go"}, nil, nil},
		{[]string{"env1"}, []string{"env2"}, nil},
		{[]string{"outer", "absent"}, nil, []string{"lone"}},
		{nil, nil, []string{"outer"}},
		{[]string{"outer", "env2", "lone", "gopls"}, []string{"absent"}, nil},
	} {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			named := func(names []string) (trees []digest.Tree) {
				for _, name := range names {
					trees = append(trees, e[name])
				}
				return trees
			}
			for _, name := range test.leases {
				defer lease(t, st, e[name]).Release()
			}
			roots, also := naming(named(test.roots)...), naming(named(test.also)...)
			want := planned(plan(t, st, roots, Options{Also: also}).Dead)
			if got := planned(plan(t, st, roots, Options{Also: also, DeadOnly: true}).Dead); got != want {
				t.Errorf("dead: %s, want %s", got, want)
			}
		})
	}
}

// counting counts the descriptions that are read.
type counting struct {
	*store.Store
	read int
}

func (c *counting) InfoOf(o store.Object) (store.Info, error) {
	c.read++ // spread reads a few with several goroutines: this is for none
	return c.Store.InfoOf(o)
}

// Where roots reach everything, descriptions are read as far as that is not known from names: none where everything is named, and
// further roots are not read at all.
func TestNothingDeadIsFoundByNames(t *testing.T) {
	st := openStore(t)
	e := example(t, st)
	delete(e, "absent")
	var all []digest.Tree
	for _, tree := range e {
		all = append(all, tree)
	}
	now, err := st.List()
	if err != nil {
		t.Fatal(err)
	}
	m := (&Collection{graph: graphOf(now, nil)}).marking()
	reads := &counting{Store: st}
	roots, err := naming(all...)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.spread(t.Context(), reads, roots); err != nil || reads.read != 0 || m.someUnmarked() {
		t.Errorf("read %d descriptions, %v", reads.read, err)
	}
	also := func(context.Context) ([]Root, error) {
		t.Error("read further roots although nothing was left to be reached")
		return nil, nil
	}
	if dead := plan(t, st, naming(all...), Options{DeadOnly: true, Also: also}).Dead; len(dead) != 0 {
		t.Errorf("dead: %s", planned(dead))
	}
}

// Roots that are read only sometimes by a plan are always read by the second look.
func TestSweepReadsAllRoots(t *testing.T) {
	st := openStore(t)
	e := example(t, st)
	c := plan(t, st, naming(), Options{DeadOnly: true})
	r, err := Sweep(t.Context(), st, c, naming(), Options{DeadOnly: true, Also: naming(e["env1"])})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := present(t, st), "env1 go gopls"; got != want || len(r.Removed) != 4 {
		t.Errorf("left %s, want %s; removed %s", got, want, removed(r))
	}
	checkWhole(t, st)
}

func TestBatchFor(t *testing.T) {
	for _, test := range []struct {
		objects     int
		descriptors uint64
		want        int
	}{
		{0, 1 << 20, 128}, {400, 1 << 20, 128}, {8_000, 1 << 20, 2_000}, {1_000_000, 1 << 20, 8_192}, {20_000, 1_024, 256}, {20_000, 0, 128}, {8_000, 1 << 63, 2_000},
	} {
		if got := batchFor(test.objects, test.descriptors); got != test.want {
			t.Errorf("%d objects, %d descriptors: %d at once, want %d", test.objects, test.descriptors, got, test.want)
		}
	}
}

// What a tool refers to is not looked up: it refers to nothing. Only what is dead is described.
func TestToolsAreNotDescribed(t *testing.T) {
	st := openStore(t)
	live, dead := add(t, st, "live"), add(t, st, "dead")
	for _, name := range []string{live.Hex(), dead.Hex()} {
		if err := os.WriteFile(filepath.Join(st.Dir(), "meta", name+".json"), []byte("{"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	now, err := st.List()
	if err != nil {
		t.Fatal(err)
	}
	c := &Collection{graph: graphOf(now, nil)}
	reads := &counting{Store: st}
	if err := c.graph.refer(t.Context(), reads, []digest.Tree{live, dead}); err != nil || reads.read != 0 {
		t.Errorf("read %d descriptions, %v", reads.read, err)
	}
}

// A plan of what is dead reads no description of a tool. What a sweep reports is described all the same, and what Describe has filled in too, also
// where a description is lost.
func TestDeadOnlyDescribes(t *testing.T) {
	st := openStore(t)
	for i := range describedAtOnce + 3 {
		add(t, st, fmt.Sprintf("tool%d", i))
	}
	lost, used := add(t, st, "lost"), add(t, st, "used")
	if err := os.WriteFile(filepath.Join(st.Dir(), "meta", lost.Hex()+".json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	all := describedAtOnce + 5
	check := func(what string, objects []Object) {
		t.Helper()
		for _, o := range objects {
			if o.Size == 0 || o.Added.IsZero() {
				t.Errorf("%s: %s has %d bytes and was added at %v", what, o.Object, o.Size, o.Added)
			}
		}
	}
	c := plan(t, st, naming(), Options{DeadOnly: true})
	for _, o := range c.Dead {
		if o.Size != 0 {
			t.Fatalf("the plan has read the description of %s", o.Object)
		}
	}
	described := plan(t, st, naming(), Options{DeadOnly: true})
	if err := described.Describe(t.Context(), st); err != nil || len(described.Dead) != all {
		t.Fatalf("%d are dead, %v", len(described.Dead), err)
	}
	check("described", described.Dead)
	held := lease(t, st, used)
	r, err := Sweep(t.Context(), st, c, naming(), Options{DeadOnly: true})
	held.Release()
	if err != nil || len(r.Removed) != all-1 || len(r.Skipped) != 1 || r.Skipped[0].Reason != reasonInUse {
		t.Fatalf("removed %d, skipped %v, %v", len(r.Removed), r.Skipped, err)
	}
	check("removed", r.Removed)
	check("skipped", r.Skipped)
}

// A sweep that is ended while it describes and renames leaves a store that is whole, and says what it took away.
func TestSweepEndsWhileItDescribes(t *testing.T) {
	st := openStore(t)
	for i := range 3 * describedAtOnce {
		add(t, st, fmt.Sprintf("tool%d", i))
	}
	c := plan(t, st, naming(), Options{DeadOnly: true})
	ctx, end := context.WithCancel(t.Context())
	steps := 0
	was := atStep
	t.Cleanup(func() { atStep = was })
	atStep = func(step string) {
		if step == "discard" {
			if steps++; steps == describedAtOnce+1 {
				end()
			}
		}
	}
	r, err := Sweep(ctx, st, c, naming(), Options{DeadOnly: true})
	if !errors.Is(err, context.Canceled) || len(r.Removed) <= describedAtOnce || len(r.Removed) == len(c.Dead) {
		t.Errorf("removed %d of %d, %v", len(r.Removed), len(c.Dead), err)
	}
	checkWhole(t, st)
}
