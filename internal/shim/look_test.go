package shim

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLook(t *testing.T) {
	top := t.TempDir()
	write(t, top, "bin/gostore*", "real/go*", "second/go*", "plain/go", "dir/go/x", "link/go -> ../bin/gostore", "broken/go -> nowhere",
		"shims/.store -> ..", "shims/go*", "work/go*", "real/x y*")
	if err := os.Link(filepath.Join(top, "bin", "gostore"), filepath.Join(top, "hard")); err != nil {
		t.Fatal(err)
	}
	write(t, top, "hardlinked/go -> ../hard", "aliased -> shims")
	self, err := os.Stat(filepath.Join(top, "bin", "gostore"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, dir, tried, want string }{
		{"", "", "", ""},
		{"@/real", "", "", "real/go"},
		{"@/shims:@/shims/:@/./shims:@/aliased:@/real/../shims:@/real", "", "", "real/go"},
		{"@/link:@/hardlinked:@/broken:@/plain:@/dir:/nowhere:@/real:@/second", "", "", "real/go"},
		{"@/real:@/second", "", "@/real/go", "second/go"},
		{"@/real:@/second", "", "@/second/go", "real/go"},
		{"@/link:@/hardlinked", "", "", ""},
		{":@/real", "@/work", "", "work/go"},
		{"work:@/real", "@", "", "work/go"},
		{":work:@/real", "", "", "real/go"}, // nobody knows where this is
	} {
		at := func(s string) string { return strings.ReplaceAll(s, "@", top) }
		want := ""
		if c.want != "" {
			want = filepath.Join(top, c.want)
		}
		if got, ok := Look("go", at(c.path), at(c.dir), self, []string{at(c.tried)}); got != want || ok != (want != "") {
			t.Errorf("%+v: %q, %v", c, got, ok)
		}
	}
	if got, ok := Look("../real/go", top+"/second", "/", self, nil); ok {
		t.Errorf("a path is a name: %q", got)
	}
	if got := Without("go", strings.ReplaceAll("@/shims:@/real:@/hardlinked:@/aliased:/nowhere:@/link", "@", top), self); got != top+"/real:/nowhere" {
		t.Errorf("without shims: %q", got)
	}
}

func TestTrail(t *testing.T) {
	var trail Trail
	value, ok := trail.Next(7, "/a/go")
	if !ok || value != "7:1:/a/go" {
		t.Errorf("%q, %v", value, ok)
	}
	trail = ParseTrail(value, 7, "go")
	if !slices.Equal(trail.Tried, []string{"/a/go"}) || trail.Depth != 1 {
		t.Errorf("the same process: %+v", trail)
	}
	if value, ok = trail.Next(7, "/b/go"); !ok || value != "7:1:/a/go:/b/go" {
		t.Errorf("%q, %v", value, ok)
	}
	if child := ParseTrail(value, 8, "go"); child.Tried != nil || child.Depth != 1 {
		t.Errorf("a child: %+v", child)
	}
	for _, none := range []string{"", "7", "7:1", "7:x:/a/go", "7:-1:/a/go", "7:1:/a/node", "::"} {
		if got := ParseTrail(none, 7, "go"); got.Tried != nil || got.Depth != 0 {
			t.Errorf("%q: %+v", none, got)
		}
	}
	if _, ok := (Trail{Depth: maxDepth}).Next(7, "/a/go"); ok {
		t.Error("it goes on for ever")
	}
	if _, ok := (Trail{Depth: maxDepth, Tried: []string{"/a/go"}}).Next(7, "/b/go"); !ok {
		t.Error("a process that was counted is counted again")
	}
}

// Whatever the variable holds, what is made of it is read again as it was meant.
func FuzzTrail(f *testing.F) {
	f.Add("7:1:/a/go:/b/go", 7)
	f.Add("7:1:/a/go", 8)
	f.Add("x:99999999999999999999:go", 0)
	f.Fuzz(func(t *testing.T, value string, pid int) {
		trail := ParseTrail(value, pid, "go")
		if trail.Depth < 0 {
			t.Fatalf("%q: depth %d", value, trail.Depth)
		}
		next, ok := trail.Next(pid, "/x/go")
		if !ok {
			return
		}
		again := ParseTrail(next, pid, "go")
		if again.Depth > maxDepth || !slices.Equal(again.Tried, append(slices.Clone(trail.Tried), "/x/go")) {
			t.Fatalf("%q: %+v became %q: %+v", value, trail, next, again)
		}
	})
}
