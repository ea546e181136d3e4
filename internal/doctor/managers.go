package doctor

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gostore/internal/textfile"
)

var managersProbe = Probe{
	Name: "managers", About: "other version managers, and which of them wins",
	Kinds: []Kind{
		{"manager-wins", "another version manager decides which version of a tool is started"},
		{"manager-beside", "another version manager for a tool of gostore's is set up, and comes after gostore"},
		{"direnv-unused", "the project's .envrc does not say use gostore"},
	},
	run: func(_ context.Context, h *Host) []Finding { return append(h.managers(), h.direnv()...) },
}

// manager is a program that decides, as gostore does, which version of a tool is started.
type manager struct {
	name      string
	parts     []string // of paths of what it puts on PATH
	variables []string
	words     []string // in start files
	tools     []string // that it manages; nil is all
	importer  string   // its name for "gostore import-from", "" where there is none
}

var managersKnown = []manager{
	{"asdf", []string{"/.asdf/shims/", "/asdf/shims/", "/.asdf/installs/"}, []string{"ASDF_DIR", "ASDF_DATA_DIR"}, []string{"asdf.sh", "asdf.fish", ".asdf/shims"}, nil, "asdf"},
	{"mise", []string{"/mise/shims/", "/mise/installs/"}, []string{"MISE_SHELL", "__MISE_DIFF"}, []string{"mise activate"}, nil, "mise"},
	{"goenv", []string{"/.goenv/shims/", "/.goenv/versions/"}, []string{"GOENV_ROOT", "GOENV_SHELL"}, []string{"goenv init"}, []string{"go"}, "goenv"},
	{"gvm", []string{"/.gvm/gos/", "/.gvm/pkgsets/"}, []string{"GVM_ROOT", "gvm_go_name"}, []string{".gvm/scripts/gvm"}, []string{"go"}, "gvm"},
	{"g", []string{"/.g/go/", "/.g/versions/"}, []string{"G_EXPERIMENTAL", "G_MIRROR"}, []string{".g/env"}, []string{"go"}, ""},
	{"nvm", []string{"/.nvm/versions/", "/nvm/versions/"}, []string{"NVM_DIR", "NVM_BIN"}, []string{"nvm.sh"}, []string{"node", "npm"}, ""},
	{"volta", []string{"/.volta/bin/", "/.volta/tools/"}, []string{"VOLTA_HOME"}, []string{".volta/bin", "VOLTA_HOME"}, []string{"node", "npm"}, ""},
	{"fnm", []string{"/fnm_multishells/", "/fnm/node-versions/"}, []string{"FNM_DIR", "FNM_MULTISHELL_PATH"}, []string{"fnm env"}, []string{"node", "npm"}, ""},
	{"Hermit", []string{"/hermit/pkg/", "/bin/.hermit/"}, []string{"HERMIT_ENV", "ACTIVE_HERMIT"}, []string{"hermit shell-hooks", "hermit-bin"}, nil, ""},
	{"Nix", []string{"/nix/store/", "/.nix-profile/"}, []string{"IN_NIX_SHELL"}, nil, nil, ""},
}

// managerOf returns the manager that put a program where it is.
func managerOf(p hit) (manager, bool) {
	for _, m := range managersKnown {
		if slices.ContainsFunc(m.parts, func(part string) bool {
			return strings.Contains(p.path, part) || strings.Contains(p.real, part) || strings.Contains(p.dir+"/", part)
		}) {
			return m, true
		}
	}
	return manager{}, false
}

// managers looks for managers of those tools that gostore has, in the project or the profile.
func (h *Host) managers() []Finding {
	var found []Finding
	for _, m := range managersKnown {
		commands := h.managedBy(m)
		if len(commands) == 0 {
			continue
		}
		traces := h.traces(m)
		wins := ""
		for _, c := range commands {
			at, hits := h.placeOf(c)
			if at == missing || len(hits) == 0 {
				continue
			}
			if by, ok := managerOf(hits[0]); ok && by.name == m.name {
				wins = c.Name
				traces = append([]string{fmt.Sprintf("%s is %s", c.Name, h.short(hits[0].path))}, traces...)
				break
			}
		}
		if f, ok := h.aboutManager(m, commands[0], wins, traces); ok {
			found = append(found, f)
		}
	}
	return found
}

func (h *Host) aboutManager(m manager, c Command, wins string, traces []string) (Finding, bool) {
	f := Finding{Subject: m.name, Evidence: traces}
	switch {
	case wins != "":
		f.ID, f.Severity = "manager-wins", Warning
		f.Title = fmt.Sprintf("%s decides which %s is started, not gostore", m.name, wins)
		f.Mend = h.waysIn(c)
	case len(traces) > 0 && m.words != nil:
		f.ID, f.Severity = "manager-beside", Note
		f.Title = fmt.Sprintf("%s is set up as well; it has no say while gostore's directory comes first on PATH", m.name)
		f.Mend = []string{"# both can stay: what puts gostore on PATH has to come after what sets " + m.name + " up"}
	default:
		return f, false
	}
	if m.importer != "" {
		f.Mend = append(f.Mend, "# to move: gostore import-from "+m.importer)
	}
	return f, true
}

// managedBy returns the commands of gostore's tools that m manages too, each tool once.
func (h *Host) managedBy(m manager) []Command {
	var list []Command
	for _, c := range h.Wanted {
		same := slices.ContainsFunc(list, func(o Command) bool { return o.Tool == c.Tool })
		if !same && c.Name == c.Tool && (m.tools == nil || slices.Contains(m.tools, c.Tool)) {
			list = append(list, c)
		}
	}
	return list
}

// traces returns where a manager is seen: on PATH, in variables, in start files.
func (h *Host) traces(m manager) []string {
	var list []string
	for _, dir := range filepath.SplitList(h.getenv("PATH")) {
		if slices.ContainsFunc(m.parts, func(part string) bool { return strings.Contains(dir+"/", part) }) {
			list = append(list, h.short(dir)+" is on PATH")
		}
	}
	for _, name := range m.variables {
		if value := h.getenv(name); value != "" {
			list = append(list, fmt.Sprintf("%s=%s", name, shorten(h.short(value))))
		}
	}
	if m.words == nil {
		return list
	}
	for _, f := range h.startFiles() {
		for _, mention := range f.Mentions(m.words...) {
			list = append(list, place(h.short(f.Path), mention.Line, mention.Text))
		}
	}
	return few(list)
}

// shorten keeps the beginning of a long value.
func shorten(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}

// maxEnvrc bounds an .envrc, which may be a stranger's.
const maxEnvrc = 1 << 20

// direnv looks at a project's .envrc where direnv is in use. The two live together well.
func (h *Host) direnv() []Finding {
	if h.Project.Lock == "" || h.getenv("DIRENV_DIR") == "" {
		return nil
	}
	path := filepath.Join(filepath.Dir(h.Project.Lock), ".envrc")
	data, err := textfile.Read(path, maxEnvrc)
	if err != nil || strings.Contains(string(data), "use gostore") {
		return nil
	}
	return []Finding{{
		ID: "direnv-unused", Severity: Note, Subject: path,
		Title:    "direnv is in use, and the project's .envrc does not bring gostore's tools",
		Evidence: []string{"DIRENV_DIR is set", h.short(path) + " has no line \"use gostore\""},
		Mend:     []string{fmt.Sprintf("echo 'use gostore' >>%s && direnv allow %[1]s", quote(path))},
	}}
}
