package doctor

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"gostore/internal/goenv"
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
	for _, l := range h.readGoEnv(file).Lines {
		if l.Name == name {
			list = append(list, setting{l.Value, place(h.short(file), l.Number, l.String()), "go env -u " + name, byGoEnv})
		}
	}
	file = h.toolchainEnv()
	for _, l := range h.readGoEnv(file).Lines {
		if l.Name == name {
			list = append(list, setting{l.Value, place(h.short(file), l.Number, l.String()), "", byToolchain})
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
func (h *Host) goEnvFile() string { return goenv.Path(runtime.GOOS, h.getenv) }

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

// readGoEnv reads a go env file; one that is not there, or cannot be read, has no lines.
func (h *Host) readGoEnv(path string) goenv.File {
	if path == "" {
		return goenv.File{}
	}
	f, err := goenv.Read(path)
	if err != nil {
		return goenv.File{}
	}
	return f
}
