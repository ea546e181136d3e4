package environment

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"runtime/trace"
	"slices"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/store"
)

// toStore leads from a directory of an environment, such as bin, to the directory that holds all objects.
const toStore = "../../"

// toolsDir is where an environment links to the objects of its tools.
const toolsDir = "tools"

//go:embed shell/launcher.sh
var launcherSh string

// ConflictError says that two tools of an environment claim the same command, or the same
// variable with different values.
type ConflictError struct {
	Command  string // the command, or "" where a variable is claimed
	Variable string
	Tools    [2]string // NAME@VERSION of both, sorted
}

func (e *ConflictError) Error() string {
	what, name := "command", e.Command
	if name == "" {
		what, name = "variable", e.Variable
	}
	return fmt.Sprintf("%s and %s both give the %s %q", e.Tools[0], e.Tools[1], what, name)
}

// Build returns a lease on the environment of tools, making its object where the store has none
// yet. The caller holds leases on the tools' objects. A tool whose object is not there is a
// *store.NotPresentError, tools that do not go together are a *ConflictError.
//
// An environment that was built before is found by its recipe, which the store's index remembers
// like an archive: then no manifest is read and nothing is written.
func Build(ctx context.Context, st *store.Store, tools []Tool) (*store.Lease, error) {
	defer trace.StartRegion(ctx, "build environment").End()
	e := newEnvironment(tools)
	if err := e.checkVariables(); err != nil {
		return nil, err
	}
	if strings.Contains(st.Dir(), ":") {
		return nil, fmt.Errorf("building an environment in %q: a directory with \":\" in its name cannot stand on PATH", st.Dir())
	}
	bases := make(map[digest.Tree]string, len(e.Tools))
	for _, t := range e.Tools {
		o, err := st.Lookup(t.Tree)
		if err != nil {
			return nil, fmt.Errorf("building an environment with %s: %w", t, err)
		}
		bases[t.Tree] = o.Base()
	}
	files, err := e.files()
	if err != nil {
		return nil, err
	}
	recipe := recipe(files, bases)
	lease, err := st.LeaseArchive(ctx, recipe)
	if !errors.Is(err, fs.ErrNotExist) {
		return lease, err
	}
	commands, err := e.commands(st)
	if err != nil {
		return nil, err
	}
	spec := store.Spec{Name: ObjectName, Version: e.label(), Archive: recipe, Refs: slices.SortedFunc(maps.Keys(bases), compareTrees)}
	return st.Add(ctx, spec, func(stage *store.Stage) error { return fill(stage, e.Tools, files, commands, bases) })
}

// sink is what an environment is written to: a stage.
type sink interface {
	Dir(path string) error
	File(path string, exec bool, data []byte) error
	Link(path, target string) error
}

// fill writes an environment to a stage.
func fill(stage sink, tools []Tool, files map[string]string, commands map[string]command, bases map[digest.Tree]string) error {
	for name, content := range files {
		if err := stage.File(name, false, []byte(content)); err != nil {
			return err
		}
	}
	if err := stage.Dir("bin"); err != nil {
		return err
	}
	// Whatever the commands are, links or launchers, the tree itself says which objects it needs.
	for _, base := range bases {
		if err := stage.Link(toolsDir+"/"+base, toStore+base); err != nil {
			return err
		}
	}
	if err := linkDirs(stage, tools, bases); err != nil {
		return err
	}
	for name, c := range commands {
		base := bases[c.tool.Tree]
		var err error
		switch {
		case c.tool.Layout.HomeVar != "":
			err = stage.File("bin/"+name, true, []byte(launcher(c.tool.Layout, base, c.path)))
		case c.runner != nil:
			runner := bases[c.runner.tool.Tree] + "/" + c.runner.path
			err = stage.File("bin/"+name, true, []byte(runLauncher(runner, base, c.path)))
		default:
			err = stage.Link("bin/"+name, toStore+base+"/"+c.path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// files returns the contents of what is neither command nor directory, by path.
func (e Environment) files() (map[string]string, error) {
	data, err := e.encode()
	if err != nil {
		return nil, err
	}
	files := e.startFiles()
	files[fileName] = string(data)
	return files, nil
}

// recipe returns the digest of everything that decides what an environment's tree is. What else is
// in the tree follows from the trees of the tools, whose digests are in fileName.
func recipe(files map[string]string, bases map[digest.Tree]string) digest.Archive {
	h := sha256.New()
	fmt.Fprintf(h, "gostore environment %d\n%q\n", format, launcherSh)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%q %q\n", name, files[name])
	}
	for _, base := range slices.Sorted(maps.Values(bases)) {
		fmt.Fprintf(h, "%q\n", base)
	}
	return digest.SHA256Sum([sha256.Size]byte(h.Sum(nil)))
}

// launcher returns the shell script that stands in bin for a command of a tool that needs HomeVar
// to hold the directory of its tree, and may need the variables of Default.
func launcher(l release.Layout, base, path string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#!/bin/sh\nobject=%s\n%s%s=$home\nexport %[3]s\n", quoteSh(base), launcherSh, l.HomeVar)
	for _, name := range slices.Sorted(maps.Keys(l.Default)) {
		fmt.Fprintf(&b, "if [ -z \"${%s+x}\" ]; then %[1]s=%s; export %[1]s; fi\n", name, quoteSh(l.Default[name]))
	}
	fmt.Fprintf(&b, "exec \"$home/\"%s \"$@\"\n", quoteSh(path))
	return b.String()
}

// runLauncher returns the shell script that stands in bin for a command that another tool of the environment runs. runner and
// path are below the directory of all objects and below base.
func runLauncher(runner, base, path string) string {
	return fmt.Sprintf("#!/bin/sh\nobject=%s\n%sexec \"${home%%/*}/\"%s \"$home/\"%s \"$@\"\n",
		quoteSh(base), launcherSh, quoteSh(runner), quoteSh(path))
}

// checkVariables refuses variables that cannot be set, that are Apply's own, or about which two
// tools differ. Their names go into shell scripts as they are.
func (e Environment) checkVariables() error {
	owner := make(map[string]Tool)
	for _, t := range e.Tools {
		names := slices.Concat(t.Layout.Unset, slices.Collect(maps.Keys(t.Layout.Set)), slices.Collect(maps.Keys(t.Layout.Default)))
		if t.Layout.HomeVar != "" {
			names = append(names, t.Layout.HomeVar)
		}
		for _, name := range names {
			if !release.IsVariable(name) || name == "PATH" || strings.HasPrefix(name, "GOSTORE_") {
				return fmt.Errorf("building an environment with %s: variable %q cannot be a tool's", t, name)
			}
		}
		for name, value := range t.Layout.Set {
			if strings.Contains(value, "\x00") {
				return fmt.Errorf("building an environment with %s: variable %q: value %q holds a zero byte", t, name, value)
			}
			if other, ok := owner[name]; ok && other.Layout.Set[name] != value {
				return conflict(other, t, ConflictError{Variable: name})
			}
			owner[name] = t
		}
	}
	return nil
}

func compareTrees(a, b digest.Tree) int { return strings.Compare(a.Hex(), b.Hex()) }
