package environment

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"gostore/internal/tree"
	"gostore/store"
)

// command is what one name in bin stands for.
type command struct {
	tool   Tool
	path   string   // in the tool's tree
	runner *command // what runs the file at path, nil where it is a program itself
}

// RunnerError says that a tool's commands are scripts which another tool has to run, and that the environment does not have that
// one.
type RunnerError struct {
	Tool   string // NAME@VERSION
	Runner string
}

func (e *RunnerError) Error() string {
	return fmt.Sprintf("%s is run by %s, which is not among the tools", e.Tool, e.Runner)
}

// commands returns what bin holds.
func (e Environment) commands(st *store.Store) (map[string]command, error) {
	all := make(map[string]command)
	for _, t := range e.Tools {
		m, err := st.Manifest(t.Tree)
		if err != nil {
			return nil, fmt.Errorf("building an environment with %s: %w", t, err)
		}
		names, err := t.Commands(m)
		if err != nil {
			return nil, fmt.Errorf("building an environment with %s: %w", t, err)
		}
		for name, path := range names {
			c := command{tool: t, path: path}
			other, taken := all[name]
			if taken && (other.tool.Tree != t.Tree || other.path != path) {
				return nil, conflict(other.tool, t, ConflictError{Command: name})
			}
			all[name] = c
		}
	}
	return all, e.addRunners(all)
}

// addRunners says for every command that is a script which command runs it.
func (e Environment) addRunners(all map[string]command) error {
	for name, c := range all {
		runner := c.tool.Layout.Runner
		if runner == "" {
			continue
		}
		by, ok := all[runner]
		if !ok || by.tool.Layout.Runner != "" {
			return &RunnerError{c.tool.String(), runner}
		}
		c.runner = &by
		all[name] = c
	}
	return nil
}

func conflict(a, b Tool, e ConflictError) error {
	e.Tools = [2]string{a.String(), b.String()}
	slices.Sort(e.Tools[:])
	return &e
}

// Commands returns the paths in the tool's tree of the commands that it brings, by name; m is the tree's manifest. An extra brings those of
// Layout.Names that say its version, or else all of its commands with the version added to their names.
func (t Tool) Commands(m tree.Manifest) (map[string]string, error) {
	own, err := t.named(m)
	if err != nil {
		return nil, err
	}
	versioned := make(map[string]string)
	if t.Extra && t.hasVersionedNames() {
		for name, to := range own {
			if strings.HasSuffix(name, t.Version) {
				versioned[name] = to
			}
		}
		return versioned, nil
	}
	plain, err := t.plain(m)
	if err != nil {
		return nil, err
	}
	for name, to := range own {
		plain[name] = to
	}
	if !t.Extra {
		return plain, nil
	}
	for name, to := range plain {
		versioned[name+t.Version] = to
	}
	return versioned, nil
}

// hasVersionedNames reports whether Layout.Names says the version somewhere, as go1.22.6 does.
func (t Tool) hasVersionedNames() bool {
	for name := range t.Layout.Names {
		if strings.HasSuffix(name, t.Version) {
			return true
		}
	}
	return false
}

// named returns the commands of Layout.Names.
func (t Tool) named(m tree.Manifest) (map[string]string, error) {
	for name, to := range t.Layout.Names {
		if strings.Contains(name, "/") || name == "" || name == "." || name == ".." {
			return nil, fmt.Errorf("command %q: want a plain name", name)
		}
		e, ok := m.Find(to)
		if !ok || !runs(m, e) && (t.Layout.Runner == "" || e.Kind != tree.File) {
			return nil, fmt.Errorf("command %q: %q is no executable file of the tree", name, to)
		}
	}
	return t.Layout.Names, nil
}

// plain returns the commands that go by the names of their files.
func (t Tool) plain(m tree.Manifest) (map[string]string, error) {
	dirs := t.Layout.Dirs
	if len(dirs) == 0 {
		if len(t.Layout.Names) > 0 {
			return map[string]string{}, nil
		}
		if only := m.Entries(); len(only) == 1 && only[0].Kind == tree.Exec {
			return map[string]string{path.Base(t.Name): only[0].Path}, nil
		}
		dirs = []string{"."}
		if e, ok := m.Find("bin"); ok && e.Kind == tree.Dir {
			dirs = []string{"bin"}
		}
	}
	names := make(map[string]string)
	for _, e := range m.Entries() {
		dir, name := path.Split(e.Path)
		if !slices.Contains(dirs, path.Clean(dir)) || !runs(m, e) {
			continue
		}
		if other, ok := names[name]; ok {
			return nil, fmt.Errorf("command %q is both %q and %q", name, other, e.Path)
		}
		names[name] = e.Path
	}
	return names, nil
}

// runs reports whether e is an executable file, or a link that leads to one in its tree.
func runs(m tree.Manifest, e tree.Entry) bool {
	for range 40 { // as many links as Linux follows
		if e.Kind != tree.Link {
			return e.Kind == tree.Exec
		}
		next, ok := m.Find(path.Join(path.Dir(e.Path), e.Target))
		if !ok {
			return false
		}
		e = next
	}
	return false
}
