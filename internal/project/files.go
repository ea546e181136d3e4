package project

import (
	"errors"
	"fmt"
	goversion "go/version"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"gostore/internal/config"
	"gostore/internal/release"
	"gostore/internal/settings"
	"gostore/internal/textfile"
)

// maxSize bounds the files that a project is described in. The largest go.mod files known have
// some tens of kilobytes.
const maxSize = 1 << 20

// systemWord is the version in gostore.toml of a tool that the project does not ask for.
const systemWord = "system"

// ReadText returns the contents of a file in which a project is described, with the bounds that this package keeps to.
func ReadText(path string) ([]byte, error) { return textfile.Read(path, maxSize) }

// parser reads one kind of file. name is what errors call it; the claims need no File.
type parser func(name string, data []byte) ([]claim, error)

// read returns what the file at path says, nothing when there is none.
func (p Project) read(path string, parse parser) ([]claim, error) {
	if path == "" {
		return nil, nil
	}
	data, err := textfile.Read(path, maxSize)
	if err != nil {
		return nil, err
	}
	if err := textfile.Conflicts(path, data); err != nil {
		return nil, err
	}
	claims, err := parse(path, data)
	for i := range claims {
		claims[i].File = p.relative(path)
	}
	return claims, err
}

// parseConfig reads gostore.toml:
//
//	[tools]
//	go = "1.22"                               # one version
//	"golang.org/x/tools/gopls" = ["0.16", "latest"]   # the primary version, then extras
//	"npm:prettier" = "3"                      # from a source that is written out
//	node = "system"                           # none, whatever other files say
//
// [env] and [check] are Settings; the other tables are package config's.
func parseConfig(name string, data []byte) ([]claim, error) {
	d, err := textfile.ParseTOML(name, data)
	if err != nil {
		return nil, err
	}
	d.Only(&d.Root, slices.Concat([]string{"tools"}, settings.Tables, config.ProjectTables)...)
	settings.Parse(d) // only for its complaints: they are better made now than when something is to run
	var claims []claim
	if tools := d.May(&d.Root, "tools", textfile.Table); tools != nil {
		for _, e := range tools.Entries {
			more := configTool(d, e)
			if len(more) > 0 && slices.ContainsFunc(claims, func(c claim) bool { return c.Request.Tool == more[0].Request.Tool }) {
				d.Errorf(e.Offset, "tool %q is listed already, from another source", more[0].Request.Tool)
			}
			claims = append(claims, more...)
		}
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	return claims, nil
}

func configTool(d *textfile.Document, e textfile.Entry) []claim {
	named, err := release.ParseRequest(e.Key)
	if err == nil && named.Version != release.Latest {
		err = fmt.Errorf("tool %q: the version stands after the \"=\"", e.Key)
	}
	if err != nil {
		d.Errorf(e.Offset, "%w", err)
		return nil
	}
	versions := []textfile.Value{*e.Value}
	switch e.Value.Kind {
	case textfile.String:
	case textfile.Array:
		versions = e.Value.Items
		if len(versions) == 0 {
			d.Errorf(e.Offset, "tool %q: the list of versions is empty", e.Key)
		}
	case textfile.Table:
		d.Errorf(e.Offset, "tool %q: want a version or a list of versions; a name with dots in it needs quotes", e.Key)
		return nil
	default:
		d.Errorf(e.Value.Offset, "tool %q: want a version in quotes or a list of them, not %v", e.Key, e.Value.Kind)
		return nil
	}
	var claims []claim
	for i, v := range versions {
		if v.Kind != textfile.String {
			d.Errorf(v.Offset, "tool %q: a version is written in quotes", e.Key)
			continue
		}
		request := release.Request{Source: named.Source, Tool: named.Tool, Version: v.Text}
		if err := release.CheckVersion(v.Text); err != nil {
			d.Errorf(v.Offset, "tool %q: %w", e.Key, err)
		}
		if slices.ContainsFunc(claims, func(c claim) bool { return c.Request == request }) {
			d.Errorf(v.Offset, "tool %q: version %q is listed twice", e.Key, v.Text)
		}
		if v.Text == systemWord && len(versions) > 1 {
			d.Errorf(v.Offset, "tool %q: %q stands alone: it is for the machine to have it", e.Key, v.Text)
		}
		line, _ := d.Position(v.Offset)
		want := Want{Request: request, Extra: i > 0, Complete: true, Line: line}
		claims = append(claims, claim{Want: want, source: ConfigName, words: request.String(), none: v.Text == systemWord})
	}
	return claims
}

// parseGoFile reads the go line and the toolchain line of a go.mod or a go.work. Both have the same
// syntax; other lines are read no more strictly than cmd/go reads those of a dependency.
func parseGoFile(name string, data []byte) ([]claim, error) {
	asIs := func(_, version string) (string, error) { return version, nil }
	f, err := modfile.ParseLax(name, data, asIs)
	if err != nil {
		return nil, places(name, err)
	}
	var claims []claim
	for _, stmt := range f.Syntax.Stmt {
		line, ok := stmt.(*modfile.Line)
		if !ok || len(line.Token) == 0 || line.Token[0] != "toolchain" {
			continue
		}
		c, err := toolchainClaim(line)
		if err == nil && len(claims) > 0 {
			err = errors.New("a second toolchain line")
		}
		if err != nil {
			return nil, &textfile.Error{File: name, Line: line.Start.Line, Column: line.Start.LineRune, Msg: err.Error()}
		}
		claims = append(claims, c)
	}
	claims = slices.DeleteFunc(claims, func(c claim) bool { return c.Request.Version == "" })
	if f.Go != nil {
		claims = append(claims, goClaim(f.Go))
	}
	for i := range claims {
		claims[i].source = name + " " + claims[i].words
	}
	return claims, nil
}

// toolchainClaim reads a toolchain line. "default" and "local" ask for no version: the claim's is
// empty then. What follows a "-" says who built a toolchain; the version before it is asked for.
func toolchainClaim(line *modfile.Line) (claim, error) {
	if len(line.Token) != 2 {
		return claim{}, errors.New("toolchain line: want one name, such as go1.22.6")
	}
	name := line.Token[1]
	c := claim{words: "toolchain " + name}
	c.Line = line.Start.Line
	c.Request.Tool = goTool
	if name == "default" || name == "local" {
		return c, nil
	}
	version, _, _ := strings.Cut(name, "-")
	if !goversion.IsValid(version) {
		return claim{}, fmt.Errorf("toolchain line: %q is not the name of a Go toolchain, such as go1.22.6", name)
	}
	c.Request.Version = strings.TrimPrefix(version, "go")
	return c, nil
}

// goClaim reads a go line: a minimum, for which the newest patch of that version of the language is
// the sensible choice. A pre-release is asked for as it is, as there may be nothing newer.
func goClaim(g *modfile.Go) claim {
	c := claim{words: "go " + g.Version}
	c.Line = g.Syntax.Start.Line
	c.Minimum, c.AtLeast = true, g.Version
	c.Request = release.Request{Tool: goTool, Version: g.Version}
	if !strings.ContainsAny(g.Version, "abcdefghijklmnopqrstuvwxyz") {
		c.Request.Version = strings.TrimPrefix(goversion.Lang("go"+g.Version), "go")
	}
	return c
}

// places turns what modfile reports into complaints with places.
func places(name string, err error) error {
	var list modfile.ErrorList
	if !errors.As(err, &list) {
		return fmt.Errorf("reading %q: %w", name, err)
	}
	var errs textfile.ErrorList
	for _, e := range list {
		e.Filename = ""
		at := e.Pos
		e.Pos = modfile.Position{}
		errs = append(errs, &textfile.Error{File: name, Line: max(at.Line, 1), Column: at.LineRune, Msg: e.Error()})
	}
	return errs
}
