package roots

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gostore/internal/checked"
	"gostore/internal/durable"
	"gostore/internal/filelock"
)

// filelockName is the filelock that everyone who changes a record holds, so that Prune cannot
// remove a record that was renewed after it was read. Readers take no filelock.
const filelockName = ".filelock"

// Register records in dir that p was used. p.Lock must be absolute, and p.Used is the present.
//
// The caller holds leases that keep p.Trees from the collector until Register has returned.
//
// When the record says so already and is younger than Precision, Register is one read of a
// small file. Otherwise the record is replaced whole: a crash leaves the old one or the new one.
// A damaged record is replaced without further ado, because p says what it should have said.
func Register(ctx context.Context, dir string, p Project) error {
	if err := p.check(); err != nil {
		return fmt.Errorf("registering project %q: %w", p.Lock, err)
	}
	p = p.canonical()
	if old, err := read(dir, p.name()); err == nil && old.covers(p) {
		return nil
	}
	err := locked(ctx, dir, func() error {
		data, err := p.encode()
		if err != nil {
			return err
		}
		return durable.WriteFile(filepath.Join(dir, p.name()), checked.Add(p.name(), data), 0o644)
	})
	if err != nil {
		return fmt.Errorf("registering project %q: %w", p.Lock, err)
	}
	return nil
}

// Forget removes the records, of all platforms, of the lock at path, whether or not they
// can be understood. The error is fs.ErrNotExist when there are none.
func Forget(ctx context.Context, dir, path string) error {
	prefix := key(filepath.Clean(path))
	found := false
	err := locked(ctx, dir, func() error {
		names, err := recordNames(dir)
		if err != nil {
			return err
		}
		for _, name := range names {
			if !strings.HasPrefix(name, prefix) {
				continue
			}
			if err := durable.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
			found = true
		}
		if !found {
			return fs.ErrNotExist
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forgetting project %q: %w", path, err)
	}
	return nil
}

// Prune removes the records of projects that were not used since before, and returns those
// projects. With dryRun it only returns them. Those of which inUse, where it is not nil, says that they are in use all the same
// stay.
//
// A record may lag behind by Precision, and gets the benefit of the doubt: it goes when its time
// is more than Precision before. A damaged record goes when its file was written that long
// ago; until then Prune leaves it alone and says nothing of it, as List does that. A project
// of which only a damaged record was left is returned with the path of the record as its Lock.
func Prune(ctx context.Context, dir string, before time.Time, inUse func(Project) bool, dryRun bool) ([]Project, error) {
	var gone []Project
	prune := func() error {
		names, err := recordNames(dir)
		if err != nil {
			return err
		}
		for _, name := range names {
			p, err := lastUse(dir, name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			if !p.Used.Add(Precision).Before(before) || inUse != nil && inUse(p) {
				continue
			}
			if !dryRun {
				if err := durable.Remove(filepath.Join(dir, name)); err != nil {
					return err
				}
			}
			gone = append(gone, p)
		}
		return nil
	}
	var err error
	if dryRun {
		err = prune()
	} else {
		err = locked(ctx, dir, func() error {
			removeTemps(dir)
			return prune()
		})
	}
	if err != nil {
		return gone, fmt.Errorf("pruning registered projects: %w", err)
	}
	return gone, nil
}

// lastUse is read, with a damaged record known by its path and the time its file was written.
func lastUse(dir, name string) (Project, error) {
	p, err := read(dir, name)
	var damaged *DamagedError
	if !errors.As(err, &damaged) {
		return p, err
	}
	info, err := os.Lstat(damaged.File)
	if err != nil {
		return Project{}, err
	}
	return Project{Lock: damaged.File, Used: info.ModTime()}, nil
}

// removeTemps removes what writers that were killed left behind: while the filelock is held
// no temporary file has an owner.
func removeTemps(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // best effort: prune reads the directory again and reports it
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), durable.TempPrefix) {
			os.Remove(filepath.Join(dir, e.Name())) // best effort: the next Prune tries again
		}
	}
}

// locked runs change while holding dir's filelock. It waits only for other changes, each of
// them a few small writes.
func locked(ctx context.Context, dir string, change func() error) error {
	l, err := filelock.Lock(ctx, filepath.Join(dir, filelockName))
	if err != nil {
		return err
	}
	return errors.Join(change(), l.Release())
}
