package npm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"gostore/internal/definition"
	"gostore/internal/release"
)

// Resolve finds the version that a request means, the archives of the wanted platforms, and everything that a tool in JavaScript
// depends on, with their digests; no archive is downloaded. Requests are versions, beginnings of versions, and
// dist-tags. A pre-release is meant only by its whole name or by a dist-tag other than latest.
//
// With platforms nil, those are resolved that the definition states, or definition.DefaultPlatforms, as far as the tool is there
// for them, and the host must be among them; else each of the given must be. A version or platform that does not exist
// is a *release.NotFoundError. Everything else that goes wrong for any package is an error of Resolve.
func (s *Source) Resolve(ctx context.Context, req release.Request, platforms []release.Platform) (release.Release, error) {
	d, defined := s.find(req.Tool)
	w := wanted{must: platforms, all: platforms}
	if platforms == nil {
		w.must, w.all = []release.Platform{s.host}, definition.DefaultPlatforms()
		if len(d.Platforms) > 0 {
			w.all = slices.Clone(d.Platforms)
		}
		if !slices.Contains(w.all, s.host) {
			w.all = append(w.all, s.host)
		}
	}
	c := s.newCatalog()
	if defined && d.PerPlatform() {
		return c.program(ctx, d, req, w)
	}
	name, err := s.packageFor(req.Tool, s.host)
	if err != nil {
		return release.Release{}, err
	}
	doc, err := c.get(ctx, name)
	if err != nil {
		return release.Release{}, notFound(err, req.Tool)
	}
	m, err := doc.request(req.Tool, req.Version)
	if err != nil {
		return release.Release{}, err
	}
	return c.tool(ctx, m, d, req, w)
}

// wanted are the platforms to resolve, of which some must be there.
type wanted struct{ must, all []release.Platform }

// check returns what Resolve says if a platform that must be there is not.
func (w wanted) check(r release.Release) error {
	for _, p := range w.must {
		if _, ok := r.Archives[p]; !ok {
			return &release.NotFoundError{Tool: r.Tool, Version: r.Version, Platform: &p, Have: platformNames(maps.Keys(r.Archives))}
		}
	}
	return nil
}

func platformNames(platforms func(yield func(release.Platform) bool)) []string {
	var names []string
	for _, p := range slices.SortedFunc(platforms, release.Platform.Compare) {
		names = append(names, p.String())
	}
	return names
}

// tool resolves a package and all that it depends on.
func (c *catalog) tool(ctx context.Context, m *manifest, d definition.Definition, req release.Request, w wanted) (release.Release, error) {
	r := release.Release{Tool: req.Tool, Version: m.Version, Source: definition.SourceNPM, Unlogged: true, Archives: map[release.Platform]release.Archive{}}
	sum, err := m.digest()
	if err != nil {
		return r, err
	}
	root, err := c.grow(ctx, m)
	if err != nil {
		return r, err
	}
	main := root.children[m.Name]
	used := map[*node]bool{}
	for _, p := range w.all {
		nodes, ok, err := main.on(p)
		if err != nil {
			return r, err
		}
		if ok {
			r.Archives[p] = release.Archive{From: m.String(), Digest: sum}
			maps.Copy(used, nodes)
		}
	}
	if err := w.check(r); err != nil {
		return r, err
	}
	alone, err := main.isProgram()
	if err == nil && !alone {
		r.Parts, err = partsOf(maps.Keys(used))
	}
	if err != nil {
		return r, err
	}
	r.Layout, err = layoutOf(m, d.LayoutFor(m.Version), main.place(), alone)
	return r, err
}

// isProgram reports whether n is a program for some platforms that needs no other package: then its tree is that of the
// archive, without lib/node_modules.
func (n *node) isProgram() (bool, error) {
	l, err := limitsOf(n.manifest)
	return !l.none() && len(n.found) == 0, err
}

