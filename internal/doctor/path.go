package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var pathProbe = Probe{
	Name: "path", About: "which program each command of the tools is on PATH, and why",
	Kinds: []Kind{
		{"path-shadowed", "another program comes before gostore's directory on PATH"},
		{"path-other", "a command of the project or profile is another program on PATH, and gostore's is not there"},
		{"path-stale", "a directory of gostore comes first, but of another environment than the project says"},
		{"path-missing", "a command of the profile is not on PATH at all"},
		{"path-duplicate", "several versions of a tool that are not gostore's are on PATH"},
		{"path-relative", "PATH has an entry that depends on the working directory"},
		{"path-unexpanded", "PATH has an entry with a ~ or a $ that nobody replaced"},
		{"path-alias", "a start file gives the name of a command another meaning at the prompt"},
		{"shim-dangling", "a shim leads to a gostore that is gone"},
	},
	run: func(_ context.Context, h *Host) []Finding {
		return slices.Concat(h.commandsOnPath(), h.aliases(), h.pathEntries(), h.danglingShims())
	},
}

// hit is a program that PATH leads to.
type hit struct {
	dir  string // entry of PATH
	path string
	real string // path without links
}

// onPath returns the programs that a command name stands for, the one that is started first. Entries that depend on the
// working directory are passed over.
func (h *Host) onPath(name string) []hit {
	var list []hit
	seen := map[string]bool{}
	for _, dir := range filepath.SplitList(h.getenv("PATH")) {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if !filepath.IsAbs(dir) || err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 || seen[path] {
			continue
		}
		seen[path] = true
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			real = path // it was there a moment ago
		}
		list = append(list, hit{filepath.Clean(dir), path, real})
	}
	return list
}

// where says in which of these situations a command is.
type where int

const (
	right where = iota
	shadowed
	other
	stale
	missing
)

// placeOf finds out what a command is on PATH.
func (h *Host) placeOf(c Command) (where, []hit) {
	hits := h.onPath(c.Name)
	if len(hits) == 0 {
		return missing, nil
	}
	first := hits[0]
	switch {
	case c.Path != "" && first.real == realPath(c.Path), h.isShim(first):
		return right, hits
	case h.isOurs(first):
		return stale, hits
	case slices.ContainsFunc(hits, func(p hit) bool { return h.serves(p, c) }):
		return shadowed, hits
	}
	return other, hits
}

// serves reports whether c would be right if p came first: p is a shim, or the program, or what the profile has.
func (h *Host) serves(p hit, c Command) bool {
	return h.isShim(p) || c.Path != "" && p.real == realPath(c.Path) || p.dir == h.binOf(c)
}

// binOf returns the directory of the profile that c is a command of, "" for a command of a project.
func (h *Host) binOf(c Command) string {
	for _, p := range h.Profiles {
		if c.OfProfile && c.From == fmt.Sprintf("profile %q", p.Name) {
			return p.Bin
		}
	}
	return ""
}

// isShim reports whether a program is a shim: which version it starts is decided when it is started. A shim is a link to gostore, in the
// directory of shims or in a project's own.
func (h *Host) isShim(p hit) bool {
	return p.dir == h.shimsDir() || p.real != p.path && strings.HasPrefix(filepath.Base(p.real), "gostore")
}

// isOurs reports whether PATH leads to a program through one of gostore's directories, or straight into the store.
func (h *Host) isOurs(p hit) bool {
	return slices.Contains(h.bins(), p.dir) || h.Root != "" && strings.HasPrefix(p.real, realPath(h.Root)+"/store/")
}

func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// commandsOnPath looks at the commands of the tools; those of one tool that are in one situation make one finding.
func (h *Host) commandsOnPath() []Finding {
	type group struct {
		tool string
		at   where
	}
	var order []group
	members := map[group][]Command{}
	seen := map[string]bool{}
	for _, c := range h.Wanted {
		if seen[c.Name] {
			continue // the project counts before the profile
		}
		seen[c.Name] = true
		at, _ := h.placeOf(c)
		g := group{c.Tool, at}
		if members[g] == nil {
			order = append(order, g)
		}
		members[g] = append(members[g], c)
	}
	var found []Finding
	for _, g := range order {
		found = append(found, h.aboutCommands(g.at, members[g])...)
	}
	return found
}

