package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"gostore/internal/startfile"
)

var shellsProbe = Probe{
	Name: "shells", About: "whether shells of each kind find gostore's directories, and what their start files do",
	Kinds: []Kind{
		{"shell-interactive-only", "gostore's directory is on PATH at the prompt, and not for commands that ssh or a program starts"},
		{"shell-login-only", "gostore's directory is on PATH in some shells of a kind, and not in login shells"},
		{"hook-only", "tools come with the prompt hook only, and nothing serves shells without a prompt"},
		{"hook-gone", "a start file starts a gostore that is not there"},
		{"shell-slow", "a shell that should run one command does not end in time"},
		{"shell-fails", "a shell's start files end it before it runs anything"},
	},
	run: func(ctx context.Context, h *Host) []Finding {
		files := h.startFiles()
		return slices.Concat(h.tryShells(ctx, files), h.deadHooks(files))
	},
}

// shellLimit is how long a shell may take to start and print a line. Slow start files take a second or two.
const shellLimit = 10 * time.Second

// mode is a way to start a shell.
type mode struct {
	name  string
	flags []string
	extra []string // variables
}

// modes are the ways in which the shells of people are started.
var modes = []mode{
	{"at the prompt", []string{"-i", "-c"}, []string{"HISTFILE=/dev/null"}},
	{"as a login shell", []string{"-l", "-c"}, nil},
	{"for ssh HOST COMMAND", []string{"-c"}, []string{"SSH_CLIENT=127.0.0.1 50000 22", "SSH_CONNECTION=127.0.0.1 50000 127.0.0.1 22"}},
}

const (
	prompt = iota
	login
	remote
)

// answerMark begins the line that a tried shell prints, as start files print things as well.
const answerMark = "gostore-doctor-path="

// trial is what became of one shell in one mode.
type trial struct {
	path   []string // its PATH
	output Output
	ok     bool
}

// tryShells starts the user's shell in each mode, with nothing but what every session begins with, where gostore is
// set up to be found by its directories.
func (h *Host) tryShells(ctx context.Context, files []startfile.File) []Finding {
	shell := h.getenv("SHELL")
	if h.Run == nil || h.home() == "" || !slices.Contains([]string{"bash", "zsh", "fish"}, filepath.Base(shell)) || !h.setUp(files) {
		return nil
	}
	trials := make([]trial, len(modes))
	var wait sync.WaitGroup
	for i, m := range modes {
		wait.Go(func() { trials[i] = h.try(ctx, shell, m) })
	}
	wait.Wait()
	return slices.Concat(h.failedTrials(shell, trials), h.compareTrials(filepath.Base(shell), trials, files))
}

// setUp reports whether somebody wants to find tools by a directory of gostore's or by its hook.
func (h *Host) setUp(files []startfile.File) bool {
	if exists(h.shimsDir()) && h.Root != "" {
		return true
	}
	if slices.ContainsFunc(h.Profiles, func(p ProfileState) bool { return p.Current > 0 }) {
		return true
	}
	return slices.ContainsFunc(files, func(f startfile.File) bool { return len(f.Mentions("gostore")) > 0 })
}

func (h *Host) try(ctx context.Context, shell string, m mode) trial {
	environ := append([]string{"HOME=" + h.home(), "SHELL=" + shell, "TERM=dumb", "PATH=/usr/local/bin:/usr/bin:/bin"}, m.extra...)
	for _, name := range []string{"USER", "LOGNAME", "LANG"} {
		if value := h.getenv(name); value != "" {
			environ = append(environ, name+"="+value)
		}
	}
	argv := append(append([]string{shell}, m.flags...), `printf '\n`+answerMark+`%s\n' "$PATH"`)
	out, err := h.Run(ctx, shellLimit, environ, argv...)
	t := trial{output: out}
	for line := range strings.Lines(out.Stdout) {
		if path, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), answerMark); ok && err == nil {
			t.path, t.ok = filepath.SplitList(path), true
		}
	}
	return t
}

