package trust

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func newList(t *testing.T) List { return List{Dir: filepath.Join(t.TempDir(), "trust")} }

func mkdir(t *testing.T, elements ...string) string {
	t.Helper()
	dir := filepath.Join(elements...)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAddRemove(t *testing.T) {
	l, home := newList(t), t.TempDir()
	project, other := mkdir(t, home, "project"), mkdir(t, home, "project", "inside")
	link := filepath.Join(home, "link")
	if err := os.Symlink(project, link); err != nil {
		t.Fatal(err)
	}
	if l.Trusts(project) {
		t.Error("trusts before it was asked to")
	}
	for _, want := range []bool{true, false} {
		if added, err := l.Add(link, time.Now()); added != want || err != nil {
			t.Errorf("Add: %v, %v; want %v", added, err, want)
		}
	}
	if !l.Trusts(project) || !l.Trusts(link) || !l.Trusts(project+"/") {
		t.Error("does not trust what was added")
	}
	if l.Trusts(other) || l.Trusts(home) || l.Trusts(filepath.Join(home, "none")) {
		t.Error("trusts more than what was added")
	}
	if all, err := l.All(); err != nil || len(all) != 1 || all[0].Dir != project {
		t.Errorf("All: %v, %v", all, err)
	}
	if err := l.Remove(link); err != nil || l.Trusts(project) {
		t.Errorf("Remove: %v, trusts %v", err, l.Trusts(project))
	}
	if err := l.Remove(project); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removing twice: %v", err)
	}
}

// A directory that belongs to somebody else by now is another one.
func TestOwner(t *testing.T) {
	l, project := newList(t), t.TempDir()
	if _, err := l.Add(project, time.Now()); err != nil {
		t.Fatal(err)
	}
	p, err := resolve(project)
	if err != nil {
		t.Fatal(err)
	}
	data := `{"project": "` + p.Dir + `", "owner": 4242, "since": "2026-01-02T03:04:05Z"}`
	if err := os.WriteFile(l.path(p.Dir), []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	if l.Trusts(project) {
		t.Error("trusts a directory with another owner")
	}
	if added, err := l.Add(project, time.Now()); !added || err != nil || !l.Trusts(project) {
		t.Errorf("adding it again: %v, %v", added, err)
	}
}

func TestDamagedRecord(t *testing.T) {
	l, project := newList(t), t.TempDir()
	if _, err := l.Add(project, time.Now()); err != nil {
		t.Fatal(err)
	}
	p, _ := resolve(project)
	for _, data := range []string{"", "{", "null", `{"project": "/elsewhere", "owner": 0}`} {
		if err := os.WriteFile(l.path(p.Dir), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if l.Trusts(project) {
			t.Errorf("trusts by the record %q", data)
		}
	}
}

func TestFolders(t *testing.T) {
	home := t.TempDir()
	work := mkdir(t, home, "work")
	inside, beside := mkdir(t, work, "a", "b"), mkdir(t, home, "workshop")
	link := filepath.Join(home, "link")
	if err := os.Symlink(work, link); err != nil {
		t.Fatal(err)
	}
	l := newList(t)
	l.Folders = func() []string { return []string{link} }
	if !l.Trusts(inside) || !l.Trusts(work) {
		t.Error("does not trust what is in a trusted folder")
	}
	if l.Trusts(beside) || l.Trusts(home) {
		t.Error("trusts what is not in a trusted folder")
	}
	// A link inside that leads out of it does not count.
	out := filepath.Join(work, "out")
	if err := os.Symlink(beside, out); err != nil {
		t.Fatal(err)
	}
	if l.Trusts(out) {
		t.Error("trusts what a link in a trusted folder leads to")
	}
}
