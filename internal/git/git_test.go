package git

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gostore/internal/tree"
)

// repository makes an empty one and returns its working tree.
func repository(t *testing.T) Worktree {
	t.Helper()
	program, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := Worktree{Dir: dir, Program: program, Environ: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=me", "GIT_AUTHOR_EMAIL=me@example.com", "GIT_COMMITTER_NAME=me", "GIT_COMMITTER_EMAIL=me@example.com"}}
	w.do(t, "init", "-q")
	return w
}

func (w Worktree) do(t *testing.T, args ...string) {
	t.Helper()
	if _, err := w.run(t.Context(), nil, args...); err != nil {
		t.Fatal(err)
	}
}

func (w Worktree) write(t *testing.T, name, data string) {
	t.Helper()
	path := filepath.Join(w.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

const strange = "sub/a \"b\"\n\tç.go"

// What a commit holds is the tree that a scan of its checkout finds, whatever the names, kinds and contents.
func TestManifest(t *testing.T) {
	w := repository(t)
	w.write(t, "v/vendor/a/x.go", "x\n")
	w.write(t, "v/vendor/a/run", "#!/bin/sh\n")
	w.write(t, "v/vendor/empty", "")
	w.write(t, "v/vendor/b/ç d.bin", "\x00\nblob 3\n\x00")
	w.write(t, "v/vendor/.gitattributes", "x.go export-ignore\n*.go text eol=crlf\n")
	w.write(t, "v/lock", "1")
	if err := os.Symlink("a/x.go", filepath.Join(w.Dir, "v/vendor/link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(w.Dir, "v/vendor/a/run"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.do(t, "add", "-A")
	w.do(t, "commit", "-qm", "one")
	v := w
	v.Dir = filepath.Join(w.Dir, "v")
	want, err := tree.Scan(t.Context(), filepath.Join(v.Dir, "vendor"), 2)
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, "v/vendor/a/x.go", "changed")
	w.do(t, "commit", "-qam", "two")
	commit, err := v.LastChange(t.Context(), "lock")
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Manifest(t.Context(), commit, "vendor")
	if err != nil || got.Digest() != want.Digest() {
		t.Errorf("%v\n%s\nwant\n%s", err, got.Bytes(), want.Bytes())
	}
	if head, err := v.Manifest(t.Context(), "HEAD", "vendor"); err != nil || head.Digest() == want.Digest() {
		t.Errorf("HEAD is the commit before it, %v", err)
	}
	if _, err := v.Manifest(t.Context(), "HEAD", "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such directory: %v", err)
	}
	if _, err := v.LastChange(t.Context(), "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such file: %v", err)
	}
}

func TestFillCutOff(t *testing.T) {
	for _, blobs := range []string{"", "abc missing\n", "abc blob 9\nxy\n", "abc blob -1\nxy\n", "abc blob 2\nxy"} {
		if err := fill([]tree.Entry{{Path: "x", Kind: tree.File}}, []byte(blobs)); err == nil {
			t.Errorf("%q: no error", blobs)
		}
	}
}

func TestStagedAndIgnored(t *testing.T) {
	w := repository(t)
	w.write(t, ".gitignore", "*.o\n")
	w.write(t, "sub/kept.o", "kept")
	w.write(t, "sub/gone", "1")
	w.write(t, "sub/moved", "the same\nin\nboth\nplaces\n")
	w.do(t, "add", "-Af", ".")
	w.do(t, "commit", "-qm", "one")
	w.write(t, "sub/x.o", "ignored")
	w.write(t, strange, "staged")
	w.do(t, "add", "--", strange)
	w.do(t, "rm", "-q", "sub/gone")
	w.do(t, "mv", "sub/moved", "sub/new")
	w.write(t, strange, "not staged")
	w.write(t, "other", "not staged")
	staged, err := w.Staged(t.Context())
	if want := []string{strange, "sub/gone", "sub/moved", "sub/new"}; err != nil || !slices.Equal(staged, want) {
		t.Errorf("staged: %q, %v", staged, err)
	}
	ignored, err := w.Ignored(t.Context(), "sub")
	if err != nil || !slices.Equal(ignored, []string{"sub/x.o"}) {
		t.Errorf("ignored: %q, %v", ignored, err)
	}
	for _, dir := range []string{".", "sub"} {
		v := w
		v.Dir = filepath.Join(w.Dir, dir)
		to := t.TempDir()
		if err := v.CopyIndex(t.Context(), to, func(name string) bool { return strings.HasSuffix(name, ".go") }); err != nil {
			t.Fatal(err)
		}
		rel, _ := filepath.Rel(dir, strange)
		data, err := os.ReadFile(filepath.Join(to, rel))
		if err != nil || string(data) != "staged" {
			t.Errorf("the copy from %s holds %q, %v", dir, data, err)
		}
		if _, err := os.Stat(filepath.Join(to, "kept.o")); err == nil {
			t.Error("more was copied")
		}
	}
	if err := w.CopyIndex(t.Context(), t.TempDir(), func(string) bool { return false }); err != nil {
		t.Errorf("nothing to copy: %v", err)
	}
	if Top(filepath.Join(w.Dir, "sub")) != w.Dir || Top("/") != "" {
		t.Error("the top is elsewhere")
	}
}

func TestHooks(t *testing.T) {
	w := repository(t)
	own := func(text string) bool { return strings.HasPrefix(text, "own") }
	path, changed, err := w.InstallHook(t.Context(), "pre-commit", "own 1", own)
	if err != nil || !changed || path != filepath.Join(w.Dir, ".git/hooks/pre-commit") || !executable(path) {
		t.Fatalf("%s, %v, %v", path, changed, err)
	}
	if _, changed, err := w.InstallHook(t.Context(), "pre-commit", "own 1", own); err != nil || changed {
		t.Errorf("again: %v, %v", changed, err)
	}
	if _, changed, err := w.InstallHook(t.Context(), "pre-commit", "own 2", own); err != nil || !changed {
		t.Errorf("a newer one: %v, %v", changed, err)
	}
	if _, removed, err := w.RemoveHook(t.Context(), "pre-commit", own); err != nil || !removed {
		t.Errorf("removing: %v, %v", removed, err)
	}
	if _, removed, err := w.RemoveHook(t.Context(), "pre-commit", own); err != nil || removed {
		t.Errorf("removing again: %v, %v", removed, err)
	}
	w.write(t, ".git/hooks/pre-commit", "theirs")
	var foreign *ForeignHookError
	if _, _, err := w.InstallHook(t.Context(), "pre-commit", "own 1", own); !errors.As(err, &foreign) || foreign.Text != "theirs" {
		t.Errorf("over a foreign one: %v", err)
	}
	if _, _, err := w.RemoveHook(t.Context(), "pre-commit", own); !errors.As(err, &foreign) {
		t.Errorf("removing a foreign one: %v", err)
	}
	var shared *SharedHooksError
	w.do(t, "config", "core.hooksPath", t.TempDir())
	if _, _, err := w.InstallHook(t.Context(), "pre-commit", "own 1", own); !errors.As(err, &shared) {
		t.Errorf("outside: %v", err)
	}
	w.do(t, "config", "core.hooksPath", "hooks/of/ours")
	if path, _, err := w.InstallHook(t.Context(), "pre-commit", "own 1", own); err != nil || path != filepath.Join(w.Dir, "hooks/of/ours/pre-commit") {
		t.Errorf("%s, %v", path, err)
	}
}

func FuzzTree(f *testing.F) {
	f.Add("100644 blob abc\tx", []byte("abc blob 2\nxy\n"))
	f.Add("120000 blob abc\tx", []byte("abc blob 2\nxy\n"))
	f.Fuzz(func(t *testing.T, line string, blobs []byte) {
		e, _, err := parseTreeLine(line)
		if err != nil {
			return
		}
		if e.Path == "" || e.Kind == 0 {
			t.Errorf("%q: %+v", line, e)
		}
		_ = fill([]tree.Entry{e}, blobs)
	})
}

// What a stranger's repository configures does not run when it is only asked. The commit carries a signature, so that there is something to check.
func TestAskingRunsNothing(t *testing.T) {
	w := repository(t)
	w.write(t, "vendor/x.go", "x\n")
	w.do(t, "add", "-A")
	w.do(t, "commit", "-qm", "one")
	commit, err := w.run(t.Context(), nil, "cat-file", "commit", "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	signed := strings.Replace(string(commit), "\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ\n -----END PGP SIGNATURE-----\n\n", 1)
	hash, err := w.run(t.Context(), []byte(signed), "hash-object", "-t", "commit", "-w", "--stdin")
	if err != nil {
		t.Fatal(err)
	}
	w.do(t, "reset", "-q", "--soft", strings.TrimSpace(string(hash)))
	ran, trap := filepath.Join(t.TempDir(), "ran"), filepath.Join(t.TempDir(), "trap")
	if err := os.WriteFile(trap, []byte("#!/bin/sh\necho \"$0 $*\" >>"+ran+"\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"core.fsmonitor", "core.pager", "gpg.program", "diff.external"} {
		w.do(t, "config", key, trap)
	}
	w.do(t, "config", "log.showSignature", "true")
	_, staged := w.Staged(t.Context())
	_, ignored := w.Ignored(t.Context(), "vendor")
	_, last := w.LastChange(t.Context(), "vendor/x.go")
	_, manifest := w.Manifest(t.Context(), "HEAD", "vendor")
	if err := errors.Join(staged, ignored, last, manifest); err != nil {
		t.Error(err)
	}
	if said, err := os.ReadFile(ran); err == nil {
		t.Errorf("git ran:\n%s", said)
	}
}
