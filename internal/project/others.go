package project

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gostore/internal/textfile"
	"gostore/internal/versionfile"
)

// founding are the files of other version managers that make the directory where they stand a project.
var founding = slices.Concat(versionfile.Mise, []string{versionfile.ToolVersions, versionfile.NodeVersion, versionfile.NVM})

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
		add(at, versionfile.Mise...)
		add(at, versionfile.ToolVersions)
	}
	for _, name := range []string{versionfile.NodeVersion, versionfile.NVM} {
		for _, at := range above {
			if add(at, name) {
				break
			}
		}
	}
	add(dir, versionfile.Package)
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
var kinds = slices.Concat([]string{ConfigName, workName, moduleName}, versionfile.Names)

// parserOf returns what reads a file, by its name; nil when that is of no kind that is known.
func parserOf(path string) parser {
	switch filepath.Base(path) {
	case ConfigName:
		return parseConfig
	case workName, moduleName:
		return parseGoFile
	}
	if parse := versionfile.ParserOf(path); parse != nil {
		return func(name string, data []byte) ([]claim, error) { return claimsOf(name, data, parse) }
	}
	return nil
}

// claimsOf returns what a file of another version manager says.
func claimsOf(name string, data []byte, parse versionfile.Parser) ([]claim, error) {
	asks, err := parse(name, data)
	var claims []claim
	for _, a := range asks {
		want := Want{Request: a.Request, Extra: a.Extra, Minimum: a.AtLeast != "", AtLeast: a.AtLeast, Line: a.Line}
		claims = append(claims, claim{Want: want, source: name + " " + a.Part, words: a.Words, foreign: a.Foreign, remark: a.Remark})
	}
	return claims, err
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

// judge decides about the tools that are not built in: those that the project defines are asked for, of all others it is told that they are not
// known here.
func (p Project) judge(all []claim) ([]claim, error) {
	var own map[string]bool
	for i := range all {
		c := &all[i]
		if !c.foreign {
			continue
		}
		if own == nil {
			var err error
			if own, err = p.defined(); err != nil {
				return nil, err
			}
		}
		if !own[c.Request.Tool] {
			c.remark = versionfile.Unknown
		}
	}
	return all, nil
}

// defined returns the tools that gostore.toml defines.
func (p Project) defined() (map[string]bool, error) {
	own := map[string]bool{}
	if p.Config == "" {
		return own, nil
	}
	data, err := textfile.Read(p.Config, maxSize)
	if err != nil {
		return nil, err
	}
	d, err := textfile.ParseTOML(p.Config, data)
	if err != nil {
		return nil, err
	}
	if t := d.May(&d.Root, "tool", textfile.Table); t != nil {
		for _, e := range t.Entries {
			own[e.Key] = true
		}
	}
	return own, nil
}
