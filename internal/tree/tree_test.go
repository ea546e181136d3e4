package tree

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gostore/internal/digest"
)

func file(path, content string) Entry {
	return Entry{Path: path, Kind: File, Content: digest.Sum([]byte(content)), Size: int64(len(content))}
}

func mustNew(t *testing.T, entries ...Entry) Manifest {
	t.Helper()
	m, err := New(entries)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNewErrors(t *testing.T) {
	sum := digest.Sum(nil)
	for _, test := range []struct {
		entries []Entry
		want    string
	}{
		{[]Entry{{Path: "a"}}, `path "a": is of the unknown kind`},
		{[]Entry{{Path: "nul", Kind: Dir}}, `path "nul": has the name "nul"`},
		{[]Entry{{Path: "a", Kind: Dir}, {Path: "a", Kind: Dir}}, `path "a": occurs twice`},
		{[]Entry{file("b/c", ""), {Path: "a", Kind: Dir}}, `path "b/c": its directory is not in the tree`},
		{[]Entry{file("a/b", ""), file("a", "")}, `path "a/b": "a" exists as file, not as directory`},
		{[]Entry{file("x", ""), file("X", "")}, `path "x": "x" and "X" are one name`},
		{[]Entry{{Path: "a", Kind: Dir, Size: 1}}, `path "a": has a size or content but is of kind directory`},
		{[]Entry{{Path: "a", Kind: Dir, Content: sum}}, `path "a": has a size or content but is of kind directory`},
		{[]Entry{{Path: "a", Kind: Link, Target: "b", Size: 1}}, `path "a": has a size or content but is of kind link`},
		{[]Entry{{Path: "a", Kind: Dir, Target: "b"}}, `path "a": has a link target but is of kind directory`},
		{[]Entry{{Path: "a", Kind: Exec, Target: "b"}}, `path "a": has a link target but is of kind executable file`},
		{[]Entry{{Path: "a", Kind: File, Size: -1}}, `path "a": has a negative size`},
		{[]Entry{{Path: "a", Kind: Link}}, `path "a": is a link without target`},
		{[]Entry{{Path: "a", Kind: File, Size: 1<<63 - 1}, {Path: "b", Kind: File, Size: 1}}, `the files of the tree are too large together`},
	} {
		if _, err := New(test.entries); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("New(%+v) = %v, want %q", test.entries, err, test.want)
		}
	}
}

func TestNewLeavesEntries(t *testing.T) {
	entries := []Entry{file("b", ""), file("a", "")}
	m := mustNew(t, entries...)
	if entries[0].Path != "b" {
		t.Error("New sorted its argument")
	}
	m.Bytes()[0] = 'X'
	if m.Bytes()[0] == 'X' {
		t.Error("Bytes gives away the manifest's own text")
	}
}

func TestFind(t *testing.T) {
	m := mustNew(t, Entry{Path: "a", Kind: Dir}, file("a-b", "one"), file("a/b", "two"), file("z", "three"))
	for _, e := range m.Entries() {
		if got, ok := m.Find(e.Path); !ok || got != e {
			t.Errorf("Find(%q) = %v, %v", e.Path, got, ok)
		}
	}
	for _, path := range []string{"", ".", "A", "a/", "a/b/c", "b", "zz"} {
		if e, ok := m.Find(path); ok {
			t.Errorf("Find(%q) = %v, want nothing", path, e)
		}
	}
	if m.Size() != int64(len("onetwothree")) {
		t.Errorf("Size() = %d", m.Size())
	}
}

func TestZero(t *testing.T) {
	var zero Manifest
	empty := mustNew(t)
	if !zero.Digest().IsZero() || empty.Digest().IsZero() {
		t.Errorf("digest of the zero manifest %v, of the empty tree %v", zero.Digest(), empty.Digest())
	}
	if _, err := Parse(zero.Bytes()); err == nil {
		t.Error("the zero manifest's text was parsed")
	}
}

func TestDiff(t *testing.T) {
	dir := Entry{Path: "d", Kind: Dir}
	program := file("same", "")
	program.Kind = Exec
	link := Entry{Path: "d/l", Kind: Link, Target: "a"}
	elsewhere := link
	elsewhere.Target = "b"
	for _, test := range []struct {
		was, is []Entry
		want    string
	}{
		{nil, nil, ""},
		{[]Entry{dir, file("d/a", "x")}, []Entry{dir, file("d/a", "x")}, ""},
		{nil, []Entry{dir, file("d/a", "x")}, "+d +d/a"},
		{[]Entry{dir, file("d/a", "x")}, nil, "-d -d/a"},
		{[]Entry{file("a", ""), file("c", "")}, []Entry{file("b", ""), file("d", "")}, "-a +b -c +d"},
		{[]Entry{file("a", "x"), file("b", "")}, []Entry{file("a", "y"), file("b", "")}, "!a"},
		{[]Entry{file("same", "")}, []Entry{program}, "!same"},
		{[]Entry{dir, link}, []Entry{dir, elsewhere}, "!d/l"},
		{[]Entry{dir}, []Entry{file("d", "")}, "!d"},
	} {
		var got []string
		for _, c := range Diff(mustNew(t, test.was...), mustNew(t, test.is...)) {
			sign := "!"
			switch {
			case c.Was == nil:
				sign = "+"
			case c.Is == nil:
				sign = "-"
			}
			for _, e := range []*Entry{c.Was, c.Is} {
				if e != nil && e.Path != c.Path {
					t.Errorf("change of %q holds the entry of %q", c.Path, e.Path)
				}
			}
			got = append(got, sign+c.Path)
		}
		if !slices.Equal(got, strings.Fields(test.want)) {
			t.Errorf("Diff(%v, %v) = %q, want %q", test.was, test.is, got, test.want)
		}
	}
}

func TestKindString(t *testing.T) {
	if got := fmt.Sprint(Dir, File, Exec, Link, Kind('q')); got != "directory file executable file link kind 'q'" {
		t.Errorf("kinds are called %q", got)
	}
}
