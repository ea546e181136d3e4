package tests

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"gostore/tests/upstream"
)

// ordinary is a user without rights, for when the tests are run as root.
const ordinary = 64123

// ordinaryWorld is a world of a user who is not root, with the store in its default place.
func ordinaryWorld(t *testing.T) *world {
	t.Helper()
	top, err := os.MkdirTemp("", "gostore-user-") // unlike t.TempDir nothing above it is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unseal(top)
		os.RemoveAll(top)
	})
	w := newWorldIn(t, upstream.Config{}, top)
	w.environ = append(w.environ, "GOSTORE_ROOT=")
	if os.Getuid() != 0 {
		return w
	}
	w.as = &syscall.Credential{Uid: ordinary, Gid: ordinary}
	w.copyProgram(filepath.Join(top, "bin", "gostore"))
	for _, dir := range []string{".", "home", "project"} {
		if err := os.Chown(filepath.Join(top, dir), ordinary, ordinary); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := w.command("test -w . && test -w $HOME && gostore version").CombinedOutput(); err != nil {
		t.Skipf("another user cannot reach %q: %v %s", top, err, out)
	}
	return w
}

// copyProgram puts this program at path, where others can execute it: go test builds it in a directory
// that is closed to them.
func (w *world) copyProgram(path string) {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o755); err != nil {
		w.t.Fatal(err)
	}
}

// The main job as a user who is not root: everything works in the user's own home, objects are sealed against the
// user as well, and a collection removes them all the same.
func TestOrdinaryUser(t *testing.T) {
	w := ordinaryWorld(t)
	if got := w.sh("gostore lock go@1.22.6 && gostore shell -- go version && gostore shell go@1.21.13 -- go version"); !strings.Contains(got, "go1.22.6 ") || !strings.Contains(got, "go1.21.13 ") {
		t.Errorf("shell: %s", got)
	}
	w.sh("gostore install go@1.26 && gostore switch go@1.23.0 && gostore switch go@1.22.5 && gostore rollback")
	if got := w.sh("~/.local/share/gostore/profiles/default/current/bin/go version"); !strings.Contains(got, "go1.23.0 ") {
		t.Errorf("after the rollback: %s", got)
	}
	for _, line := range []string{
		`echo x >>"$(gostore which go)"`,
		`rm -f "$(gostore which go)" && ! test -e "$(gostore which go)"`,
		`touch "$(dirname "$(gostore which go)")/new"`,
		`mv "$(dirname "$(gostore which go)")" elsewhere`,
	} {
		if out, err := w.command(line).CombinedOutput(); err == nil {
			t.Errorf("%s: an object was changed\n%s", line, out)
		}
	}
	w.checkSealed()
	w.sh("gostore verify -q && gostore list && gostore diff --files 1 2 && gostore roots && gostore generations")
	if got := w.sh("gostore gc"); !strings.Contains(got, "go@1.21.13, ") || !strings.Contains(got, "go@1.26.8, ") {
		t.Errorf("gc: %s", got)
	}
	w.sh("gostore lock --remove go && gostore roots --forget . && gostore gc --keep 0")
	if got := w.sh("gostore list"); !strings.Contains(got, ": 2 objects, ") {
		t.Errorf("what is left: %s", got)
	}
	if got := leftovers(t, w.store()); len(got) > 0 {
		t.Errorf("left %q", got)
	}
}

// store returns the default place of the store.
func (w *world) store() string {
	return filepath.Join(filepath.Dir(w.dir), "home", ".local", "share", "gostore")
}

// checkSealed checks the modes of everything in objects.
func (w *world) checkSealed() {
	w.t.Helper()
	objects, err := filepath.Glob(filepath.Join(w.store(), "store", "*"))
	if err != nil || len(objects) == 0 {
		w.t.Fatalf("%d objects, %v", len(objects), err)
	}
	for _, dir := range objects {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.Type() == fs.ModeSymlink {
				return err
			}
			fi, err := e.Info()
			if err == nil && fi.Mode().Perm() != 0o555 && (fi.IsDir() || fi.Mode().Perm() != 0o444) {
				w.t.Errorf("%s has mode %v", path, fi.Mode())
			}
			return err
		})
		if err != nil {
			w.t.Error(err)
		}
	}
}

// What a user may not do is said with what to do.
func TestOrdinaryUserWithoutRights(t *testing.T) {
	w := ordinaryWorld(t)
	w.sh("gostore lock go@1.22.6 && gostore shell -- true && mkdir ~/closed && chmod 555 ~/closed")
	for _, c := range []struct {
		line   string
		status int
		want   string
	}{
		{"GOSTORE_ROOT=~/closed gostore list", 1, `error: store ".*/closed" is not writable: .*permission denied\n` + storeHint},
		{"GOSTORE_ROOT=~/closed/store gostore install", 1, `error: store ".*/closed/store" is not writable: .*permission denied\n` + storeHint},
		{"chmod 555 ~/.local/share/gostore; gostore list; s=$?; chmod 755 ~/.local/share/gostore; exit $s", 1, `store ".*" is not writable: permission denied\n` + storeHint},
		{"chmod 555 ~/.local/share/gostore; gostore shell -- true; s=$?; chmod 755 ~/.local/share/gostore; exit $s", 1, `store ".*" is not writable: permission denied\n` + storeHint},
		{"cd ~/closed && gostore lock go@1.22.6", 1, `error: writing ".*closed/gostore.lock": .*permission denied\n` + modeHint},
		{"chmod 000 gostore.lock; gostore shell -- true; s=$?; chmod 644 gostore.lock; exit $s", 1, `error: .*gostore.lock: permission denied\n` + modeHint},
		{"chmod 000 gostore.lock; gostore lock go@1.23.0; s=$?; chmod 644 gostore.lock; exit $s", 1, `error: .*gostore.lock: permission denied\n` + modeHint},
	} {
		matches(t, w.fails(c.status, c.line), c.want)
	}
	// Nothing came of it, and nothing was lost.
	if got := w.sh("ls -A ~/closed && gostore shell -- go version && gostore verify -q"); !strings.HasPrefix(got, "go version go1.22.6 ") {
		t.Errorf("afterwards: %s", got)
	}
}

const modeHint = `gostore: hint: see whose it is and what its mode allows: ls -ld\n`

const storeHint = `gostore: hint: set GOSTORE_ROOT to a directory on a local disk that is yours\n`

// matches checks that a regular expression matches in a text.
func matches(t *testing.T, text, pattern string) {
	t.Helper()
	if !regexp.MustCompile(pattern).MatchString(text) {
		t.Errorf("%q is not in\n%s", pattern, text)
	}
}
