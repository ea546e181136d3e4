package npm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Limits of a dependency tree. The largest of well-known command-line tools have 1,500 packages, nested 5 deep.
const (
	maxPackages = 10_000
	maxNesting  = 20
)

// kind is how a package needs another.
type kind int

const (
	required kind = iota
	optional
	peer         // somebody above brings it, or else it is put where that could have
	optionalPeer // only what somebody else brings
)

// edge is a package's need of another, which it knows by name.
type edge struct {
	name string
	kind kind
	spec spec
}

// node is a package at its place. The root has no manifest: its children are those directly in lib/node_modules.
type node struct {
	parent   *node
	name     string // of its directory in the parent's node_modules
	manifest *manifest
	children map[string]*node
	edges    []edge           // sorted by name
	found    map[string]*node // what a name of edges leads to; nothing for what is left out
}

// grow returns the root of the tree of main and all that it needs.
//
// The places are chosen as npm chooses them: each package as high as possible, where it is shared, and below those who need it
// where another version is in the way. Packages are settled in the order in which they were found, the needs of each by
// name: the same manifests give the same tree.
func (c *catalog) grow(ctx context.Context, main *manifest) (*node, error) {
	root := &node{children: map[string]*node{}}
	first, err := root.add(main.Name, main)
	if err != nil {
		return nil, err
	}
	count := 1
	for level := []*node{first}; len(level) > 0; {
		c.ahead(ctx, missingNames(level))
		var next []*node
		for _, n := range level {
			added, err := c.settle(ctx, n)
			if err != nil {
				return nil, err
			}
			next = append(next, added...)
		}
		if count += len(next); count > maxPackages {
			return nil, fmt.Errorf("package %s: depends on more than %d packages", main, maxPackages)
		}
		level = next
	}
	return root, nil
}

// add puts a package into the node_modules of n.
func (n *node) add(name string, m *manifest) (*node, error) {
	edges, err := edgesOf(m)
	if err != nil {
		return nil, err
	}
	child := &node{parent: n, name: name, manifest: m, children: map[string]*node{}, edges: edges, found: map[string]*node{}}
	if strings.Count(child.place(), "/node_modules/") >= maxNesting {
		return nil, fmt.Errorf("package %s: its dependencies need each other in ever other versions: %q", m, child.place())
	}
	n.children[name] = child
	return child, nil
}

// place returns where n is, below lib.
func (n *node) place() string {
	if n.parent == nil {
		return ""
	}
	return strings.TrimPrefix(n.parent.place()+"/node_modules/"+n.name, "/")
}

// edgesOf returns what m needs, but for what its own tarball holds. Of needs with one name an optional one counts before a
// plain one, and that before a peer, as for npm.
func edgesOf(m *manifest) ([]edge, error) {
	kinds := map[string]kind{}
	texts := map[string]string{}
	for name, text := range m.Peers {
		kinds[name], texts[name] = peer, text
		if m.PeerMeta[name] {
			kinds[name] = optionalPeer
		}
	}
	for name, text := range m.Needs {
		kinds[name], texts[name] = required, text
	}
	for name, text := range m.Optional {
		kinds[name], texts[name] = optional, text
	}
	var edges []edge
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		if m.bundles(name) {
			continue
		}
		if err := checkPackage(name); err != nil {
			return nil, fmt.Errorf("package %s depends on %.80q: %w", m, name, err)
		}
		s, err := parseSpec(name, texts[name])
		switch {
		case err == nil:
			edges = append(edges, edge{name, kinds[name], s})
		case kinds[name] == required || kinds[name] == peer:
			return nil, fmt.Errorf("package %s depends on %q: %w", m, name, err)
		}
	}
	return edges, nil
}

// missingNames returns the packages that the needs of a level lead to, as far as they are not there.
func missingNames(level []*node) func(yield func(string) bool) {
	names := map[string]bool{}
	for _, n := range level {
		for _, e := range n.edges {
			have := n.start(e).look(e.name)
			if e.kind != optionalPeer && (have == nil || e.kind != peer && !e.spec.fits(have.manifest)) {
				names[e.spec.pkg] = true
			}
		}
	}
	return maps.Keys(names)
}

// start returns the place from which n's need is looked for: a peer beside n, everything else in n.
func (n *node) start(e edge) *node {
	if e.kind == peer || e.kind == optionalPeer {
		return n.parent
	}
	return n
}

// look returns what a script in n gets when it asks for name, as Node.js looks for it; nil for nothing.
func (n *node) look(name string) *node {
	for ; n != nil; n = n.parent {
		if child := n.children[name]; child != nil {
			return child
		}
	}
	return nil
}

// need is a package that an edge lacks.
type need struct {
	edge
	manifest *manifest
}

// settle finds what n needs, and puts into the tree what is not there. A peer that is there in another version is taken as it is: to
// share it matters more than its version, and npm does the same for what is not the project's own. It returns what
// was added.
func (c *catalog) settle(ctx context.Context, n *node) (added []*node, err error) {
	var needs []need
	for _, e := range n.edges {
		have := n.start(e).look(e.name)
		switch {
		case have != nil && (e.kind == peer || e.kind == optionalPeer || e.spec.fits(have.manifest)):
			n.found[e.name] = have
			continue
		case e.kind == optionalPeer:
			continue
		}
		m, err := c.pick(ctx, e.spec)
		if e.kind == optional && optionalMissing(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("package %s needs %s@%s: %w", n.manifest, e.name, e.spec.text, err)
		}
		if e.kind != optional || forLibc(m) {
			needs = append(needs, need{e, m})
		}
	}
	// Those with peers last: where they can be put depends on where their peers are.
	slices.SortStableFunc(needs, func(a, b need) int { return min(len(a.manifest.Peers), 1) - min(len(b.manifest.Peers), 1) })
	for _, want := range needs {
		child, err := n.start(want.edge).highest(want).add(want.name, want.manifest)
		if err != nil {
			return nil, err
		}
		n.found[want.name] = child
		added = append(added, child)
	}
	return added, nil
}

// highest returns the highest place for what somebody at from needs: above it another version is in the way, or somebody would get
// it who needs another, or it would not have the peers that it has at from.
func (from *node) highest(want need) *node {
	best := from
	for at := from; at != nil; at = at.parent {
		if at.children[want.name] != nil || !samePeers(from, at, want.manifest) || at.shadows(at, want) {
			break
		}
		best = at
	}
	return best
}

// samePeers reports whether m has at a place the peers that it has at from.
func samePeers(from, at *node, m *manifest) bool {
	for name := range m.Peers {
		if here := from.look(name); here != nil && at.look(name) != here {
			return false
		}
	}
	return true
}

// shadows reports whether what is put into the node_modules of at would be found by n, or anything below it, in place of something
// else from above at that it needs.
func (n *node) shadows(at *node, want need) bool {
	if have := n.found[want.name]; have != nil && have.parent.above(at) {
		i := slices.IndexFunc(n.edges, func(e edge) bool { return e.name == want.name })
		if e := n.edges[i]; n.start(e).within(at) && !e.spec.fits(want.manifest) {
			return true
		}
	}
	for _, child := range n.children {
		if child.shadows(at, want) {
			return true
		}
	}
	return false
}

// above reports whether n is a place higher up on the way from m to the root.
func (n *node) above(m *node) bool { return n != m && m.within(n) }

// within reports whether n is m or below it.
func (n *node) within(m *node) bool {
	for ; n != nil; n = n.parent {
		if n == m {
			return true
		}
	}
	return false
}