// failedTrials says which shells did not come to run their command.
func (h *Host) failedTrials(shell string, trials []trial) []Finding {
	var found []Finding
	for i, t := range trials {
		if t.ok {
			continue
		}
		f := Finding{ID: "shell-fails", Severity: Warning, Subject: filepath.Base(shell), Evidence: few(lastLines(t.output.Stderr)),
			Title: fmt.Sprintf("%s, started %s, does not run its command: a start file ends it", filepath.Base(shell), modes[i].name),
			Mend:  []string{"# see what it does: " + quote(shell) + " " + strings.Join(modes[i].flags[:len(modes[i].flags)-1], " ") + " -x -c true"}}
		if t.output.Late {
			f.ID = "shell-slow"
			f.Title = fmt.Sprintf("%s, started %s, has not run its command after %v: a start file waits for something", filepath.Base(shell), modes[i].name, shellLimit)
		}
		f.Evidence = append(f.Evidence, fmt.Sprintf("exit status %d", t.output.Status))
		found = append(found, f)
	}
	return found
}

func lastLines(text string) []string {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	all := strings.Split(text, "\n")
	return all[max(0, len(all)-5):]
}

// compareTrials says in which shells gostore's directories are missing.
func (h *Host) compareTrials(shell string, trials []trial, files []startfile.File) []Finding {
	dirs := h.bins()
	has := func(i int) bool {
		return slices.ContainsFunc(trials[i].path, func(d string) bool { return slices.Contains(dirs, filepath.Clean(d)) })
	}
	var seen []string
	for i, t := range trials {
		switch {
		case t.ok && has(i):
			seen = append(seen, "on PATH "+modes[i].name)
		case t.ok:
			seen = append(seen, "not on PATH "+modes[i].name)
		}
	}
	puts := h.putLines(filesOf(shell, files))
	switch {
	case has(prompt) && trials[remote].ok && !has(remote):
		return []Finding{{
			ID: "shell-interactive-only", Severity: Warning, Subject: shell, Evidence: append(seen, puts...), Mend: h.moveLines(shell, filesOf(shell, files)),
			Title: fmt.Sprintf("in %s gostore's directory is on PATH at the prompt only: ssh HOST COMMAND, and programs that start shells so, do not find its tools", shell),
		}}
	case (has(prompt) || has(remote)) && trials[login].ok && !has(login):
		return []Finding{{
			ID: "shell-login-only", Severity: Warning, Subject: shell, Evidence: append(seen, puts...), Mend: []string{h.addTo(loginFile[shell])},
			Title: fmt.Sprintf("in %s gostore's directory is not on PATH in login shells, such as those of tmux, of a desktop session, of su -l", shell),
		}}
	case !has(prompt) && !has(login) && !has(remote):
		return h.onlyHook(shell, files)
	}
	return nil
}

// onlyHook says of a user of the prompt hook what it does not serve.
func (h *Host) onlyHook(shell string, files []startfile.File) []Finding {
	var evidence []string
	for _, f := range files {
		for _, m := range f.Mentions("gostore hook") {
			evidence = append(evidence, place(h.short(f.Path), m.Line, m.Text))
		}
	}
	if evidence == nil {
		return nil
	}
	return []Finding{{
		ID: "hook-only", Severity: Note, Subject: shell, Evidence: evidence, Mend: []string{"gostore shims", h.addTo(everyFile[shell])},
		Title: "the prompt hook serves shells with a prompt; ssh HOST COMMAND, editors, cron jobs and make find tools by the shims",
	}}
}

// loginFile and everyFile are the start files that login shells read, and that all shells read.
var (
	loginFile = map[string]string{"bash": ".profile", "zsh": ".zprofile", "fish": ".config/fish/config.fish"}
	everyFile = map[string]string{"bash": ".bashrc", "zsh": ".zshenv", "fish": ".config/fish/config.fish"}
)

