package versionfile

import (
	"fmt"
	"iter"
	"strings"

	"gostore/internal/textfile"
)

// line is what a line of a file says, without the comment and the space around it.
type line struct {
	file   string
	number int
	whole  string
	text   string
}

// complain makes the complaint about a line.
func (l line) complain(format string, args ...any) error {
	return l.complainAt(l.text, format, args...)
}

// complainAt makes the complaint about a part of a line.
func (l line) complainAt(part, format string, args ...any) error {
	return &textfile.Error{File: l.file, Line: l.number, Column: strings.Index(l.whole, part) + 1, Msg: fmt.Sprintf(format, args...)}
}

// lines yields those lines of a file that say something. What follows a "#" is a comment.
func lines(name string, data []byte) iter.Seq[line] {
	return func(yield func(line) bool) {
		number := 0
		for whole := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
			number++
			text, _, _ := strings.Cut(whole, "#")
			if text = strings.TrimSpace(text); text != "" && !yield(line{name, number, whole, text}) {
				return
			}
		}
	}
}

// onlyLine returns the one line that says something; its text is "" when there is none.
func onlyLine(name string, data []byte) (line, error) {
	var only line
	for l := range lines(name, data) {
		if only.text != "" {
			return line{}, l.complain("a second version %q: one is enough", l.text)
		}
		only = l
	}
	return only, nil
}
