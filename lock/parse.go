package lock

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/textfile"
)

// ParseError is one thing that is wrong with a lock file, ErrorList everything that is: what
// Parse returns unless the version is the problem.
type (
	ParseError = textfile.Error
	ErrorList  = textfile.ErrorList
)

// ErrConflict is in the ErrorList of a file that a merge left with conflict markers.
var ErrConflict = textfile.ErrConflict

// VersionError says that a file is in a version of the format that this program does not know.
type VersionError struct {
	File         string
	Line, Column int
	Version      int64
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s:%d:%d: format version %d was written by a newer gostore; this one reads version %d",
		e.File, e.Line, e.Column, e.Version, Version)
}

// Parse reads a lock file. name is what errors call it. Errors are an ErrorList, which holds all
// complaints (one for each merge conflict if there are any, and then no others), or a
// *VersionError.
func Parse(name string, data []byte) (*File, error) {
	if err := textfile.Conflicts(name, data); err != nil {
		return nil, err
	}
	doc, err := textfile.ParseTOML(name, data)
	r := reader{doc}
	// A newer format may well look different: its version is all that can be said about it.
	if newer := r.newerVersion(name); newer != nil {
		return nil, newer
	}
	if err != nil {
		return nil, err
	}
	f := r.file()
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return f, nil
}

// reader turns a document into a File, complaining to the document.
type reader struct{ *textfile.Document }

func (r reader) newerVersion(name string) error {
	e := r.Root.Get("version")
	if e == nil || e.Value.Kind != textfile.Integer {
		return nil
	}
	n, err := strconv.ParseInt(e.Value.Text, 10, 64)
	if err != nil || n <= Version {
		return nil
	}
	line, column := r.Position(e.Value.Offset)
	return &VersionError{name, line, column, n}
}

func (r reader) file() *File {
	r.Only(&r.Root, "version", "tool", "vendor")
	if v := r.Need(&r.Root, "version", textfile.Integer); v != nil && v.Text != strconv.Itoa(Version) {
		r.Errorf(v.Offset, "version must be %d, not %s", Version, v.Text)
	}
	f := &File{Vendor: r.vendor()}
	list := r.May(&r.Root, "tool", textfile.Array)
	if list == nil {
		return f
	}
	f.Tools = make([]Tool, 0, len(list.Items))
	for i := range list.Items {
		if v := r.Is(&list.Items[i], textfile.Table, "tool"); v != nil {
			f.Tools = append(f.Tools, r.tool(v))
		} else {
			f.Tools = append(f.Tools, Tool{})
		}
	}
	r.checkTogether(f, list)
	return f
}

func (r reader) tool(v *textfile.Value) Tool {
	r.Only(v, "name", "request", "version", "source", "extra", "origin", "first-use", "with", "flags", "layout", "platforms", "parts")
	t := Tool{
		Name:    r.text(v, "name", release.CheckTool),
		Request: r.text(v, "request", release.CheckVersion),
		Version: r.text(v, "version", release.CheckVersion),
		Source:  r.text(v, "source", checkSource),
	}
	t.Extra = r.truth(v, "extra")
	t.FirstUse = r.truth(v, "first-use")
	t.Origin = r.maybe(v, "origin", checkWord)
	t.With = r.maybe(v, "with", checkWith)
	t.Flags = r.list(v, "flags", checkFlag)
	t.Layout = r.layout(v)
	t.Parts = r.parts(v)
	platforms := r.Need(v, "platforms", textfile.Table)
	if platforms == nil {
		return t
	}
	if len(platforms.Entries) == 0 {
		r.Errorf(platforms.Offset, "no platform is locked")
	}
	t.Platforms = make(map[release.Platform]release.Archive, len(platforms.Entries))
	for _, e := range platforms.Entries {
		p, err := release.ParsePlatform(e.Key)
		if err != nil {
			r.Errorf(e.Offset, "%w", err)
		}
		if a := r.Is(e.Value, textfile.Table, e.Key); a != nil {
			t.Platforms[p] = r.archive(a)
		}
	}
	return t
}