// addTo returns the command that puts gostore on PATH in a start file. For bash the line comes first, before anything that ends the
// file for shells without a prompt.
func (h *Host) addTo(name string) string {
	dir := h.shimsDir()
	if !exists(dir) {
		for _, p := range h.Profiles {
			if p.Current > 0 {
				dir = p.Bin
			}
		}
	}
	line := first(dir)
	switch {
	case strings.HasSuffix(name, ".fish"):
		line = "fish_add_path --prepend " + quote(dir)
	case name == ".bashrc" && exists(filepath.Join(h.home(), name)):
		return fmt.Sprintf("sed -i %s %s", quote("1i "+line), quote(filepath.Join(h.home(), name)))
	}
	return fmt.Sprintf("echo %s >>%s", quote(line), quote(filepath.Join(h.home(), name)))
}

// filesOf returns the start files that a kind of shell reads.
func filesOf(shell string, files []startfile.File) []startfile.File {
	return slices.DeleteFunc(slices.Clone(files), func(f startfile.File) bool {
		name := strings.TrimPrefix(filepath.Base(f.Path), ".")
		switch shell {
		case "fish":
			return !strings.HasSuffix(name, ".fish")
		case "zsh":
			return !strings.HasPrefix(name, "z")
		}
		return strings.HasSuffix(name, ".fish") || strings.HasSuffix(name, ".nu") || strings.HasPrefix(name, "z")
	})
}

// putLines returns the lines of start files that name gostore's directories, and what keeps shells from them.
func (h *Host) putLines(files []startfile.File) []string {
	var list []string
	for _, f := range files {
		for _, m := range f.Mentions(h.binWords()...) {
			text := place(h.short(f.Path), m.Line, m.Text)
			if f.Guarded(m.Line) {
				text += fmt.Sprintf("   (only interactive shells come here: line %d)", f.Guard)
			}
			list = append(list, text)
		}
	}
	return list
}

// binWords returns how gostore's directories may be written in a start file.
func (h *Host) binWords() []string {
	var words []string
	for _, dir := range h.bins() {
		words = append(words, dir)
		if rel, ok := strings.CutPrefix(dir, h.home()+"/"); ok {
			words = append(words, "$HOME/"+rel, "~/"+rel, "${HOME}/"+rel)
		}
		if rel, ok := strings.CutPrefix(dir, h.Root+"/"); ok {
			words = append(words, "$GOSTORE_ROOT/"+rel, "${GOSTORE_ROOT}/"+rel, "$GOSTORE_ROOT\"/"+rel)
		}
	}
	return words
}

// moveLines returns how to come to the line that puts gostore on PATH too late, else the command that adds one.
func (h *Host) moveLines(shell string, files []startfile.File) []string {
	for _, f := range files {
		for _, m := range f.Mentions(h.binWords()...) {
			if f.Guarded(m.Line) {
				return []string{fmt.Sprintf("# move line %d before line %d", m.Line, f.Guard), edit(f.Path, f.Guard)}
			}
		}
	}
	return []string{h.addTo(everyFile[shell])}
}

// deadHooks finds lines of start files that start a gostore which is not there.
func (h *Host) deadHooks(files []startfile.File) []Finding {
	var found []Finding
	for _, f := range files {
		for _, m := range f.Mentions("gostore hook", "gostore completion", "gostore env") {
			program := hookProgram(m.Text)
			if program == "" || h.finds(program) {
				continue
			}
			found = append(found, Finding{
				ID: "hook-gone", Severity: Problem, Subject: h.short(f.Path), Evidence: []string{place(h.short(f.Path), m.Line, m.Text)},
				Title: fmt.Sprintf("a start file starts %s, which is not there: every shell reports it, and has no tools", program), Mend: []string{edit(f.Path, m.Line)},
			})
		}
	}
	return found
}

// hookProgram returns the word before the name of the command in a line such as eval "$(/opt/gostore hook bash)".
func hookProgram(line string) string {
	for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\"'`(){}<;|&", r) }) {
		if filepath.Base(word) == "gostore" {
			return word
		}
	}
	return ""
}

// finds reports whether a shell would find a program. What a line takes from a variable is not known, and passes.
func (h *Host) finds(program string) bool {
	program = h.expand(strings.Replace(program, "~/", "$HOME/", 1))
	switch {
	case strings.Contains(program, "$"):
		return true
	case strings.Contains(program, "/"):
		_, err := os.Stat(program)
		return err == nil
	}
	return len(h.onPath(program)) > 0
}
