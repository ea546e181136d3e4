package npm

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"gostore/internal/release"
	"gostore/internal/tree"
)

// nodeTool is the tool that runs scripts.
const nodeTool = "node"

// libDir is where the packages of a tool's parts lie in its tree.
const libDir = "lib"

// layoutOf returns how the commands of m present themselves: as their definition, whose paths are inside the package, says if it names
// any, else by the field "bin". place is where m is below lib; alone says that it is a program at the top of its tree.
func layoutOf(m *manifest, l release.Layout, place string, alone bool) (release.Layout, error) {
	commands := l.Names
	if len(l.Names) == 0 && len(l.Dirs) == 0 {
		var err error
		if commands, err = m.commands(); err != nil {
			return l, err
		}
		if len(commands) == 0 && !alone {
			return l, fmt.Errorf("package %s: has no commands (field \"bin\"), so it is no tool", m)
		}
	}
	if alone {
		if len(l.Dirs) == 0 && !plain(commands) {
			l.Names = commands
		}
		return l, nil
	}
	l.Names = make(map[string]string, len(commands))
	for name, to := range commands {
		l.Names[name] = path.Join(libDir, place, to)
	}
	l.Dirs = slices.Clone(l.Dirs)
	for i, dir := range l.Dirs {
		l.Dirs[i] = path.Join(libDir, place, dir)
	}
	own, err := limitsOf(m)
	if own.none() {
		l.Runner = cmp.Or(l.Runner, nodeTool)
	}
	return l, err
}

// plain reports whether commands say nothing beyond what is in a tree's directory bin, or no command at all: then the
// tree is asked.
func plain(commands map[string]string) bool {
	for name, to := range commands {
		if to != "bin/"+name {
			return false
		}
	}
	return true
}

// commands returns the paths of m's commands in the package, by name.
func (m *manifest) commands() (map[string]string, error) {
	all := map[string]string{}
	if m.Bin.only != "" {
		all[unscoped(m.Name)] = m.Bin.only
	}
	maps.Copy(all, m.Bin.all)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		to := path.Clean(all[name])
		if err := tree.CheckPath(to); err != nil {
			return nil, fmt.Errorf("package %s: command %q: %q is no path inside the package", m, name, all[name])
		}
		if strings.Contains(name, "/") || release.CheckTool(name) != nil {
			return nil, fmt.Errorf("package %s: %.80q cannot be the name of a command", m, name)
		}
		all[name] = to
	}
	return all, nil
}

// npmPlace is where npm lies below lib, as in the distribution of Node.js.
const npmPlace = "node_modules/npm"

// npmCommands are the commands that npm brings, and their scripts in the package.
var npmCommands = map[string]string{"npm": "bin/npm-cli.js", "npx": "bin/npx-cli.js"}

// npmFor returns the parts for a Node.js that make up npm: the newest release whose engines.node admits it, but none beyond the one
// tagged latest. There are none if no npm says that it runs on it.
func (c *catalog) npmFor(ctx context.Context, on semver) ([]release.Part, error) {
	doc, err := c.get(ctx, "npm")
	if err != nil {
		return nil, err
	}
	end, bounded := parseVersion(doc.tags[latest])
	on.pre = nil // a nightly of Node.js 27 is as good as 27 here
	m, err := doc.newest(func(e entry) bool {
		return len(e.version.pre) == 0 && (!bounded || e.version.compare(end) <= 0) && e.runsOn(doc.name, on)
	})
	if err != nil || m == nil {
		return nil, err
	}
	root, err := c.grow(ctx, m)
	if err != nil {
		return nil, err
	}
	var all []*node
	for _, child := range root.children {
		all = child.all(all)
	}
	return partsOf(slices.Values(all))
}

// all appends n and everything below it.
func (n *node) all(list []*node) []*node {
	list = append(list, n)
	for _, child := range n.children {
		list = child.all(list)
	}
	return list
}

// runsOn reports whether a version of a package says that it runs on a version of Node.js.
func (e entry) runsOn(name string, on semver) bool {
	m, err := e.manifest(name)
	if err != nil {
		return false
	}
	text, stated := m.Engines["node"]
	r, err := parseRange(text)
	return stated && err == nil && r.admits(on)
}

// nodeLayout returns how Node.js presents itself: as its definition says, or with what is in bin.
func nodeLayout(l release.Layout, version string) release.Layout {
	if len(l.Dirs) == 0 && len(l.Names) == 0 {
		l.Dirs = []string{"bin"}
	}
	if len(l.Check) == 0 {
		l.Check, l.CheckWant = []string{"node", "--version"}, version
	}
	if l.CheckWant == version {
		l.CheckWant = "v" + version // as it says itself
	}
	return l
}
