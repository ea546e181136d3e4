package environment

import (
	"path"
	"path/filepath"
	"strings"

	"gostore/internal/digest"
)

// dirMark stands in the value of a variable for the directory of the tool's tree.
const dirMark = "{dir}"

// dirsDir is where an environment has a link to the object of each tool that dirMark stands for, under its digest alone: a value can
// be worked out without knowing the object's whole name.
const dirsDir = "dirs"

// wantsDir reports whether a variable of t holds its directory.
func (t Tool) wantsDir() bool {
	for _, value := range t.Layout.Set {
		if strings.Contains(value, dirMark) {
			return true
		}
	}
	return false
}

// dirLink returns where an environment links to t.
func (t Tool) dirLink() string { return path.Join(dirsDir, t.Tree.Hex()) }

// linkDirs makes those links.
func linkDirs(stage sink, tools []Tool, bases map[digest.Tree]string) error {
	made := make(map[digest.Tree]bool)
	for _, t := range tools {
		if made[t.Tree] || !t.wantsDir() {
			continue
		}
		made[t.Tree] = true
		if err := stage.Link(t.dirLink(), toStore+bases[t.Tree]); err != nil {
			return err
		}
	}
	return nil
}

// variables returns what t sets in the environment in dir.
func (t Tool) variables(dir string) map[string]string {
	set := make(map[string]string, len(t.Layout.Set))
	for name, value := range t.Layout.Set {
		set[name] = strings.ReplaceAll(value, dirMark, filepath.Join(dir, t.dirLink()))
	}
	return set
}

// script returns a value as a word of a start file, in which quote makes a word of literal text. Both kinds of shell replace a variable in double
// quotes, and put words together that touch.
func (t Tool) script(value string, quote func(string) string) string {
	pieces := strings.Split(value, dirMark)
	words := quote(pieces[0])
	for _, piece := range pieces[1:] {
		words += `"$` + VarEnvironment + `"` + quote("/"+t.dirLink()+piece)
	}
	return words
}
