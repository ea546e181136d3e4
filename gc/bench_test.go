package gc

import (
	"fmt"
	"sync"
	"testing"

	"gostore/internal/digest"
	"gostore/store"
)

// many fills a store with n tiny objects.
func many(b *testing.B, n int) (*store.Store, []digest.Tree) {
	st := openStore(b)
	trees := make([]digest.Tree, n)
	var workers sync.WaitGroup
	for w := range 8 {
		workers.Go(func() {
			for i := w; i < n; i += 8 {
				spec := store.Spec{Name: fmt.Sprint("tool", i), Version: "1"}
				l, err := st.Add(b.Context(), spec, func(g *store.Stage) error {
					return g.File("bin/tool", true, []byte(spec.Name))
				})
				if err != nil {
					b.Error(err)
					return
				}
				trees[i] = l.Object().Tree
				l.Release()
			}
		})
	}
	workers.Wait()
	return st, trees
}

// BenchmarkPlan plans a store of 10,000 objects of which none, or all, are dead.
func BenchmarkPlan(b *testing.B) {
	st, trees := many(b, 10_000)
	for name, roots := range map[string]Roots{"live": naming(trees...), "dead": naming()} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				plan(b, st, roots, Options{})
			}
		})
	}
}

// BenchmarkSweep takes 5,000 of 10,000 objects away.
func BenchmarkSweep(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		st, trees := many(b, 10_000)
		roots := naming(trees[5_000:]...)
		c := plan(b, st, roots, Options{})
		b.StartTimer()
		if _, err := Sweep(b.Context(), st, c, roots, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
