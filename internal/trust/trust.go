// Package trust keeps which projects a person trusts.
//
// A project's files say which tools run and with which variables, and they may be a stranger's. What acts by
// itself, a prompt hook or a shim, asks here before it follows them.
//
// A record is a small file, trust/<key>, where key is the first 32 hexadecimal digits of the BLAKE3-256 of
// the project's directory with its links resolved. It holds that path and who owned the directory: should somebody else
// own a directory of that name later, nothing is trusted. What is in the directory does not count, as people
// are asked once per project and not once per change.
//
// A record is whole or absent whenever it is read. One that cannot be understood, or whose check (package checked) is wrong, trusts nothing.
package trust

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"gostore/internal/checked"
	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/smallfile"
)

// keyLength is how many hexadecimal digits of the path's digest name a record: 128 bits.
const keyLength = 32

// List is the projects that a person trusts.
type List struct {
	Dir     string          // where the records are; it is made by the first Add
	Folders func() []string // directories below which everything is trusted, absolute; only asked where there is no record
}

// Project is a trusted project.
type Project struct {
	Dir   string    `json:"project"` // absolute, links resolved
	Owner uint32    `json:"owner"`   // the user id of who owned it
	Since time.Time `json:"since"`
}

// Trusts reports whether the project in dir, an absolute path, is trusted. A directory that is not there is not.
func (l List) Trusts(dir string) bool {
	p, err := resolve(dir)
	if err != nil {
		return false
	}
	return l.has(p) || l.Folder(p.Dir) != ""
}

// Recorded reports whether the project in dir is trusted by a record of its own.
func (l List) Recorded(dir string) bool {
	p, err := resolve(dir)
	return err == nil && l.has(p)
}

// Record returns the path of the record of the project in dir, whether it is there or not.
func (l List) Record(dir string) string {
	if p, err := resolve(dir); err == nil {
		dir = p.Dir
	}
	return l.path(filepath.Clean(dir))
}

// Folder returns which of the Folders dir is trusted by, or "".
func (l List) Folder(dir string) string {
	if l.Folders == nil {
		return ""
	}
	if p, err := resolve(dir); err == nil {
		dir = p.Dir
	}
	for _, folder := range l.Folders() {
		if within(dir, folder) {
			return folder
		}
	}
	return ""
}

func (l List) has(p Project) bool {
	known, err := read(l.path(p.Dir))
	return err == nil && known.Dir == p.Dir && known.Owner == p.Owner
}

// Add trusts the project in dir, which is made sure of by the steps of durable.MkdirAll and durable.WriteFile. It reports whether
// that is new.
func (l List) Add(dir string, at time.Time) (added bool, err error) {
	p, err := resolve(dir)
	if err != nil {
		return false, fmt.Errorf("trusting %q: %w", dir, err)
	}
	if l.has(p) {
		return false, nil
	}
	p.Since = at.UTC().Truncate(time.Second)
	data, err := p.encode()
	if err != nil {
		return false, err
	}
	if err := durable.MkdirAll(l.Dir, 0o700); err != nil {
		return false, fmt.Errorf("trusting %q: %w", dir, err)
	}
	if err := durable.WriteFile(l.path(p.Dir), checked.Add(filepath.Base(l.path(p.Dir)), data), 0o600); err != nil {
		return false, fmt.Errorf("trusting %q: %w", dir, err)
	}
	return true, nil
}

// Remove trusts the project in dir no longer; dir need not exist any more. The error is fs.ErrNotExist when it was not
// trusted by a record of its own.
func (l List) Remove(dir string) error {
	if err := durable.Remove(l.Record(dir)); err != nil {
		return fmt.Errorf("trusting %q no longer: %w", dir, err)
	}
	return nil
}

// All returns the projects with a record, by path. Records that cannot be understood are left out.
func (l List) All() ([]Project, error) {
	entries, err := os.ReadDir(l.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Project
	for _, e := range entries {
		if p, err := read(filepath.Join(l.Dir, e.Name())); err == nil {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b Project) int { return strings.Compare(a.Dir, b.Dir) })
	return all, nil
}

func (l List) path(dir string) string {
	return filepath.Join(l.Dir, key(dir))
}

// key returns the name of the record of a directory.
func key(dir string) string { return digest.Sum([]byte(dir)).Hex()[:keyLength] }

// resolve returns dir without links, and who owns it.
func resolve(dir string) (Project, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return Project{}, err
	}
	info, err := os.Stat(real)
	if err != nil {
		return Project{}, err
	}
	return Project{Dir: real, Owner: info.Sys().(*syscall.Stat_t).Uid}, nil
}

// encode returns the record of a project without its check.
func (p Project) encode() ([]byte, error) {
	data, err := json.MarshalIndent(p, "", "  ")
	return append(data, '\n'), err
}

// read reads a record, which stands under the name of its project and whose check is right.
func read(path string) (p Project, err error) {
	data, err := smallfile.Read(path)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return p, err
	}
	if key(p.Dir) != filepath.Base(path) {
		return p, fmt.Errorf("it is about %q, whose record has another name", p.Dir)
	}
	return p, checked.Verify(filepath.Base(path), data, p.encode)
}

// Check calls damaged for every record that cannot be understood, and so trusts nothing.
func (l List) Check(damaged func(path string, err error)) error {
	entries, err := os.ReadDir(l.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		path := filepath.Join(l.Dir, e.Name())
		if strings.HasPrefix(e.Name(), durable.TempPrefix) {
			continue
		}
		if _, err := read(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			damaged(path, err)
		}
	}
	return err
}

// within reports whether dir is folder or below it.
func within(dir, folder string) bool {
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	rel, err := filepath.Rel(folder, dir)
	return err == nil && filepath.IsLocal(rel)
}
