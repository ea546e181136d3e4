package store

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/smallfile"
)

// The index remembers what was worked out before: which tree an archive unpacked to, which
// environment some recipe came to. An entry is a hint. It goes with the object that it leads to, and one that is
// lost or damaged is a miss. Its text is
//
//	the tree digest
//	"check " and 16 hexadecimal digits: of the BLAKE3-256 of the entry's name, a newline, and the tree digest
//
// so that an entry which leads to another tree because a bit rotted, or which stands under another's name, is told from one that
// was written so. Entries from before there were checks have the first line only.

// Remember keeps the tree that key led to. A key has letters, digits and "-", and does not look like an archive
// digest's file name.
func (s *Store) Remember(key string, t digest.Tree) error {
	if _, err := digest.ParseArchiveFileName(key); err == nil || strings.Trim(key, keyBytes) != "" || key == "" {
		return fmt.Errorf("index key %q: not a name for an entry", key)
	}
	return s.writeAtomic(path.Join(indexDir, key), formatIndex(key, t))
}

const keyBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"

// Recall returns the tree that Remember kept for key. Its object may have been collected since.
func (s *Store) Recall(key string) (digest.Tree, bool) { return s.readIndex(key) }

// MemoryPath returns the path of the file in which Remember keeps key, for those who wait for it to appear.
func (s *Store) MemoryPath(key string) string { return s.path(indexDir, key) }

// LookupArchive returns the tree that an archive unpacked to, as far as it is remembered. The object
// may have been collected since. A damaged entry is a miss. What the store does not remember its layers may.
func (s *Store) LookupArchive(a digest.Archive) (digest.Tree, bool) {
	if a.IsZero() {
		return digest.Tree{}, false
	}
	if t, ok := s.readIndex(a.FileName()); ok {
		return t, true
	}
	return s.layerIndex(a.FileName())
}

// readIndex reads an entry of the index: the tree that what the entry is named after led to.
func (s *Store) readIndex(name string) (digest.Tree, bool) {
	return readIndexFile(s.path(indexDir, name))
}

func readIndexFile(path string) (digest.Tree, bool) {
	data, err := smallfile.Read(path)
	if err != nil {
		return digest.Tree{}, false
	}
	return parseIndex(filepath.Base(path), data)
}

// formatIndex returns the text of an entry.
func formatIndex(name string, t digest.Tree) []byte {
	return []byte(t.String() + "\ncheck " + digest.Sum([]byte(name + "\n" + t.String())).Hex()[:16] + "\n")
}

// parseIndex reads the text of an entry.
func parseIndex(name string, data []byte) (digest.Tree, bool) {
	line, _, _ := strings.Cut(string(data), "\n")
	t, err := digest.ParseTree(line)
	if err != nil {
		return digest.Tree{}, false
	}
	return t, string(data) == line+"\n" || string(data) == string(formatIndex(name, t))
}
