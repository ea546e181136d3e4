package environment

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gostore/internal/release"
)

// writeEnvironment writes an environment's files without a store.
func writeEnvironment(t testing.TB, dir string, e Environment) {
	t.Helper()
	files, err := e.files()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const oddValue = `it's "$HOME" \ \\ %s; *`

// shellCase is a home with start files that are as rude as users' start files are, and an
// environment that is entered from it.
type shellCase struct {
	home, dir string
	environ   []string
	over      []Setting
}

func newShellCase(t *testing.T, files map[string]string, environ ...string) shellCase {
	t.Helper()
	c := shellCase{home: t.TempDir(), dir: filepath.Join(t.TempDir(), "an environment")}
	for name, content := range files {
		path := filepath.Join(c.home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e := newEnvironment([]Tool{{Name: "go", Version: "1.22.6", Layout: release.Layout{
		Set: map[string]string{"GOTOOLCHAIN": "local", "ODD": oddValue}, Unset: []string{"GOROOT"}}}})
	writeEnvironment(t, c.dir, e)
	environ = append([]string{"HOME=" + c.home, "PATH=/usr/bin:/bin", "TERM=dumb", "GOROOT=/inherited"}, environ...)
	c.environ = e.Apply(c.dir, environ)
	return c
}

// run starts an interactive shell for one command and returns what it wrote, by line.
func (c shellCase) run(t *testing.T, shell string, flags ...string) []string {
	t.Helper()
	path, err := exec.LookPath(shell)
	if err != nil {
		t.Skipf("%s is not installed", shell)
	}
	argv, environ := Interactive(c.dir, path, c.environ, c.over...)
	cmd := exec.CommandContext(t.Context(), argv[0], slices.Concat(argv[1:], flags)...)
	cmd.Env = environ
	cmd.Dir = c.home
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v", cmd.Args, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// show prints what the tests look at, in any of the shells: only env(1) tells what is exported.
const show = `env; hello`

// showSh adds variables that are not exported: none of the start files' own may be left.
const showSh = show + `; set | grep "^gostore_" || true`

// showZDotDir adds what zsh itself takes for the user's directory.
const showZDotDir = showSh + `; echo "zdotdir=${ZDOTDIR-unset}"`

func (c shellCase) check(t *testing.T, lines []string) {
	t.Helper()
	for _, want := range []string{"GOTOOLCHAIN=local", "ODD=" + oddValue, "USERS=1", "user's alias"} {
		if !slices.Contains(lines, want) {
			t.Errorf("lacks %q", want)
		}
	}
	bin := filepath.Join(c.dir, "bin")
	if want := "PATH=" + bin + ":/users/bin:/usr/bin:/bin"; !slices.Contains(lines, want) {
		t.Errorf("lacks %q", want)
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		if name == "GOROOT" && value != "" || strings.HasPrefix(name, "gostore_") || name == varZDotDir {
			t.Errorf("has %q", line)
		}
	}
	if t.Failed() {
		t.Logf("shell said:\n%s", strings.Join(lines, "\n"))
	}
}

const rude = `export PATH=/users/bin:$PATH GOROOT=/stale GOTOOLCHAIN=auto USERS=1
alias hello="echo user\'s alias"
set -u
false
`

func TestBash(t *testing.T) {
	c := newShellCase(t, map[string]string{".bashrc": rude})
	// An alias is expanded where a command is read, so it is read after the start files.
	c.check(t, c.run(t, "bash", "-i", "-c", "eval '"+showSh+"'"))
}

func TestBashWithoutStartFile(t *testing.T) {
	c := newShellCase(t, nil)
	lines := c.run(t, "bash", "-i", "-c", "env")
	if want := "PATH=" + c.dir + "/bin:/usr/bin:/bin"; !slices.Contains(lines, want) {
		t.Errorf("%q lacks %q", lines, want)
	}
}

func TestZsh(t *testing.T) {
	c := newShellCase(t, map[string]string{".zshrc": rude, ".zshenv": "export FROM_ZSHENV=1\n"})
	lines := c.run(t, "zsh", "-i", "-c", "eval '"+showZDotDir+"'")
	c.check(t, lines)
	if !slices.Contains(lines, "FROM_ZSHENV=1") || !slices.Contains(lines, "zdotdir=unset") {
		t.Errorf("user's .zshenv or ZDOTDIR: %q", lines)
	}
}

func TestZshWithOwnDirectory(t *testing.T) {
	for name, c := range map[string]shellCase{
		"inherited": newShellCase(t, map[string]string{"z/.zshrc": rude, ".zshrc": "exit 3\n"}, "ZDOTDIR=z"),
		"set in zshenv": newShellCase(t, map[string]string{"z/.zshrc": rude, ".zshrc": "exit 3\n",
			".zshenv": "export ZDOTDIR=z\n"}),
	} {
		t.Run(name, func(t *testing.T) {
			lines := c.run(t, "zsh", "-i", "-c", "eval '"+showZDotDir+"'")
			c.check(t, lines)
			if !slices.Contains(lines, "zdotdir=z") || !slices.Contains(lines, "ZDOTDIR=z") {
				t.Errorf("the user's ZDOTDIR is lost: %q", lines)
			}
			entries, err := os.ReadDir(filepath.Join(c.dir, "shell/zsh"))
			if err != nil || len(entries) != 2 {
				t.Errorf("zsh left something in the environment: %v, %v", entries, err)
			}
		})
	}
}

// A zsh that turns out not to be interactive reads only .zshenv.
func TestZshNotInteractive(t *testing.T) {
	c := newShellCase(t, nil, "ZDOTDIR=z")
	if lines := c.run(t, "zsh", "-c", "env"); !slices.Contains(lines, "ZDOTDIR=z") {
		t.Errorf("the user's ZDOTDIR is lost: %q", lines)
	}
	c = newShellCase(t, nil)
	for _, line := range c.run(t, "zsh", "-c", "env") {
		if strings.Contains(line, "ZDOTDIR") {
			t.Errorf("not the user's: %q", line)
		}
	}
}

func TestFish(t *testing.T) {
	c := newShellCase(t, map[string]string{".config/fish/config.fish": `
set -gx PATH /users/bin $PATH
set -gx GOROOT /stale
set -gx GOTOOLCHAIN auto
set -gx USERS 1
function hello; echo "user's alias"; end
`})
	c.check(t, c.run(t, "fish", "-i", "-c", show))
}

// A universal variable is the user's for good: it is covered, not erased.
func TestFishUniversalVariable(t *testing.T) {
	c := newShellCase(t, nil)
	fish, err := exec.LookPath("fish")
	if err != nil {
		t.Skip("fish is not installed")
	}
	outside := func(script string) string {
		cmd := exec.CommandContext(t.Context(), fish, "-c", script)
		cmd.Env = []string{"HOME=" + c.home, "PATH=/usr/bin:/bin"}
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	outside("set -Ux GOROOT /universal")
	lines := c.run(t, "fish", "-i", "-c", "env")
	if !slices.Contains(lines, "GOROOT=") {
		t.Errorf("the universal variable is not covered: %q", lines)
	}
	if got := outside("echo $GOROOT"); got != "/universal\n" {
		t.Errorf("afterwards the universal variable is %q", got)
	}
}

func TestInteractive(t *testing.T) {
	environ := []string{"A=1", "ZDOTDIR=/z", "GOSTORE_ZDOTDIR=/old"}
	for _, c := range []struct{ shell, argv string }{
		{"", "/bin/sh"},
		{"/bin/ksh", "/bin/ksh"},
		{"/usr/local/bin/bash", "/usr/local/bin/bash --rcfile /e/shell/bashrc"},
		{"zsh", "zsh"},
	} {
		argv, env := Interactive("/e", c.shell, environ)
		if got := strings.Join(argv, " "); got != c.argv {
			t.Errorf("%q: %q, want %q", c.shell, got, c.argv)
		}
		want := environ
		if c.shell == "zsh" {
			want = []string{"A=1", "ZDOTDIR=/e/shell/zsh", "GOSTORE_ZDOTDIR=/z"}
		}
		if !slices.Equal(env, want) {
			t.Errorf("%q: variables %q, want %q", c.shell, env, want)
		}
	}
	// Without a ZDOTDIR of the user's none is handed on, not even one from an outer shell.
	want := []string{"ZDOTDIR=/e/shell/zsh"}
	if _, env := Interactive("/e", "zsh", []string{"GOSTORE_ZDOTDIR=/old"}); !slices.Equal(env, want) {
		t.Errorf("variables %q, want %q", env, want)
	}
}

// over is what a project or the command line says on top of the tools.
var over = []Setting{
	{Name: "GOFLAGS", Value: "-project"}, {Name: "STRANGE", Value: oddValue + "\n\xff '"}, {Name: "USERS", Value: "ours"},
	{Name: "TAKEN", Unset: true}, {Name: "ODD", Value: "overlaid"}, {Name: "GOSTORE_OVERLAY_NOT", Value: "kept"},
}

// checkOver looks at the same settings, which the user's start files have changed.
func (c shellCase) checkOver(t *testing.T, shell string, flags ...string) {
	t.Helper()
	out := strings.Join(c.run(t, shell, append(flags, "-i", "-c", "env -0")...), "\n")
	vars := map[string]string{}
	for kv := range strings.SplitSeq(out, "\x00") {
		name, value, _ := strings.Cut(kv, "=")
		vars[name] = value
	}
	for _, s := range over {
		value, set := vars[s.Name]
		if s.Unset && value != "" || !s.Unset && (!set || value != s.Value) {
			t.Errorf("%s is %q", s.Name, value)
		}
	}
	if value, ok := vars[varOverlay]; ok {
		t.Errorf("the overlay is left: %q", value)
	}
	if vars["GOTOOLCHAIN"] != "local" || vars["USERS_OWN"] != "1" {
		t.Errorf("GOTOOLCHAIN=%q, USERS_OWN=%q", vars["GOTOOLCHAIN"], vars["USERS_OWN"])
	}
}

// What stands above the tools has the last word, too, and the start files say nothing of it.
func TestOverlay(t *testing.T) {
	const hostile = "export GOFLAGS=-users TAKEN=again ODD=users STRANGE= USERS=theirs GOTOOLCHAIN=auto USERS_OWN=1\nunset GOSTORE_OVERLAY_NOT\nset -u\n"
	for _, c := range []struct {
		shell, file, text string
	}{
		{"bash", ".bashrc", hostile + "set -o noglob; IFS=x\n"},
		{"zsh", ".zshrc", hostile + "setopt rc_quotes sh_word_split ksh_arrays\n"},
		{"fish", ".config/fish/config.fish", "set -gx GOFLAGS -users\nset -gx TAKEN again\nset -gx ODD users\nset -gx STRANGE\nset -gx USERS theirs\n" +
			"set -gx GOTOOLCHAIN auto\nset -gx USERS_OWN 1\nset -e GOSTORE_OVERLAY_NOT\n"},
	} {
		t.Run(c.shell, func(t *testing.T) {
			s := newShellCase(t, map[string]string{c.file: c.text}, "TAKEN=inherited")
			s.over = over
			s.checkOver(t, c.shell)
		})
	}
}

// An overlay of an outer shell says nothing in an inner one.
func TestOverlayIsNotInherited(t *testing.T) {
	for _, shell := range []string{"/bin/sh", "bash", "zsh", "fish"} {
		_, env := Interactive("/e", shell, []string{"A=1", varOverlay + "=echo old"})
		if slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, varOverlay+"=") }) {
			t.Errorf("%s: %q", shell, env)
		}
	}
}
