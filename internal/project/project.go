// Package project finds the project that a directory belongs to and says which tools it wants.
//
// A project is the directory in which gostore.lock stands or would stand. Find looks from a
// directory upwards to the root of the file system, by the names of the path as given, and takes
// the first that applies:
//
//  1. the nearest directory with a gostore.lock or a gostore.toml: there somebody decided;
//  2. the nearest directory with a go.work, also where a go.mod is nearer, as for cmd/go;
//  3. the nearest directory with a go.mod or a .go-version.
//
// gostore.lock and gostore.toml are then those of this directory; go.work, go.mod and .go-version are
// each the nearest in it or above it. What a project wants is thereby the same from everywhere
// inside it. A name that is no regular file (a directory named gostore.lock) is not there.
//
// A public directory, such as /tmp, where everybody may put files, has no say in the directories below it: only
// for whoever works in it itself.
//
// The package reads files and nothing else: not the environment, so GOWORK and GOTOOLCHAIN have
// no say, and no network. It states what the files say; whether such versions exist is for a source.
package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"gostore/lock"
)

// ConfigName is the name of the file in which people write what they want.
const ConfigName = "gostore.toml"

const (
	workName   = "go.work"
	moduleName = "go.mod"
	pinName    = ".go-version"
)

// ErrNone says that a directory belongs to no project. errors.Is(err, fs.ErrNotExist) holds.
var ErrNone = fmt.Errorf("no %s, %s, %s, %s or %s here or above: %w", lock.Name, ConfigName, workName, moduleName, pinName, fs.ErrNotExist)

// Project is a directory and the files that have a say in it. The paths are absolute, and empty for
// files that are not there.
type Project struct {
	Dir     string
	Lock    string // gostore.lock in Dir
	Config  string // gostore.toml in Dir
	Work    string // go.work, in Dir or above
	Module  string // go.mod, in Dir or above
	Version string // .go-version, in Dir or above
}

// LockPath returns where the project's lock is or would be.
func (p Project) LockPath() string { return filepath.Join(p.Dir, lock.Name) }

// Find returns the project that dir belongs to. With ErrNone the project is dir itself, without any
// files: where a first lock would be made.
func Find(dir string) (Project, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Project{}, err
	}
	p := Project{Dir: dir}
	for _, names := range [][]string{{lock.Name, ConfigName}, {workName}, {moduleName, pinName}} {
		found, err := nearest(dir, names...)
		if err != nil {
			return p, err
		}
		if found != "" {
			p.Dir = filepath.Dir(found)
			return p, p.look()
		}
	}
	return p, fmt.Errorf("%q: %w", dir, ErrNone)
}

// look fills in the files of p.
func (p *Project) look() error {
	var errs [5]error
	p.Lock, errs[0] = in(p.Dir, lock.Name)
	p.Config, errs[1] = in(p.Dir, ConfigName)
	p.Work, errs[2] = nearest(p.Dir, workName)
	p.Module, errs[3] = nearest(p.Dir, moduleName)
	p.Version, errs[4] = nearest(p.Dir, pinName)
	return errors.Join(errs[:]...)
}

// nearest returns the path of the first file with one of the names in dir or the nearest directory
// above, or "".
func nearest(dir string, names ...string) (string, error) {
	for start := dir; ; {
		for _, name := range names {
			if path, err := in(dir, name); err != nil || path != "" && (dir == start || !Public(dir)) {
				return path, err
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", nil
		}
		dir = parent
	}
}

// Public reports whether a directory is one in which everybody may make files, and remove only their own.
func Public(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.Mode()&fs.ModeSticky != 0 && info.Mode()&0o002 != 0
}

// in returns the path of the regular file name in dir, or "". That nobody may look is an error: going
// on could find another project than the one that is meant.
func in(dir, name string) (string, error) {
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return "", nil
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", nil
	}
	return path, nil
}
