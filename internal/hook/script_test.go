package hook

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// awkward are values that a shell could take for something else than text.
var awkward = []string{"", "plain", "a b", "it's", `"`, `\`, `\'`, "''", "a\nb", "\n", "$(touch pwned)", "`touch pwned`", "$HOME", "!x", "*", "-n", "\x1b[1m", "é", "\xff\xfe", "%s", `\n`}

// Code sets exactly the values that it is told, in each shell.
func TestCode(t *testing.T) {
	for shell, prelude := range map[string]string{
		"bash": `_gostore_put() { printf '<%s>' "$2"; }; _gostore_drop() { printf '(%s)' "$1"; }; `,
		"zsh":  `_gostore_put() { printf '<%s>' "$2" }; _gostore_drop() { printf '(%s)' "$1" }; `,
		"fish": `function _gostore_put; printf '<%s>' $argv[2]; end; function _gostore_drop; printf '(%s)' $argv[1]; end; `,
		Direnv: "",
	} {
		program := shell
		if shell == Direnv {
			program = "bash"
		}
		if _, err := exec.LookPath(program); err != nil {
			t.Logf("%s is not installed", shell)
			continue
		}
		for _, value := range awkward {
			r := Result{Changes: []Change{{Name: "A", After: Value{true, value}}, {Name: "B"}}}
			code, want := prelude+r.Code(shell), "<"+value+">(B)"
			if shell == Direnv {
				code += `printf '<%s>' "$A"; declare -p B 2>/dev/null || printf '(B)'`
			}
			cmd := exec.Command(program, "-c", code)
			cmd.Dir, cmd.Env = t.TempDir(), []string{"HOME=" + t.TempDir(), "B=x", "LC_ALL=C.UTF-8"}
			if out, err := cmd.CombinedOutput(); string(out) != want || err != nil {
				t.Errorf("%s: %q, %v, want %q", shell, out, err, want)
			}
		}
	}
}

func TestCodeOfWatch(t *testing.T) {
	r := Result{Watch: Watch{Present: []string{"/a b"}, Absent: []string{"/it's"}}}
	for shell, want := range map[string]string{
		"bash": `_gostore_watch=('+/a b' '-/it'\''s' '')` + "\n",
		"fish": `set -g _gostore_watch '+/a b' '-/it\'s'` + "\n",
		"nu":   `{"put":{},"drop":[],"watch":["+/a b","-/it's"]}`,
		Direnv: "",
	} {
		if got := r.Code(shell); got != want {
			t.Errorf("%s: %q, want %q", shell, got, want)
		}
	}
}

// nu cannot have values that are not UTF-8: they are left out, and not changed.
func TestCodeForNu(t *testing.T) {
	var r Result
	for _, value := range awkward {
		r.Changes = append(r.Changes, Change{Name: "V" + strings.Repeat("x", len(r.Changes)), After: Value{true, value}})
	}
	r.Changes = append(r.Changes, Change{Name: "B"})
	var got struct {
		Put  map[string]string
		Drop []string
	}
	if err := json.Unmarshal([]byte(r.Code("nu")), &got); err != nil {
		t.Fatal(err)
	}
	for i, value := range awkward {
		set, ok := got.Put["V"+strings.Repeat("x", i)]
		if want := value != "\xff\xfe"; ok != want || ok && set != value {
			t.Errorf("%q: %q, %v", value, set, ok)
		}
	}
	if len(got.Drop) != 1 || got.Drop[0] != "B" {
		t.Errorf("drop %q", got.Drop)
	}
}

// Scripts have the program's path in them, however it is written.
func TestScript(t *testing.T) {
	for _, shell := range append([]string{Direnv}, Shells...) {
		if got := Script(shell, "/opt/it's/gostore"); strings.Contains(got, gostoreWord) || !strings.Contains(got, quote(shell, "/opt/it's/gostore")) {
			t.Errorf("%s: %s", shell, got)
		}
	}
	if Script("csh", "/gostore") != "" || Script("../hook.go", "") != "" {
		t.Error("a script for a shell that has none")
	}
}
