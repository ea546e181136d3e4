package lock

import (
	"fmt"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/release"
)

// Needs returns a digest of all that the lock makes a platform's store hold: the releases, what each is made of, and what it is
// to become. It changes with any of them, and with their order, as the first release of a tool is its primary one. It does not
// change with comments, the form of the file, what is locked for other platforms, and what was requested.
func (f *File) Needs(p release.Platform) digest.Content {
	var b strings.Builder
	fmt.Fprintf(&b, "gostore needs 1\nplatform %q\n", p)
	for _, t := range f.Tools {
		item, ok := t.Item(p)
		if !ok {
			fmt.Fprintf(&b, "absent %q %q\n", t.Name, t.Version)
			continue
		}
		fmt.Fprintf(&b, "item %q %q %q %q tree %q\n", t.Name, t.Version, t.Source, item.Key(), item.Archive.Tree.String())
	}
	return digest.Sum([]byte(b.String()))
}
