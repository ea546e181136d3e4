package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"gostore/internal/tree"
)

// A short manifest is in the description and nowhere else, a long one in a file of its own and nowhere else.
func TestShortManifest(t *testing.T) {
	s := open(t)
	for name, c := range map[string]struct {
		files content
		own   bool
	}{"short": {sample, false}, "empty": {content{}, false}, "long": {long, true}} {
		o := add(t, s, name, c.files).Object()
		_, err := os.Lstat(s.metaPath(o.Tree, manifestSuffix))
		if own := err == nil; own != c.own {
			t.Errorf("%s: a file of its own: %v", name, own)
		}
		data, err := os.ReadFile(s.metaPath(o.Tree, infoSuffix))
		if in := bytes.Contains(data, []byte("gostore tree 1")); err != nil || in == c.own {
			t.Errorf("%s: in the description: %v, %v", name, in, err)
		}
		if m, err := s.KeptManifest(o.Tree); err != nil || m.Digest() != o.Tree {
			t.Errorf("%s: kept is %v, %v", name, m.Digest(), err)
		}
	}
}

// The limit is on the manifest's text: one byte more, and it has a file.
func TestShortManifestLimit(t *testing.T) {
	s := open(t)
	for _, over := range []int{0, 1} {
		target := strings.Repeat("x", shortManifest+over-len("gostore tree 1\nl a \n"))
		o := add(t, s, "tool", content{"a": "->" + target}).Object()
		_, err := os.Lstat(s.metaPath(o.Tree, manifestSuffix))
		if own := err == nil; own != (over > 0) {
			t.Errorf("%d bytes over the limit: a file of its own: %v", over, own)
		}
	}
}

// Every bit of a description that holds a manifest: what is read of it is right or is not read, and verify names that file and no other.
func TestRottenShortManifest(t *testing.T) {
	s := open(t)
	o := add(t, s, "tool", content{"bin/tool*": "x"}).Object()
	file := s.metaPath(o.Tree, infoSuffix)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	kept, lost := 0, 0
	for bit := range len(whole) * 8 {
		data := bytes.Clone(whole)
		data[bit/8] ^= 1 << (bit % 8)
		change(t, file, data)
		if m, err := s.KeptManifest(o.Tree); err != nil {
			lost++
		} else if kept++; m.Digest() != o.Tree {
			t.Fatalf("bit %d: read the manifest of %v", bit, m.Digest())
		}
		damage, err := s.scrub(t.Context(), o, tree.Auditor{Workers: 1})
		if err != nil || len(damage) != 1 || damage[0].Path != file {
			t.Fatalf("bit %d: named %q, %v", bit, damage, err)
		}
		if err := os.Remove(s.metaPath(o.Tree, manifestSuffix)); err != nil && !errors.Is(err, fs.ErrNotExist) { // it was made again
			t.Fatal(err)
		}
	}
	if kept == 0 || lost == 0 {
		t.Errorf("of %d bits, %d leave the manifest readable and %d do not", len(whole)*8, kept, lost)
	}
}

// The description of a layer's object that was taken for another one is named, whatever the layer still says of the object.
func TestSwappedDescriptionOfALink(t *testing.T) {
	layer, s, o := withLayer(t)
	if _, err := s.Lookup(o.Tree); err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(s.metaPath(add(t, s, "other", sample).Object().Tree, infoSuffix))
	if err != nil {
		t.Fatal(err)
	}
	file := s.metaPath(o.Tree, infoSuffix)
	change(t, file, other)
	for _, without := range []string{"", layer.metaPath(o.Tree, infoSuffix)} {
		if without != "" {
			if err := os.Remove(without); err != nil {
				t.Fatal(err)
			}
		}
		if damage, err := s.scrub(t.Context(), o, tree.Auditor{Workers: 1}); err != nil || len(damage) != 1 || damage[0].Path != file {
			t.Errorf("without %q: named %v, %v", without, damage, err)
		}
	}
}
