package isolation

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gostore/internal/digest"
	"gostore/store"
)

var (
	now  = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	old  = now.Add(-40 * 24 * time.Hour)
	tool = store.Object{Tree: digest.Tree{1, 2, 3}, Name: "go", Version: "1.22.6"}
)

// fill makes caches as the go command does: modules are read-only. The lock is released.
func fill(t *testing.T, root string, o store.Object, used time.Time) string {
	t.Helper()
	s, err := Open(t.Context(), root, o, used)
	if err != nil {
		t.Fatal(err)
	}
	module := filepath.Join(s.Dir, "mod", "example.org@v1")
	if err := os.MkdirAll(module, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(module, "go.mod"), make([]byte, 10_000), 0o444); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(module, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(module, 0o755) }) // if it is still there
	if err := os.Chtimes(s.Dir, used, used); err != nil {
		t.Fatal(err)
	}
	s.File.Close()
	return s.Dir
}

func entries(t *testing.T, root string) []string {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(root, store.IsolatedDir))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestOpen(t *testing.T) {
	root := t.TempDir()
	s, err := Open(t.Context(), root, tool, old)
	if err != nil {
		t.Fatal(err)
	}
	defer s.File.Close()
	if want := filepath.Join(root, "isolated", tool.Tree.Hex()+"-go-1.22.6"); s.Dir != want {
		t.Errorf("in %q, want %q", s.Dir, want)
	}
	for _, v := range s.Variables() {
		if !strings.HasPrefix(v.Value, s.Dir+"/") {
			t.Errorf("%v is not in the space", v)
		}
	}
	second, err := Open(t.Context(), root, tool, now)
	if err != nil || second.Dir != s.Dir {
		t.Fatalf("opened again: %v, %v", second, err)
	}
	defer second.File.Close()
	if fi, err := os.Stat(s.Dir); err != nil || !fi.ModTime().Equal(now) {
		t.Errorf("last used %v, %v", fi.ModTime(), err)
	}
}

func TestCollect(t *testing.T) {
	other := store.Object{Tree: digest.Tree{9}, Name: "go", Version: "1.21.13"}
	for _, c := range []struct {
		name   string
		alive  bool
		before time.Time
		want   []string // removed
	}{
		{"both are there", true, time.Time{}, nil},
		{"both are gone", false, time.Time{}, []string{"go-1.22.6", "go-1.21.13"}},
		{"one is old", true, now.Add(-time.Hour), []string{"go-1.21.13"}},
	} {
		root := t.TempDir()
		fill(t, root, tool, now)
		fill(t, root, other, old)
		collection := Collection{Alive: func(digest.Tree) bool { return c.alive }, Before: c.before, Now: now, DryRun: true}
		for _, dry := range []bool{true, false} {
			collection.DryRun = dry
			removed, err := Collect(t.Context(), root, collection)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, r := range removed {
				names = append(names, r.Name)
				if r.Bytes < 10_000 {
					t.Errorf("%s: %d bytes", r.Name, r.Bytes)
				}
			}
			if !slices.Equal(names, c.want) {
				t.Errorf("%s: removed %q, want %q", c.name, names, c.want)
			}
			left := 2
			if !dry {
				left -= len(c.want)
			}
			if got := entries(t, root); len(got) != left {
				t.Errorf("%s (dry run: %v): left %q, want %d", c.name, dry, got, left)
			}
		}
	}
}

// What is in use stays, however old it is and although its toolchain has gone.
func TestCollectLeavesWhatIsUsed(t *testing.T) {
	root := t.TempDir()
	dir := fill(t, root, tool, old)
	s, err := Open(t.Context(), root, tool, old)
	if err != nil {
		t.Fatal(err)
	}
	gone := Collection{Alive: func(digest.Tree) bool { return false }, Before: now, Now: now}
	if removed, err := Collect(t.Context(), root, gone); err != nil || removed != nil {
		t.Errorf("removed %v, %v", removed, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "mod")); err != nil {
		t.Error(err)
	}
	s.File.Close()
	if removed, err := Collect(t.Context(), root, gone); err != nil || len(removed) != 1 {
		t.Errorf("afterwards: removed %v, %v", removed, err)
	}
}

