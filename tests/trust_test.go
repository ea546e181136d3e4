package tests

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gostore/tests/upstream"
)

// A project's files that somebody else can change are pointed out; root's are not.
func TestTrustForeign(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can make files that belong to somebody else")
	}
	w := newWorld(t, upstream.Config{})
	w.sh("gostore -q lock go@1.22.6 && echo >gostore.toml")
	if got := w.sh("gostore trust"); strings.Contains(got, "warning") {
		t.Errorf("one's own: %s", got)
	}
	owner := "user " + strconv.Itoa(ordinary)
	for _, name := range []string{"gostore.toml", "gostore.lock", "."} {
		if err := os.Chown(filepath.Join(w.dir, name), ordinary, ordinary); err != nil {
			t.Fatal(err)
		}
		want := "gostore: warning: " + filepath.Join(w.dir, name) + " belongs to " + owner + ", who can change it at any time\n"
		if got := w.sh("gostore trust"); !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if got := w.sh("gostore trust --json"); strings.Count(got, `"owner": "`+owner+`"`) != 3 {
		t.Errorf("%s", got)
	}
	w = ordinaryWorld(t)
	w.sh("gostore -q lock go@1.22.6")
	if err := os.Chown(filepath.Join(w.dir, "gostore.lock"), 0, 0); err != nil {
		t.Fatal(err)
	}
	if got := w.sh("gostore trust"); strings.Contains(got, "warning") {
		t.Errorf("root's: %s", got)
	}
}

// A directory that changed hands since is not trusted any more: whoever has it now was not asked about.
func TestTrustNewOwner(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	w := newWorld(t, upstream.Config{})
	w.sh("gostore -q lock go@1.22.6 && gostore -q install")
	if got := w.sh("gostore hook run bash"); !strings.Contains(got, "+go@1.22.6") {
		t.Errorf("%s", got)
	}
	if err := os.Chown(w.dir, ordinary, ordinary); err != nil {
		t.Fatal(err)
	}
	if got := w.sh("gostore hook run bash"); !strings.Contains(got, "is not trusted") || strings.Contains(got, "_gostore_put PATH") {
		t.Errorf("%s", got)
	}
}
