package store

import (
	"os"
	"path/filepath"
	"testing"
)

// An object that lost both descriptions is still leased, and is what an Add of the same comes to, which describes it again. Also one
// without entries, whose directory a rename would replace.
func TestAddWithoutDescriptions(t *testing.T) {
	for name, files := range map[string]content{"sample": sample, "long": long, "empty": {}} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			l := add(t, s, "tool", files)
			was, err := os.Stat(l.Path())
			if err != nil {
				t.Fatal(err)
			}
			forget(t, s, l.Object())
			if again, err := s.Lease(t.Context(), l.Object().Tree); err != nil || again.Object() != l.Object() {
				t.Errorf("leased %v, %v", again, err)
			}
			again := add(t, s, "tool", files)
			if is, err := os.Stat(again.Path()); err != nil || !os.SameFile(is, was) {
				t.Errorf("the object was replaced by %v, %v", is, err)
			}
			if info, err := s.readInfo(l.Object().Tree); err != nil || info.Object != l.Object() {
				t.Errorf("described as %v, %v", info, err)
			}
		})
	}
}

// Under another name there are two objects of one tree then, and what refers to the tree finds one of them.
func TestAddWithoutDescriptionsUnderAnotherName(t *testing.T) {
	s := open(t)
	l := add(t, s, "tool", sample)
	forget(t, s, l.Object())
	other := add(t, s, "other", sample)
	list, err := s.Objects()
	if err != nil || len(list) != 2 || list[0].Tree != list[1].Tree {
		t.Fatalf("objects %v, %v", list, err)
	}
	if found, err := s.Lease(t.Context(), l.Object().Tree); err != nil || found.Object() != other.Object() {
		t.Errorf("leased %v, %v", found, err)
	}
}

// forget removes what describes an object.
func forget(t *testing.T, s *Store, o Object) {
	t.Helper()
	files, err := filepath.Glob(s.metaPath(o.Tree, ".*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}
