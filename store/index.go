package store

import (
	"os"
	"strings"

	"gostore/internal/digest"
)

// LookupArchive returns the tree that an archive unpacked to, as far as it is remembered. The object
// may have been collected since. A damaged entry is a miss.
func (s *Store) LookupArchive(a digest.Archive) (digest.Tree, bool) {
	if a.IsZero() {
		return digest.Tree{}, false
	}
	data, err := os.ReadFile(s.path(indexDir, a.FileName()))
	if err != nil {
		return digest.Tree{}, false
	}
	t, err := digest.ParseTree(strings.TrimSuffix(string(data), "\n"))
	return t, err == nil
}
