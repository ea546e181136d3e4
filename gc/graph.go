package gc

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"
	"time"

	"gostore/internal/digest"
	"gostore/internal/parallel"
	"gostore/store"
)

// graph is what is in a store, and what refers to what as far as descriptions were read.
type graph map[digest.Tree]node

// node is an object. Until its description was read only the names are known.
type node struct {
	store.Object
	read  bool
	Size  int64
	Added time.Time
	Refs  []digest.Tree
}

// graphOf returns the graph of the objects that are listed. What known says of an object that is there still is taken from there: what a
// tree refers to does not change while it is present, and only the caller takes objects away.
func graphOf(now store.Listing, known graph) graph {
	g := make(graph, len(now.Objects))
	for _, o := range now.Objects {
		if n, ok := known[o.Tree]; ok && n.Object == o {
			g[o.Tree] = n
		} else {
			g[o.Tree] = node{Object: o}
		}
	}
	return g
}

// load lists the objects of st and reads what refers to what, and with all every description.
func load(ctx context.Context, st *store.Store, known graph, all bool) (graph, error) {
	now, err := st.List()
	if err != nil {
		return nil, err
	}
	g := graphOf(now, known)
	describe := g.refer
	if all {
		describe = g.describe
	}
	return g, describe(ctx, st, slices.Collect(maps.Keys(g)))
}

// refer is describe for those of trees that may refer to others: of all the rest there is nothing to know for what lives and what does not.
func (g graph) refer(ctx context.Context, st describer, trees []digest.Tree) error {
	var referring []digest.Tree
	for _, t := range trees {
		if g[t].Name == store.Referring {
			referring = append(referring, t)
		}
	}
	return g.describe(ctx, st, referring)
}

// describe reads the descriptions of those of trees that were not read yet. Objects that went meanwhile are taken out.
func (g graph) describe(ctx context.Context, st describer, trees []digest.Tree) error {
	var fresh []store.Object
	for _, t := range trees {
		if n, ok := g[t]; ok && !n.read {
			fresh = append(fresh, n.Object)
		}
	}
	nodes, err := readNodes(ctx, st, fresh)
	if err != nil {
		return err
	}
	for i, n := range nodes {
		if n.read {
			g[n.Tree] = n
		} else {
			delete(g, fresh[i].Tree)
		}
	}
	return nil
}

// describer is the part of a store that readNodes needs.
type describer interface {
	InfoOf(store.Object) (store.Info, error)
	Path(store.Object) string
}

// readNodes reads descriptions, several at a time. The nodes of objects that have gone are left unread.
func readNodes(ctx context.Context, st describer, objects []store.Object) ([]node, error) {
	nodes := make([]node, len(objects))
	errs := make([]error, len(objects))
	ended := parallel.Each(ctx, runtime.GOMAXPROCS(0), len(objects), func(i int) error {
		nodes[i], errs[i] = readNode(st, objects[i])
		return nil
	})
	if ended != nil {
		return nil, ended
	}
	var unreadable []error
	for i, err := range errs {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			unreadable = append(unreadable, &UnreadableError{objects[i], err})
		}
	}
	return nodes, errors.Join(unreadable...)
}

// readNode reads one description. The error is fs.ErrNotExist only if the object's directory is not there
// either. An object that is collected and added again between the two looks is looked at again.
func readNode(st describer, o store.Object) (node, error) {
	var err error
	for range 5 {
		var info store.Info
		if info, err = st.InfoOf(o); err == nil {
			if info.Layer != "" {
				info.Size = 0 // it lies in the layer: here it is a link
			}
			return node{o, true, info.Size, info.Added, info.Refs}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return node{}, err
		}
		if _, gone := os.Lstat(st.Path(o)); errors.Is(gone, fs.ErrNotExist) {
			return node{}, err
		}
	}
	return node{}, fmt.Errorf("its directory is there, but: %v", err)
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
