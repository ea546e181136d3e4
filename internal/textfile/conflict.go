package textfile

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrConflict is in the ErrorList that Conflicts returns.
var ErrConflict = errors.New("merge conflict")

// markers are what merge tools begin lines with, in the order in which a conflict has them.
var markers = [...]string{"<<<<<<<", "|||||||", "=======", ">>>>>>>"}

// Conflicts returns an ErrorList with each conflict that a merge left in a file, or nil. It is for looking
// before a parser does, to which a conflict is merely a line that begins strangely, or
// even nothing wrong.
func Conflicts(name string, data []byte) error {
	var list ErrorList
	opened := false // a conflict's first line was seen: its others belong to that complaint
	line := 0
	for text := range bytes.Lines(data) {
		line++
		switch m := marker(text); {
		case m == "":
		case m == markers[0]:
			opened = true
			list = append(list, conflict(name, line, "unresolved merge conflict begins here"))
		case !opened:
			list = append(list, conflict(name, line, fmt.Sprintf("left over from a merge conflict: %q", m)))
		case m == markers[len(markers)-1]:
			opened = false
		}
	}
	if list == nil {
		return nil
	}
	return list
}

func conflict(name string, line int, msg string) *Error {
	return &Error{File: name, Line: line, Column: 1, Msg: msg, Err: ErrConflict}
}

// marker returns the conflict marker that a line consists of or begins with.
func marker(line []byte) string {
	for _, m := range markers {
		if rest, ok := bytes.CutPrefix(line, []byte(m)); ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \r\n"), rest[0]) >= 0) {
			return m
		}
	}
	return ""
}
