package check

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"gostore/internal/textfile"
	"gostore/lock"
)

// Places turns an error about files that people edit into findings: one for each complaint of a textfile.ErrorList, and for a lock of a newer
// format. Any other error is no finding: nil is returned.
func Places(rule string, err error) []Finding {
	var list lock.ErrorList
	var one *lock.ParseError
	var newer *lock.VersionError
	mend := "mend the line"
	switch {
	case errors.As(err, &list):
	case errors.As(err, &one):
		list = lock.ErrorList{one}
	case errors.As(err, &newer):
		text := fmt.Sprintf("format version %d was written by a newer gostore; this one reads version %d", newer.Version, lock.Version)
		list = lock.ErrorList{{File: newer.File, Line: newer.Line, Column: newer.Column, Msg: text}}
		mend = "update gostore"
	}
	if errors.Is(err, lock.ErrConflict) {
		mend = `resolve the merge, then run "gostore lock"`
	}
	var found []Finding
	for _, e := range list {
		found = append(found, Finding{Rule: rule, Severity: Error, File: e.File, Line: max(e.Line, 1), Column: e.Column, Message: e.Msg, Mend: mend})
	}
	return found
}

// Lock compares a lock with what the project in dir asks for. data is the file at path, and nil where there is none.
func Lock(dir, path string, data []byte, f *lock.File, asks []lock.Want) []Finding {
	var found []Finding
	for _, d := range lock.Check(f, asks) {
		file, line := splitPlace(d.By)
		found = append(found, Finding{
			Rule: RuleLock, Severity: Error, Class: Outdated, File: filepath.Join(dir, file), Line: line,
			Message: outdated(d), Mend: "gostore lock",
		})
	}
	if data == nil {
		return found
	}
	for _, t := range f.Tools {
		if wrong := t.Contradiction(); wrong != "" {
			line := entryLine(data, "version", func(name, version string) bool { return name == t.Name && version == t.Version })
			found = append(found, Finding{Rule: RuleLock, Severity: Error, Class: Integrity, File: path, Line: line, Message: wrong, Mend: "gostore lock"})
		}
	}
	if !bytes.Equal(data, f.Format()) {
		found = append(found, Finding{
			Rule: RuleLock, Severity: Warning, Class: Outdated, File: path, Line: firstDifference(data, f.Format()),
			Message: "not in the canonical form from here on", Mend: "gostore lock",
		})
	}
	return found
}

// outdated is the message for a difference, whose place stands before it.
func outdated(d lock.Difference) string {
	switch {
	case d.Asked == "":
		return fmt.Sprintf("%s %s is locked as an extra, but not asked for here", d.Tool, d.Locked)
	case d.Locked == "":
		return fmt.Sprintf("%s %s is asked for, but nothing like it is locked", d.Tool, d.Asked)
	}
	return fmt.Sprintf("%s %s is asked for, but %s is locked", d.Tool, d.Asked, d.Locked)
}

// splitPlace takes FILE:LINE apart; a file alone is at its first line.
func splitPlace(place string) (file string, line int) {
	if i := strings.LastIndexByte(place, ':'); i >= 0 {
		if n, err := strconv.Atoi(place[i+1:]); err == nil {
			return place[:i], n
		}
	}
	return place, 1
}

// firstDifference returns the first line of data that is not as in want.
func firstDifference(data, want []byte) int {
	a, b := bytes.Split(data, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			return i + 1
		}
	}
	return min(len(a), len(b))
}

// ToolLine returns the line of a lock in which the primary entry of a tool names it, 1 where there is none.
func ToolLine(data []byte, tool string) int {
	return entryLine(data, "extra", func(name, extra string) bool { return name == tool && extra == "" })
}

// entryLine returns the line of a lock in which an entry names its tool: the first one that is meant, by its tool and the text of another key, ""
// where it has none. It returns 1 where there is no such entry.
func entryLine(data []byte, key string, meant func(name, text string) bool) int {
	doc, err := textfile.ParseTOML(lock.Name, data)
	if err != nil {
		return 1
	}
	tools := doc.Root.Get("tool")
	if tools == nil {
		return 1
	}
	for i := range tools.Value.Items {
		v := &tools.Value.Items[i]
		text := ""
		if other := v.Get(key); other != nil {
			text = other.Value.Text
		}
		if name := v.Get("name"); name != nil && meant(name.Value.Text, text) {
			line, _ := doc.Position(name.Offset)
			return line
		}
	}
	return 1
}

// vendorLine returns the line of a lock that records a vendor directory, 1 where none does.
func vendorLine(data []byte, dir string) int {
	doc, err := textfile.ParseTOML(lock.Name, data)
	if err != nil {
		return 1
	}
	if table := doc.Root.Get("vendor"); table != nil {
		if e := table.Value.Get(dir); e != nil {
			line, _ := doc.Position(e.Offset)
			return line
		}
	}
	return 1
}
