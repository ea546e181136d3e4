package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/digest"
)

// sample is a tree with one of everything, as treeSink describes it.
var sample = withLong(map[string]string{
	"README":             "f read me\n",
	"bin":                "d",
	"bin/tool":           "x \x7fELF tool",
	"bin/alias":          "l tool",
	"bin/script":         "x #!/bin/sh\n",
	"empty":              "d",
	"lib":                "d",
	"lib/a":              "d",
	"lib/a/empty.txt":    "f ",
	"lib/a/medium":       "f " + noise(1, 300<<10),
	"lib/a/large":        "f " + noise(2, largeBuffer+1000),
	"lib/a/up":           "l ../../README",
	"lib/dir":            "l a",
	"lib/a/over":         "l ../dir/../a/medium",
	"lib/unicode/é ✓.md": "f é\n",
	"lib/unicode":        "d",
	"lib/" + strings.Repeat("long/", 30) + "name": "f long\n",
})

// withLong adds the directories of the file with the long name.
func withLong(tree map[string]string) map[string]string {
	for dir := "lib/"; len(dir) < len("lib/")+150; {
		dir += "long/"
		tree[strings.TrimSuffix(dir, "/")] = "d"
	}
	return tree
}

// noise returns n bytes that hardly pack.
func noise(seed byte, n int) string {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return string(b)
}

// inside returns the tree below dir.
func inside(dir string, tree map[string]string) map[string]string {
	if dir == "" {
		return tree
	}
	below := map[string]string{dir: "d"}
	for name, what := range tree {
		below[dir+"/"+name] = what
	}
	return below
}

// writeTar returns a tar of the tree, in the order of the names.
func writeTar(t testing.TB, tree map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range sorted(tree) {
		what := tree[name]
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(what) - min(len(what), 2)), Typeflag: tar.TypeReg}
		switch what[0] {
		case 'd':
			h.Typeflag, h.Name, h.Mode = tar.TypeDir, name+"/", 0o755
		case 'l':
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, what[2:], 0
		case 'x':
			h.Mode = 0o711
		}
		err := w.WriteHeader(h)
		if h.Typeflag == tar.TypeReg {
			_, err2 := io.WriteString(w, what[2:])
			err = errors.Join(err, err2)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// writeZip returns a zip of the tree, with Unix modes or without any.
func writeZip(t testing.TB, tree map[string]string, modes bool) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range sorted(tree) {
		what := tree[name]
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		mode := os.FileMode(0o644)
		switch what[0] {
		case 'd':
			h.Name, h.Method, mode = name+"/", zip.Store, os.ModeDir|0o755
		case 'l':
			mode = os.ModeSymlink | 0o777
		case 'x':
			mode = 0o755
		}
		if modes || what[0] == 'l' {
			h.SetMode(mode)
		}
		f, err := w.CreateHeader(h)
		if err == nil && len(what) > 2 {
			_, err = io.WriteString(f, what[2:])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sorted(tree map[string]string) (names []string) {
	for name := range tree {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// same fails the test unless sink has got the tree.
func same(t *testing.T, want map[string]string, sink *treeSink) {
	t.Helper()
	short := func(tree map[string]string) map[string]string {
		out := map[string]string{}
		for name, what := range tree {
			if len(what) > 100 {
				what = what[:2] + digest.Sum([]byte(what[2:])).Hex()
			}
			out[name] = what
		}
		return out
	}
	if diff := cmp.Diff(short(want), short(sink.tree)); diff != "" {
		t.Error(diff)
	}
}
