package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gostore/internal/digest"
	"gostore/internal/tree"
)

// scrubAll verifies all slices and returns what was found, "KIND PATH" each, sorted, with paths relative to the store's root.
func scrubAll(t *testing.T, s *Store) (damage []string, contents, objects int) {
	t.Helper()
	scrubber := s.Scrubber(tree.Auditor{Workers: 2})
	for i := range Slices {
		r, err := scrubber.Slice(t.Context(), byte(i))
		if err != nil {
			t.Fatal(err)
		}
		contents += r.Contents
		objects += len(r.Objects)
		for _, d := range r.Damage {
			rel, err := filepath.Rel(s.Dir(), d.Path)
			if err != nil {
				t.Fatal(err)
			}
			damage = append(damage, d.Kind+" "+strings.ReplaceAll(rel, d.Tree.Hex(), "HEX"))
		}
	}
	slices.Sort(damage)
	return damage, contents, objects
}

// twoObjects adds two objects that share a content, with files that they do not share.
func twoObjects(t *testing.T, s *Store) (common []byte, dirs [2]string) {
	t.Helper()
	common = bytes.Repeat([]byte("common\n"), ShareSize)
	for i, version := range []string{"1", "2"} {
		l, err := s.Add(t.Context(), Spec{Name: "tool", Version: version}, func(g *Stage) error {
			return errors.Join(g.File("common", false, common), g.File("large", true, bytes.Repeat([]byte(version), ShareSize)), g.File("small", false, []byte(version)))
		})
		if err != nil {
			t.Fatal(err)
		}
		dirs[i] = l.Path()
		l.Release()
	}
	return common, dirs
}

// change writes over a file in its place.
func change(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := errors.Join(os.Chmod(path, 0o644), os.WriteFile(path, data, 0o644), os.Chmod(path, 0o444)); err != nil {
		t.Fatal(err)
	}
}

func TestScrub(t *testing.T) {
	s := open(t)
	common, dirs := twoObjects(t, s)
	if damage, contents, objects := scrubAll(t, s); len(damage) != 0 || contents != 3 || objects != 2 {
		t.Fatalf("%q of %d contents and %d objects", damage, contents, objects)
	}
	shared := sharedName(tree.Entry{Kind: tree.File, Content: digest.Sum(common)})

	// A content that rotted is named, and so is each file that is the same.
	change(t, filepath.Join(dirs[0], "common"), append(bytes.Clone(common[1:]), 'x'))
	want := []string{"content files/" + shared, "object store/HEX-tool-1/common", "object store/HEX-tool-2/common"}
	if damage, _, _ := scrubAll(t, s); !slices.Equal(damage, want) {
		t.Errorf("named %q, want %q", damage, want)
	}
	// Once the content is another file, those of the objects are read with them.
	if err := errors.Join(os.Remove(s.path(filesDir, shared)), os.WriteFile(s.path(filesDir, shared), common, 0o444)); err != nil {
		t.Fatal(err)
	}
	if damage, _, _ := scrubAll(t, s); !slices.Equal(damage, want[1:]) {
		t.Errorf("named %q, want %q", damage, want[1:])
	}
	change(t, filepath.Join(dirs[0], "common"), common)
	change(t, filepath.Join(dirs[1], "small"), []byte("3"))
	if damage, _, _ := scrubAll(t, s); !slices.Equal(damage, []string{"object store/HEX-tool-2/small"}) {
		t.Errorf("named %q", damage)
	}
}

// A file that is not where its digest says is named by CheckNames; everything that belongs there is not.
func TestCheckNames(t *testing.T) {
	s := open(t)
	twoObjects(t, s)
	if err := s.Remember("key", digest.Tree{1}); err != nil {
		t.Fatal(err)
	}
	if damage, err := s.CheckNames(); err != nil || len(damage) != 0 {
		t.Errorf("%v, %v", damage, err)
	}
	for _, name := range []string{"store/x", "files/xy", "meta/x.json", "index/other"} {
		if err := os.WriteFile(s.path(name), formatIndex("key", digest.Tree{1}), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	damage, err := s.CheckNames()
	if err != nil || len(damage) != 4 {
		t.Errorf("%v, %v", damage, err)
	}
}

// A store from before there were checks, and before short manifests were in descriptions, is in order.
func TestScrubOldStore(t *testing.T) {
	s := open(t)
	twoObjects(t, s)
	objects, err := s.Objects()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		info, err := s.Info(o.Tree)
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.Manifest(o.Tree)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.writeManifest(m); err != nil {
			t.Fatal(err)
		}
		old, err := info.encode()
		if err != nil {
			t.Fatal(err)
		}
		change(t, s.metaPath(o.Tree, infoSuffix), old)
		if err := os.WriteFile(s.path(indexDir, "key"+o.Version), []byte(o.Tree.String()+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, ok := s.Recall("key" + o.Version); !ok || got != o.Tree {
			t.Errorf("an old entry of the index leads to %v, %v", got, ok)
		}
	}
	if damage, _, _ := scrubAll(t, s); len(damage) != 0 {
		t.Errorf("named %q", damage)
	}
	if damage, err := s.CheckNames(); err != nil || len(damage) != 0 {
		t.Errorf("%v, %v", damage, err)
	}
}

// Each bit of an entry of the index counts.
func TestIndexCheck(t *testing.T) {
	text := formatIndex("key", digest.Tree{1})
	for bit := range 8 * len(text) {
		rotten := bytes.Clone(text)
		rotten[bit/8] ^= 1 << (bit % 8)
		if got, ok := parseIndex("key", rotten); ok {
			t.Errorf("bit %d: %q leads to %v", bit, rotten, got)
		}
	}
	if _, ok := parseIndex("other", text); ok {
		t.Error("an entry is good under another name")
	}
}
