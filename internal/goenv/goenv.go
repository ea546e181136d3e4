// Package goenv reads the go command's files of settings: the one that "go env -w" writes, here called the go env file, and the go.env
// that a toolchain has since Go 1.21.
//
// They are read as the go command reads them: a line that begins with a capital letter and has a "=" sets a variable, the last line of a
// name counts, nothing is quoted and nothing is trimmed; every other line is passed over. Whether the go command takes a variable from
// a file at all is not decided here. Nothing is written.
package goenv

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxSize bounds a file. One has some dozens of lines.
const maxSize = 1 << 20

// File is what a file says.
type File struct {
	Path  string // "" where there is none
	Lines []Line // that set a variable
	Odd   []Odd  // that set nothing, though somebody may think so
}

// Line is a line that sets a variable.
type Line struct {
	Number      int // from 1
	Name, Value string
}

// String returns the line as it stands in the file.
func (l Line) String() string { return l.Name + "=" + l.Value }

// Odd is a line that sets nothing and is neither empty nor marked as a comment with "#".
type Odd struct {
	Number int
	Text   string
}

// Path returns the go env file of a go command on a system, for the variables that getenv returns: GOENV, XDG_CONFIG_HOME, HOME. It is ""
// when there is none, as with GOENV=off, and relative where GOENV is.
func Path(goos string, getenv func(string) string) string {
	switch file := getenv("GOENV"); file {
	case "":
		return Default(goos, getenv)
	case "off":
		return ""
	default:
		return file
	}
}

// Default returns where that file is when GOENV does not say it, "" where the go command finds no place.
func Default(goos string, getenv func(string) string) string {
	dir, home := getenv("XDG_CONFIG_HOME"), getenv("HOME")
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

// Read reads the file at path. What is no regular file, such as /dev/null, says nothing; one that is not there is fs.ErrNotExist.
func Read(path string) (File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return File{}, err
	}
	if !info.Mode().IsRegular() {
		return File{Path: path}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(data) > maxSize {
		err = fmt.Errorf("reading %q: larger than %d bytes", path, maxSize)
	}
	return Parse(path, data), err
}

// Parse reads the contents of the file at path.
func Parse(path string, data []byte) File {
	f := File{Path: path}
	number := 0
	for text := range strings.Lines(string(data)) {
		number++
		name, value, ok := parseLine(text)
		text = strings.TrimSpace(text)
		switch {
		case ok:
			f.Lines = append(f.Lines, Line{number, name, value})
		case text != "" && text[0] != '#':
			f.Odd = append(f.Odd, Odd{number, text})
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

// Place returns where a line stands, FILE:LINE.
func (f File) Place(line Line) string { return fmt.Sprintf("%s:%d", f.Path, line.Number) }

// Without returns the contents of a file without the lines of some variables.
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
