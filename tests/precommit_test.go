package tests

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gostore/tests/upstream"
)

// hookKeys are the keys of a hook in .pre-commit-hooks.yaml that are used here, as https://pre-commit.com/#creating-new-hooks has them.
var hookKeys = []string{"id", "name", "description", "entry", "language", "files", "pass_filenames"}

// manifestHooks reads .pre-commit-hooks.yaml, of which it allows what every reader of YAML reads the same: a list of flat maps with plain
// scalars on one line.
func manifestHooks(t *testing.T) []map[string]string {
	t.Helper()
	line := regexp.MustCompile(`^(- |  )([a-z_]+): ([A-Za-z(].*[^ ])$`)
	var hooks []map[string]string
	for text := range strings.Lines(document(t, "../.pre-commit-hooks.yaml")) {
		text = strings.TrimSuffix(text, "\n")
		if strings.HasPrefix(text, "#") {
			continue
		}
		m := line.FindStringSubmatch(text)
		if m == nil || strings.Contains(m[3], ": ") || strings.Contains(m[3], " #") {
			t.Fatalf("%q is not a plain line", text)
		}
		if m[1] == "- " {
			hooks = append(hooks, map[string]string{})
		}
		if len(hooks) == 0 || !slices.Contains(hookKeys, m[2]) || hooks[len(hooks)-1][m[2]] != "" {
			t.Fatalf("%q: an unknown or second key", text)
		}
		hooks[len(hooks)-1][m[2]] = m[3]
	}
	return hooks
}

// The hooks for pre-commit.com have what is needed, run when a file changes that a rule looks at, and their entries are command lines that
// pass in a project that is in order and fail in one that is not.
func TestPreCommitManifest(t *testing.T) {
	t.Parallel()
	hooks := manifestHooks(t)
	if len(hooks) != 2 || hooks[0]["id"] != "gostore-check" || hooks[0]["language"] != "golang" || hooks[1]["id"] != "gostore-check-system" || hooks[1]["language"] != "system" {
		t.Fatalf("hooks: %q", hooks)
	}
	w := newWorld(t, upstream.Config{})
	w.sh("gostore lock go@1.22.6")
	for _, h := range hooks {
		if len(h) != len(hookKeys) || h["pass_filenames"] != "false" {
			t.Errorf("%s: %q", h["id"], h)
		}
		files := regexp.MustCompile(h["files"])
		for name, want := range map[string]bool{
			"gostore.lock": true, "a/gostore.toml": true, "go.mod": true, "go.work": true, "b/go.mod": true, ".go-version": true, ".tool-versions": true,
			"mise.toml": true, ".mise.toml": true, ".nvmrc": true, ".node-version": true, "web/package.json": true, "vendor/modules.txt": true, "a/vendor/x/y.go": true,
			"main.go": false, "go.mod.orig": false, "xgo.mod": false, "vendors/x.go": false, "gostore.lock.example": false,
		} {
			if files.MatchString(name) != want {
				t.Errorf("%s: runs for %q: %v", h["id"], name, !want)
			}
		}
		w.sh("rm -f .go-version && " + h["entry"])
		w.fails(7, "echo 1.23.0 >.go-version && "+h["entry"])
	}
	if program, err := exec.LookPath("pre-commit"); err == nil { // it is seldom there; where it is it knows best
		if out, err := exec.Command(program, "validate-manifest", "../.pre-commit-hooks.yaml").CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}
