package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"gostore/internal/digest"
	"gostore/internal/tree"
)

// blockSize is the unit of st_blocks, whatever the file system's own is.
const blockSize = 512

// inode is a file with several links, of which some are in the objects looked at.
type inode struct {
	bytes, links, found int64
	object              digest.Tree // one of those, and the file's path in it
	path                string
}

// Usage returns the bytes of disk that removing exactly these objects would give back: their directories,
// their descriptions, and those files that no other object shares, each counted once. Objects that
// are not there count nothing.
func (s *Store) Usage(trees []digest.Tree) (int64, error) {
	u := newUsage(s)
	condemned := map[digest.Tree]bool{}
	for _, t := range trees {
		o, err := s.Lookup(t)
		if err != nil {
			continue
		}
		condemned[t] = true
		if err := u.object(o); err != nil {
			return 0, err
		}
	}
	if err := u.index(condemned); err != nil {
		return 0, err
	}
	return u.freed(), nil
}

type fileID struct{ dev, ino uint64 }

type usage struct {
	store  *Store
	bytes  int64
	inodes map[fileID]*inode
}

func newUsage(s *Store) *usage { return &usage{store: s, inodes: map[fileID]*inode{}} }

// object counts what one object holds, and what describes it.
func (u *usage) object(o Object) error {
	for _, suffix := range []string{manifestSuffix, infoSuffix} {
		if fi, err := os.Lstat(u.store.metaPath(o.Tree, suffix)); err == nil {
			u.bytes += diskBytes(fi)
		}
	}
	return u.tree(u.store.Path(o), o.Tree)
}

// index counts the index entries that lead to condemned objects, which go with them.
func (u *usage) index(condemned map[digest.Tree]bool) error {
	entries, err := os.ReadDir(u.store.path(indexDir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if t, ok := u.store.readIndex(e.Name()); !ok || !condemned[t] {
			continue
		}
		if fi, err := e.Info(); err == nil {
			u.bytes += diskBytes(fi)
		}
	}
	return nil
}

// tree counts a directory and what is below it, as part of the object t if that is not zero.
func (u *usage) tree(dir string, t digest.Tree) error {
	return filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		var fi fs.FileInfo
		if err == nil {
			fi, err = e.Info()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // collected meanwhile
		}
		if err != nil {
			return err
		}
		st := fi.Sys().(*syscall.Stat_t)
		if fi.IsDir() || st.Nlink == 1 {
			u.bytes += diskBytes(fi)
			return nil
		}
		id := fileID{uint64(st.Dev), st.Ino}
		n := u.inodes[id]
		if n == nil {
			n = &inode{bytes: diskBytes(fi), links: int64(st.Nlink), object: t}
			n.path = filepath.ToSlash(name[len(dir)+1:])
			u.inodes[id] = n
		}
		n.found++
		return nil
	})
}

// freed returns what was counted, with the files whose every link is in what was looked at, or in
// files/, from where Clean removes a link that is the last one.
func (u *usage) freed() int64 {
	total := u.bytes
	manifests := map[digest.Tree]tree.Manifest{}
	for id, n := range u.inodes {
		if n.found == n.links || n.found == n.links-1 && u.isShared(id, n, manifests) {
			total += n.bytes
		}
	}
	return total
}

// isShared reports whether one link of an inode stands in files/, where the manifest of its object says
// that it would.
func (u *usage) isShared(id fileID, n *inode, manifests map[digest.Tree]tree.Manifest) bool {
	m, ok := manifests[n.object]
	if !ok {
		m, _ = u.store.readManifest(n.object) // without one nothing is found, and less is promised
		manifests[n.object] = m
	}
	e, ok := m.Find(n.path)
	if !ok {
		return false
	}
	fi, err := os.Lstat(u.store.path(filesDir, sharedName(e)))
	if err != nil {
		return false
	}
	st := fi.Sys().(*syscall.Stat_t)
	return fileID{uint64(st.Dev), st.Ino} == id
}

func diskBytes(fi fs.FileInfo) int64 { return fi.Sys().(*syscall.Stat_t).Blocks * blockSize }
