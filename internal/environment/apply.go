package environment

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Variables that Apply sets for people, for prompts, and for the start files in shell/.
const (
	VarShell       = "GOSTORE_SHELL"       // how many environments deep: "1", "2", …
	VarTools       = "GOSTORE_TOOLS"       // the tools, as Environment.String writes them
	VarEnvironment = "GOSTORE_ENVIRONMENT" // the directory of the innermost environment
)

// systemPath is what PATH continues with where none is inherited: an environment brings its
// tools, it does not take the system's away.
const systemPath = "/usr/local/bin:/usr/bin:/bin"

// Setting is what is put on top of the variables of an environment's tools: by a project, or on the command line.
type Setting struct {
	Name, Value string
	Unset       bool // the variable is not to be set, whatever is inherited
}

// Apply returns environ (KEY=VALUE, as os.Environ) as a program in the environment should see
// it; dir is the environment's directory, or a link that leads to it. dir's bin comes first on
// PATH and stands there once; variables that the tools do not want inherited are gone; theirs
// are set, then those of over, the last of a name counting, and the ones above.
//
// Other variables keep their order. Where environ has a name twice, the last one counts, as
// for os/exec, and the others are dropped. environ itself is not changed.
func (e Environment) Apply(dir string, environ []string, over ...Setting) []string {
	inherited := make(map[string]string, len(environ))
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok {
			inherited[name] = value
		}
	}
	set := make(map[string]string)
	drop := make(map[string]bool)
	for _, t := range e.Tools {
		for _, name := range t.Layout.Unset {
			drop[name] = true
		}
	}
	for _, t := range e.Tools {
		maps.Copy(set, t.variables(dir))
	}
	for _, v := range over {
		delete(set, v.Name)
		if drop[v.Name] = v.Unset; !v.Unset {
			set[v.Name] = v.Value
		}
	}
	set["PATH"] = searchPath(filepath.Join(dir, "bin"), inherited["PATH"])
	set[VarShell] = nextDepth(inherited[VarShell])
	set[VarTools] = e.String()
	set[VarEnvironment] = dir
	return merge(environ, set, drop)
}

// merge returns environ without duplicates and without drop's names, with set's values: in
// place where environ has the name, after everything else and sorted where it has not.
func merge(environ []string, set map[string]string, drop map[string]bool) []string {
	last := make(map[string]int, len(environ))
	for i, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		last[name] = i
	}
	merged := make([]string, 0, len(environ)+len(set))
	for i, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if last[name] != i {
			continue
		}
		if value, ok := set[name]; ok {
			merged = append(merged, name+"="+value)
		} else if !drop[name] {
			merged = append(merged, kv)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if _, ok := last[name]; !ok {
			merged = append(merged, name+"="+set[name])
		}
	}
	return merged
}

// searchPath returns path with bin first and nowhere else.
func searchPath(bin, path string) string {
	if path == "" {
		path = systemPath
	}
	entries := []string{bin}
	for entry := range strings.SplitSeq(path, ":") {
		// An empty entry means the working directory and is kept: it is the user's choice.
		if entry == "" || filepath.Clean(entry) != bin {
			entries = append(entries, entry)
		}
	}
	return strings.Join(entries, ":")
}

// nextDepth counts one environment deeper than the inherited depth, from 1 where that makes
// no sense.
func nextDepth(inherited string) string {
	n, err := strconv.Atoi(inherited)
	if err != nil || n < 0 || n > 1<<20 {
		n = 0
	}
	return strconv.Itoa(n + 1)
}
