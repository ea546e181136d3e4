package doctor

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// setting is one place that says something about a variable of the go command.
type setting struct {
	value string
	place string   // where, as evidence
	mend  string   // the command that takes it away
	from  settedBy // kind of place
}

type settedBy int

const (
	byProcess   settedBy = iota // the environment of this process
	byGoEnv                     // the file of "go env -w"
	byToolchain                 // go.env in the toolchain
	byStartFile                 // a start file of a shell
)

// settings returns all places that say something about a variable of the go command, in the order in which they count; the
// start files come last, as what they say has reached the process or will reach the next.
func (h *Host) settings(name string) []setting {
	var list []setting
	if value, set := h.lookup(name); set && value != "" && !h.byProject(name) {
		list = append(list, setting{value, "environment of this process: " + name + "=" + value, "unset " + name, byProcess})
	}
	file := h.goEnvFile()
	for _, e := range h.readGoEnv(file) {
		if e.name == name {
			list = append(list, setting{e.value, place(h.short(file), e.line, e.text), "go env -u " + name, byGoEnv})
		}
	}
	if file := h.toolchainEnv(); file != "" {
		for _, e := range h.readGoEnv(file) {
			if e.name == name {
				list = append(list, setting{e.value, place(h.short(file), e.line, e.text), "", byToolchain})
			}
		}
	}
	for _, f := range h.startFiles() {
		for _, a := range f.Set(name) {
			list = append(list, setting{h.expand(a.Value), place(h.short(f.Path), a.Line, f.Lines[a.Line-1]), edit(f.Path, a.Line), byStartFile})
		}
	}
	return list
}

// effective returns the value that counts for a go command that is started here: the process environment's, then the one of the go env file.
func effective(list []setting) string {
	for _, s := range list {
		if s.from != byStartFile {
			return s.value
		}
	}
	return ""
}

// evidence and mends return what the settings say of themselves. What a toolchain brings along is nobody's setting.
func evidence(list []setting) (lines []string) {
	for _, s := range list {
		if s.from != byToolchain {
			lines = append(lines, s.place)
		}
	}
	return lines
}

func mends(list []setting) (commands []string) {
	for _, s := range list {
		if s.mend != "" {
			commands = append(commands, s.mend)
		}
	}
	return commands
}

// expand replaces the home directory in a value of a start file.
func (h *Host) expand(value string) string {
	home := h.home()
	return strings.NewReplacer("${HOME}", home, "$HOME", home).Replace(value)
}

// goEnvFile returns the file that "go env -w" writes, "" for none. It is there or not.
func (h *Host) goEnvFile() string {
	switch file := h.getenv("GOENV"); file {
	case "":
		return h.defaultGoEnv()
	case "off":
		return ""
	default:
		return file
	}
}

// defaultGoEnv is go/env in the directory that package os calls the user's for configuration.
func (h *Host) defaultGoEnv() string {
	home := h.home()
	switch dir := h.getenv("XDG_CONFIG_HOME"); {
	case runtime.GOOS == "darwin" && home != "":
		return filepath.Join(home, "Library", "Application Support", "go", "env")
	case filepath.IsAbs(dir):
		return filepath.Join(dir, "go", "env")
	case home != "":
		return filepath.Join(home, ".config", "go", "env")
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// toolchainEnv returns the go.env of the go command that is first on PATH.
func (h *Host) toolchainEnv() string {
	hits := h.onPath("go")
	if len(hits) == 0 {
		return ""
	}
	return filepath.Join(filepath.Dir(filepath.Dir(hits[0].real)), "go.env")
}

// envLine is a line of a go env file.
type envLine struct {
	line        int
	text        string
	name, value string // "" where it is no setting
}

// readGoEnv reads a go env file; one that is not there has no lines.
func (h *Host) readGoEnv(path string) []envLine {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return parseGoEnv(string(data))
}

// parseGoEnv reads lines of NAME=VALUE as the go command does: what begins with no letter is a comment.
func parseGoEnv(text string) []envLine {
	var list []envLine
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		e := envLine{line: i + 1, text: trimmed}
		if name, value, ok := strings.Cut(trimmed, "="); ok && name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == "" {
			e.name, e.value = name, value
		}
		list = append(list, e)
	}
	return list
}
