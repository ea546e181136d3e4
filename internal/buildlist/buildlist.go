// Package buildlist says which versions of modules a build selects, and why they are not the ones that go.mod names.
//
// It reads what "go list -m -json all" and "go mod graph" print, for which Ask runs them. The go command decides what is selected;
// here its decision is only traced back to the line or the module that brought it about.
package buildlist

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"gostore/internal/check"
)

// Module is one module of a build list.
type Module struct {
	Path    string
	Version string
	Main    bool   // it is the module itself, or one of the workspace
	Dir     string // where it is, if it is here
	Replace *Module
}

// Parse reads the objects that "go list -m -json all" prints.
func Parse(data []byte) ([]Module, error) {
	var list []Module
	d := json.NewDecoder(bytes.NewReader(data))
	for {
		var m Module
		err := d.Decode(&m)
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading a build list: %w", err)
		}
		list = append(list, m)
	}
}

// OfVendor returns the build list that a vendor directory's modules.txt states. It says nothing of why.
func OfVendor(vendored []check.VendoredModule) []Module {
	var list []Module
	for _, v := range vendored {
		m := Module{Path: v.Path, Version: v.Version}
		if v.By != "" {
			path, version, _ := strings.Cut(v.By, " ")
			m.Replace = &Module{Path: path, Version: version}
		}
		list = append(list, m)
	}
	return list
}

// Graph has for each module, as PATH@VERSION or PATH for one of the workspace, what its go.mod requires.
type Graph map[string][]string

// ParseGraph reads what "go mod graph" prints: two words to a line. Lines of another form are passed over.
func ParseGraph(data []byte) Graph {
	g := Graph{}
	for line := range strings.Lines(string(data)) {
		if words := strings.Fields(line); len(words) == 2 {
			g[words[0]] = append(g[words[0]], words[1])
		}
	}
	return g
}

// Path returns a shortest way from a main module to what requires target, by its last but one element; own's direct requirement does not
// count, as that is what is to be explained. It is nil where nothing requires it.
func (g Graph) Path(own, target string) []string {
	from := map[string]string{}
	var queue []string
	for node := range g {
		if !strings.Contains(node, "@") {
			queue = append(queue, node)
			from[node] = ""
		}
	}
	slices.Sort(queue) // any order of a map would do for one answer, but not for the same answer twice
	for len(queue) > 0 {
		node := queue[0]
		queue = queue[1:]
		for _, next := range g[node] {
			if next == target && node != own {
				return trace(from, node)
			}
			if _, seen := from[next]; !seen && next != target {
				from[next] = node
				queue = append(queue, next)
			}
		}
	}
	return nil
}

func trace(from map[string]string, node string) []string {
	var path []string
	for ; node != ""; node = from[node] {
		path = append(path, node)
	}
	slices.Reverse(path)
	return path
}

// Build is what is known of a build.
type Build struct {
	List  []Module
	Graph Graph
	Work  *check.GoFile // the go.work, nil where there is none
}

// Compare returns a finding for each require line of mod that is not what the build selects, with the reason.
func (b Build) Compare(mod check.GoFile) []check.Finding {
	var found []check.Finding
	for _, need := range mod.Needs {
		why, mend := b.difference(mod, need)
		if why == "" {
			continue
		}
		what := need.Path + " " + need.Version
		if need.Indirect {
			what += " (indirect)"
		}
		found = append(found, check.Finding{Rule: check.RuleModules, Severity: check.Warning, File: mod.Path, Line: need.Line,
			Message: what + " is required, but " + why, Mend: mend})
	}
	return found
}

// difference says why the build does not use what need names; why is "" when it does.
func (b Build) difference(mod check.GoFile, need check.Need) (why, mend string) {
	if ban := banned(mod, need); ban != "" {
		return ban + b.instead(need), "go mod tidy"
	}
	i := slices.IndexFunc(b.List, func(m Module) bool { return m.Path == need.Path })
	if i < 0 {
		return "the build list does not have it", "go mod tidy"
	}
	m := b.List[i]
	switch {
	case m.Main && m.Path != mod.Module:
		return "the workspace uses " + b.seen(m.Dir) + b.useLine(m.Dir), ""
	case m.Replace != nil:
		why = "replaced by " + nameOf(*m.Replace) + b.replaceLine(mod, m)
		if m.Version != "" && m.Version != need.Version {
			why += fmt.Sprintf("; without that %s would be selected%s", m.Version, b.because(mod, m))
		}
		return why, ""
	case m.Version != need.Version:
		return fmt.Sprintf("%s is selected%s", m.Version, b.because(mod, m)), fmt.Sprintf("go get %s@%s", m.Path, m.Version)
	}
	return "", ""
}

// banned says where a version that is required is excluded.
func banned(mod check.GoFile, need check.Need) string {
	for _, e := range mod.Bans {
		if e.Mod == (module.Version{Path: need.Path, Version: need.Version}) {
			return fmt.Sprintf("go.mod:%d excludes it", e.Syntax.Start.Line)
		}
	}
	return ""
}

// instead says what is selected where the required version is excluded.
func (b Build) instead(need check.Need) string {
	for _, m := range b.List {
		if m.Path == need.Path {
			return ", so " + m.Version + " is selected, the highest that another module requires"
		}
	}
	return ", and nothing else requires another version"
}

// because names what requires the selected version.
func (b Build) because(mod check.GoFile, m Module) string {
	path := b.Graph.Path(mod.Module, m.Path+"@"+m.Version)
	switch len(path) {
	case 0:
		return ""
	case 1:
		return ", because the workspace's " + path[0] + " requires it"
	case 2:
		return ", because " + path[1] + " requires it"
	}
	return ", because " + path[len(path)-1] + " requires it (" + strings.Join(path, " > ") + ")"
}

// replaceLine names the line that replaces a module.
func (b Build) replaceLine(mod check.GoFile, m Module) string {
	at := func(swaps []modfile.Replace, file string) string {
		for _, r := range swaps {
			if r.Old.Path == m.Path && (r.Old.Version == "" || r.Old.Version == m.Version) {
				return fmt.Sprintf(" (%s:%d)", file, r.Syntax.Start.Line)
			}
		}
		return ""
	}
	if b.Work != nil {
		if line := at(b.Work.Swaps, "go.work"); line != "" {
			return line
		}
	}
	return at(mod.Swaps, "go.mod")
}

// useLine names the line by which the workspace has a directory.
func (b Build) useLine(dir string) string {
	if b.Work == nil {
		return ""
	}
	for _, stmt := range b.Work.Syntax.Stmt {
		lines := []*modfile.Line{}
		switch s := stmt.(type) {
		case *modfile.Line:
			lines = append(lines, s)
		case *modfile.LineBlock:
			lines = s.Line
		}
		for _, line := range lines {
			if last := line.Token[len(line.Token)-1]; filepath.Join(filepath.Dir(b.Work.Path), filepath.FromSlash(last)) == filepath.Clean(dir) {
				return fmt.Sprintf(" (go.work:%d)", line.Start.Line)
			}
		}
	}
	return ""
}

// seen returns a directory as the workspace sees it.
func (b Build) seen(dir string) string {
	if b.Work == nil {
		return dir
	}
	if rel, err := filepath.Rel(filepath.Dir(b.Work.Path), dir); err == nil {
		return "./" + filepath.ToSlash(rel)
	}
	return dir
}

func nameOf(m Module) string {
	if m.Version == "" {
		return m.Path
	}
	return m.Path + " " + m.Version
}
