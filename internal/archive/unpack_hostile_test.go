package archive

import (
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"gostore/internal/digest"
	"gostore/store"
)

// TestHostile unpacks every archive of testdata/hostile into a real store. Each has to be refused, with the entry and the reason,
// and nothing may be left of it, in the store or outside.
func TestHostile(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(filepath.Join(dir, "root"))
	if err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	for name, r := range recipes(t, "") {
		t.Run(name, func(t *testing.T) {
			_, err := s.Add(t.Context(), store.Spec{Name: "tool", Version: "1.0"}, func(g *store.Stage) error {
				return unpackBytes(t, r.data, r.options, g)
			})
			if got := formatError(t, err); !matches(got, r.want) {
				t.Errorf("\ngot  %s\nwant %s", got, r.want)
			}
			if diff := cmp.Diff(before, files(t, dir)); diff != "" {
				t.Errorf("something is left:\n%s", diff)
			}
		})
	}
	goleak.VerifyNone(t)
}

// TestHostileWithDigest has an archive that is refused, and is not the wanted one either, be called the wrong one.
func TestHostileWithDigest(t *testing.T) {
	r := recipes(t, "tar_escapes")["tar_escapes"]
	r.options.Want = digest.SHA256([]byte("another"))
	var wrong *digest.MismatchError
	if err := unpackBytes(t, r.data, r.options, &treeSink{}); !errors.As(err, &wrong) {
		t.Errorf("got %v, want a *digest.MismatchError", err)
	}
	r.options.Want = digest.SHA256(r.data)
	formatError(t, unpackBytes(t, r.data, r.options, &treeSink{}))
}

// files lists what is in a directory. Contents that are shared stay in the store until they are collected.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && path == filepath.Join(dir, "root", "files") {
			return fs.SkipDir
		}
		names = append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// goroot returns where the sources of Go are.
func goroot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skipf("no go command: %v", err)
	}
	return strings.TrimSpace(string(out))
}
