package tests

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// snapshot holds directories with all that is in them, so that they can be made again a thousand times.
type snapshot struct {
	top     string
	names   []string // of the directories, below top
	entries []saved  // what holds others comes before them
}

// saved is one name in a snapshot.
type saved struct {
	path   string
	mode   fs.FileMode
	times  [2]unix.Timespec
	data   []byte // of a file
	target string // of a link
	twin   string // path of an earlier name of the same file
}

// takeSnapshot saves directories below top; those that are not there will not be there.
func takeSnapshot(t *testing.T, top string, names ...string) *snapshot {
	t.Helper()
	s := &snapshot{top: top, names: names}
	seen := map[uint64]string{}
	for _, name := range names {
		dir := filepath.Join(top, name)
		if _, err := os.Lstat(dir); err != nil {
			continue
		}
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return s.save(path, e, seen)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *snapshot) save(path string, e fs.DirEntry, seen map[uint64]string) error {
	fi, err := e.Info()
	if err != nil {
		return err
	}
	st := fi.Sys().(*syscall.Stat_t)
	mtime, err := unix.TimeToTimespec(fi.ModTime())
	if err != nil {
		return err
	}
	v := saved{path: path, mode: fi.Mode(), times: [2]unix.Timespec{mtime, mtime}}
	switch {
	case fi.Mode().IsDir():
	case fi.Mode()&fs.ModeSymlink != 0:
		v.target, err = os.Readlink(path)
	case seen[uint64(st.Ino)] != "":
		v.twin = seen[uint64(st.Ino)]
	default:
		seen[uint64(st.Ino)] = path
		v.data, err = os.ReadFile(path)
	}
	s.entries = append(s.entries, v)
	return err
}

// restore makes everything as it was. Names of one file become names of one file again.
func (s *snapshot) restore(t *testing.T) {
	t.Helper()
	for _, name := range s.names {
		dir := filepath.Join(s.top, name)
		unseal(dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range s.entries {
		if err := v.make(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range s.entries { // a directory is sealed when all is in it
		if v := s.entries[len(s.entries)-1-i]; v.mode.IsDir() {
			if err := v.finish(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (v saved) make() error {
	var err error
	switch {
	case v.mode.IsDir():
		return os.Mkdir(v.path, 0o700)
	case v.target != "":
		err = os.Symlink(v.target, v.path)
	case v.twin != "":
		return os.Link(v.twin, v.path)
	default:
		err = os.WriteFile(v.path, v.data, 0o600)
	}
	if err != nil {
		return err
	}
	return v.finish()
}

// finish sets mode and times.
func (v saved) finish() error {
	if v.target == "" {
		if err := os.Chmod(v.path, v.mode); err != nil {
			return err
		}
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, v.path, v.times[:], unix.AT_SYMLINK_NOFOLLOW)
}
