package comparisons

import (
	"context"
	"io"
	"path/filepath"
	"testing"

	"gostore/gc"
	"gostore/internal/digest"
	"gostore/profile"
	"gostore/store"
	"gostore/tests/bench/rounds"
)

// A filled store is what is said of it: everything is there, whole, and alive or dead as was said.
func TestFill(t *testing.T) {
	dir := t.TempDir()
	t.Cleanup(func() { rounds.Remove(dir) })
	root := filepath.Join(dir, "root")
	r := &rounds.Runner{Ctx: t.Context(), Log: io.Discard, Dir: dir}
	const live, dead = 150, 30
	if err := (bench{r}).fill(root, live, dead); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	objects, err := s.Objects()
	if want := live + dead + 2; err != nil || len(objects) != want {
		t.Fatalf("it has %d objects, %v, want %d with two environments", len(objects), err, want)
	}
	for _, o := range objects {
		if err := s.Verify(t.Context(), o.Tree); err != nil {
			t.Error(err)
		}
	}
	generations, err := profile.Trees(s)
	if err != nil {
		t.Fatal(err)
	}
	var trees []digest.Tree
	for _, g := range generations {
		trees = append(trees, g.Tree)
	}
	roots := func(context.Context) ([]gc.Root, error) { return []gc.Root{{Trees: trees}}, nil }
	plan, err := gc.Plan(t.Context(), s, roots, gc.Options{})
	if err != nil || len(plan.Dead) != dead {
		t.Errorf("%d are dead, %v, want %d", len(plan.Dead), err, dead)
	}
}
