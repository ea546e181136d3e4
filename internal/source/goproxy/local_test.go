package goproxy

import (
	"bytes"
	"hash/crc32"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"gostore/internal/archive"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	big := bytes.Repeat([]byte("big "), 5000)
	write := func(tree, path string, data []byte) {
		if err := (treeSink{dir: filepath.Join(dir, tree)}).File(path, false, data); err != nil {
			t.Fatal(err)
		}
	}
	write("a", "src/go.mod", []byte("module a"))
	write("b", "src/go.mod", []byte("module b"))
	write("b", "lib/big", big)
	write("b", "lib/small", []byte("small"))
	l := newLocals(moduleZip("1.22.6", linux), "1.22.6", linux, []Tree{treeAt("1.22.4", filepath.Join(dir, "b")), treeAt("1.22.5", filepath.Join(dir, "a"))}, new(sync.Map))
	for _, tt := range []struct {
		name, want string
		data       []byte
	}{
		{"src/_go.mod", "a/src/go.mod", []byte("module a")},
		{"src/_go.mod", "b/src/go.mod", []byte("module b")},
		{"src/_go.mod", "", []byte("module c")},
		{"src/_go.mod", "", []byte("module")},
		{"moved/big", "b/lib/big", big},
		{"lib/small", "b/lib/small", []byte("small")},
		{"moved/small", "", []byte("small")},
	} {
		e := archive.Entry{Name: from("1.22.6", linux) + "/" + tt.name, Size: int64(len(tt.data)), CRC: crc32.ChecksumIEEE(tt.data), End: int64(len(tt.data))}
		want := tt.want
		if want != "" {
			want = filepath.Join(dir, filepath.FromSlash(want))
		}
		if got := l.find(t.Context(), e); got != want {
			t.Errorf("%s with %q is at %q, want %q", tt.name, tt.data[:min(len(tt.data), 10)], got, want)
		}
	}
	if got := l.find(t.Context(), archive.Entry{Name: "elsewhere@v1/lib/small", Size: 5}); got != "" {
		t.Errorf("a name outside of the module is at %q", got)
	}
}

// The nearest trees are looked at first.
func TestNearestTrees(t *testing.T) {
	var order []string
	var trees []Tree
	for _, v := range []string{"1.21.6", "1.26.8", "1.22.1", "1.23rc2", "1.22.8", "1.22.6", "1.22.5"} {
		trees = append(trees, Tree{Version: v, Platform: linux, Files: func(func(string, int64) bool) { order = append(order, v) }})
	}
	other := func(func(string, int64) bool) { order = append(order, "other") }
	trees[5].Platform = windows
	trees[5].Files = other
	newLocals(moduleZip("1.22.6", linux), "1.22.6", linux, trees, nil)
	if want := []string{"other", "1.22.5", "1.22.8"}; !slices.Equal(order, want) {
		t.Errorf("looked at %q, want %q", order, want)
	}
}
