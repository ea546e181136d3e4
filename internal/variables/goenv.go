package variables

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// File is a file of NAME=VALUE lines as the go command reads it: the go env file, or the go.env of a toolchain.
type File struct {
	Path  string // "" where there is none
	Lines []Line
}

// Line is a line that says something.
type Line struct {
	Number      int // from 1
	Name, Value string
}

// ParseFile reads the contents of a file as the go command does: lines that do not begin with a capital letter, or have no "=",
// are comments; nothing is quoted and nothing is trimmed.
func ParseFile(path string, data []byte) File {
	f := File{Path: path}
	number := 0
	for text := range strings.Lines(string(data)) {
		number++
		if name, value, ok := parseLine(text); ok {
			f.Lines = append(f.Lines, Line{number, name, value})
		}
	}
	return f
}

func parseLine(text string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(strings.TrimSuffix(text, "\n"), "=")
	return name, value, ok && name != "" && 'A' <= name[0] && name[0] <= 'Z'
}

// Get returns the line that counts for a variable: the last one.
func (f File) Get(name string) (Line, bool) {
	for _, line := range slices.Backward(f.Lines) {
		if line.Name == name {
			return line, true
		}
	}
	return Line{}, false
}

// place returns where a line stands, FILE:LINE.
func (f File) place(line Line) string { return fmt.Sprintf("%s:%d", f.Path, line.Number) }

// Without returns the contents of a go env file without the lines of some variables.
func Without(data []byte, names []string) []byte {
	var kept strings.Builder
	for text := range strings.Lines(string(data)) {
		if name, _, ok := parseLine(text); ok && slices.Contains(names, name) {
			continue
		}
		kept.WriteString(text)
	}
	return []byte(kept.String())
}

// GoEnvPath returns the file that "go env -w" writes, for a go command that sees environ on a system; "" when there is none, as with
// GOENV=off. It is relative where GOENV is.
func GoEnvPath(goos string, environ []string) string {
	env := asMap(environ)
	switch file := env["GOENV"]; file {
	case "":
	case "off":
		return ""
	default:
		return file
	}
	dir, home := env["XDG_CONFIG_HOME"], env["HOME"]
	switch {
	case goos == "darwin" && home != "":
		dir = home + "/Library/Application Support"
	case goos == "darwin":
		return ""
	case dir == "" && home != "":
		dir = home + "/.config"
	case !strings.HasPrefix(dir, "/"): // the go command uses no relative one
		return ""
	}
	return filepath.Join(dir, "go", "env")
}

// Returning returns those of names, sorted, that would come back through a go env file although applied, the variables of an
// environment, does not set them or sets them to nothing.
func Returning(f File, applied []string, names []string) []string {
	values := asMap(applied)
	var back []string
	for _, name := range names {
		if _, ok := f.Get(name); ok && values[name] == "" && !processOnly[name] {
			back = append(back, name)
		}
	}
	slices.Sort(back)
	return slices.Compact(back)
}