func (r reader) archive(v *textfile.Value) release.Archive {
	r.Only(v, "from", "archive", "logged", "size", "tree")
	a := release.Archive{From: r.text(v, "from", checkFrom)}
	var err error
	if s := r.Need(v, "archive", textfile.String); s != nil {
		if a.Digest, err = digest.ParseArchive(s.Text); err != nil {
			r.Errorf(s.Offset, "%w", err)
		}
	}
	if s := r.May(v, "logged", textfile.String); s != nil {
		if a.Logged, err = digest.ParseArchive(s.Text); err != nil {
			r.Errorf(s.Offset, "%w", err)
		} else if a.Logged.Algorithm() != "h1" {
			r.Errorf(s.Offset, "logged %q: want an h1:… digest", s.Text)
		}
	}
	if s := r.May(v, "size", textfile.Integer); s != nil {
		a.Size, err = strconv.ParseInt(s.Text, 10, 64)
		if err != nil || a.Size <= 0 {
			r.Errorf(s.Offset, "size %s: want a positive number of bytes; leave the key out when it is not known", s.Text)
		}
	}
	if s := r.May(v, "tree", textfile.String); s != nil {
		a.Tree, err = digest.ParseTree(s.Text)
		switch {
		case err != nil:
			r.Errorf(s.Offset, "%w", err)
		case a.Tree.IsZero():
			r.Errorf(s.Offset, "tree digest is all zeros; leave the key out when it is not known")
		}
	}
	return a
}

// parts reads what a release is made of beside its archive.
func (r reader) parts(v *textfile.Value) []release.Part {
	table := r.May(v, "parts", textfile.Table)
	if table == nil {
		return nil
	}
	if len(table.Entries) == 0 {
		r.Errorf(table.Offset, "no part is listed; leave the table out")
	}
	var parts []release.Part
	for _, e := range table.Entries {
		if err := checkWord(e.Key); err != nil {
			r.Errorf(e.Offset, "part %w", err)
		}
		s := r.Is(e.Value, textfile.String, e.Key)
		if s == nil {
			continue
		}
		d, err := digest.ParseArchive(s.Text)
		if err != nil {
			r.Errorf(s.Offset, "%w", err)
		}
		parts = append(parts, release.Part{Name: e.Key, Digest: d})
	}
	slices.SortFunc(parts, release.Part.Compare)
	return parts
}

// layout reads how a release presents itself.
func (r reader) layout(v *textfile.Value) release.Layout {
	table := r.May(v, "layout", textfile.Table)
	if table == nil {
		return release.Layout{}
	}
	r.Only(table, "bin", "commands", "runner", "env", "unset", "check", "says")
	return release.Layout{
		Dirs:      r.list(table, "bin", checkText),
		Names:     r.table(table, "commands", checkText),
		Runner:    r.maybe(table, "runner", release.CheckTool),
		Set:       r.table(table, "env", checkText),
		Unset:     r.list(table, "unset", checkWord),
		Check:     r.list(table, "check", checkText),
		CheckWant: r.maybe(table, "says", checkText),
	}
}

// truth returns a boolean that may be absent.
func (r reader) truth(v *textfile.Value, key string) bool {
	b := r.May(v, key, textfile.Boolean)
	return b != nil && b.Text == "true"
}

// maybe is text for a key that may be absent.
func (r reader) maybe(v *textfile.Value, key string, check func(string) error) string {
	if v.Get(key) == nil {
		return ""
	}
	return r.text(v, key, check)
}

// list returns the strings of an array that may be absent.
func (r reader) list(v *textfile.Value, key string, check func(string) error) []string {
	array := r.May(v, key, textfile.Array)
	if array == nil {
		return nil
	}
	var list []string
	for i := range array.Items {
		s := r.Is(&array.Items[i], textfile.String, key)
		if s == nil {
			continue
		}
		if err := check(s.Text); err != nil {
			r.Errorf(s.Offset, "%w", err)
		}
		list = append(list, s.Text)
	}
	return list
}

