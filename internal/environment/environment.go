// Package environment keeps environments: objects that put several tools side by side.
//
// An environment is a tree like any other, made of
//
//	bin/COMMAND         a relative link to the command in its tool's object
//	tools/OBJECT        a relative link to each tool's object
//	environment.json    the tools, with the layout of each
//	shell/…             start files that keep bin first on PATH in interactive shells
//
// The same tools give the same tree, and so the same digest, on every machine: nothing in it
// depends on the time, on the user, or on where the store lies. A command costs nothing to
// start through its link. Only a tool that cannot find its own tree (Layout.HomeVar) is started
// by a few lines of shell instead, which tell it.
//
// Names are settled when an environment is built. A primary tool owns the plain names of its
// commands, an extra one (Tool.Extra) only those in Layout.Names. Two tools that claim one
// command, or one variable with two values, are a *ConflictError and no environment: which of
// them wins must not depend on the order in which somebody wrote them down.
//
// Load and Apply lie on the way to every program that is started in an environment. They
// read one small file and otherwise only compute.
//
// What an environment does not promise: that its tools are there. Its object refers to theirs, so the
// collector keeps them; what is removed by hand is found by store.Verify and by Check.
package environment

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/smallfile"
	"gostore/store"
)

// ObjectName is the name under which environments lie in the store: they refer to their tools.
const ObjectName = store.Referring

// fileName is the file of an environment that says what is in it.
const fileName = "environment.json"

// format is the version of fileName that this package reads and writes.
const format = 1

// Tool is one tool of an environment: a release, the object it was unpacked to, and how it
// presents itself.
type Tool struct {
	Name    string         `json:"name"`
	Request string         `json:"request,omitempty"` // what was asked for, TOOL@VERSION
	Version string         `json:"version"`
	Source  string         `json:"source,omitempty"`
	Extra   bool           `json:"extra,omitempty"` // only Layout.Names, not the plain names
	Tree    digest.Tree    `json:"tree"`
	Archive digest.Archive `json:"archive,omitzero"`
	Layout  release.Layout `json:"layout"`
}

// String returns NAME@VERSION.
func (t Tool) String() string { return t.Name + "@" + t.Version }

// Environment is what an environment's object says about itself.
type Environment struct {
	Tools []Tool // sorted: by name, the primary one first, then by version
}

// file is the shape of fileName.
type file struct {
	Format int    `json:"format"`
	Tools  []Tool `json:"tools"`
}

// Load reads the environment in dir, an object's directory or a link that leads to one.
// errors.Is(err, fs.ErrNotExist) holds when there is none.
func Load(dir string) (Environment, error) {
	data, err := smallfile.Read(filepath.Join(dir, fileName))
	if err != nil {
		return Environment{}, fmt.Errorf("reading the environment in %q: %w", dir, err)
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return Environment{}, fmt.Errorf("reading the environment in %q: %w", dir, err)
	}
	if f.Format != format {
		return Environment{}, fmt.Errorf("reading the environment in %q: has format %d, this gostore reads format %d", dir, f.Format, format)
	}
	return Environment{f.Tools}, nil
}

// newEnvironment sorts tools into the one order that an environment has.
func newEnvironment(tools []Tool) Environment {
	sorted := slices.SortedFunc(slices.Values(tools), func(a, b Tool) int {
		return cmp.Or(
			cmp.Compare(a.Name, b.Name),
			compareBool(a.Extra, b.Extra),
			cmp.Compare(a.Version, b.Version),
			cmp.Compare(a.Tree.Hex(), b.Tree.Hex()),
			cmp.Compare(a.Request, b.Request),
		)
	})
	return Environment{sorted}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// encode returns the bytes of fileName: one sequence for one set of tools.
func (e Environment) encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	tools := e.Tools
	if tools == nil {
		tools = []Tool{}
	}
	if err := enc.Encode(file{format, tools}); err != nil {
		return nil, fmt.Errorf("encoding an environment: %w", err)
	}
	return b.Bytes(), nil
}

// String returns the tools as NAME@VERSION, separated by spaces.
func (e Environment) String() string {
	names := make([]string, len(e.Tools))
	for i, t := range e.Tools {
		names[i] = t.String()
	}
	return strings.Join(names, " ")
}

// maxLabel keeps an object's file name well below the 255 bytes that file systems allow.
const maxLabel = 80

// label returns what stands for the version in the object's name: go-1.22.6+node-22.1.0, and
// after maxLabel bytes only how many more tools there are.
func (e Environment) label() string {
	if len(e.Tools) == 0 {
		return "empty"
	}
	const room = len("+999-more")
	var b strings.Builder
	for i, t := range e.Tools {
		part := t.Name[strings.LastIndexByte(t.Name, '/')+1:] + "-" + t.Version
		if i > 0 {
			part = "+" + part
		}
		if b.Len()+len(part) > maxLabel-room {
			return strings.TrimPrefix(fmt.Sprintf("%s+%d-more", &b, len(e.Tools)-i), "+")
		}
		b.WriteString(part)
	}
	return b.String()
}