// What a crash left goes; what is not ours stays.
func TestCollectLeftovers(t *testing.T) {
	root := t.TempDir()
	if _, err := Collect(t.Context(), root, Collection{}); err != nil {
		t.Errorf("without any caches: %v", err)
	}
	dir := fill(t, root, tool, now)
	if err := os.Rename(dir, filepath.Join(filepath.Dir(dir), ".trash-x")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, "isolated", "mine"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, used := range map[string]time.Time{".tmp-old": old, ".tmp-new": now, "notes": old} {
		path := filepath.Join(root, "isolated", name)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, used, used); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Collect(t.Context(), root, Collection{Alive: func(digest.Tree) bool { return true }, Now: now}); err != nil {
		t.Fatal(err)
	}
	if got, want := entries(t, root), []string{".tmp-new", "mine", "notes"}; !slices.Equal(got, want) {
		t.Errorf("left %q, want %q", got, want)
	}
}

func TestCover(t *testing.T) {
	root := t.TempDir()
	path, err := Cover(root, []byte("A=1\n"), now)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Cover(root, []byte("A=1\n"), now); err != nil || again != path {
		t.Errorf("the same contents are in %q, %v", again, err)
	}
	if other, err := Cover(root, nil, now); err != nil || other == path {
		t.Errorf("other contents are in %q, %v", other, err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o400 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	// One that somebody changed, as root can, is written again.
	if err := errors.Join(os.Chmod(path, 0o644), os.WriteFile(path, []byte("A=2\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := Cover(root, []byte("A=1\n"), now); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "A=1\n" {
		t.Errorf("%q, %v", data, err)
	}
	for _, age := range []time.Duration{coverAge - time.Hour, coverAge + time.Hour} {
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
		if _, err := Collect(t.Context(), root, Collection{Now: now}); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); (err == nil) != (age < coverAge) {
			t.Errorf("after %v: %v", age, err)
		}
	}
}

func TestHome(t *testing.T) {
	root := t.TempDir()
	dir, err := Home(root, "al.ice@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 || dir != filepath.Join(root, "homes", "al.ice@example.org") {
		t.Errorf("%q: %v, %v", dir, fi.Mode(), err)
	}
	if again, err := Home(root, "al.ice@example.org"); err != nil || again != dir {
		t.Errorf("again: %q, %v", again, err)
	}
	for _, name := range []string{"", ".", "..", "a/b", "-a", ".a", "@a", "a b", "ä", strings.Repeat("a", 65), "a\x00"} {
		var bad *NameError
		if _, err := Home(root, name); !errors.As(err, &bad) {
			t.Errorf("%q: %v", name, err)
		}
	}
	// A home that others can write to, or a link, is not private.
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Home(root, "al.ice@example.org"); err == nil || !strings.Contains(err.Error(), "can be written to by others: its mode is 0777") {
		t.Errorf("open to others: %v", err)
	}
	if err := os.Symlink(dir, filepath.Join(root, "homes", "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := Home(root, "link"); err == nil || !strings.Contains(err.Error(), "is not a directory") {
		t.Errorf("a link: %v", err)
	}
}

// Whoever has taken caches into use keeps them, while collectors that find the toolchain gone come and go.
func TestOpenBesideCollect(t *testing.T) {
	root := t.TempDir()
	gone := Collection{Alive: func(digest.Tree) bool { return false }, Now: now}
	done := make(chan struct{})
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := Collect(t.Context(), root, gone); err != nil {
					t.Errorf("collecting: %v", err)
				}
			}
		})
	}
	for i := range 200 {
		s, err := Open(t.Context(), root, tool, now)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(s.Dir, "used")
		if err := os.WriteFile(path, []byte{byte(i)}, 0o644); err != nil {
			t.Errorf("in use: %v", err)
		}
		if data, err := os.ReadFile(path); err != nil || len(data) != 1 || data[0] != byte(i) {
			t.Errorf("in use: %v, %v", data, err)
		}
		s.File.Close()
	}
	close(done)
	wait.Wait()
}
