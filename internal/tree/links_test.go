package tree

import (
	"strings"
	"testing"
)

// TestResolve follows links in a tree, which is given as "path" for a file, "path/" for a directory and "path>target" for a link.
func TestResolve(t *testing.T) {
	var tree = "d/ d/e/ d/file e>d/e up>.. d/up>.. d/e/up>../.. self>self a>b b>a root>. d/root>../. far>d/e/up/d/file " +
		"out>../x d/out>../../x back>../d/file gone>none through>file/x slash>d/file/ dir>d/e/ long>" + longWay + " hop0>file file"
	kinds, targets := map[string]Kind{}, map[string]string{}
	for _, word := range strings.Fields(tree) {
		path, target, isLink := strings.Cut(word, ">")
		switch {
		case isLink:
			kinds[path], targets[path] = Link, target
		case strings.HasSuffix(path, "/"):
			kinds[strings.TrimSuffix(path, "/")] = Dir
		default:
			kinds[path] = File
		}
	}
	for i := range 45 { // hop45 leads over 45 others
		name := "hop" + strings.Repeat("i", i+1)
		kinds[name], targets[name] = Link, "hop"+strings.Repeat("i", i)
	}
	kinds["hop"], targets["hop"] = Link, "file"
	look := func(path string) (Kind, string, bool) {
		kind, ok := kinds[path]
		return kind, targets[path], ok
	}
	for path, want := range map[string]string{
		"d/file": "d/file", "e": "d/e", "d/up": "", "d/e/up": "", "root": "", "d/root": "", "far": "d/file", "dir": "d/e",
		"up":                            `!is a link to "..", which leaves the tree`,
		"self":                          `!is a link to "self", which never ends`,
		"a":                             `!is a link to "b", which never ends`,
		"out":                           `!is a link to "../x", which leaves the tree`,
		"d/out":                         `!is a link to "../../x", which leaves the tree`,
		"back":                          `!is a link to "../d/file", which leaves the tree`,
		"gone":                          `!is a link to "none", which does not exist`,
		"through":                       `!is a link to "file/x", which leads through a file`,
		"slash":                         `!is a link to "d/file/", which leads through a file`,
		"long":                          `!is a link to "` + longWay + `", which takes too many steps`,
		"hop" + strings.Repeat("i", 39): "file",
		"hop" + strings.Repeat("i", 41): `!is a link to "hop` + strings.Repeat("i", 40) + `", which never ends`,
	} {
		got, err := Resolve(path, look)
		if err != nil {
			got = "!" + err.(*PathError).Reason
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

var longWay = strings.Repeat("d/../", maxSteps/2) + "file"

func TestCheckTarget(t *testing.T) {
	for _, good := range []string{"a", "../a", "./a/", `a\b`} {
		if err := CheckTarget("l", good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "/", "/a", "a\x00", "\xff", strings.Repeat("x", maxTarget+1)} {
		if err := CheckTarget("l", bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestNamesKinds(t *testing.T) {
	var n Names
	for path, kind := range map[string]Kind{"a/b/c": File, "d": Link} {
		if err := n.Add(path, kind); err != nil {
			t.Fatal(err)
		}
	}
	if n.Len() != 4 {
		t.Errorf("%d names, want 4", n.Len())
	}
	for path, want := range map[string]Kind{"a": Dir, "a/b": Dir, "a/b/c": File, "d": Link, "A": 0, "x": 0} {
		if kind, ok := n.Kind(path); kind != want && ok || ok != (want != 0) {
			t.Errorf("%s: %v, %v; want %v", path, kind, ok, want)
		}
	}
}
