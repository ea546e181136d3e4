package gc

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"gostore/internal/digest"
	"gostore/store"
)

// graph is what is in a store, and what refers to what.
type graph map[digest.Tree]store.Info

// load reads the objects of st. Descriptions in known are taken from there: what a tree refers
// to does not change while it is present, and only the caller takes objects away. Objects that
// went meanwhile are absent.
func load(ctx context.Context, st *store.Store, known graph) (graph, error) {
	objects, err := st.Objects()
	if err != nil {
		return nil, err
	}
	g := make(graph, len(objects))
	var fresh []store.Object
	for _, o := range objects {
		if info, ok := known[o.Tree]; ok {
			g[o.Tree] = info
		} else {
			fresh = append(fresh, o)
		}
	}
	infos, err := readInfos(ctx, st, fresh)
	if err != nil {
		return nil, err
	}
	for _, info := range infos {
		if info.Layer != "" {
			info.Size = 0 // it lies in the layer: here it is a link
		}
		g[info.Tree] = info
	}
	return g, nil
}

// describer is the part of a store that readInfos needs.
type describer interface {
	Info(digest.Tree) (store.Info, error)
	Path(store.Object) string
}

// readInfos reads descriptions, several at a time. Objects that have gone have none.
func readInfos(ctx context.Context, st describer, objects []store.Object) ([]store.Info, error) {
	infos := make([]store.Info, len(objects))
	errs := make([]error, len(objects))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(objects)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(objects) {
					return
				}
				infos[i], errs[i] = readInfo(st, objects[i])
			}
		})
	}
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	present := infos[:0]
	var unreadable []error
	for i, err := range errs {
		switch {
		case err == nil:
			present = append(present, infos[i])
		case !errors.Is(err, fs.ErrNotExist):
			unreadable = append(unreadable, &UnreadableError{objects[i], err})
		}
	}
	return present, errors.Join(unreadable...)
}

// readInfo reads one description. The error is fs.ErrNotExist only if the object's directory is not there
// either. An object that is collected and added again between the two looks is looked at again.
func readInfo(st describer, o store.Object) (info store.Info, err error) {
	for range 5 {
		info, err = st.Info(o.Tree)
		if !errors.Is(err, fs.ErrNotExist) {
			return info, err
		}
		if _, gone := os.Lstat(st.Path(o)); errors.Is(gone, fs.ErrNotExist) {
			return info, err
		}
	}
	return info, fmt.Errorf("its directory is there, but: %v", err)
}

// reach returns what is reached from trees, in the order of the distance, and which of trees are not there.
// References that lead nowhere are passed over.
func (g graph) reach(trees []digest.Tree) (reached, missing []digest.Tree) {
	seen := make(map[digest.Tree]bool, len(trees))
	add := func(t digest.Tree) bool {
		_, present := g[t]
		if present && !seen[t] {
			seen[t] = true
			reached = append(reached, t)
		}
		return present
	}
	for _, t := range trees {
		if !add(t) {
			missing = append(missing, t)
		}
	}
	for i := 0; i < len(reached); i++ {
		for _, ref := range g[reached[i]].Refs {
			add(ref)
		}
	}
	return reached, missing
}

// referringFirst sorts trees so that each comes before those that it refers to, and
// otherwise by name. A circle of references, which digests rule out, would be left out.
func (g graph) referringFirst(trees []digest.Tree) []digest.Tree {
	trees = slices.Clone(trees)
	slices.SortFunc(trees, func(a, b digest.Tree) int { return compareObjects(g[a].Object, g[b].Object) })
	referring := make(map[digest.Tree]int, len(trees))
	for _, t := range trees {
		referring[t] = 0
	}
	g.eachRef(trees, func(ref digest.Tree) {
		if _, sorted := referring[ref]; sorted {
			referring[ref]++
		}
	})
	var sorted []digest.Tree
	for _, t := range trees {
		if referring[t] == 0 {
			sorted = append(sorted, t)
		}
	}
	for i := 0; i < len(sorted); i++ {
		g.eachRef(sorted[i:i+1], func(ref digest.Tree) {
			n, sorting := referring[ref]
			referring[ref] = n - 1
			if sorting && n == 1 {
				sorted = append(sorted, ref)
			}
		})
	}
	return sorted
}

// eachRef calls do for every reference of trees.
func (g graph) eachRef(trees []digest.Tree, do func(ref digest.Tree)) {
	for _, t := range trees {
		for _, ref := range g[t].Refs {
			if ref != t {
				do(ref)
			}
		}
	}
}

// compareObjects orders by name, then version, then digest.
func compareObjects(a, b store.Object) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), bytes.Compare(a.Tree[:], b.Tree[:]))
}
