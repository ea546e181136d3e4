package tree

import (
	"fmt"
	"hash/maphash"
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
// It remembers every name: some 60 bytes for each beside its text, of which the collector of garbage looks at 24.
type Names struct {
	mu      sync.Mutex
	names   []name
	at      map[uint64]uint32 // where in names a name is, by a number that begins as the hash of its twinKey; see find
	implied int               // directories that were somebody's parent before they were added, if ever
}

type name struct {
	path string
	kind Kind
}

var twinSeed = maphash.MakeSeed()

// twinHash returns the number of a twinKey. Nobody who makes a tree knows the seed.
var twinHash = func(key string) uint64 { return maphash.String(twinSeed, key) }

// find returns the name that is at a path or is a twin of it. Where there is none the number is one under which it can be added: where several keys
// have one hash, they stand under the numbers that follow it.
func (n *Names) find(path string) (had name, number uint64, found bool) {
	key := twinKey(path)
	for number = twinHash(key); ; number++ {
		i, taken := n.at[number]
		if !taken {
			return name{}, number, false
		}
		if had = n.names[i]; had.path == path || twinKey(had.path) == key {
			return had, number, true
		}
	}
}

// add enters a name under a number that find returned.
func (n *Names) add(number uint64, path string, kind Kind) {
	if n.at == nil {
		n.at = make(map[uint64]uint32)
	}
	n.at[number] = uint32(len(n.names))
	n.names = append(n.names, name{path, kind})
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
	if err := n.addParent(path); err != nil {
		return err
	}
	had, number, ok := n.find(path)
	switch {
	case !ok:
		n.add(number, path, kind)
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
		had, _, ok := n.find(parent)
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
		_, number, _ := n.find(dir) // not the one from before: another may have taken it since
		n.add(number, dir, Dir)
		n.implied++
	}
	return nil
}

// Kind returns what stands at path, and false if nothing does. A directory that is only implied by
// what is in it counts.
func (n *Names) Kind(path string) (Kind, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	had, _, ok := n.find(path)
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
