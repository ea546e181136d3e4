package gc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"time"

	"gostore/internal/digest"
	"gostore/internal/filelock"
	"gostore/internal/parallel"
	"gostore/store"
)

// Collection is what a collection would do, as of the moment it was planned.
type Collection struct {
	Roots []Kept   // the roots as they were given, then leases and recent objects; none with Options.DeadOnly
	Live  []Object // reached by a root; Reason is the first one that does; none with Options.DeadOnly
	Dead  []Object // reached by none, each before those it refers to

	// Asides is what was set aside as damaged, which no root keeps. A sweep leaves it.
	Asides []store.Aside

	graph  graph
	listed store.Listing // that graph is of
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
	now, err := st.List()
	if err != nil {
		return nil, fmt.Errorf("listing objects: %w", err)
	}
	c := &Collection{graph: graphOf(now, nil), listed: now, Asides: now.Asides}
	if opt.DeadOnly && opt.KeepAddedSince.IsZero() {
		return c, c.planDead(ctx, st, roots, opt.Also)
	}
	return c, c.plan(ctx, st, roots.with(opt.Also), opt.KeepAddedSince)
}

// plan is Plan for whoever wants to know everything.
func (c *Collection) plan(ctx context.Context, st *store.Store, roots Roots, keepSince time.Time) error {
	g, m := c.graph, c.marking()
	given, err := roots(ctx)
	if err != nil {
		return fmt.Errorf("reading roots: %w", err)
	}
	if err := g.describe(ctx, st, slices.Collect(maps.Keys(g))); err != nil {
		return fmt.Errorf("listing objects: %w", err)
	}
	m.addAll(given)
	m.addAll(g.recent(keepSince))
	leases, err := g.leases(ctx, st, m.unmarked())
	if err != nil {
		return fmt.Errorf("looking for leases: %w", err)
	}
	m.addAll(leases)
	c.Roots = m.kept()
	for t := range m.reason {
		c.Live = append(c.Live, g.object(t, m.reason[t]))
	}
	slices.SortFunc(c.Live, func(a, b Object) int { return compareObjects(a.Object, b.Object) })
	c.setDead(m.unmarked())
	return nil
}

// planDead is Plan for Options.DeadOnly.
func (c *Collection) planDead(ctx context.Context, st *store.Store, roots, also Roots) error {
	m := c.marking()
	leases := func(context.Context) ([]Root, error) { return m.graph.leases(ctx, st, m.unmarked()) }
	for i, read := range []Roots{roots, also, leases} {
		if read == nil || i > 0 && !m.someUnmarked() { // the first are always read, so that what is wrong with them is told
			continue
		}
		found, err := read(ctx)
		if err != nil {
			return fmt.Errorf("reading roots: %w", err)
		}
		if err := m.spread(ctx, st, found); err != nil {
			return fmt.Errorf("listing objects: %w", err)
		}
	}
	dead := m.unmarked()
	if err := c.graph.refer(ctx, st, dead); err != nil {
		return fmt.Errorf("listing objects: %w", err)
	}
	c.setDead(dead)
	return nil
}

// Describe sets what a plan with Options.DeadOnly left out: Size and Added of each of Dead. What went meanwhile is left out.
func (c *Collection) Describe(ctx context.Context, st *store.Store) error {
	var dead []digest.Tree
	for _, o := range c.Dead {
		dead = append(dead, o.Tree)
	}
	if err := c.graph.describe(ctx, st, dead); err != nil {
		return fmt.Errorf("describing objects: %w", err)
	}
	c.Dead = nil
	c.setDead(dead)
	return nil
}

func (c *Collection) marking() *marking {
	return &marking{graph: c.graph, reason: map[digest.Tree]string{}}
}

// setDead sets what is dead. Objects that went since are left out.
func (c *Collection) setDead(trees []digest.Tree) {
	for _, t := range c.graph.referringFirst(trees) {
		if _, present := c.graph[t]; present {
			c.Dead = append(c.Dead, c.graph.object(t, "no root reaches it"))
		}
	}
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
	return g[t].as(reason)
}

// as returns what is known of an object, with a reason.
func (n node) as(reason string) Object {
	return Object{Object: n.Object, Size: n.Size, Added: n.Added, Reason: reason}
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

// firstRead is how many descriptions spread reads at first. Roots that name environments come before those that name everything,
// so few may be enough.
const firstRead = 64

// spread marks what roots reach. What an object refers to is read only as long as something is not marked: where
// every object is named by a root that is found out from names alone.
func (m *marking) spread(ctx context.Context, st describer, roots []Root) error {
	var marked []digest.Tree // by this call; what follows from the first ones is marked already
	mark := func(t digest.Tree) {
		_, present := m.graph[t]
		if _, before := m.reason[t]; present && !before {
			m.reason[t] = ""
			marked = append(marked, t)
		}
	}
	for _, r := range roots {
		for _, t := range r.Trees {
			mark(t)
		}
	}
	for at, n := 0, firstRead; at < len(marked) && m.someUnmarked(); n *= 2 {
		next := marked[at:min(at+n, len(marked))]
		at += len(next)
		if err := m.graph.refer(ctx, st, next); err != nil {
			return err
		}
		m.graph.eachRef(next, mark)
	}
	return nil
}

// someUnmarked reports whether there is an object that no root added so far reaches.
func (m *marking) someUnmarked() bool {
	for t := range m.graph {
		if _, marked := m.reason[t]; !marked {
			return true
		}
	}
	return false
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
	errs := make([]error, len(trees))
	ended := parallel.Each(ctx, runtime.GOMAXPROCS(0), len(trees), func(i int) error {
		claim, err := st.ClaimObject(g[trees[i]].Object)
		if err == nil {
			err = claim.Release()
		}
		errs[i] = err
		return nil
	})
	if ended != nil {
		return nil, ended
	}
	var roots []Root
	for i, t := range trees {
		switch err := errs[i]; {
		case errors.Is(err, filelock.ErrBusy):
			o := g[t].Object
			roots = append(roots, Root{Kind: KindLease, Name: "on " + label(o), Trees: []digest.Tree{t}, Note: "in use"})
		case errors.Is(err, fs.ErrNotExist):
			delete(g, t)
		case err != nil:
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
