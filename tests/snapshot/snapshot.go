// Package snapshot keeps directories with all that is in them, and makes them as they were, a thousand times. What is as it was is left
// alone: making a file is the dearest thing that a test of small files does, above all on an ext4 without a journal, which
// looks at every inode that was given back within minutes before it gives out one.
package snapshot

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Snapshot is what directories hold.
type Snapshot struct {
	Top     string
	Names   []string // of the directories, below Top
	Entries []Entry  // what holds others comes before them
}

// Entry is one name.
type Entry struct {
	Path   string      // below Top
	Mode   fs.FileMode // of a directory, a link or a regular file
	Time   time.Time   // of modification; the zero time means when it is made
	Data   []byte      // of a file
	Target string      // of a link
	Twin   string      // path of an earlier name of the same file
}

// Take reads directories below top. One that is not there will not be there.
func Take(top string, names ...string) (*Snapshot, error) {
	s := &Snapshot{Top: top, Names: names}
	seen := map[uint64]string{}
	for _, name := range names {
		err := filepath.WalkDir(filepath.Join(top, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return s.read(path, d, seen)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return s, nil
}

func (s *Snapshot) read(path string, d fs.DirEntry, seen map[uint64]string) error {
	fi, err := d.Info()
	if err != nil {
		return err
	}
	below, err := filepath.Rel(s.Top, path)
	if err != nil {
		return err
	}
	e := Entry{Path: below, Mode: fi.Mode(), Time: fi.ModTime()}
	inode := fi.Sys().(*syscall.Stat_t).Ino
	switch {
	case e.Mode.IsDir():
	case e.Mode&fs.ModeSymlink != 0:
		e.Target, err = os.Readlink(path)
	case seen[inode] != "":
		e.Twin = seen[inode]
	default:
		seen[inode] = below
		e.Data, err = os.ReadFile(path)
	}
	s.Entries = append(s.Entries, e)
	return err
}

// Restore makes everything as it was. Names of one file become names of one file again, and those of two become names of two.
func (s *Snapshot) Restore() error {
	r := restoring{Snapshot: s, inodes: map[string]uint64{}, owners: map[uint64]string{}}
	if err := r.clear(); err != nil {
		return err
	}
	for _, e := range s.Entries {
		if err := r.restore(e); err != nil {
			return err
		}
	}
	for i := range s.Entries { // a directory gets its mode and time when all is in it
		if e := s.Entries[len(s.Entries)-1-i]; e.Mode.IsDir() {
			if err := s.finish(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// restoring is one Restore.
type restoring struct {
	*Snapshot
	inodes map[string]uint64 // of files, by their first path
	owners map[uint64]string // and the other way round
}

// clear makes directories writable and removes what was not there.
func (r *restoring) clear() error {
	known := map[string]fs.FileMode{}
	for _, e := range r.Entries {
		known[filepath.Join(r.Top, e.Path)] = e.Mode.Type()
	}
	for _, name := range r.Names {
		err := filepath.WalkDir(filepath.Join(r.Top, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() {
				if err := os.Chmod(path, 0o700); err != nil {
					return err
				}
			}
			if kind, ok := known[path]; ok && kind == d.Type() {
				return nil
			}
			if !d.IsDir() {
				return os.Remove(path)
			}
			if err := removeAll(path); err != nil {
				return err
			}
			return fs.SkipDir
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// removeAll removes a directory with all that is in it, writable or not.
func removeAll(dir string) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o700)
	})
	return errors.Join(err, os.RemoveAll(dir))
}

// restore makes what is not as it was, all but mode and time of a directory.
func (r *restoring) restore(e Entry) error {
	path := filepath.Join(r.Top, e.Path)
	fi, err := os.Lstat(path)
	there := err == nil
	switch {
	case e.Mode.IsDir():
		if there {
			return nil
		}
		return os.Mkdir(path, 0o700)
	case e.Mode&fs.ModeSymlink != 0:
		if target, err := os.Readlink(path); err == nil && target == e.Target {
			return r.finish(e)
		}
		return errors.Join(removed(path, there), os.Symlink(e.Target, path), r.finish(e))
	case e.Twin != "":
		if there && inode(fi) == r.inodes[e.Twin] {
			return nil
		}
		return errors.Join(removed(path, there), os.Link(filepath.Join(r.Top, e.Twin), path))
	}
	if !there || r.owners[inode(fi)] != "" || !holds(path, fi, e.Data) {
		if err := errors.Join(removed(path, there), os.WriteFile(path, e.Data, 0o600)); err != nil {
			return err
		}
		if fi, err = os.Lstat(path); err != nil {
			return err
		}
	}
	r.inodes[e.Path], r.owners[inode(fi)] = inode(fi), e.Path
	return r.finish(e)
}

func inode(fi fs.FileInfo) uint64 { return fi.Sys().(*syscall.Stat_t).Ino }

func removed(path string, there bool) error {
	if !there {
		return nil
	}
	return os.Remove(path)
}

// holds reports whether a file has the bytes.
func holds(path string, fi fs.FileInfo, data []byte) bool {
	if fi.Size() != int64(len(data)) {
		return false
	}
	if fi.Mode()&0o400 == 0 && os.Chmod(path, 0o600) != nil {
		return false
	}
	have, err := os.ReadFile(path)
	return err == nil && bytes.Equal(have, data)
}

// finish sets mode and time.
func (s *Snapshot) finish(e Entry) error {
	path := filepath.Join(s.Top, e.Path)
	if e.Mode&fs.ModeSymlink == 0 {
		if err := os.Chmod(path, e.Mode); err != nil {
			return err
		}
	}
	at := e.Time
	if at.IsZero() {
		at = time.Now()
	}
	ts, err := unix.TimeToTimespec(at)
	if err != nil {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
}
