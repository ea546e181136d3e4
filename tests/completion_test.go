package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gostore/tests/upstream"
)

// The completions are read by the shells that they are for, and answer there as a person meets them.
func TestCompletionsInShells(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	w.sh("gostore switch go@1.22.6 && gostore switch --profile work go@1.23")
	for shell, c := range map[string]struct {
		script, ask string
		want        []string
	}{
		"bash": {"gostore.bash", `
			compopt() { :; } # which the shell only has while it completes
			source ./gostore.bash
			ask() { # takes the words as readline has them
				COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_TYPE=9 COMPREPLY=()
				COMP_POINT=${#COMP_LINE}
				__start_gostore
				printf '%s\n' "${COMPREPLY[@]}"
			}
			COMP_LINE='gostore ver' ask gostore ver
			COMP_LINE='gostore switch --profile w' ask gostore switch --profile w
			COMP_LINE='gostore switch --profile=w' ask gostore switch --profile = w
			COMP_LINE='gostore rollback ' ask gostore rollback ''
			COMP_LINE='gostore shell go@1.2' ask gostore shell go @1.2
			COMP_LINE='gostore shell go@' ask gostore shell go @`,
			[]string{"verify\n", "version\n", "work\nwork\n1\n",
				"@1.26.8\n@1.23.0\n@1.22.12\n@1.22.6\n@1.22.5\n@1.21.13\n@1.21.0\n@1.20.14\n@1.20\n@1.26.8\n"}},
		"zsh": {"_gostore", `
			autoload -U compinit && compinit -u -d ./dump
			source ./_gostore
			echo $_comps[gostore]
			whence -w _gostore`,
			[]string{"_gostore", "_gostore: function"}},
		"fish": {"gostore.fish", `
			source ./gostore.fish
			complete -C 'gostore ver'
			complete -C 'gostore switch --profile w'
			complete -C 'gostore rollback '
			complete -C 'gostore shell go@1.2'`,
			[]string{"verify\tRead the store", "version\t", "work", "1\tgo@1.22.6", "go@1.26.8\ngo@1.23.0\tin the store\n"}},
	} {
		t.Run(shell, func(t *testing.T) {
			w := *w
			w.t = t
			if err := w.command("command -v " + shell).Run(); err != nil {
				t.Skipf("%s is not installed", shell)
			}
			w.sh("gostore completion " + shell + " >" + c.script + " && " + shell + " -n " + c.script)
			ask := filepath.Join(w.dir, "ask")
			if err := os.WriteFile(ask, []byte(c.ask), 0o644); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(shell, ask)
			cmd.Dir, cmd.Env = w.dir, w.environ
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range c.want {
				if !strings.Contains("\n"+string(out), "\n"+want) {
					t.Errorf("%q is not in\n%s", want, out)
				}
			}
		})
	}
}
