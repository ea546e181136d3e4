package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"gostore/internal/digest"
)

// blockSize is the unit of st_blocks, whatever the file system's own is.
const blockSize = 512

// Reclaimable returns the bytes of disk that are given back when exactly these objects are discarded and Clean
// runs after that: what only they hold, and what crashes and interrupted collections left. Whatever is shared
// counts once. Objects that are not there count nothing.
func (s *Store) Reclaimable(trees []digest.Tree, opt CleanOptions) (int64, error) {
	u := usage{inodes: map[fileID]*inode{}}
	present, err := s.present()
	if err != nil {
		return 0, err
	}
	for _, t := range trees {
		o, _, err := s.own(t)
		if err != nil {
			continue
		}
		delete(present, t)
		if err := u.tree(s.Path(o)); err != nil {
			return 0, err
		}
	}
	count := func(_ string, fi fs.FileInfo) error {
		u.file(fi)
		return nil
	}
	err = errors.Join(
		s.eachLeftover(u.tree),
		s.eachShared(count),
		s.eachOrphan(present, count),
		s.eachOldTemp(opt.PartsBefore, count),
		s.eachOldPart(opt.PartsBefore, func(path string, fi fs.FileInfo) error {
			u.file(fi)
			u.bytes += besideBytes(path)
			return nil
		}),
		s.eachOrphanBeside(opt.PartsBefore, func(part string) error {
			u.bytes += besideBytes(part)
			return nil
		}))
	return u.freed(), err
}

// usage counts the disk that files take which are about to be unlinked.
type usage struct {
	bytes  int64
	inodes map[fileID]*inode
}

type fileID struct{ dev, ino uint64 }

// inode is a file with several links, of which some were counted.
type inode struct{ bytes, links, found int64 }

// tree counts a directory and what is below it.
func (u *usage) tree(dir string) error {
	return filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		var fi fs.FileInfo
		if err == nil {
			fi, err = e.Info()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // collected meanwhile
		}
		if err == nil {
			u.file(fi)
		}
		return err
	})
}

// file counts a link of a file, or a directory.
func (u *usage) file(fi fs.FileInfo) {
	st := fi.Sys().(*syscall.Stat_t)
	if fi.IsDir() || st.Nlink == 1 {
		u.bytes += diskBytes(fi)
		return
	}
	id := fileID{uint64(st.Dev), st.Ino}
	n := u.inodes[id]
	if n == nil {
		n = &inode{bytes: diskBytes(fi), links: int64(st.Nlink)}
		u.inodes[id] = n
	}
	n.found++
}

// freed returns the bytes of what was counted, without the files that have other links. The link in files/
// is one that Clean unlinks when it is the last: where it was counted too, it is as good as gone.
func (u *usage) freed() int64 {
	total := u.bytes
	for _, n := range u.inodes {
		if n.found == n.links {
			total += n.bytes
		}
	}
	return total
}

func diskBytes(fi fs.FileInfo) int64 { return fi.Sys().(*syscall.Stat_t).Blocks * blockSize }

// diskBytesAt returns what the file at path takes, 0 where there is none.
func diskBytesAt(path string) int64 {
	fi, err := os.Lstat(path)
	if err != nil {
		return 0
	}
	return diskBytes(fi)
}
