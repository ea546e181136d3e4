package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gostore/internal/digest"
	"gostore/internal/removal"
	"gostore/internal/tree"
)

// mendable returns a store with an object of two files.
func mendable(t *testing.T) (*Store, *Lease) {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	lease, err := s.Add(t.Context(), Spec{Name: "sdk", Version: "1-rc1"}, func(g *Stage) error {
		return errors.Join(g.File("bin/run", true, []byte(strings.Repeat("run\n", 999))), g.File("data", false, []byte("data")))
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		removal.Tree(s.Dir())
	})
	return s, lease
}

// A spool takes no content that is another one, and leaves nothing of it.
func TestPutChecked(t *testing.T) {
	s, lease := mendable(t)
	defer lease.Release()
	sp, done, err := s.RepairSpool()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.RepairSpool(); err == nil {
		t.Error("two repairs at a time")
	}
	right := tree.Entry{Path: "data", Kind: tree.File, Content: digest.Sum([]byte("data")), Size: 4}
	var mismatch *digest.MismatchError
	if err := sp.PutChecked(right, strings.NewReader("date")); !errors.As(err, &mismatch) || sp.Has(right) {
		t.Errorf("another content: %v", err)
	}
	if err := sp.PutChecked(right, strings.NewReader("data")); err != nil || !sp.Has(right) {
		t.Errorf("the right one: %v", err)
	}
	if err := done(true); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(filepath.Join(s.Dir(), "downloads")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// What is open is found and sealed again, without a content being touched.
func TestMendSeals(t *testing.T) {
	s, lease := mendable(t)
	defer lease.Release()
	for _, name := range []string{"bin", "data", "."} {
		path := filepath.Join(lease.Path(), name)
		if err := errors.Join(os.Chmod(path, 0o755), os.Chtimes(path, time.Now(), time.Now())); err != nil {
			t.Fatal(err)
		}
	}
	sp, done, err := s.RepairSpool()
	if err != nil {
		t.Fatal(err)
	}
	defer done(true)
	for _, want := range []bool{false, true} {
		d, err := s.Examine(t.Context(), lease.Object().Tree)
		if err != nil || d.None() != want {
			t.Errorf("found %+v, %v", d, err)
		}
		if err := s.Mend(t.Context(), d, sp); err != nil {
			t.Error(err)
		}
	}
}

// An object that was set aside is absent, is listed, and goes when it is old enough and nobody uses it.
func TestAside(t *testing.T) {
	s, lease := mendable(t)
	o := lease.Object()
	a, err := s.SetAside(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup(o.Tree); err == nil {
		t.Error("it is still there")
	}
	if parsed, ok := s.parseAside(filepath.Base(a.Path)); !ok || parsed.Object != o || !parsed.Since.Equal(a.Since) {
		t.Errorf("%q is read as %+v", a.Path, parsed)
	}
	if got := WithoutAside([]byte(filepath.Base(a.Path) + "/bin")); string(got) != o.Base()+"/bin" {
		t.Errorf("its own name is %q", got)
	}
	for _, bad := range []string{o.Base(), ".damaged-", ".damaged-x-" + o.Base(), ".damaged-1-x"} {
		if _, ok := s.parseAside(bad); ok {
			t.Errorf("%q is taken for one", bad)
		}
	}
	nobody, somebody := func(Aside) (bool, error) { return false, nil }, func(Aside) (bool, error) { return true, nil }
	later := time.Now().Add(time.Hour)
	for _, c := range []struct {
		name    string
		before  time.Time
		busy    func(Aside) (bool, error)
		release bool
		gone    int
	}{{"young", a.Since, nobody, false, 0}, {"leased", later, nobody, false, 0}, {"used", later, somebody, true, 0}, {"old", later, nobody, false, 1}} {
		if c.release {
			lease.Release()
		}
		if gone, err := s.DropAsides([]Aside{a}, c.before, c.busy); err != nil || len(gone) != c.gone {
			t.Errorf("%s: %v, %v", c.name, gone, err)
		}
	}
	if list, err := s.Asides(); err != nil || len(list) > 0 {
		t.Errorf("left: %v, %v", list, err)
	}
}

// Entries of the index are made again from descriptions, or removed; a shared content that nobody uses and that is damaged goes.
func TestStoreFaults(t *testing.T) {
	s, lease := mendable(t)
	defer lease.Release()
	archive := digest.SHA256([]byte("archive"))
	d, err := s.Examine(t.Context(), lease.Object().Tree)
	if err == nil {
		err = s.Redescribe(t.Context(), d, Spec{Name: "sdk", Version: "1-rc1", Archive: archive})
	}
	if err != nil {
		t.Fatal(err)
	}
	index, other := s.path(indexDir, archive.FileName()), s.path(indexDir, "other")
	shared := s.path(filesDir, "ab", strings.Repeat("c", 62))
	err = errors.Join(os.WriteFile(index, []byte("b3:"+strings.Repeat("0", 64)+"\n"), 0o644), os.WriteFile(other, []byte("x"), 0o644),
		os.MkdirAll(filepath.Dir(shared), 0o755), os.WriteFile(shared, []byte("rot"), 0o444))
	if err != nil {
		t.Fatal(err)
	}
	faults, err := s.StoreFaults(t.Context())
	if err != nil || len(faults) != 3 {
		t.Fatal(faults, err)
	}
	for _, f := range faults {
		if err := s.MendStore(t.Context(), f); err != nil {
			t.Error(err)
		}
	}
	if got, ok := s.LookupArchive(archive); !ok || got != lease.Object().Tree {
		t.Errorf("the archive leads to %v", got)
	}
	if text, err := os.ReadFile(index); err != nil || string(text) != string(formatIndex(archive.FileName(), lease.Object().Tree)) {
		t.Errorf("the entry is %q, %v: not what an install writes", text, err)
	}
	for _, gone := range []string{other, shared} {
		if _, err := os.Lstat(gone); err == nil {
			t.Errorf("%s is there", gone)
		}
	}
	if faults, err := s.StoreFaults(t.Context()); err != nil || len(faults) > 0 {
		t.Error(faults, err)
	}
}
