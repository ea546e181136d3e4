package bundle

import (
	"fmt"
	"strings"
	"testing"

	"gostore/internal/digest"
	"gostore/internal/tree"
	"gostore/store"
)

// manifestOf makes a manifest of links, files (without target) and directories (ending in "/").
func manifestOf(t *testing.T, names map[string]string) tree.Manifest {
	t.Helper()
	var entries []tree.Entry
	for name, target := range names {
		e := tree.Entry{Path: strings.TrimSuffix(name, "/"), Kind: tree.Dir}
		switch {
		case target != "":
			e.Kind, e.Target = tree.Link, target
		case e.Path == name:
			e.Kind = tree.File
		}
		entries = append(entries, e)
	}
	m, err := tree.New(entries)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestLinksStayInside(t *testing.T) {
	ref := store.NewObject(digest.Tree{1}, "go", "1.22.6")
	other := store.NewObject(digest.Tree{2}, "x", "1")
	chain := map[string]string{"f": "", "l0": "f"}
	for i := range 45 {
		chain[fmt.Sprint("l", i+1)] = fmt.Sprint("l", i)
	}
	for what, test := range map[string]struct {
		names map[string]string
		ok    bool
	}{
		"beside":                    {map[string]string{"a/": "", "a/f": "", "a/l": "f"}, true},
		"up and down":               {map[string]string{"a/": "", "a/l": "../b/f", "b/": "", "b/f": ""}, true},
		"to the root":               {map[string]string{"a/": "", "a/l": ".."}, true},
		"dangling":                  {map[string]string{"l": "nowhere/at/all"}, true},
		"dots":                      {map[string]string{"a/": "", "a/l": "././/../a/./l2", "a/l2": "."}, true},
		"into an object":            {map[string]string{"bin/": "", "bin/go": "../../" + ref.Base() + "/bin/go"}, true},
		"the object":                {map[string]string{"l": "../" + ref.Base()}, true},
		"through a link":            {map[string]string{"l": "m/bin/go", "m": "../" + ref.Base()}, true},
		"out":                       {map[string]string{"l": ".."}, false},
		"out with a slash":          {map[string]string{"l": "../"}, false},
		"far out":                   {map[string]string{"l": "../../../etc/passwd"}, false},
		"another object":            {map[string]string{"l": "../" + other.Base()}, false},
		"no object":                 {map[string]string{"l": "../" + strings.Repeat("0", 64)}, false},
		"through an object and out": {map[string]string{"l": "../" + ref.Base() + "/../../x"}, false},
		"out by way of a link":      {map[string]string{"a/": "", "a/b/": "", "a/b/up": "../..", "a/b/l": "up/../x"}, false},
		"a directory and out":       {map[string]string{"a/": "", "l": "a/../../x"}, false},
		"an absent name and out":    {map[string]string{"l": "a/../../x"}, true}, // the kernel stops at a
		"two names":                 {map[string]string{"l": "../" + ref.Base(), "m": "../" + store.NewObject(ref.Tree, "rust", "1").Base()}, false},
		"itself":                    {map[string]string{"l": "l"}, false},
		"a long chain":              {chain, false},
	} {
		_, err := linksOut(manifestOf(t, test.names), []digest.Tree{ref.Tree})
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A stranger's links cannot keep the processor busy for long.
func TestLinksCostLittle(t *testing.T) {
	names := map[string]string{"d/": "", "l0": "d"}
	for i := range 39 {
		names[fmt.Sprint("l", i+1)] = strings.Repeat("d/../", 700) + fmt.Sprint("l", i)
	}
	for i := range 5000 {
		names[fmt.Sprint("m", i)] = "l38"
	}
	if _, err := linksOut(manifestOf(t, names), nil); err == nil || !strings.Contains(err.Error(), "too far") {
		t.Errorf("%v; want that it is too far", err)
	}
}
