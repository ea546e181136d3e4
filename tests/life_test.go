package tests

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"gostore/gc"
	"gostore/internal/digest"
	"gostore/internal/environment"
	"gostore/internal/release"
	"gostore/profile"
	"gostore/store"
	"gostore/tests/upstream"
)

// A process that uses the libraries for as long as it likes has, after many cycles of adding, switching, going back, pruning and collecting,
// the descriptors and goroutines that it had near the beginning, and the heap: a cycle may leave nothing, so one small bound is for all of them,
// however many they are.
func TestLongLifeOfLibraries(t *testing.T) {
	cycles, slack := 20, uint64(256<<10)
	if formOf(t, lifeVariable, 1).long {
		cycles = 1000
	}
	w := newWorld(t, upstream.Config{})
	st, err := store.Open(filepath.Join(w.dir, "life"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for n := range 5 {
		lifeCycle(t, st, n)
	}
	before, heap := hold(), heapNow()
	for n := range cycles {
		lifeCycle(t, st, n+5)
	}
	after := heapNow()
	if kept := before.kept(); kept != "" {
		t.Errorf("after %d cycles: %s", cycles, kept)
	}
	if after > heap+slack {
		t.Errorf("after %d cycles the heap grew from %d to %d bytes", cycles, heap, after)
	}
	t.Logf("%d cycles: %d descriptors, %d goroutines, heap %d KiB before and %d KiB after", cycles, len(before.descriptors), before.goroutines, heap>>10, after>>10)
}

// heapNow returns the bytes of the heap that are in use.
func heapNow() uint64 {
	runtime.GC()
	runtime.GC() // what the first one only finalised
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// lifeCycle makes two generations of new tools, fails once, goes back, and collects all but the last generation.
func lifeCycle(t *testing.T, st *store.Store, n int) {
	t.Helper()
	ctx, who := t.Context(), profile.Who{User: "eve"}
	p, err := profile.Open(st, "default")
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(err)
	for _, version := range []string{fmt.Sprint(n, ".0"), fmt.Sprint(n, ".1")} {
		_, err := p.Switch(ctx, profile.Change{Who: who, Edit: func([]environment.Tool) (*store.Lease, error) {
			tool, err := lifeTool(ctx, st, version)
			if err != nil {
				return nil, err
			}
			return environment.Build(ctx, st, []environment.Tool{tool})
		}})
		check(err)
	}
	refused := errors.New("refused")
	if _, err := p.Switch(ctx, profile.Change{Who: who, Edit: func([]environment.Tool) (*store.Lease, error) { return nil, refused }}); !errors.Is(err, refused) {
		t.Fatalf("got %v, want %v", err, refused)
	}
	_, err = p.Rollback(ctx, 0, who, time.Now())
	check(err)
	_, err = p.Prune(ctx, profile.Pruning{Who: who})
	check(err)
	roots := func(context.Context) ([]gc.Root, error) {
		trees, err := profile.Trees(st)
		var list []gc.Root
		for _, r := range trees {
			list = append(list, gc.Root{Kind: "profile", Name: r.Profile, Trees: []digest.Tree{r.Tree}})
		}
		return list, err
	}
	c, err := gc.Plan(ctx, st, roots, gc.Options{})
	check(err)
	r, err := gc.Sweep(ctx, st, c, roots, gc.Options{})
	check(err)
	names := make([]string, 0, len(r.Removed))
	for _, o := range r.Removed {
		names = append(names, o.Name)
	}
	if !slices.Contains(names, "tool") {
		t.Fatalf("cycle %d removed %q", n, names)
	}
}

// lifeTool adds a tool whose version no cycle had before.
func lifeTool(ctx context.Context, st *store.Store, version string) (environment.Tool, error) {
	l, err := st.Add(ctx, store.Spec{Name: "tool", Version: version}, func(g *store.Stage) error {
		return g.File("bin/tool", true, []byte("#!/bin/sh\necho "+version+"\n"))
	})
	if err != nil {
		return environment.Tool{}, err
	}
	return environment.Tool{Name: "tool", Version: version, Tree: l.Object().Tree, Layout: release.Layout{Dirs: []string{"bin"}}}, l.Release()
}
