package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/tree"
	"gostore/lock"
	"gostore/profile"
)

// toolDiff is how one tool differs between two sides.
type toolDiff struct {
	profile.ToolChange
	Fields []fieldDiff `json:"fields"` // of two locks: what else they say of it
	Files  []fileDiff  `json:"files"`  // with --files
	// Unread says why the files cannot be compared.
	Unread string `json:"unread,omitempty"`
}

// fieldDiff is one key of a lock.
type fieldDiff struct {
	Field string `json:"field"`
	Was   string `json:"was"`
	Is    string `json:"is"`
}

// fileDiff is how one file differs.
type fileDiff struct {
	Path   string `json:"path"`
	Change string `json:"change"` // "+", "-", "M"
	Was    string `json:"was,omitempty"`
	Is     string `json:"is,omitempty"`
}

// variableDiff is how a variable differs that tools set, or do not want inherited.
type variableDiff struct {
	Name string `json:"name"`
	Was  string `json:"was"` // `set to "…"`, "unset", or "left alone"
	Is   string `json:"is"`
}

// alone pairs two objects whatever their names, and leaves of the other side only what a single object can be compared with.
func alone(was, is *side) {
	switch {
	case was.kind == sideObject && is.kind == sideObject:
		w, i := &was.tools[0], &is.tools[0]
		if w.name != i.name {
			w.version, i.version = w.name+"@"+w.version, i.name+"@"+i.version
			w.name, i.name = sideObject, sideObject
		}
	case was.kind == sideObject:
		is.only(was.tools[0].name)
	case is.kind == sideObject:
		was.only(is.tools[0].name)
	}
}

func (s *side) only(name string) {
	s.tools = slices.DeleteFunc(s.tools, func(t sideTool) bool { return t.name != name })
}

func (s side) byName() map[string][]sideTool {
	m := map[string][]sideTool{}
	for _, t := range s.tools {
		m[t.name] = append(m[t.name], t)
	}
	return m
}

// sameTool compares by what both sides know: trees, else archives, else versions.
func sameTool(a, b sideTool) bool {
	switch {
	case a.extra != b.extra || a.version != b.version:
		return false
	case !a.tree.IsZero() && !b.tree.IsZero():
		return a.tree == b.tree
	case !a.archive.IsZero() && !b.archive.IsZero():
		return a.archive == b.archive
	}
	return true
}

func (a *app) diffTools(was, is side, files bool) ([]toolDiff, error) {
	before, after := was.byName(), is.byName()
	fields := fieldsOf(was.file, is.file)
	names := maps.Clone(before)
	maps.Copy(names, after)
	diffs := []toolDiff{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if len(fields[name]) == 0 && slices.EqualFunc(before[name], after[name], sameTool) {
			continue
		}
		d := toolDiff{
			ToolChange: profile.ToolChange{Tool: name, Was: versions(before[name]), Is: versions(after[name])},
			Fields:     orEmpty(fields[name]), Files: []fileDiff{},
		}
		if files && len(before[name]) > 0 && len(after[name]) > 0 {
			if err := a.diffFiles(&d, before[name][0].tree, after[name][0].tree); err != nil {
				return nil, err
			}
		}
		diffs = append(diffs, d)
	}
	return diffs, nil
}

// fieldsOf returns in what else than versions two locks differ, by tool.
func fieldsOf(was, is *lock.File) map[string][]fieldDiff {
	fields := map[string][]fieldDiff{}
	if was == nil || is == nil {
		return fields
	}
	for _, c := range lock.Diff(was, is) {
		name, request, extra := cutRequest(was, is, c.Tool)
		field := c.Field
		if field == "" || field == "version" {
			continue
		}
		if extra {
			field = request + " " + field
		}
		fields[name] = append(fields[name], fieldDiff{field, c.Was, c.Is})
	}
	return fields
}

// cutRequest takes apart what a lock.Change calls an entry. Names of tools may have an "@" themselves.
func cutRequest(was, is *lock.File, entry string) (name, request string, extra bool) {
	for _, f := range []*lock.File{was, is} {
		for _, t := range f.Tools {
			if entry == t.Name {
				return t.Name, "", false
			}
			if t.Extra && entry == t.Name+"@"+t.Request {
				return t.Name, t.Request, true
			}
		}
	}
	return entry, "", false
}

func versions(tools []sideTool) string {
	var list []string
	for _, t := range tools {
		list = append(list, t.version)
	}
	return strings.Join(list, " ")
}

// diffFiles compares the primary versions of a tool. What is not in the store has no list of files.
func (a *app) diffFiles(d *toolDiff, was, is digest.Tree) error {
	for _, t := range []digest.Tree{was, is} {
		if t.IsZero() {
			d.Unread = "one of the two is not in the store: install it to compare its files"
			return nil
		}
	}
	before, err := a.st.Manifest(was)
	if err == nil {
		var after tree.Manifest
		if after, err = a.st.Manifest(is); err == nil {
			d.Files = fileDiffs(before, after)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		d.Unread, err = "one of the two is not in the store: install it to compare its files", nil
	}
	return err
}

func fileDiffs(before, after tree.Manifest) []fileDiff {
	diffs := []fileDiff{}
	for _, c := range tree.Diff(before, after) {
		d := fileDiff{Path: c.Path, Change: "M", Was: entryWords(c.Was), Is: entryWords(c.Is)}
		switch {
		case c.Was == nil:
			d.Change = "+"
		case c.Is == nil:
			d.Change = "-"
		}
		diffs = append(diffs, d)
	}
	return diffs
}

// diffVariables compares what the environments of two sides set and unset. Values have a mark where the tool's directory is to stand,
// so that two versions of a tool do not differ by that.
func diffVariables(was, is side) []variableDiff {
	before, after := was.variables(), is.variables()
	names := maps.Clone(before)
	maps.Copy(names, after)
	const alone = "left alone"
	diffs := []variableDiff{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if d := (variableDiff{name, cmp.Or(before[name], alone), cmp.Or(after[name], alone)}); d.Was != d.Is {
			diffs = append(diffs, d)
		}
	}
	return diffs
}

// variables returns what a side's environment does to variables, in words. Setting comes after unsetting, as in environment.Apply.
func (s side) variables() map[string]string {
	words := map[string]string{}
	for _, t := range s.tools {
		for _, name := range t.layout.Unset {
			words[name] = "unset"
		}
	}
	for _, t := range s.tools {
		for name, value := range t.layout.Set {
			words[name] = fmt.Sprintf("set to %q", value)
		}
	}
	return words
}

// entryWords describes an entry as far as it matters in a comparison.
func entryWords(e *tree.Entry) string {
	switch {
	case e == nil:
		return ""
	case e.Kind == tree.Link:
		return "link to " + e.Target
	case e.Kind == tree.Dir:
		return e.Kind.String()
	}
	return fmt.Sprintf("%s of %s", e.Kind, size(e.Size))
}

func fileWords(f fileDiff) string {
	switch {
	case f.Change != "M":
		return ", " + f.Was + f.Is
	case f.Was == f.Is:
		return ", other contents"
	}
	return fmt.Sprintf(", %s -> %s", f.Was, f.Is)
}
