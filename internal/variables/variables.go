// Package variables knows who has a say in a variable, and how to tell other programs what was decided.
//
// Layers, of which the highest that says anything counts:
//
//	command line   --env and --unset, then --isolate and --private-home
//	project        [env] of gostore.toml, then [isolate]
//	tools          what the tools of the environment set, and what they do not want inherited
//	process        what gostore itself inherited
//	go env file    what "go env -w" has written
//	go.env         the file of that name in the tree of the locked Go, since Go 1.21
//	default        what the locked Go does when nobody says anything
//
// The last three exist for the go command's own variables only. To the go command an empty variable of the process is
// as good as none: what the go env file says of it counts. So a variable that a project or a tool takes away would come back
// through that file; Returning finds those, and goenv.Without makes a file that lacks them, which GOENV can name.
//
// Everything here computes from what it is given: nothing is read, written or executed.
package variables

import (
	"maps"
	"slices"
	"strings"

	"gostore/internal/environment"
)

// Layer is who says something about a variable. A greater one outranks a lesser one.
type Layer int

// The layers.
const (
	Default Layer = iota
	ToolchainFile
	GoEnvFile
	Process
	Tools
	Project
	CommandLine
)

var layerNames = [...]string{"default", "go.env", "go env file", "process", "tools", "project", "command line"}

// String returns the layer's name, as in the package comment.
func (l Layer) String() string { return layerNames[l] }

// Said is a setting, and who says it.
type Said struct {
	environment.Setting
	Layer Layer
	Place string // "gostore.toml:5", "--env", "go@1.22.6"
}

// Settings returns what Environment.Apply takes: the settings alone, in the same order.
func Settings(said []Said) []environment.Setting {
	list := make([]environment.Setting, len(said))
	for i, s := range said {
		list[i] = s.Setting
	}
	return list
}

// Statement returns what an environment with tools has to say about variables: everything that tools, over and the environment itself set,
// whether it was so before or not, PATH, and what they take away, sorted by name. applied is what Environment.Apply returned. How deep the environment is does not belong to it.
func Statement(tools []environment.Tool, over []environment.Setting, applied []string) []environment.Setting {
	about := map[string]bool{"PATH": true, environment.VarTools: true, environment.VarEnvironment: true}
	for _, t := range tools {
		for name := range t.Layout.Set {
			about[name] = true
		}
		for _, name := range t.Layout.Unset {
			about[name] = true
		}
	}
	for _, s := range over {
		about[s.Name] = true
	}
	values := asMap(applied)
	var list []environment.Setting
	for _, name := range names(about) {
		value, ok := values[name]
		list = append(list, environment.Setting{Name: name, Value: value, Unset: !ok})
	}
	return list
}

// asMap returns the variables of an environment; the last of a name counts.
func asMap(environ []string) map[string]string {
	m := make(map[string]string, len(environ))
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok && name != "" {
			m[name] = value
		}
	}
	return m
}

// names returns the names of m, sorted.
func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
