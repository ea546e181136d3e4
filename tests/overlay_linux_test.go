package tests

import (
	"strings"
	"testing"

	"gostore/tests/upstream"
)

// In an interactive shell the project and the command line have the last word about variables, after the user's own start files.
func TestInteractiveOverlay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	w.sh("gostore lock go@1.22.6 && gostore shell -- true && mkdir -p ~/.local/share/fish/generated_completions ~/.config/fish ~/.config/go")
	w.sh(`printf '[env]\nGOFLAGS = "-pro ject"\nTAKEN = false\n[isolate]\ncaches = true\n' >gostore.toml`)
	w.sh(`echo GOFLAGS=-file >~/.config/go/env; echo TAKEN=file >>~/.config/go/env`)
	w.sh(`printf 'export GOFLAGS=-users TAKEN=again LINE=users GOCACHE=/users GOENV=/users PATH=/users:$PATH\n' | tee ~/.bashrc >~/.zshrc`)
	w.sh(`printf 'set -gx GOFLAGS -users\nset -gx TAKEN again\nset -gx LINE users\nset -gx GOCACHE /users\nset -gx GOENV /users\n' >~/.config/fish/config.fish`)
	for _, shell := range []string{"bash", "zsh", "fish"} {
		path, err := w.command("command -v " + shell).Output()
		if err != nil {
			continue
		}
		t.Run(shell, func(t *testing.T) {
			w := *w
			w.t = t
			w.environ = append(w.environ, "SHELL="+strings.TrimSpace(string(path)), "PS1=> ", "GOENV=")
			typed := `sh -c 'echo "<$GOFLAGS|$TAKEN|$LINE|${GOSTORE_OVERLAY-hidden}>"; case $GOCACHE in */isolated/*) echo own" "cache;; esac; case $GOENV in */isolated/goenv-*) echo cov"ered";; esac'` +
				"\ngo version\nexit\n"
			shown := w.onTerminal(`gostore shell -e 'LINE=li ne'`, func(term *terminal) {
				if _, err := term.master.WriteString(typed); err != nil {
					t.Error(err)
				}
			})
			for _, want := range []string{"<-pro ject||li ne|hidden>", "own cache", "covered", "go version go1.22.6 "} {
				if !strings.Contains(shown, want) {
					t.Errorf("%q is not in\n%q", want, shown)
				}
			}
		})
	}
}
