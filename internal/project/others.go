package project

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	asdfName    = ".tool-versions"
	nodeName    = ".node-version"
	nvmName     = ".nvmrc"
	packageName = "package.json"
)

// miseNames are where mise looks in a directory, what counts more first. Its mise.local.toml is left out, and so are
// the files for one environment: they are not shared, and a lock is.
var miseNames = []string{"mise.toml", ".mise.toml", "mise/config.toml", ".mise/config.toml", ".config/mise.toml", ".config/mise/config.toml"}

// founding are the files of other version managers that make the directory where they stand a project.
var founding = slices.Concat(miseNames, []string{asdfName, nodeName, nvmName})

// founder returns the nearest file in dir or above that makes a directory a project without any of gostore's own files or a
// go.work.
func founder(dir string) (string, error) {
	top := repository(dir)
	inside := true
	for at := dir; ; at = filepath.Dir(at) {
		names := []string{moduleName, pinName}
		if inside {
			names = append(names, founding...)
		}
		if path, err := first(at, names); err != nil || path != "" && (at == dir || !Public(at)) {
			return standing(at, path), err
		}
		if at == filepath.Dir(at) {
			return "", nil
		}
		inside = inside && at != top
	}
}

// standing returns a path in dir for a file that may stand in a directory below it, as .config/mise.toml does: its own directory is
// not the one that it is about.
func standing(dir, path string) string {
	if path == "" {
		return ""
	}
	return filepath.Join(dir, filepath.Base(path))
}

// first returns the path of the first of names that is in dir, or "".
func first(dir string, names []string) (string, error) {
	for _, name := range names {
		if path, err := in(dir, name); err != nil || path != "" {
			return path, err
		}
	}
	return "", nil
}

// repositories are the names by which the top of a repository is known.
var repositories = []string{".git", ".hg", ".jj", ".svn"}

// repository returns the top of the repository that dir is in, and dir itself when it is in none.
func repository(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		for _, name := range repositories {
			if _, err := os.Lstat(filepath.Join(at, name)); err == nil && (at == dir || !Public(at)) {
				return at
			}
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

// others returns the files of other version managers that have a say in a project, those that count more first.
func others(dir string) ([]string, error) {
	var found []string
	var errs []error
	add := func(dir string, names ...string) (any bool) {
		for _, name := range names {
			path, err := in(dir, name)
			if errs = append(errs, err); path != "" {
				found, any = append(found, path), true
			}
		}
		return any
	}
	above := upTo(dir, repository(dir))
	for _, at := range above {
		add(at, miseNames...)
		add(at, asdfName)
	}
	for _, name := range []string{nodeName, nvmName} {
		for _, at := range above {
			if add(at, name) {
				break
			}
		}
	}
	add(dir, packageName)
	return found, errors.Join(errs...)
}

// upTo returns dir and the directories above it up to top, without public ones.
func upTo(dir, top string) []string {
	list := []string{dir}
	for at := dir; at != top; {
		at = filepath.Dir(at)
		if !Public(at) {
			list = append(list, at)
		}
	}
	return list
}

// KindError says that a file is of no kind that is read.
type KindError struct {
	Path  string
	Known []string // names of files that are
}

func (e *KindError) Error() string {
	return "\"" + e.Path + "\" is of no kind that says which tools a project wants; known by their names: " + strings.Join(e.Known, ", ")
}

// kinds are the files that From reads, by name.
var kinds = []string{ConfigName, workName, moduleName, pinName, miseNames[0], asdfName, nodeName, nvmName, packageName}

// parserOf returns what reads a file, by its name; nil when that is of no kind that is known.
func parserOf(path string) parser {
	switch base := filepath.Base(path); {
	case base == ConfigName:
		return parseConfig
	case base == workName, base == moduleName:
		return parseGoFile
	case base == pinName:
		return parseVersionFile
	case base == asdfName:
		return parseToolVersions
	case base == nodeName, base == nvmName:
		return parseNodeVersion
	case base == packageName:
		return parsePackage
	case isMise(filepath.ToSlash(path)):
		return parseMise
	}
	return nil
}

// isMise reports whether a path names a file of mise, those for one person or environment included: mise.local.toml.
func isMise(path string) bool {
	base := strings.TrimPrefix(path[strings.LastIndexByte(path, '/')+1:], ".")
	if strings.HasPrefix(base, "mise.") && strings.HasSuffix(base, ".toml") {
		return true
	}
	return slices.ContainsFunc(miseNames, func(name string) bool { return strings.HasSuffix(path, "/"+name) })
}

// From returns what one file asks for, wherever it stands, and what it says that asks for nothing (see Remarks). The wants are sorted as
// those of Wants. A file of an unknown kind is a *KindError; other errors are those of Wants.
func (p Project) From(path string) ([]Want, []string, error) {
	parse := parserOf(path)
	if parse == nil {
		return nil, nil, &KindError{path, kinds}
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	all, err := p.read(path, parse)
	if err != nil {
		return nil, nil, err
	}
	all, err = p.judge(slices.Concat(pick(all, false), pick(all, true)))
	if err != nil {
		return nil, nil, err
	}
	told := remarks(all)
	return choose(slices.DeleteFunc(all, func(c claim) bool { return c.remark != "" })), told, nil
}
