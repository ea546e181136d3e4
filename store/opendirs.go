package store

import (
	"errors"
	"sync"

	"golang.org/x/sys/unix"
)

// openDirsKept is how many directories of a stage stay open. Archives have the files of a directory together, so
// each worker comes back to the last few; finding the way to a directory for every file was 3 % of an install.
const openDirsKept = 8

// openDirs keeps descriptors of directories that were used lately. Its zero value has none.
type openDirs struct {
	mu   sync.Mutex
	dirs []*openDir // the one used last comes last
}

// openDir is an open directory.
type openDir struct {
	name  string
	fd    int
	users int
	gone  bool // to be closed by the last user
}

// open returns a directory below the directory root, to be given to done.
func (o *openDirs) open(root int, name string) (*openDir, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, d := range o.dirs {
		if d.name == name {
			copy(o.dirs[i:], o.dirs[i+1:])
			o.dirs[len(o.dirs)-1] = d
			d.users++
			return d, nil
		}
	}
	fd, err := openDirBeneath(root, name)
	if err != nil {
		return nil, err
	}
	d := &openDir{name: name, fd: fd, users: 1}
	o.dirs = append(o.dirs, d)
	if len(o.dirs) > openDirsKept {
		err = o.forget(o.dirs[0])
		o.dirs = append(o.dirs[:0], o.dirs[1:]...)
	}
	return d, err
}

// done ends the use of a directory.
func (o *openDirs) done(d *openDir) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if d.users--; d.users == 0 && d.gone {
		return unix.Close(d.fd)
	}
	return nil
}

// clear forgets all directories: they may be elsewhere from now on, or are no longer needed.
func (o *openDirs) clear() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var errs []error
	for _, d := range o.dirs {
		errs = append(errs, o.forget(d))
	}
	o.dirs = nil
	return errors.Join(errs...)
}

// forget closes a directory as soon as nobody uses it. o.mu is held.
func (o *openDirs) forget(d *openDir) error {
	d.gone = true
	if d.users > 0 {
		return nil
	}
	return unix.Close(d.fd)
}
