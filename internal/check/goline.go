package check

import (
	"errors"
	"fmt"
	goversion "go/version"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"gostore/internal/textfile"
	"gostore/lock"
)

// GoFile is a go.mod or a go.work.
type GoFile struct {
	Path   string // absolute
	Syntax *modfile.FileSyntax
	Module string            // the module's path, "" for a go.work
	Use    []string          // directories of the workspace's modules, absolute; of a go.work
	Go     Line              // the go line
	Wish   Line              // the toolchain line; Text is its name
	Needs  []Need            // of a go.mod, in the file's order
	Swaps  []modfile.Replace // replace lines
	Bans   []modfile.Exclude // exclude lines
}

// Line is the argument of a directive and the line in which it stands; zero where there is none.
type Line struct {
	Text string
	Line int
}

// Need is a require line.
type Need struct {
	Path, Version string
	Indirect      bool
	Line          int
}

// ParseGoFile reads a go.mod or, by its name, a go.work. Errors are a textfile.ErrorList.
func ParseGoFile(path string, data []byte) (GoFile, error) {
	if err := textfile.Conflicts(path, data); err != nil {
		return GoFile{}, err
	}
	if filepath.Base(path) == "go.work" {
		f, err := modfile.ParseWork(path, data, nil)
		if err != nil {
			return GoFile{}, placed(path, err)
		}
		return workFile(path, f), nil
	}
	f, err := modfile.Parse(path, data, nil)
	if err != nil {
		return GoFile{}, placed(path, err)
	}
	return modFile(path, f), nil
}

func workFile(path string, f *modfile.WorkFile) GoFile {
	g := GoFile{Path: path, Syntax: f.Syntax, Go: goLine(f.Go), Wish: wishLine(f.Toolchain)}
	for _, u := range f.Use {
		dir := filepath.FromSlash(u.Path)
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(filepath.Dir(path), dir)
		}
		g.Use = append(g.Use, dir)
	}
	for _, r := range f.Replace {
		g.Swaps = append(g.Swaps, *r)
	}
	return g
}

func modFile(path string, f *modfile.File) GoFile {
	g := GoFile{Path: path, Syntax: f.Syntax, Go: goLine(f.Go), Wish: wishLine(f.Toolchain)}
	if f.Module != nil {
		g.Module = f.Module.Mod.Path
	}
	for _, r := range f.Require {
		g.Needs = append(g.Needs, Need{r.Mod.Path, r.Mod.Version, r.Indirect, r.Syntax.Start.Line})
	}
	for _, r := range f.Replace {
		g.Swaps = append(g.Swaps, *r)
	}
	for _, e := range f.Exclude {
		g.Bans = append(g.Bans, *e)
	}
	return g
}

func goLine(g *modfile.Go) Line {
	if g == nil {
		return Line{}
	}
	return Line{g.Version, g.Syntax.Start.Line}
}

func wishLine(t *modfile.Toolchain) Line {
	if t == nil {
		return Line{}
	}
	return Line{t.Name, t.Syntax.Start.Line}
}

// placed turns what modfile reports into complaints with places.
func placed(path string, err error) error {
	var list modfile.ErrorList
	if !errors.As(err, &list) {
		return lock.ErrorList{{File: path, Line: 1, Msg: err.Error()}}
	}
	var errs lock.ErrorList
	for _, e := range list {
		at := e.Pos
		e.Filename, e.Pos = "", modfile.Position{}
		errs = append(errs, &lock.ParseError{File: path, Line: max(at.Line, 1), Column: at.LineRune, Msg: e.Error()})
	}
	return errs
}

// GoLines compares the go and toolchain lines of files with the locked version of Go, "1.22.6". A go line above it makes every build fail, because
// an environment lets no go command fetch another toolchain; a toolchain line above it says that the project wants more than it gets.
func GoLines(files []GoFile, locked string) []Finding {
	var found []Finding
	have := "go" + locked
	add := func(g GoFile, line int, message string) {
		found = append(found, Finding{Rule: RuleGoLine, Severity: Error, Class: Outdated, File: g.Path, Line: line,
			Message: message, Mend: "gostore lock, or lower the line"})
	}
	for _, g := range files {
		if g.Go.Text != "" && goversion.Compare(have, "go"+g.Go.Text) < 0 {
			add(g, g.Go.Line, fmt.Sprintf("go %s is needed, but %s is locked", g.Go.Text, locked))
		}
		wish, _, _ := strings.Cut(g.Wish.Text, "-") // what follows says who built it
		if goversion.IsValid(wish) && goversion.Compare(have, wish) < 0 {
			add(g, g.Wish.Line, fmt.Sprintf("toolchain %s is asked for, but %s is locked", g.Wish.Text, locked))
		}
	}
	return found
}
