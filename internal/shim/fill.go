package shim

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gostore/internal/durable"
	"gostore/internal/filelock"
)

// Directory describes a directory of shims.
type Directory struct {
	Path    string // absolute, no link itself
	Program string // gostore's program, absolute
	Store   string // the root of the store, as the directory's link to it shall say: absolute or relative to Path
	Project string // the one project, likewise; "" for none
}

// Changes are what Fill did, or what there is; names are sorted.
type Changes struct {
	Added   []string // that were not there, or led elsewhere
	Removed []string
	Shims   []string // all that are there now
}

// Fill makes the directory hold a shim for each of the names that wanted returns, and with keep also those that it has.
// Names that no shim can have, those of gostore itself, are passed over.
//
// wanted is called with the filelock of the directory held: whoever makes a command known before it calls Fill can
// be sure that no other Fill removes its shim. A directory that has other files and is not one of shims, and a file that is
// no shim under a name that is wanted, are a *ForeignError; nothing of theirs is changed.
//
// The steps are: the directory; .store, which makes it one of shims; .project; the new shims, each by a rename; the removals; a sync of the
// directory. Killed between two of them, it is a directory of shims with some of the changes, or an empty one.
func (d Directory) Fill(ctx context.Context, keep bool, wanted func() ([]string, error)) (Changes, error) {
	c, err := d.fill(ctx, keep, wanted)
	if err != nil {
		err = fmt.Errorf("filling the shims in %q: %w", d.Path, err)
	}
	return c, err
}

func (d Directory) fill(ctx context.Context, keep bool, wanted func() ([]string, error)) (c Changes, err error) {
	if err := durable.MkdirAll(d.Path, 0o755); err != nil {
		return c, err
	}
	held, err := filelock.LockDir(ctx, d.Path)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	have, err := d.read()
	if err != nil {
		return c, err
	}
	names, err := wanted()
	if err != nil {
		return c, err
	}
	if err := d.mark(); err != nil {
		return c, err
	}
	want := make(map[string]bool)
	for _, name := range names {
		if allowed(name) {
			want[name] = true
		}
	}
	if c, err = d.change(have, want, keep); err != nil {
		return c, err
	}
	return c, durable.SyncDir(d.Path)
}

// read returns where the shims in the directory lead, by name, and removes what a killed filler left.
func (d Directory) read() (map[string]string, error) {
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return nil, err
	}
	have := make(map[string]string)
	ours := Is(d.Path)
	for _, e := range entries {
		path := filepath.Join(d.Path, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), durable.TempPrefix) && e.Type()&fs.ModeSymlink != 0:
			if err := os.Remove(path); err != nil {
				return nil, err
			}
		case e.Name() == storeLink, e.Name() == projectLink:
		case isShim(path) && ours:
			if have[e.Name()], err = os.Readlink(path); err != nil {
				return nil, err
			}
		case !ours:
			return nil, &ForeignError{d.Path, errNotEmpty}
		}
	}
	return have, nil
}

// mark makes the links that say whose shims these are.
func (d Directory) mark() error {
	for _, link := range [][2]string{{storeLink, d.Store}, {projectLink, d.Project}} {
		path, target := filepath.Join(d.Path, link[0]), link[1]
		if now, err := os.Readlink(path); target == "" || err == nil && now == target {
			continue
		}
		if err := durable.Symlink(target, path); err != nil {
			return err
		}
	}
	return nil
}

func (d Directory) change(have map[string]string, want map[string]bool, keep bool) (c Changes, err error) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if have[name] == d.Program {
			continue
		}
		if err := d.add(name); err != nil {
			return c, err
		}
		have[name] = d.Program
		c.Added = append(c.Added, name)
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if keep || want[name] {
			c.Shims = append(c.Shims, name)
			continue
		}
		if err := os.Remove(filepath.Join(d.Path, name)); err != nil {
			return c, err
		}
		c.Removed = append(c.Removed, name)
	}
	return c, nil
}

// add makes or replaces one shim. The temporary name is the filelock holder's alone.
func (d Directory) add(name string) error {
	path := filepath.Join(d.Path, name)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) && !isShim(path) {
		return &ForeignError{path, errNoShim}
	}
	temp := filepath.Join(d.Path, durable.TempPrefix+name)
	if err := os.Symlink(d.Program, temp); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// Has reports whether the directory at path has shims for all of names that can have one, whatever they lead to. It takes no filelock.
func Has(path string, names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		return allowed(name) && !isShim(filepath.Join(path, name))
	})
}

// Remove takes a directory of shims away. What is no shim stays, and then so does the directory, and the error says it. One that is not
// there is fine.
func Remove(ctx context.Context, path string) error {
	held, err := filelock.LockDir(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer held.Close()
	d := Directory{Path: path}
	have, err := d.read()
	if err != nil {
		return err
	}
	for name := range have {
		if err := os.Remove(filepath.Join(path, name)); err != nil {
			return err
		}
	}
	for _, name := range []string{projectLink, storeLink} { // the mark last: until then it is known whose it is
		if err := os.Remove(filepath.Join(path, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Remove(path)
}
