package bundle

import (
	"iter"

	"gostore/internal/digest"
	"gostore/internal/tree"
)

// contents remembers the contents that were met.
type contents map[digest.Content]struct{}

// fresh yields the files of m whose content was not met before, in the order of the manifest, and remembers them.
func (c contents) fresh(m tree.Manifest) iter.Seq[tree.Entry] {
	return func(yield func(tree.Entry) bool) {
		for _, e := range m.Entries() {
			if e.Kind != tree.File && e.Kind != tree.Exec {
				continue
			}
			if _, met := c[e.Content]; met {
				continue
			}
			c[e.Content] = struct{}{}
			if !yield(e) {
				return
			}
		}
	}
}