// aboutCommands makes the finding about commands of one tool that are in one situation, none where all is well.
func (h *Host) aboutCommands(at where, commands []Command) []Finding {
	c := commands[0]
	for _, o := range commands { // the one that people know the tool by
		if o.Name == c.Tool {
			c = o
		}
	}
	_, hits := h.placeOf(c)
	f := Finding{Subject: c.Name, Evidence: []string{fmt.Sprintf("%s says %s %s", h.short(c.From), c.Tool, c.Version)}}
	for i, p := range hits {
		f.Evidence = append(f.Evidence, fmt.Sprintf("%d. on PATH: %s, %s", i+1, h.short(p.path), h.describe(p)))
	}
	if len(commands) > 1 {
		f.Evidence = append(f.Evidence, "likewise: "+others(commands, c.Name))
	}
	switch at {
	case right:
		return h.duplicates(c, hits)
	case shadowed:
		h.shadows(&f, c, hits)
	case stale:
		f.ID, f.Severity = "path-stale", Warning
		f.Title = fmt.Sprintf("%s is the one of %s, not the one that %s says", c.Name, h.short(hits[0].dir), h.short(c.From))
		f.Mend = h.waysIn(c)
		if env := h.getenv("GOSTORE_ENVIRONMENT"); env != "" && hits[0].dir == filepath.Join(env, "bin") {
			f.Severity = Note // somebody entered it, and may have meant to
		}
	case other:
		f.ID, f.Severity = "path-other", Warning
		f.Title = fmt.Sprintf("%s is another program than the one that %s says, and gostore's is not on PATH", c.Name, h.short(c.From))
		f.Evidence = append(f.Evidence, h.whoPuts(hits[0].dir)...)
		f.Mend = h.waysIn(c)
	case missing:
		if !c.OfProfile {
			return nil // "gostore shell" is a way to use a project's tools, and needs nothing on PATH
		}
		f.ID, f.Severity = "path-missing", Warning
		f.Title = fmt.Sprintf("%s is not on PATH: the profile's directory is not there", c.Name)
		f.Mend = h.waysIn(c)
	}
	return []Finding{f}
}

// shadows completes the finding about a command before which another program comes on PATH.
func (h *Host) shadows(f *Finding, c Command, hits []hit) {
	i := slices.IndexFunc(hits, func(p hit) bool { return h.serves(p, c) })
	f.ID, f.Severity = "path-shadowed", Problem
	f.Title = fmt.Sprintf("%s is not gostore's: %s comes before %s on PATH", c.Name, h.short(hits[0].dir), h.short(hits[i].dir))
	puts := h.whoPuts(hits[0].dir)
	f.Evidence = append(f.Evidence, puts...)
	f.Mend = []string{first(hits[i].dir)}
	if len(puts) > 0 {
		f.Mend = append(f.Mend, "# for good: the same line after "+strings.Join(strings.SplitN(puts[len(puts)-1], ":", 3)[:2], ":"))
	}
}

