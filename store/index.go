package store

import (
	"fmt"
	"path"
	"strings"

	"gostore/internal/digest"
)

// The index remembers what was worked out before: which tree an archive unpacked to, which
// environment some recipe came to. An entry is a hint. It goes with the object that it leads to, and one that is
// lost or damaged is a miss.

// Remember keeps the tree that key led to. A key has letters, digits and "-", and does not look like an archive
// digest's file name.
func (s *Store) Remember(key string, t digest.Tree) error {
	if _, err := digest.ParseArchiveFileName(key); err == nil || strings.Trim(key, keyBytes) != "" || key == "" {
		return fmt.Errorf("index key %q: not a name for an entry", key)
	}
	return s.writeAtomic(path.Join(indexDir, key), []byte(t.String()+"\n"))
}

const keyBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"

// Recall returns the tree that Remember kept for key. Its object may have been collected since.
func (s *Store) Recall(key string) (digest.Tree, bool) { return s.readIndex(key) }

// MemoryPath returns the path of the file in which Remember keeps key, for those who wait for it to appear.
func (s *Store) MemoryPath(key string) string { return s.path(indexDir, key) }

// LookupArchive returns the tree that an archive unpacked to, as far as it is remembered. The object
// may have been collected since. A damaged entry is a miss.
func (s *Store) LookupArchive(a digest.Archive) (digest.Tree, bool) {
	if a.IsZero() {
		return digest.Tree{}, false
	}
	return s.readIndex(a.FileName())
}

// readIndex reads an entry of the index: the tree that what the entry is named after led to.
func (s *Store) readIndex(name string) (digest.Tree, bool) {
	data, err := readSmall(s.path(indexDir, name))
	if err != nil {
		return digest.Tree{}, false
	}
	t, err := digest.ParseTree(strings.TrimSuffix(string(data), "\n"))
	return t, err == nil
}
