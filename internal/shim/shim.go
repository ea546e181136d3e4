// Package shim keeps directories of shims, and answers for a shim that runs where it is and what else bears its name.
//
// A shim is a link to the gostore program under the name of a command: started by it, gostore looks for the command
// among the tools of the project or the profile. A directory of shims is
//
//	go, gofmt, …   links to gostore's program, by its absolute path
//	.store         a link to the root of the store that the shims use; a directory with it is one of shims
//	.project       a link to the one project that they serve, where they do not go by the working directory
//
// So a shim that is started by its path, without a single variable, finds its store.
//
// It promises that a name in the directory is a whole shim or is not there whenever it is looked at, that concurrent fillers
// take turns, and that a killed one leaves at most a temporary link, which the next one removes. Files that are no
// shims are neither replaced nor removed.
//
// It does not promise that gostore's program stays where it is: a shim whose program was moved is mended by the next Fill.
package shim

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	storeLink   = ".store"
	projectLink = ".project"

	// ownName is how the names of gostore's program begin. What it is started as decides whether it is a shim, so
	// no shim can have such a name.
	ownName = "gostore"
)

// maxLinks is how many links are followed, as many as Linux follows.
const maxLinks = 40

// Named reports whether a program that was started as argv0 is a shim, and of which command.
func Named(argv0 string) (command string, ok bool) {
	name := filepath.Base(argv0)
	return name, allowed(name)
}

// allowed reports whether a shim can have a name.
func allowed(name string) bool {
	return name != "" && !strings.HasPrefix(name, ownName) && !strings.HasPrefix(name, ".") && !strings.Contains(name, "/")
}

// TemporaryError says that gostore's program is not where it will be found again.
type TemporaryError struct{ Path string }

func (e *TemporaryError) Error() string {
	return fmt.Sprintf("%q is a temporary program: nothing can lead to it", e.Path)
}

// Program returns the path of gostore's program as it was started: argv0, from a working directory dir and with the
// search path PATH. A name that leads to it, such as a package manager's link, outlives an upgrade, unlike the file that
// it leads to at present; executable, what os.Executable says, counts where argv0 does not lead to it.
//
// A program that "go run" made is a *TemporaryError.
func Program(argv0, dir, path, executable string) (string, error) {
	self, err := os.Stat(executable)
	if err != nil {
		return "", fmt.Errorf("finding gostore's own program: %w", err)
	}
	program := executable
	file := started(argv0, dir, path)
	for range maxLinks { // a shim leads to the name that is looked for
		info, err := os.Stat(file)
		if err != nil || !os.SameFile(info, self) {
			break
		}
		if strings.HasPrefix(filepath.Base(file), ownName) {
			program = file
			break
		}
		if file, err = readLink(file); err != nil {
			break
		}
	}
	for part := range strings.SplitSeq(program, "/") {
		if strings.HasPrefix(part, "go-build") { // in the temporary directory, or in the build cache
			return "", &TemporaryError{program}
		}
	}
	if !strings.HasPrefix(filepath.Base(program), ownName) {
		return "", fmt.Errorf("gostore's own program is named %q: a shim leads to one whose name begins with %q", program, ownName)
	}
	return program, nil
}

// started returns the absolute path that argv0 stands for, "" where there is none: as execvp finds it.
func started(argv0, dir, path string) string {
	if strings.Contains(argv0, "/") {
		return absolute(argv0, dir)
	}
	for _, entry := range filepath.SplitList(path) {
		file := absolute(filepath.Join(absolute(entry, dir), argv0), dir)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file
		}
	}
	return ""
}

// absolute returns path as seen from dir. Where dir is unknown, as a working directory that was removed is, a relative
// path stays one.
func absolute(path, dir string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// Place is where a shim that runs lies.
type Place struct {
	Dir     string // its directory
	Store   string // the root of the store that it uses
	Project string // the project that it serves, "" where the working directory decides
}

// Locate finds the place of the shim that was started as argv0. It is zero for a shim in a directory that Fill did not make.
func Locate(argv0, dir, path string) Place {
	file := started(argv0, dir, path)
	for range maxLinks {
		if file == "" {
			break
		}
		at := filepath.Dir(file)
		if store, err := readLink(filepath.Join(at, storeLink)); err == nil {
			project, _ := readLink(filepath.Join(at, projectLink)) // most have none
			return Place{at, store, project}
		}
		next, err := readLink(file) // somebody's link to a shim
		if err != nil {
			break
		}
		file = next
	}
	return Place{}
}

// readLink returns where a link leads, as an absolute path where path is one.
func readLink(path string) (string, error) {
	target, err := os.Readlink(path)
	if err != nil {
		return "", err
	}
	return absolute(target, filepath.Dir(path)), nil
}

// Is reports whether dir is a directory of shims.
func Is(dir string) bool {
	info, err := os.Lstat(filepath.Join(dir, storeLink))
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// isShim reports whether the file at path is a link such as Fill makes, to whichever gostore.
func isShim(path string) bool {
	target, err := os.Readlink(path)
	return err == nil && strings.HasPrefix(filepath.Base(target), ownName)
}

// ForeignError says that something stands where shims should, and is not one.
type ForeignError struct {
	Path string
	Err  error // why it is in the way
}

func (e *ForeignError) Error() string { return fmt.Sprintf("%q: %v", e.Path, e.Err) }

// Unwrap returns the reason.
func (e *ForeignError) Unwrap() error { return e.Err }

var (
	errNotEmpty = errors.New("holds files that are no shims")
	errNoShim   = errors.New("is no shim, and is left alone")
)
