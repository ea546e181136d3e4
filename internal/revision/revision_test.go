package revision

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repository makes one with two revisions of the file "sub/file", "one" and "two".
func repository(t *testing.T) Git {
	t.Helper()
	program, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not here")
	}
	dir := t.TempDir()
	script := `git init -q . && mkdir sub && echo one >sub/file && git add . && git commit -qm one && echo two >sub/file && git commit -qam two && git tag -a -m t tagged`
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return Git{Program: program, Dir: dir, Environ: os.Environ()}
}

func TestFile(t *testing.T) {
	g := repository(t)
	sub := g
	sub.Dir = filepath.Join(g.Dir, "sub")
	for _, c := range []struct {
		git                  Git
		revision, path, want string // want is the problem where it begins with "!"
	}{
		{g, "HEAD", "sub/file", "two\n"},
		{g, "HEAD~1", "sub/file", "one\n"},
		{g, "tagged^{commit}", "sub/file", "two\n"},
		{g, "HEAD~1", "./sub/file", "one\n"},
		{sub, "HEAD~1", "./file", "one\n"},
		{sub, "HEAD", "sub/file", "two\n"},
		{sub, "HEAD", "../sub/file", "two\n"},
		{g, "HEAD~2", "sub/file", "!no such revision"},
		{g, "nothing", "sub/file", "!no such revision"},
		{g, "HEAD", "file", "!the revision has no such file"},
		{g, "-p", "file", "!that is no revision"},
		{g, "", "file", "!that is no revision"},
		{Git{Program: g.Program, Dir: "/", Environ: append(g.Environ, "GIT_DIR="+g.Dir+"/.git")}, "HEAD", "file", "!that is no working copy of a git repository"},
	} {
		data, err := c.git.File(t.Context(), c.revision, c.path)
		problem, wrong := strings.CutPrefix(c.want, "!")
		var failure *Error
		switch {
		case wrong && (!errors.As(err, &failure) || failure.Problem != problem || !errors.Is(err, fs.ErrNotExist)):
			t.Errorf("%s:%s: %v, want %q", c.revision, c.path, err, problem)
		case !wrong && (err != nil || string(data) != c.want):
			t.Errorf("%s:%s is %q, %v", c.revision, c.path, data, err)
		}
	}
	if _, err := g.File(t.Context(), "HEAD", "sub"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory: %v", err)
	}
}

// Nothing runs that a repository, or a variable, names.
func TestNothingRuns(t *testing.T) {
	g := repository(t)
	ran := filepath.Join(t.TempDir(), "ran")
	trap := filepath.Join(t.TempDir(), "trap")
	if err := os.WriteFile(trap, []byte("#!/bin/sh\necho \"$0 $*\" >>"+ran+"\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	config := "[core]\n pager = TRAP\n fsmonitor = TRAP\n sshCommand = TRAP\n editor = TRAP\n[diff]\n external = TRAP\n[diff \"d\"]\n textconv = TRAP\n command = TRAP\n" +
		"[filter \"d\"]\n smudge = TRAP\n clean = TRAP\n process = TRAP\n[alias]\n cat-file = !TRAP\n"
	f, err := os.OpenFile(filepath.Join(g.Dir, ".git", "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(strings.ReplaceAll(config, "TRAP", trap))
	attributes := os.WriteFile(filepath.Join(g.Dir, ".gitattributes"), []byte("* diff=d filter=d\n"), 0o644)
	if err := errors.Join(err, f.Close(), attributes); err != nil {
		t.Fatal(err)
	}
	g.Environ = append(g.Environ, "GIT_PAGER="+trap, "GIT_EXTERNAL_DIFF="+trap, "GIT_SSH_COMMAND="+trap, "GIT_INDEX_FILE=/nowhere")
	if data, err := g.File(t.Context(), "HEAD~1", "sub/file"); err != nil || string(data) != "one\n" {
		t.Errorf("the file is %q, %v", data, err)
	}
	if _, err := g.File(t.Context(), "HEAD", "nothing"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if said, err := os.ReadFile(ran); err == nil {
		t.Errorf("git ran:\n%s", said)
	}
}
