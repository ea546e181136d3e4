package tests

import (
	"regexp"
	"strings"
	"testing"

	"gostore/tests/upstream"
)

// A person types a request and presses Tab, in real shells on a terminal: the word is completed as one, although bash ends words
// at "@", what is listed begins with the newest, and no byte comes from the network.
func TestCompletionTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	w.sh("gostore lock go@1.27rc1 && gostore tools go && gostore shell -- true && mkdir -p ~/.local/share/fish/generated_completions")
	w.sh("echo 'autoload -U compinit; compinit -u; source <(gostore completion zsh)' >~/.zshrc")
	w.server.ClearRequests()
	for shell, start := range map[string]string{
		"bash": "bash --norc --noprofile -i",
		"zsh":  "zsh -i",
		"fish": "fish -i",
	} {
		t.Run(shell, func(t *testing.T) {
			if w.command("command -v "+shell).Run() != nil {
				t.Skipf("%s is not installed", shell)
			}
			w := *w
			w.t = t
			w.environ = append(w.environ, "PS1=> ", "INPUTRC=/dev/null")
			shown := w.onTerminal("timeout --foreground -s KILL 60 "+start, func(term *terminal) {
				say := func(text, awaited string) {
					if _, err := term.master.WriteString(text); err != nil {
						t.Error(err)
					}
					term.await(regexp.MustCompile(awaited))
				}
				switch shell {
				case "bash":
					say("source <(gostore completion bash); echo rea''dy\n", "ready\r\n")
					say("gostore shell go@1.2\t\t", `@1\.26\.8 +@1\.23\.0 +@1\.22\.12 [^>]*@1\.20\s`)
					say("7\t-- go version\n", `go1\.27rc1 `)
					say("gostore shell --offline go@1.27\t-- sh -c 'echo twice \"$@\"' sh go@1.27\t.\n", `twice go@1.27`)
				default:
					say("gostore completion fish >gostore.fish; source ./gostore.fish; echo rea''dy\n", "ready\r\n")
					say("gostore shell go@1.27\t-- go version\n", `go version go1\.27rc1 `)
				}
				say("exit\n", "")
			})
			if !strings.Contains(shown, "go version go1.27rc1 ") {
				t.Errorf("shown:\n%q", shown)
			}
		})
	}
	if n, _ := w.server.Count(""); n > 0 {
		t.Errorf("%d requests while completing", n)
	}
}