// others names commands but one, a few of them.
func others(commands []Command, but string) string {
	const most = 5
	var names []string
	for _, c := range commands {
		if c.Name != but {
			names = append(names, c.Name)
		}
	}
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// waysIn returns the commands that make c the one that is started.
func (h *Host) waysIn(c Command) []string {
	for _, p := range h.onPath(c.Name) {
		if h.serves(p, c) {
			return []string{first(p.dir)}
		}
	}
	if bin := h.binOf(c); bin != "" {
		return []string{first(bin)}
	}
	if info, err := os.Stat(h.shimsDir()); err == nil && info.IsDir() {
		return []string{first(h.shimsDir())}
	}
	return []string{"gostore shell", "# or for good: gostore shims", "# or at the prompt: " + h.hookLine()}
}

// hookLine returns the line for the start file of the person's shell.
func (h *Host) hookLine() string {
	switch shell := filepath.Base(h.getenv("SHELL")); shell {
	case "fish":
		return "gostore hook fish | source"
	case "zsh":
		return `eval "$(gostore hook zsh)"`
	}
	return `eval "$(gostore hook bash)"`
}

// first returns the command that puts a directory first on PATH.
func first(dir string) string { return fmt.Sprintf("export PATH=%s:\"$PATH\"", quote(dir)) }

// duplicates finds versions of a tool beside gostore's.
func (h *Host) duplicates(c Command, hits []hit) []Finding {
	seen := map[string]bool{}
	var evidence []string
	for _, p := range hits {
		if h.isOurs(p) || h.isShim(p) || p.real == realPath(c.Path) || seen[p.real] {
			continue
		}
		seen[p.real] = true
		evidence = append(evidence, h.short(p.path)+", "+h.describe(p))
	}
	if len(evidence) < 2 {
		return nil
	}
	return []Finding{{
		ID: "path-duplicate", Severity: Note, Subject: c.Name, Evidence: evidence,
		Title: fmt.Sprintf("gostore's %s comes first on PATH, and %d others follow", c.Name, len(evidence)),
		Mend:  []string{"# nothing has to be done; programs that are started with another PATH get one of them"},
	}}
}

// whoPuts returns the lines of start files that name a directory.
func (h *Host) whoPuts(dir string) []string {
	words := []string{dir}
	if home := h.home(); home != "" {
		if rel, ok := strings.CutPrefix(dir, home+"/"); ok {
			words = append(words, "$HOME/"+rel, "~/"+rel, "${HOME}/"+rel)
		}
	}
	if filepath.Dir(dir) == "/usr/bin" || dir == "/usr/bin" || dir == "/bin" || dir == "/usr/local/bin" {
		return nil // everybody names them
	}
	var lines []string
	for _, f := range h.startFiles() {
		for _, m := range f.Mentions(words...) {
			lines = append(lines, place(h.short(f.Path), m.Line, m.Text))
		}
	}
	return lines
}

// aliases looks for aliases and functions with the names of commands: at the prompt they come before everything on PATH.
func (h *Host) aliases() []Finding {
	var found []Finding
	files := h.startFiles()
	seen := map[string]bool{}
	for _, c := range h.Wanted {
		if seen[c.Name] {
			continue
		}
		seen[c.Name] = true
		name := regexp.QuoteMeta(c.Name)
		pattern := regexp.MustCompile(`^\s*(alias\s+(-g\s+)?` + name + `[=\s]|function\s+` + name + `\b[^-.]|` + name + `\s*\(\))`)
		for _, f := range files {
			for i, line := range f.Lines {
				if pattern.MatchString(line + " ") {
					found = append(found, Finding{
						ID: "path-alias", Severity: Warning, Subject: c.Name, Evidence: []string{place(h.short(f.Path), i+1, line)}, Mend: []string{edit(f.Path, i+1)},
						Title: fmt.Sprintf("at the prompt %s is an alias or a function, whatever is on PATH", c.Name),
					})
				}
			}
		}
	}
	return found
}

// pathEntries looks at the entries of PATH themselves.
func (h *Host) pathEntries() []Finding {
	var relative, unexpanded []string
	for i, dir := range filepath.SplitList(h.getenv("PATH")) {
		what := fmt.Sprintf("entry %d of PATH is %q", i+1, dir)
		switch {
		case strings.HasPrefix(dir, "~"), strings.HasPrefix(dir, "$"):
			unexpanded = append(unexpanded, what)
		case !filepath.IsAbs(dir):
			relative = append(relative, what)
		}
	}
	var found []Finding
	if relative != nil {
		found = append(found, Finding{
			ID: "path-relative", Severity: Warning, Subject: "PATH", Evidence: relative,
			Title: "PATH has an entry that depends on the working directory: whoever can write there decides what is started",
			Mend:  h.editPath("take it out of PATH"),
		})
	}
	if unexpanded != nil {
		found = append(found, Finding{
			ID: "path-unexpanded", Severity: Warning, Subject: "PATH", Evidence: unexpanded,
			Title: "PATH has an entry that nobody replaced: some shells do it while they look, other programs find nothing there",
			Mend:  h.editPath("write it without quotes around the ~ or $"),
		})
	}
	return found
}

// editPath returns how to come to the lines that set PATH in the user's own start files.
func (h *Host) editPath(what string) []string {
	mend := []string{"# " + what}
	for _, f := range h.startFiles() {
		if set := f.Set("PATH"); len(set) > 0 && strings.HasPrefix(f.Path, h.home()+"/") {
			mend = append(mend, edit(f.Path, set[0].Line))
		}
	}
	return mend
}

// danglingShims finds shims without a gostore behind them.
func (h *Host) danglingShims() []Finding {
	if h.Root == "" {
		return nil
	}
	entries, err := os.ReadDir(h.shimsDir())
	if err != nil {
		return nil // no shims
	}
	var evidence []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue // what the directory says of itself
		}
		path := filepath.Join(h.shimsDir(), e.Name())
		target, err := os.Readlink(path)
		if err != nil {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			evidence = append(evidence, fmt.Sprintf("%s leads to %s, which is not there", h.short(path), h.short(target)))
		}
	}
	if evidence == nil {
		return nil
	}
	return []Finding{{
		ID: "shim-dangling", Severity: Problem, Subject: h.shimsDir(), Evidence: few(evidence),
		Title: "shims lead to a gostore that is gone: their commands are not found", Mend: []string{"gostore shims"},
	}}
}

// few keeps the first of many lines.
func few(lines []string) []string {
	const most = 10
	if len(lines) <= most {
		return lines
	}
	return append(slices.Clone(lines[:most]), fmt.Sprintf("and %d more", len(lines)-most))
}
