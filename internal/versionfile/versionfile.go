// Package versionfile reads the files in which other version managers are told which versions of which tools a project wants: those of
// asdf, mise, goenv, nvm and its like, Volta, and npm.
//
// Each parser is a function of a file's name and text. It is strict about what it understands, with file, line and column in each
// complaint (a *textfile.Error or a textfile.ErrorList), and lenient about what is not ours: what else a file holds is not looked at, and
// words that are right but ask for nothing that can be locked become remarks.
//
// Names and versions are translated into gostore's. Whether such a version exists is for a source, and which file counts for package project.
package versionfile

import (
	"path/filepath"
	"slices"
	"strings"

	"gostore/internal/release"
)

// Ask is what a file says about one tool.
type Ask struct {
	Request release.Request
	Extra   bool   // wanted beside the primary version
	AtLeast string // where the file states a minimum: the lowest version
	Line    int    // from 1
	Part    string // of a file in which several managers are told things, whose part it is; asks of one part stand or fall together
	Words   string // what the file says, as it says it: "golang 1.22.6"
	Remark  string // why the words ask for nothing; "" when they do
	Foreign bool   // no definition of the tool is built in
}

// Parser reads one kind of file. name is what complaints call it.
type Parser func(name string, data []byte) ([]Ask, error)

// The names of the files.
const (
	GoVersion    = ".go-version"
	ToolVersions = ".tool-versions"
	NodeVersion  = ".node-version"
	NVM          = ".nvmrc"
	Package      = "package.json"
)

// Mise is where mise looks in a directory, what counts more first. Its mise.local.toml is left out, and so are
// the files for one environment: they are not shared.
var Mise = []string{"mise.toml", ".mise.toml", "mise/config.toml", ".mise/config.toml", ".config/mise.toml", ".config/mise/config.toml"}

// Names are the usual names of all kinds of files.
var Names = []string{GoVersion, Mise[0], ToolVersions, NodeVersion, NVM, Package}

// ParserOf returns what reads a file, by its name; nil when that is of no kind that is known.
func ParserOf(path string) Parser {
	switch filepath.Base(path) {
	case GoVersion:
		return parseGoVersion
	case ToolVersions:
		return parseToolVersions
	case NodeVersion, NVM:
		return parseNodeVersion
	case Package:
		return parsePackage
	}
	if isMise(filepath.ToSlash(path)) {
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
	return slices.ContainsFunc(Mise, func(name string) bool { return strings.HasSuffix("/"+path, "/"+name) })
}

// parseGoVersion reads goenv's .go-version: one version of Go, with or without "go" or "v" before it, or
// "system", which asks for nothing. Empty lines and comments after "#" do not count.
func parseGoVersion(name string, data []byte) ([]Ask, error) {
	l, err := onlyLine(name, data)
	if err != nil || l.text == "" {
		return nil, err
	}
	a := Ask{Line: l.number, Words: l.text}
	v := strings.TrimPrefix(strings.TrimPrefix(l.text, "v"), "go")
	a.Request = release.Request{Tool: goTool, Version: v}
	switch {
	case l.text == "system":
		a.Remark = whySystem
	case v != release.Latest && !isGoVersion(v):
		return nil, l.complain("%q is not a version of Go", l.text)
	}
	return []Ask{a}, nil
}
