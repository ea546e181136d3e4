package tree

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"gostore/internal/digest"
)

// Kind says what an entry is. Its value is the letter that begins the entry's line.
type Kind byte

const (
	Dir  Kind = 'd'
	File Kind = 'f'
	Exec Kind = 'x' // a file with the executable bit
	Link Kind = 'l' // a symbolic link
)

// String returns the kind as a noun for messages.
func (k Kind) String() string {
	switch k {
	case Dir:
		return "directory"
	case File:
		return "file"
	case Exec:
		return "executable file"
	case Link:
		return "link"
	}
	return fmt.Sprintf("kind %q", rune(k))
}

// Entry is one name in a tree. Fields that its kind does not have are zero.
type Entry struct {
	Path    string // slash-separated, relative to the tree
	Kind    Kind
	Content digest.Content // of a File or Exec
	Size    int64          // of a File or Exec, in bytes
	Target  string         // of a Link
}

// Manifest describes one tree. It is immutable and made by New, Parse or Scan; the zero
// value describes nothing and has the zero digest, unlike the empty tree, New(nil).
type Manifest struct {
	entries []Entry
	digest  digest.Tree
	size    int64
}

// New returns the manifest of a tree with the given entries, in any order; it leaves the
// slice as it is. Entries that make no tree by the rules of the package are an error,
// a *PathError where one path is at fault.
func New(entries []Entry) (Manifest, error) { return Of(slices.Clone(entries)) }

// Of is New for entries that nobody else needs: it sorts the slice and keeps it.
func Of(entries []Entry) (Manifest, error) {
	slices.SortStableFunc(entries, comparePaths)
	if _, err := check(entries); err != nil {
		return Manifest{}, err
	}
	h := digest.NewHash()
	_ = writeText(h, entries) // a Hash takes everything
	return describe(entries, digest.Tree(h.Content())), nil
}

// describe makes a Manifest of entries that were checked. It keeps them.
func describe(entries []Entry, t digest.Tree) Manifest {
	m := Manifest{entries: entries, digest: t}
	for i := range entries {
		m.size += entries[i].Size
	}
	return m
}

// Entries returns the entries sorted by the bytes of their paths, so that every directory
// precedes what it holds. Callers must not change them.
func (m Manifest) Entries() []Entry { return m.entries }

// Bytes returns the canonical text in a new slice; nil of the zero Manifest.
func (m Manifest) Bytes() []byte {
	if m.digest.IsZero() {
		return nil
	}
	return appendText(nil, m.entries)
}

// Write writes the canonical text of a Manifest, not the zero one, to w, in pieces: that of a million files has 90 MB.
func (m Manifest) Write(w io.Writer) error { return writeText(w, m.entries) }

// Digest returns the tree digest.
func (m Manifest) Digest() digest.Tree { return m.digest }

// Size returns the number of bytes of all files together.
func (m Manifest) Size() int64 { return m.size }

// Find returns the entry at path.
func (m Manifest) Find(path string) (Entry, bool) {
	i, found := m.Index(path)
	if !found {
		return Entry{}, false
	}
	return m.entries[i], true
}

// Index returns where in Entries the entry at path is, or would be.
func (m Manifest) Index(path string) (i int, found bool) {
	return slices.BinarySearchFunc(m.entries, path, func(e Entry, path string) int {
		return strings.Compare(e.Path, path)
	})
}

// without returns the entries that are not marked.
func (m Manifest) without(marked []bool) []Entry {
	var rest []Entry
	for i, e := range m.entries {
		if !marked[i] {
			rest = append(rest, e)
		}
	}
	return rest
}

// Change is one path at which two trees differ. Was is nil for what was added, Is is nil for
// what was removed. Both point into the manifests: callers must not change them.
type Change struct {
	Path    string
	Was, Is *Entry
}

// Diff returns what turns tree a into tree b, sorted by the bytes of the paths; nothing if and
// only if the trees are equal.
func Diff(a, b Manifest) []Change { return diff(a.entries, b.entries) }

// diff compares entries that are sorted by path.
func diff(was, is []Entry) []Change {
	var changes []Change
	for len(was) > 0 || len(is) > 0 {
		switch {
		case len(is) == 0 || len(was) > 0 && was[0].Path < is[0].Path:
			changes = append(changes, Change{Path: was[0].Path, Was: &was[0]})
			was = was[1:]
		case len(was) == 0 || is[0].Path < was[0].Path:
			changes = append(changes, Change{Path: is[0].Path, Is: &is[0]})
			is = is[1:]
		default:
			if was[0] != is[0] {
				changes = append(changes, Change{Path: was[0].Path, Was: &was[0], Is: &is[0]})
			}
			was, is = was[1:], is[1:]
		}
	}
	return changes
}

func comparePaths(a, b Entry) int { return strings.Compare(a.Path, b.Path) }

// checkFields sees to it that equal entries have equal fields: what a kind does not
// have is zero.
func checkFields(e Entry) error {
	switch isFile := e.Kind == File || e.Kind == Exec; {
	case e.Kind == Link:
		if reason := targetProblem(e.Target); reason != "" {
			return &PathError{e.Path, reason}
		}
	case e.Target != "":
		return &PathError{e.Path, fmt.Sprintf("has a link target but is of kind %v", e.Kind)}
	case isFile && e.Size < 0:
		return &PathError{e.Path, "has a negative size"}
	}
	if (e.Kind == Dir || e.Kind == Link) && (e.Size != 0 || e.Content != digest.Content{}) {
		return &PathError{e.Path, fmt.Sprintf("has a size or content but is of kind %v", e.Kind)}
	}
	return nil
}
