package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/sys"
)

// Reclaimable returns the bytes of disk that are given back when exactly these objects are discarded and Clean
// runs after that: what only they hold, and what crashes and interrupted collections left. Whatever is shared
// counts once. Objects that are not there count nothing.
func (s *Store) Reclaimable(trees []digest.Tree, opt CleanOptions) (int64, error) {
	u := usage{inodes: map[fileID]*inode{}}
	now, err := s.List()
	if err != nil {
		return 0, err
	}
	present := now.trees()
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
	var mu sync.Mutex
	count := func(_ string, fi fs.FileInfo) error {
		mu.Lock()
		defer mu.Unlock()
		u.file(fi)
		return nil
	}
	all := !s.cleaned()
	unlinks := all || len(trees) > 0 // then Clean looks at files/
	err = errors.Join(
		s.eachOldPart(opt.PartsBefore, func(path string, fi fs.FileInfo) error {
			u.file(fi)
			beside := besideBytes(path)
			unlinks = unlinks || beside > 0
			u.bytes += beside
			return nil
		}),
		s.eachOrphanBeside(opt.PartsBefore, func(part string) error {
			beside := besideBytes(part)
			unlinks = unlinks || beside > 0
			u.bytes += beside
			return nil
		}),
		s.eachLeftover(func(path string) error {
			unlinks = true
			return u.tree(path)
		}))
	if err == nil && unlinks {
		err = s.shared(&u)
	}
	err = errors.Join(err,
		s.eachOrphan(present, all, count),
		s.eachOldTemp(opt.PartsBefore, count))
	return u.freed(), err
}

// shared counts the links in files/ that Clean would unlink when what was counted before is gone: those of files that
// were counted, and those of files that have no other link.
func (s *Store) shared(u *usage) error {
	var mu sync.Mutex
	return s.eachShared(func(shard *os.File, name string) error {
		var st unix.Stat_t
		if sys.Fstatat(int(shard.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
			return nil // removed meanwhile
		}
		mu.Lock()
		defer mu.Unlock()
		if st.Nlink == 1 {
			u.bytes += st.Blocks * sys.BlockSize
		} else if n := u.inodes[fileID{uint64(st.Dev), st.Ino}]; n != nil {
			n.found++
		}
		return nil
	})
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

func diskBytes(fi fs.FileInfo) int64 { return fi.Sys().(*syscall.Stat_t).Blocks * sys.BlockSize }

// diskBytesAt returns what the file at path takes, 0 where there is none.
func diskBytesAt(path string) int64 {
	fi, err := os.Lstat(path)
	if err != nil {
		return 0
	}
	return diskBytes(fi)
}
