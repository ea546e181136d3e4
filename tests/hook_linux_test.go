package tests

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// cursorQuestion is what line editors ask a terminal, and cursorAnswer what one says: where the cursor is.
const cursorQuestion, cursorAnswer = "\x1b[6n", "\x1b[1;1R"

// converse types each line when the one before was done, and answers for the terminal. A format of done is a command that says "done" and
// a number; what is typed is shown as well, so the word has to be put together by the shell. ready is what the shell shows when it is ready
// for a line.
func (term *terminal) converse(ready, done string, lines ...string) {
	answered := 0
	until := func(come func() bool) {
		for {
			for ; answered < strings.Count(term.shown(), cursorQuestion); answered++ {
				term.master.WriteString(cursorAnswer)
			}
			if come() {
				return
			}
			select {
			case <-term.more:
			case <-term.done:
				return
			}
		}
	}
	prompts := 0
	for i, line := range append(lines, "exit 0") {
		until(func() bool { return strings.Count(term.shown(), ready) > prompts })
		prompts = strings.Count(term.shown(), ready)
		fmt.Fprintf(term.master, "%s; %s\r", line, fmt.Sprintf(done, i))
		until(func() bool { return strings.Contains(term.shown(), fmt.Sprintf("done%d", i)) })
	}
}

const echoDone = `echo "do""ne%d"`

// control are sequences that move cursors and choose colours.
var control = regexp.MustCompile(`\x1b(\[[0-9;?<>=]*[a-zA-Z]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][A-Z0-9]|[=>])`)

// TestHookFish types into fish on a terminal, as it has prompts on nothing else.
func TestHookFish(t *testing.T) {
	t.Parallel()
	w := hookWorld(t, "fish")
	w.sh("mkdir -p ~/.config/fish && echo 'gostore hook fish | source; function fish_prompt; echo \"<$status>\"; end; function fish_greeting; end' >~/.config/fish/config.fish")
	shown := control.ReplaceAllString(w.onTerminal("cd && exec fish", func(term *terminal) {
		term.converse("<", echoDone+"; false",
			"set -Ux UNIVERSAL all; set -Ux GONE all; set -gx GOFLAGS 'a b'; set -g EMPTY own; env -0 | grep -zv -e '^_=' -e PWD= | sort -z >before",
			"cd a; echo at once: (go version)", // the directory's own event
			"echo in: $GOFLAGS, \"$EMPTY\" (sh -c 'echo ${GONE:-gone} $UNIVERSAL')",
			"cd sub", "cd ..",
			"cd ..; echo out: $GOFLAGS, $EMPTY (env | grep -c EMPTY)",
			"env -0 | grep -zv -e '^_=' -e PWD= | sort -z | cmp - before; and echo the same",
			"set -qg GONE; or echo universal: $GONE",
			"cd a; set -gx GOFLAGS mine; set -gx PATH /first $PATH; cd ..; echo kept: $GOFLAGS $PATH[1]",
			"gostore trust --revoke a; cd a; echo none: (set -q GOTOOLCHAIN; or echo unset)",
			"gostore trust >/dev/null", "echo trusted: $GOTOOLCHAIN", "cp ../b/gostore.lock .", "echo new: (go version)",
		)
	}), "")
	for _, want := range []string{
		enteredA, "at once: go version go1.22.6 " + hostPlatform, "in: -mod=mod,  gone all", "<1>",
		leftA, "out: a b, own 0", "the same", "universal: all", "kept: mine /first", "<1>",
		untrustedA, "none: unset", "trusted: local", "new: go version go1.23.0 " + hostPlatform,
	} {
		_, rest, found := strings.Cut(shown, want)
		if !found {
			t.Errorf("%q is not shown, or not in order, in\n%s", want, shown)
			return
		}
		shown = rest
	}
}

