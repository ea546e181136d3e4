package archive

import (
	"strings"

	"gostore/internal/tree"
)

// layout is the tree that an archive describes, as far as it was read: paths as they stand in the archive. It
// accepts what the rules allow, and refuses the rest with the name of the entry.
type layout struct {
	limits  Limits
	names   tree.Names
	entries int
	bytes   int64            // of names and targets
	total   int64            // bytes of content
	sizes   map[string]int64 // of regular files, by path
	targets map[string]string
	links   []node // in the order of the archive
	copies  []node
}

// node is a link or a hard link.
type node struct {
	entry  string // as the archive calls it
	path   string
	target string // what a link holds; the path of a regular file for a hard link
}

func newLayout(l Limits) *layout {
	return &layout{limits: l, sizes: map[string]int64{}, targets: map[string]string{}}
}

// count takes another entry, whatever it is.
func (l *layout) count() error {
	if l.entries++; l.entries > l.limits.Entries {
		return refuse("", "has more than the %d entries that are allowed", l.limits.Entries)
	}
	return nil
}

// path returns the path of the entry called name: without "./" before it, and for a directory without the slash after it.
// It is "" for the root itself.
func (l *layout) path(name string, isDir bool) (string, error) {
	if len(name) > l.limits.Name {
		return "", refuse(name[:l.limits.Name], "name has %d bytes, at most %d are allowed", len(name), l.limits.Name)
	}
	if name == "" {
		return "", refuse("", "an entry has no name")
	}
	path := strings.TrimPrefix(name, "./")
	if isDir {
		path = strings.TrimSuffix(path, "/")
		if name == "." || name == "./" {
			return "", nil
		}
	}
	if err := tree.CheckPath(path); err != nil {
		return "", badName(name, err)
	}
	return path, nil
}

// add takes the name of an entry. Directories that it implies count as names, so that a few deep names cannot become many.
func (l *layout) add(entry, path string, kind tree.Kind) error {
	was := l.names.Len()
	if err := l.names.Add(path, kind); err != nil {
		return badName(entry, err)
	}
	is := l.names.Len()
	if is > l.limits.Entries {
		return refuse(entry, "is beyond the %d files and directories that are allowed", l.limits.Entries)
	}
	return l.spend(entry, int64(is-was)*int64(len(path)))
}

// spend takes n bytes of memory for names.
func (l *layout) spend(entry string, n int64) error {
	if l.bytes += n; l.bytes > l.limits.Names {
		return refuse(entry, "is beyond the %d bytes that all names may have together", l.limits.Names)
	}
	return nil
}

// file takes a regular file.
func (l *layout) file(entry, path string, exec bool, size int64) error {
	kind := tree.File
	if exec {
		kind = tree.Exec
	}
	if err := l.add(entry, path, kind); err != nil {
		return err
	}
	l.sizes[path] = size
	return l.grow(entry, size)
}

// grow takes size bytes of content.
func (l *layout) grow(entry string, size int64) error {
	if size > l.limits.File {
		return refuse(entry, "has %d bytes, at most %d are allowed", size, l.limits.File)
	}
	if l.total += size; l.total > l.limits.Bytes {
		return refuse(entry, "is beyond the %d bytes that all entries may have together", l.limits.Bytes)
	}
	return nil
}

// copyOf takes a hard link to a regular file that came before.
func (l *layout) copyOf(entry, path, target string) error {
	size, ok := l.sizes[target]
	if !ok {
		if kind, ok := l.names.Kind(target); ok {
			return refuse(entry, "is a hard link to %q, which is a %v, not a file", target, kind)
		}
		return refuse(entry, "is a hard link to %q, which is not there before it", target)
	}
	if err := l.file(entry, path, false, size); err != nil {
		return err
	}
	l.copies = append(l.copies, node{entry, path, target})
	return nil
}

// link takes a symbolic link. Where it leads is checked when all entries are there, by checkLinks.
func (l *layout) link(entry, path, target string) error {
	if err := l.add(entry, path, tree.Link); err != nil {
		return err
	}
	if err := l.spend(entry, int64(len(target))); err != nil {
		return err
	}
	if err := tree.CheckTarget(path, target); err != nil {
		return badName(entry, err)
	}
	l.targets[path] = target
	l.links = append(l.links, node{entry, path, target})
	return nil
}

// checkLinks refuses a link that does not lead to something in the tree below top, "" for the whole.
func (l *layout) checkLinks(top string) error {
	look := func(path string) (tree.Kind, string, bool) {
		path = under(top, path)
		kind, ok := l.names.Kind(path)
		return kind, l.targets[path], ok
	}
	for _, n := range l.links {
		if _, err := tree.Resolve(below(top, n.path), look); err != nil {
			return badName(n.entry, err)
		}
	}
	return nil
}

// finish refuses an archive without files.
func (l *layout) finish() error {
	if len(l.sizes)+len(l.links) == 0 {
		return refuse("", "holds no files")
	}
	return nil
}

// under is the path in the archive of what is path below top.
func under(top, path string) string {
	if top == "" {
		return path
	}
	return top + "/" + path
}

// below is the path below top of what is path in the archive.
func below(top, path string) string {
	if top == "" {
		return path
	}
	return strings.TrimPrefix(path, top+"/")
}

// topOf returns the first name of path.
func topOf(path string) string {
	top, _, _ := strings.Cut(path, "/")
	return top
}
