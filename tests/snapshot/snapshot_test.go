package snapshot

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// Whatever is done to directories, they become what they were: with contents, modes, times, links, and names of one file.
func TestRestore(t *testing.T) {
	top := t.TempDir()
	for _, script := range []func() error{
		func() error { return os.MkdirAll(filepath.Join(top, "a/sealed/deep"), 0o755) },
		func() error { return os.WriteFile(filepath.Join(top, "a/sealed/deep/f"), []byte("text"), 0o444) },
		func() error { return os.WriteFile(filepath.Join(top, "a/g"), []byte("same"), 0o644) },
		func() error { return os.WriteFile(filepath.Join(top, "a/h"), []byte("same"), 0o200) },
		func() error { return os.Link(filepath.Join(top, "a/g"), filepath.Join(top, "a/sealed/twin")) },
		func() error { return os.Symlink("g", filepath.Join(top, "a/link")) },
		func() error {
			return os.Chtimes(filepath.Join(top, "a/g"), time.Unix(1, 5), time.Unix(1, 5))
		},
		func() error { return os.Chmod(filepath.Join(top, "a/sealed/deep"), 0o555) },
		func() error { return os.Chmod(filepath.Join(top, "a/sealed"), 0o555) },
	} {
		if err := script(); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() != 0 {
		os.Chmod(filepath.Join(top, "a/h"), 0o600)
	}
	t.Cleanup(func() { removeAll(filepath.Join(top, "a")) })
	s, err := Take(top, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	want := facts(s)
	random := rand.New(rand.NewPCG(1, 1))
	for round := range 500 {
		var done []string
		for range random.IntN(5) {
			done = append(done, harm(random, top))
		}
		if err := s.Restore(); err != nil {
			t.Fatalf("round %d: %v after %q", round, err, done)
		}
		now, err := Take(top, "a", "b")
		if err != nil {
			t.Fatal(err)
		}
		if got := facts(now); !reflect.DeepEqual(got, want) {
			t.Fatalf("round %d: after %q:\n%v\nwant\n%v", round, done, got, want)
		}
	}
}

// What is as it was is not made again.
func TestRestoreKeeps(t *testing.T) {
	top := t.TempDir()
	for _, name := range []string{"one", "two"} {
		if err := os.MkdirAll(filepath.Join(top, "a"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(top, "a", name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Take(top, "a")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(top, "a/one")) // its inode is given to no other while it is open
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(top, "a/two"), []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Restore(); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(filepath.Join(top, "a/one"))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("a file that was as it should be was made again, %v", err)
	}
}

// Without a time, what is kept is as young as what is made.
func TestRestoreWithoutTime(t *testing.T) {
	top := t.TempDir()
	s := &Snapshot{Top: top, Names: []string{"a"}, Entries: []Entry{{Path: "a", Mode: fs.ModeDir | 0o755}, {Path: "a/f", Mode: 0o644}}}
	for range 2 {
		if err := s.Restore(); err != nil {
			t.Fatal(err)
		}
		fi, err := os.Stat(filepath.Join(top, "a/f"))
		if err != nil || time.Since(fi.ModTime()) > time.Hour {
			t.Errorf("%v, %v", fi.ModTime(), err)
		}
		if err := os.Chtimes(filepath.Join(top, "a/f"), time.Unix(1, 0), time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
	}
}

// facts are the entries of a snapshot by their paths, without what is like no other.
func facts(s *Snapshot) map[string]string {
	facts := map[string]string{}
	for _, e := range s.Entries {
		facts[e.Path] = fmt.Sprint(e.Mode, e.Time.UnixNano(), string(e.Data), e.Target, e.Twin)
	}
	return facts
}

// harm changes something at random, and says what.
func harm(random *rand.Rand, top string) string {
	names := []string{"a", "a/sealed", "a/sealed/deep", "a/sealed/deep/f", "a/g", "a/h", "a/sealed/twin", "a/link", "b", "a/new", "a/sealed/new"}
	path := filepath.Join(top, names[random.IntN(len(names))])
	other := filepath.Join(top, names[random.IntN(len(names))])
	os.Chmod(filepath.Dir(path), 0o755)
	os.Chmod(filepath.Dir(other), 0o755)
	var err error
	var what string
	switch random.IntN(7) {
	case 0:
		what, err = "remove", removeAll(path)
	case 1:
		what, err = "write", os.WriteFile(path, []byte{byte(random.IntN(256)), 'a', 'm', 'e'}, 0o644)
	case 2:
		what, err = "mkdir", os.MkdirAll(path, 0o755)
	case 3:
		os.Remove(path)
		what, err = "symlink", os.Symlink("somewhere", path)
	case 4:
		os.Remove(path)
		what, err = "link", os.Link(other, path)
	case 5:
		what, err = "chmod", os.Chmod(path, fs.FileMode(random.IntN(0o1000)))
	case 6:
		what, err = "rename", os.Rename(other, path)
	}
	return fmt.Sprintf("%s %s (%s): %v", what, path, other, err)
}