// program resolves a tool that has a package for each platform.
func (c *catalog) program(ctx context.Context, d definition.Definition, req release.Request, w wanted) (release.Release, error) {
	r := release.Release{Tool: req.Tool, Source: definition.SourceNPM, Unlogged: true, Archives: map[release.Platform]release.Archive{}}
	names := map[release.Platform]string{}
	for _, p := range w.all {
		name, err := packageOf(d, p)
		if err != nil {
			return r, err
		}
		names[p] = name
	}
	c.ahead(ctx, maps.Values(names))
	first, err := c.get(ctx, names[w.must[0]])
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%w: %w", &release.NotFoundError{Tool: req.Tool, Version: req.Version, Platform: &w.must[0]}, err)
	}
	if err != nil {
		return r, err
	}
	m, err := first.request(req.Tool, req.Version)
	if err != nil {
		return r, err
	}
	r.Version = m.Version
	for p, name := range names {
		a, err := c.programArchive(ctx, name, m.Version)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return r, err
		}
		if err == nil {
			r.Archives[p] = a
		}
	}
	if err := w.check(r); err != nil {
		return r, err
	}
	if req.Tool == nodeTool {
		if r.Parts, err = c.npmFor(ctx, m.version); err != nil {
			return r, err
		}
		r.Layout = nodeLayout(d.LayoutFor(m.Version), m.Version)
		return r, nil
	}
	r.Layout, err = layoutOf(m, d.LayoutFor(m.Version), "", true)
	return r, err
}

// programArchive returns the archive of one platform's package. errors.Is(err, fs.ErrNotExist) holds if there is none.
func (c *catalog) programArchive(ctx context.Context, name, version string) (release.Archive, error) {
	doc, err := c.get(ctx, name)
	if err != nil {
		return release.Archive{}, err
	}
	m, err := doc.manifest(version)
	if err != nil {
		return release.Archive{}, err
	}
	if m == nil {
		return release.Archive{}, fs.ErrNotExist
	}
	sum, err := m.digest()
	return release.Archive{From: m.String(), Digest: sum}, err
}

// on returns the packages of the tree of main that are used on a platform, and whether main is there for it at all: neither main nor
// anything that it cannot do without may be limited to others. A main package that has its programs in optional packages, several
// that state both system and processor, is only where one of them is.
func (main *node) on(p release.Platform) (nodes map[*node]bool, ok bool, err error) {
	nodes = map[*node]bool{}
	if ok, err = main.collect(p, nodes); err != nil || !ok {
		return nil, false, err
	}
	programs, here := 0, 0
	for _, e := range main.edges {
		child := main.found[e.name]
		if e.kind != optional || child == nil {
			continue
		}
		if l, _ := limitsOf(child.manifest); len(l.os) > 0 && len(l.cpu) > 0 {
			programs++
			if nodes[child] {
				here++
			}
		}
	}
	return nodes, programs < 2 || here > 0, nil
}

// collect adds n and what it uses on p to nodes, and reports whether that is complete.
func (n *node) collect(p release.Platform, nodes map[*node]bool) (bool, error) {
	if nodes[n] {
		return true, nil
	}
	l, err := limitsOf(n.manifest)
	if err != nil || !l.admit(p) {
		return false, err
	}
	nodes[n] = true
	for _, e := range n.edges {
		child := n.found[e.name]
		if child == nil {
			continue
		}
		ok, err := child.collect(p, nodes)
		if err != nil || !ok && e.kind != optional && e.kind != optionalPeer {
			return false, err
		}
	}
	return true, nil
}

// partsOf returns the parts that nodes are, sorted.
func partsOf(nodes func(yield func(*node) bool)) ([]release.Part, error) {
	var parts []release.Part
	for n := range nodes {
		sum, err := n.manifest.digest()
		if err != nil {
			return nil, err
		}
		l, err := limitsOf(n.manifest)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{n.place(), n.manifest.Name, n.manifest.Version, l, sum}.part())
	}
	slices.SortFunc(parts, release.Part.Compare)
	return parts, nil
}