// table returns the strings of a table that may be absent.
func (r reader) table(v *textfile.Value, key string, check func(string) error) map[string]string {
	table := r.May(v, key, textfile.Table)
	if table == nil || len(table.Entries) == 0 {
		return nil
	}
	m := make(map[string]string, len(table.Entries))
	for _, e := range table.Entries {
		if err := checkWord(e.Key); err != nil {
			r.Errorf(e.Offset, "name %w", err)
		}
		if s := r.Is(e.Value, textfile.String, e.Key); s != nil {
			if err := check(s.Text); err != nil {
				r.Errorf(s.Offset, "%w", err)
			}
			m[e.Key] = s.Text
		}
	}
	return m
}

// text returns a string that check accepts; otherwise it complains.
func (r reader) text(v *textfile.Value, key string, check func(string) error) string {
	s := r.Need(v, key, textfile.String)
	if s == nil {
		return ""
	}
	if err := check(s.Text); err != nil {
		r.Errorf(s.Offset, "%w", err)
	}
	return s.Text
}

// checkTogether complains about tools that contradict each other. list holds their places. Names
// and versions that are empty were complained about already.
func (r reader) checkTogether(f *File, list *textfile.Value) {
	type named struct{ name, version string }
	versions := make(map[named]int, len(f.Tools))
	primaries := make(map[string]int, len(f.Tools))
	for i, t := range f.Tools {
		at := list.Items[i].Offset
		if first, twice := versions[named{t.Name, t.Version}]; twice && t.Name != "" && t.Version != "" {
			r.Errorf(at, "tool %q: version %s is already locked in line %d", t.Name, t.Version, r.line(list, first))
			continue
		}
		versions[named{t.Name, t.Version}] = i
		if t.Extra {
			continue
		}
		if first, twice := primaries[t.Name]; twice && t.Name != "" {
			r.Errorf(at, "tool %q has a primary version already, %s in line %d: mark one of them with extra = true",
				t.Name, f.Tools[first].Version, r.line(list, first))
			continue
		}
		primaries[t.Name] = i
	}
	for i, t := range f.Tools {
		if q, err := release.ParseRequest(t.With); t.With != "" && err == nil && checkWith(t.With) == nil {
			if _, locked := versions[named{q.Tool, q.Version}]; !locked {
				r.Errorf(list.Items[i].Offset, "tool %q is made with %s, which is not locked here", t.Name, t.With)
			}
		}
		if _, ok := primaries[t.Name]; !ok && t.Name != "" {
			r.Errorf(list.Items[i].Offset, "tool %q has only extras: one version must be without extra = true", t.Name)
			primaries[t.Name] = i // said once
		}
	}
}

func (r reader) line(list *textfile.Value, i int) int {
	line, _ := r.Position(list.Items[i].Offset)
	return line
}

// checkSource lets through what names a source: one lower-case word.
func checkSource(s string) error {
	if s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("source %q: want lower-case letters, digits and \"-\"", s)
	}
	return nil
}

// checkWith lets through an exact release, TOOL@VERSION.
func checkWith(s string) error {
	q, err := release.ParseRequest(s)
	if err == nil && (q.Version == release.Latest || q.Source != "") {
		err = errors.New("want TOOL@VERSION")
	}
	if err != nil {
		return fmt.Errorf("with %q: %w", s, err)
	}
	return nil
}

// checkText lets through printable text, which Format can write as it is.
func checkText(s string) error {
	for i, c := range s {
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			return fmt.Errorf("%q: character %d is not printable", s, i+1)
		}
	}
	return nil
}

// checkFrom lets through one printable word, so that a place cannot be made to look like another.
func checkFrom(s string) error {
	if s == "" {
		return errors.New("from is empty")
	}
	if err := checkWord(s); err != nil {
		return fmt.Errorf("from %w", err)
	}
	return nil
}

// checkWord lets through printable text without spaces.
func checkWord(s string) error {
	for i, c := range s {
		if c == utf8.RuneError || unicode.IsSpace(c) || !unicode.IsGraphic(c) {
			return fmt.Errorf("%q: character %d is not printable", s, i+1)
		}
	}
	return nil
}

// checkFlag lets through a word of small letters.
func checkFlag(s string) error {
	if s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") != "" {
		return fmt.Errorf("flag %q: want lower-case letters and \"-\"", s)
	}
	return nil
}
