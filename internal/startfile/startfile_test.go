package startfile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAssignments(t *testing.T) {
	for _, c := range []struct{ file, line, want string }{
		{".bashrc", `export GOROOT=/usr/local/go`, "GOROOT=/usr/local/go"},
		{".bashrc", `GOROOT="$HOME/sdk/go 1"; export GOROOT`, "GOROOT=$HOME/sdk/go 1"},
		{".bashrc", `  export GOFLAGS='-mod=mod -v' # why`, "GOFLAGS=-mod=mod -v"},
		{".bashrc", `# export GOROOT=/old`, ""},
		{".bashrc", `echo "#"; export A=1 # B=2`, "A=1"},
		{".bashrc", `export A=1 B=2`, "A=1 B=2"},
		{".bashrc", `declare -x A=1`, "A=1"},
		{".bashrc", `typeset -gx A=1`, "A=1"},
		{".bashrc", `if true; then A=1; fi`, "A=1"},
		{".cshrc", `setenv GOROOT /usr/lib/go`, "GOROOT=/usr/lib/go"},
		{"environment", `GOPROXY=off`, "GOPROXY=off"},
		{"config.fish", `set -gx GOROOT /usr/lib/go`, "GOROOT=/usr/lib/go"},
		{"config.fish", `set --global --export GOROOT "/usr/lib/go"`, "GOROOT=/usr/lib/go"},
		{"config.fish", `set -g mine 1`, ""},
		{"config.fish", `test -d /x; and set -x A 1`, "A=1"},
		{"env.nu", `$env.GOROOT = "/usr/lib/go"`, "GOROOT=/usr/lib/go"},
		{".bashrc", ``, ""},
	} {
		var got []string
		for _, a := range Parse(c.file, []byte(c.line)).Assignments {
			got = append(got, a.Name+"="+a.Value)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q: got %q, want %q", c.file, c.line, s, c.want)
		}
	}
}

func TestGuard(t *testing.T) {
	for i, c := range []struct {
		text string
		want int
	}{
		{"[ -z \"$PS1\" ] && return\nA=1", 1},
		{"# comment\n[[ $- != *i* ]] && return\n", 2},
		{"case $- in\n    *i*) ;;\n      *) return;;\nesac\n", 1},
		{"case $- in *i*) ;; *) return;; esac", 1},
		{"if [ -z \"$PS1\" ]; then\n  return\nfi\n", 1},
		{"[[ -o interactive ]] || return\n", 1},
		{"status is-interactive; or exit\n", 1},
		{"if [[ $- == *i* ]]; then\n  bind x\nfi\nf() {\n  return\n}\n", 0},
		{"PS1=\"x $PS1\"; f() { return; }\n", 0},
		{"# [ -z \"$PS1\" ] && return\n", 0},
		{"A=1\n", 0},
		{"", 0},
	} {
		f := Parse(".bashrc", []byte(c.text))
		if f.Guard != c.want {
			t.Errorf("%d: %q: guard at %d, want %d", i, c.text, f.Guard, c.want)
		}
	}
	f := Parse(".bashrc", []byte("A=1\n[ -z \"$PS1\" ] && return\nB=2"))
	if f.Guarded(1) || !f.Guarded(3) {
		t.Error("what stands before the guard is read by all shells, what stands after it is not")
	}
}

func TestReadAll(t *testing.T) {
	home, etc := t.TempDir(), t.TempDir()
	for path, text := range map[string]string{
		filepath.Join(home, ".bashrc"):                     "eval \"$(gostore hook bash)\"\n# gostore hook zsh\n",
		filepath.Join(home, ".config/fish/conf.d/go.fish"): "set -gx GOROOT /x\n",
		filepath.Join(etc, "profile.d/go.sh"):              "export GOROOT=/y\n",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(home, ".zshrc"), 0o644); err != nil { // reading it would wait for a writer
		t.Fatal(err)
	}
	var got []string
	for _, f := range ReadAll(Paths(home, etc, func(string) string { return "" })) {
		for _, m := range f.Mentions("gostore") {
			got = append(got, fmt.Sprintf("%s:%d %s", filepath.Base(f.Path), m.Line, m.Text))
		}
		for _, a := range f.Set("GOROOT") {
			got = append(got, fmt.Sprintf("%s:%d %s", filepath.Base(f.Path), a.Line, a.Value))
		}
	}
	want := []string{`.bashrc:1 eval "$(gostore hook bash)"`, "go.fish:1 /x", "go.sh:1 /y"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"export A=1", "case $- in", "[ -z \"$PS1\" ] && return", "set -gx A 1", "'\\\"#", "\x00\xff\n=", "A=1;B=2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{".bashrc", "config.fish"} {
			file := Parse(name, []byte(text))
			if file.Guard < 0 || file.Guard > len(file.Lines) {
				t.Errorf("guard at %d of %d", file.Guard, len(file.Lines))
			}
			for _, a := range file.Assignments {
				if a.Name == "" || a.Line < 1 || a.Line > len(file.Lines) || !strings.Contains(file.Lines[a.Line-1], a.Name) {
					t.Errorf("%q: %+v", text, a)
				}
			}
		}
	})
}
