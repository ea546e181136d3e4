// Package project finds the project that a directory belongs to and says which tools it wants.
//
// A project is the directory in which gostore.lock stands or would stand. Find looks from a
// directory upwards to the root of the file system, by the names of the path as given, and takes
// the first that applies:
//
//  1. the nearest directory with a gostore.lock or a gostore.toml: there somebody decided;
//  2. the nearest directory with a go.work, also where a go.mod is nearer, as for cmd/go;
//  3. the nearest directory with a go.mod or a .go-version or, within the repository, with a file of another version
//     manager: mise.toml, .tool-versions, .node-version, .nvmrc;
//  4. the directory itself, if it has a package.json.
//
// gostore.lock and gostore.toml are then those of this directory; go.work, go.mod and .go-version are
// each the nearest in it or above it. What a project wants is thereby the same from everywhere
// inside it. A name that is no regular file (a directory named gostore.lock) is not there.
//
// The files of other version managers are often somebody's own: a .tool-versions in the home directory says what its owner wants where
// nothing else does. A lock is shared, so it is made of what is shared: these files count in the project's directory and above it as
// far as the top of its repository (the nearest directory with a .git, .hg, .jj or .svn), and where there is no repository in
// the project's directory alone. A package.json stands in each package of a repository and in everything that npm
// installs, and rarely is about more than that: it counts in the project's directory only, and makes no directory above a project.
//
// A public directory, such as /tmp, where everybody may put files, has no say in the directories below it: only
// for whoever works in it itself.
//
// The package reads files and nothing else: not the environment, so GOWORK and GOTOOLCHAIN have
// no say, and no network. It states what the files say; whether such versions exist is for a source. What
// it knows of tools are the built-in definitions and those of the project, so that all machines read the same.
package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"gostore/internal/settings"
	"gostore/internal/versionfile"
	"gostore/lock"
)

// ConfigName is the name of the file in which people write what they want.
const ConfigName = settings.Name

const (
	workName   = "go.work"
	moduleName = "go.mod"
	pinName    = versionfile.GoVersion
)

// ErrNone says that a directory belongs to no project. errors.Is(err, fs.ErrNotExist) holds.
var ErrNone error = noneError{}

type noneError struct{}

func (noneError) Error() string {
	return fmt.Sprintf("no %s, %s, %s, %s or %s here or above, nor a file of another version manager in the repository",
		lock.Name, ConfigName, workName, moduleName, pinName)
}

// Unwrap returns the kind of error; its words add nothing.
func (noneError) Unwrap() error { return fs.ErrNotExist }

// Project is a directory and the files that have a say in it. The paths are absolute, and empty for
// files that are not there.
type Project struct {
	Dir     string
	Lock    string   // gostore.lock in Dir
	Config  string   // gostore.toml in Dir
	Work    string   // go.work, in Dir or above
	Module  string   // go.mod, in Dir or above
	Version string   // .go-version, in Dir or above
	Others  []string // files of other version managers, those that count more first
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
	for _, look := range []func(string) (string, error){
		func(dir string) (string, error) { return nearest(dir, lock.Name, ConfigName) },
		func(dir string) (string, error) { return nearest(dir, workName) },
		founder,
		func(dir string) (string, error) { return in(dir, versionfile.Package) },
	} {
		found, err := look(dir)
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
	var errs [6]error
	p.Lock, errs[0] = in(p.Dir, lock.Name)
	p.Config, errs[1] = in(p.Dir, ConfigName)
	p.Work, errs[2] = nearest(p.Dir, workName)
	p.Module, errs[3] = nearest(p.Dir, moduleName)
	p.Version, errs[4] = nearest(p.Dir, pinName)
	p.Others, errs[5] = others(p.Dir)
	return errors.Join(errs[:]...)
}

// nearest returns the path of the first file with one of the names in dir or the nearest directory
// above, or "".
func nearest(dir string, names ...string) (string, error) {
	for start := dir; ; {
		for _, name := range names {
			if path, err := in(dir, name); err != nil || path != "" && (dir == start || !lock.Public(dir)) {
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

// Settings reads what p's gostore.toml says of how its tools are used; without one they are zero. What is wrong with the file is a
// textfile.ErrorList.
func (p Project) Settings() (settings.Settings, error) {
	if p.Config == "" {
		return settings.Settings{}, nil
	}
	return settings.Read(p.Config)
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
