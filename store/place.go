package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

// place is where something of a stage stands: a name in an open directory. Working through descriptors
// takes a third of the system calls that walking the whole path for each operation takes, of which
// a Go toolchain needs some 60,000.
type place struct {
	dir  int    // descriptor of the directory, good for the ...at calls only
	base string // name in it, or "." for the directory itself
	full string // path, for messages
}

// at calls do with the place of a name of the stage, whose directory must exist.
func (g *Stage) at(name string, do func(place) error) error {
	p := place{int(g.held.Fd()), path.Base(name), filepath.Join(g.store.path(g.name), filepath.FromSlash(name))}
	parent := path.Dir(name)
	if parent == "." {
		return do(p)
	}
	d, err := g.dirs.open(p.dir, parent)
	if err != nil {
		return &os.PathError{Op: "open", Path: filepath.Dir(p.full), Err: err}
	}
	p.dir = d.fd
	return errors.Join(do(p), g.dirs.done(d))
}

// walkDir opens a directory below another, one name at a time, following no link. Names have been checked: none
// is "..".
func walkDir(dir int, name string) (int, error) {
	fd := dir
	for rest := name; rest != ""; {
		var next string
		next, rest, _ = strings.Cut(rest, "/")
		below, err := sys.Openat(fd, next, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if fd != dir {
			unix.Close(fd)
		}
		if err != nil {
			return -1, err
		}
		fd = below
	}
	return fd, nil
}

// failed names what failed and where.
func (p place) failed(op string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: p.full, Err: err}
}

// create makes a new file, which nothing else can have made or can be a link.
func (p place) create(mode fs.FileMode) (int, error) {
	fd, err := sys.Openat(p.dir, p.base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, uint32(mode))
	return fd, p.failed("create", err)
}

// setTime gives a file, link or directory the fixed modification time.
func (p place) setTime() error {
	ts, err := unix.TimeToTimespec(sealTime)
	if err == nil {
		err = sys.UtimesNanoAt(p.dir, p.base, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	}
	return p.failed("utimensat", err)
}

// seal makes a directory read-only and gives it the fixed modification time.
func (p place) seal() error {
	err := p.failed("chmod", sys.Fchmodat(p.dir, p.base, 0o555, 0))
	return errors.Join(err, p.setTime())
}

// writeSealed writes a new file, read-only and with the fixed modification time.
func (s *Store) writeSealed(p place, exec bool, data []byte) error {
	mode := sealedMode(exec)
	fd, err := p.create(mode)
	if err != nil {
		return err
	}
	err = p.failed("write", writeAll(fd, data))
	if err == nil {
		err = p.failed("chmod", s.fixMode(fd, mode))
	}
	if err == nil && len(data) >= earlyWriteSize {
		startWriting(fd)
	}
	if err = errors.Join(err, p.failed("close", unix.Close(fd))); err != nil {
		return err
	}
	return p.setTime()
}

// streamSealed is writeSealed for a stream. It returns the size.
func (s *Store) streamSealed(p place, exec bool, r io.Reader) (int64, error) {
	mode := sealedMode(exec)
	fd, err := p.create(mode)
	if err != nil {
		return 0, err
	}
	f := os.NewFile(uintptr(fd), p.full)
	n, err := io.Copy(f, r)
	if err == nil {
		err = p.failed("chmod", s.fixMode(fd, mode))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	return n, p.setTime()
}

func writeAll(fd int, data []byte) error {
	for len(data) > 0 {
		n, err := sys.Write(fd, data)
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// fixMode undoes what the umask took. Whether it takes anything is learnt from the first file.
func (s *Store) fixMode(fd int, mode fs.FileMode) error {
	if !s.narrow.Load() {
		var st unix.Stat_t
		if err := sys.Fstat(fd, &st); err != nil || fs.FileMode(st.Mode).Perm() == mode {
			return err
		}
		s.narrow.Store(true)
	}
	return sys.Fchmod(fd, uint32(mode))
}

func sealedMode(exec bool) fs.FileMode {
	if exec {
		return 0o555
	}
	return 0o444
}
