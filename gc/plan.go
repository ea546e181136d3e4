package gc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"gostore/internal/digest"
	"gostore/internal/filelock"
	"gostore/store"
)

// Collection is what a collection would do, as of the moment it was planned.
type Collection struct {
	Roots []Kept   // the roots as they were given, then leases and recent objects
	Live  []Object // reached by a root; Reason is the first one that does
	Dead  []Object // reached by none, each before those it refers to

	graph graph
}

// Kept is a root and what it keeps.
type Kept struct {
	Root
	Missing []digest.Tree // trees it names that are not in the store
	Objects int           // how many objects it reaches
	Size    int64         // bytes of content that it reaches
	Alone   int64         // of those, what no other root reaches
}

// Plan finds out which objects of st are dead. It changes nothing. Objects that are leased at that
// moment are live.
//
// The error is an *UnreadableError, perhaps among others, when an object cannot say what it refers to.
func Plan(ctx context.Context, st *store.Store, roots Roots, opt Options) (*Collection, error) {
	g, err := load(ctx, st, nil)
	if err != nil {
		return nil, fmt.Errorf("listing objects: %w", err)
	}
	given, err := roots(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading roots: %w", err)
	}
	c := &Collection{graph: g}
	m := marking{graph: g, reason: map[digest.Tree]string{}}
	m.addAll(given)
	m.addAll(g.recent(opt.KeepAddedSince))
	leases, err := g.leases(ctx, st, m.unmarked())
	if err != nil {
		return nil, fmt.Errorf("looking for leases: %w", err)
	}
	m.addAll(leases)
	c.Roots = m.kept()
	for t := range m.reason {
		c.Live = append(c.Live, g.object(t, m.reason[t]))
	}
	slices.SortFunc(c.Live, func(a, b Object) int { return compareObjects(a.Object, b.Object) })
	for _, t := range g.referringFirst(m.unmarked()) {
		c.Dead = append(c.Dead, g.object(t, "no root reaches it"))
	}
	return c, nil
}

// Measure returns the bytes of disk that a sweep which finds everything as planned gives back, what crashes and
// earlier collections left included. It looks at every file of the dead objects.
func (c *Collection) Measure(st *store.Store, opt store.CleanOptions) (int64, error) {
	var dead []digest.Tree
	for _, o := range c.Dead {
		dead = append(dead, o.Tree)
	}
	bytes, err := st.Reclaimable(dead, opt)
	if err != nil {
		err = fmt.Errorf("measuring dead objects: %w", err)
	}
	return bytes, err
}

func (g graph) object(t digest.Tree, reason string) Object {
	info := g[t]
	return Object{Object: info.Object, Size: info.Size, Added: info.Added, Reason: reason}
}

// marking is the mark phase: which root reaches what.
type marking struct {
	graph   graph
	roots   []Kept
	reached [][]digest.Tree // by each of roots
	reason  map[digest.Tree]string
}

func (m *marking) addAll(roots []Root) {
	for _, r := range roots {
		reached, missing := m.graph.reach(r.Trees)
		k := Kept{Root: r, Missing: missing, Objects: len(reached)}
		for _, t := range reached {
			k.Size += m.graph[t].Size
			if _, marked := m.reason[t]; !marked {
				m.reason[t] = r.String()
			}
		}
		m.roots = append(m.roots, k)
		m.reached = append(m.reached, reached)
	}
}

// kept returns the roots, with what each keeps alone.
func (m *marking) kept() []Kept {
	count := make(map[digest.Tree]int, len(m.reason))
	for _, reached := range m.reached {
		for _, t := range reached {
			count[t]++
		}
	}
	for i, reached := range m.reached {
		for _, t := range reached {
			if count[t] == 1 {
				m.roots[i].Alone += m.graph[t].Size
			}
		}
	}
	return m.roots
}

// unmarked returns what no root added so far reaches.
func (m *marking) unmarked() []digest.Tree {
	var list []digest.Tree
	for t := range m.graph {
		if _, marked := m.reason[t]; !marked {
			list = append(list, t)
		}
	}
	return list
}

// recent returns the root that keeps what was added at since or later.
func (g graph) recent(since time.Time) []Root {
	if since.IsZero() {
		return nil
	}
	r := Root{Kind: KindRecent, Name: "added since " + since.Format(time.RFC3339)}
	for t, info := range g {
		if !info.Added.Before(since) {
			r.Trees = append(r.Trees, t)
		}
	}
	if r.Trees == nil {
		return nil
	}
	return []Root{r}
}

// leases returns a root for each of trees that somebody holds a lease on. It asks by claiming each for
// a moment. Trees that went meanwhile are taken out of the graph.
func (g graph) leases(ctx context.Context, st *store.Store, trees []digest.Tree) ([]Root, error) {
	var roots []Root
	for _, t := range trees {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		claim, err := st.Claim(t)
		switch {
		case err == nil:
			err = claim.Release()
		case errors.Is(err, filelock.ErrBusy):
			o := g[t].Object
			roots = append(roots, Root{Kind: KindLease, Name: "on " + label(o), Trees: []digest.Tree{t}, Note: "in use"})
			err = nil
		case errors.Is(err, fs.ErrNotExist):
			delete(g, t)
			err = nil
		}
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(roots, func(a, b Root) int { return cmp.Compare(a.Name, b.Name) })
	return roots, nil
}

// label names an object as people do.
func label(o store.Object) string { return o.Name + "-" + o.Version }

// Why returns, for each root that keeps t, a shortest chain from the root to it: the root, the objects
// between, and t itself. There is none for what is dead or not in the store.
func (c *Collection) Why(t digest.Tree) [][]string {
	if _, present := c.graph[t]; !present {
		return nil
	}
	next := c.graph.toward(t)
	var chains [][]string
	for _, root := range c.Roots {
		best := -1
		var chain []string
		for _, from := range root.Trees {
			step, leads := next[from]
			if !leads || best >= 0 && step.distance >= best {
				continue
			}
			best = step.distance
			chain = []string{root.String()}
			for at := from; ; at = next[at].tree {
				chain = append(chain, label(c.graph[at].Object))
				if at == t {
					break
				}
			}
		}
		if chain != nil {
			chains = append(chains, chain)
		}
	}
	return chains
}

// step is the next object on a shortest way, and how long the way is.
type step struct {
	tree     digest.Tree
	distance int
}

// toward returns, for every object from which references lead to t, the step to take.
func (g graph) toward(t digest.Tree) map[digest.Tree]step {
	referring := map[digest.Tree][]digest.Tree{}
	for from, info := range g {
		for _, ref := range info.Refs {
			referring[ref] = append(referring[ref], from)
		}
	}
	next := map[digest.Tree]step{t: {t, 0}}
	queue := []digest.Tree{t}
	for i := 0; i < len(queue); i++ {
		at := queue[i]
		for _, from := range referring[at] {
			if _, seen := next[from]; !seen {
				next[from] = step{at, next[at].distance + 1}
				queue = append(queue, from)
			}
		}
	}
	return next
}