// TestHookNu types into nushell, of which there is no package in most systems: it takes the nu on PATH.
func TestHookNu(t *testing.T) {
	t.Parallel()
	w := hookWorld(t, "nu")
	w.sh("gostore hook nu >~/hook.nu && touch ~/env.nu")
	w.writeFile("~/config.nu", "source ~/hook.nu\n$env.config.show_banner = false\n$env.PROMPT_COMMAND = ''; $env.PROMPT_COMMAND_RIGHT = ''\n")
	shown := control.ReplaceAllString(w.onTerminal("cd && exec nu --config ~/config.nu --env-config ~/env.nu", func(term *terminal) {
		term.converse(cursorQuestion, `print ("do" + "ne%d")`,
			"$env.GOFLAGS = 'a b'; $env.GONE = 'all'; ^env -0 | ^grep -zv -e ^_= -e PWD= -e ^CMD_DURATION -e ^LAST_EXIT | ^sort -z | save -f before",
			"cd a", `print $"in: ($env.GOFLAGS) <($env.EMPTY)> ($env.GONE? | default gone) (^go version)"`,
			"cd sub", "cd ../..", `print $"out: ($env.GOFLAGS) ($env.EMPTY? | default unset) ($env.GONE)"`,
			"^env -0 | ^grep -zv -e ^_= -e PWD= -e ^CMD_DURATION -e ^LAST_EXIT | ^sort -z | save -f after; ^cmp before after; print 'the same'",
			"cd a", "$env.GOFLAGS = 'mine'; $env.PATH = ($env.PATH | prepend /first)", "cd ../b", `print $"b: ($env.GOFLAGS) ($env.PATH.1) (^go version)"`,
			"cd ..", `print $"kept: ($env.GOFLAGS) ($env.PATH.0)"`,
		)
	}), "")
	for _, want := range []string{
		enteredA, "in: -mod=mod <> gone go version go1.22.6 " + hostPlatform, leftA, "out: a b unset all", "the same",
		enteredA, enteredB, "b: mine /first go version go1.23.0 " + hostPlatform, leftB, "kept: mine /first",
	} {
		_, rest, found := strings.Cut(shown, want)
		if !found {
			t.Errorf("%q is not shown, or not in order, in\n%s", want, shown)
			return
		}
		shown = rest
	}
}

// TestHookTerminal is the job of a person in bash and zsh with job control and a line editor: no noise, no lost traps.
func TestHookTerminal(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh"} {
		t.Run(shell, func(t *testing.T) {
			w := hookWorld(t, shell)
			w.startFile(shell, "", "PS1=ready:")
			shown := w.onTerminal("cd && exec "+shell, func(term *terminal) {
				term.converse("ready:", echoDone, "cd a", "go version; false", "cd sub", "true", "cd ~", "sleep 0 & wait; jobs; trap")
			})
			said := regexp.MustCompile(`(?m)^gostore: .*?\r?$`).FindAllString(control.ReplaceAllString(shown, ""), -1)
			if got := strings.ReplaceAll(strings.Join(said, "\n"), "\r", ""); got != enteredA+"\n"+leftA {
				t.Errorf("said\n%s\nin\n%s", got, shown)
			}
		})
	}
}

// TestHookDirenv has "use gostore" in an .envrc.
func TestHookDirenv(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("direnv"); err != nil {
		t.Skip("direnv is not installed")
	}
	w := hookWorld(t, "bash")
	w.sh("mkdir -p ~/.config/direnv/lib && gostore hook direnv >~/.config/direnv/lib/gostore.sh && echo use gostore >~/a/.envrc && echo use gostore go@1.22.6 >~/b/.envrc && direnv allow ~/a && direnv allow ~/b")
	in := func(dir string) string {
		return w.sh("cd ~/" + dir + " && direnv exec . sh -c 'go version; echo $GOFLAGS ${GONE-gone} ${GOSTORE_SHELL-none}' 2>/dev/null")
	}
	if got, want := in("a"), "go version go1.22.6 "+hostPlatform+"\n-mod=mod gone none\n"; got != want {
		t.Errorf("a: %q, want %q", got, want)
	}
	if got, want := in("b"), "go version go1.22.6 "+hostPlatform+"\ngone none\n"; got != want {
		t.Errorf("b: %q, want %q", got, want)
	}
	// In a shell with that hook alone, and with both, in either order; a change of the lock is seen.
	const other = `eval "$(direnv hook bash)"`
	for _, lines := range [][2]string{{"gostore() { :; };" + other, "unset -f gostore"}, {other, ""}, {"", other}} {
		w.startFile("bash", lines[0], lines[1])
		stdout, _ := w.interactive("bash", "before=$PATH\ncd a\ngo version; echo $GOFLAGS\ncp gostore.lock old; cp ../b/gostore.lock .; touch -d 'next year' gostore.lock\ngo version\nmv old gostore.lock\ncd ..\necho ${GOFLAGS-unset}; test \"$PATH\" = \"$before\" && echo same\n")
		want := "go version go1.22.6 " + hostPlatform + "\n-mod=mod\ngo version go1.23.0 " + hostPlatform + "\nunset\nsame\n"
		if stdout != want {
			t.Errorf("start file %q: printed\n%swant\n%s", lines, stdout, want)
		}
	}
}
