package tree

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Names checks the names of a tree while they arrive, in any order: an unpacker asks before it creates
// anything. The zero value is an empty tree. Its methods may be called concurrently.
//
// It remembers every name: 4 MB for the 16,700 of Go 1.26.
type Names struct {
	mu      sync.Mutex
	names   map[string]name // by twinKey of the path
	implied int             // directories that were somebody's parent before they were added, if ever
}

type name struct {
	path string
	kind Kind
}

// Add takes the next entry of the tree. Parents that were not added yet exist from now on as
// directories, and may still be added as such. An error is a *PathError: the path does not
// pass CheckPath, it or a parent is a twin of another name, a parent is no directory, or the
// path was taken already. Only a directory may be added again, as a directory. After an error
// the parents of the path may have been taken.
func (n *Names) Add(path string, kind Kind) error {
	switch kind {
	case Dir, File, Exec, Link:
	default:
		return &PathError{path, fmt.Sprintf("is of the unknown %v", kind)}
	}
	if err := CheckPath(path); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.names == nil {
		n.names = make(map[string]name)
	}
	if err := n.addParent(path); err != nil {
		return err
	}
	key := twinKey(path)
	had, ok := n.names[key]
	switch {
	case !ok:
		n.names[key] = name{path, kind}
	case had.path != path:
		return twinError(path, path, had.path)
	case had.kind != Dir || kind != Dir:
		return &PathError{path, fmt.Sprintf("occurs twice, as %v and as %v", had.kind, kind)}
	}
	return nil
}

// addParent sees to it that the directory of path is known, and so are the directories above.
func (n *Names) addParent(path string) error {
	var missing []string // innermost first
	for parent := dirOf(path); parent != ""; parent = dirOf(parent) {
		had, ok := n.names[twinKey(parent)]
		if !ok {
			missing = append(missing, parent)
			continue
		}
		if had.path != parent {
			return twinError(path, parent, had.path)
		}
		if had.kind != Dir {
			return &PathError{path, fmt.Sprintf("%q exists as %v, not as directory", parent, had.kind)}
		}
		break
	}
	for _, dir := range missing {
		n.names[twinKey(dir)] = name{dir, Dir}
		n.implied++
	}
	return nil
}

// Kind returns what stands at path, and false if nothing does. A directory that is only implied by
// what is in it counts.
func (n *Names) Kind(path string) (Kind, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	had, ok := n.names[twinKey(path)]
	return had.kind, ok && had.path == path
}

// Len returns how many names there are, implied directories included.
func (n *Names) Len() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.names)
}

// Dirs returns all directories so far, whether they were added or only implied by what is
// in them, sorted so that each follows its parent.
func (n *Names) Dirs() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var dirs []string
	for _, had := range n.names {
		if had.kind == Dir {
			dirs = append(dirs, had.path)
		}
	}
	slices.Sort(dirs)
	return dirs
}

func twinError(path, name, other string) error {
	return &PathError{path, fmt.Sprintf("%q and %q are one name where case or Unicode normalisation does not count", name, other)}
}

// dirOf returns the directory that holds path, "" for the root.
func dirOf(path string) string {
	return path[:max(strings.LastIndexByte(path, '/'), 0)]
}

// twinKey returns a string that two paths share if some common file system takes them for
// one: the canonical caseless match of the Unicode standard (section 3.13, D145), with
// the characters left out that HFS+ and ext4's casefold ignore.
func twinKey(path string) string {
	for i := range len(path) {
		if path[i] >= utf8.RuneSelf {
			return norm.NFD.String(strings.Map(withoutIgnorable, foldCase(path)))
		}
	}
	return strings.ToLower(path)
}

func withoutIgnorable(r rune) rune {
	if unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
		return -1
	}
	return r
}
