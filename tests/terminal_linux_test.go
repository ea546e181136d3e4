package tests

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"gostore/tests/upstream"
)

// terminal is a pseudo-terminal: what programs write to it is kept, what is typed they read.
type terminal struct {
	master, slave *os.File
	mu            sync.Mutex
	text          bytes.Buffer
	more          chan struct{} // gets a value when there is more text
	done          chan struct{}
}

func openTerminal(t *testing.T) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals: %v", err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 100})
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{master: master, slave: slave, more: make(chan struct{}, 1), done: make(chan struct{})}
	go term.read()
	t.Cleanup(func() { errors.Join(slave.Close(), master.Close()) })
	return term
}

// read keeps what is shown, until the last program has closed its end.
func (term *terminal) read() {
	defer close(term.done)
	piece := make([]byte, 4096)
	for {
		n, err := term.master.Read(piece)
		if err != nil {
			return
		}
		term.mu.Lock()
		term.text.Write(piece[:n])
		term.mu.Unlock()
		select {
		case term.more <- struct{}{}:
		default:
		}
	}
}

func (term *terminal) shown() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.text.String()
}

// await returns when everything that is wanted was shown, or nothing more will be.
func (term *terminal) await(patterns ...*regexp.Regexp) {
	for {
		missing := slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return !p.MatchString(term.shown()) })
		if !missing {
			return
		}
		select {
		case <-term.more:
		case <-term.done:
			return
		}
	}
}

// onTerminal runs a line on a terminal, where something is typed meanwhile, and returns what was shown.
func (w *world) onTerminal(line string, meanwhile func(*terminal)) string {
	w.t.Helper()
	term := openTerminal(w.t)
	cmd := w.command(line)
	cmd.Env = append(cmd.Env, "TERM=xterm")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = term.slave, term.slave, term.slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	term.slave.Close()
	meanwhile(term)
	err := cmd.Wait()
	<-term.done
	if err != nil {
		w.t.Errorf("%s: %v\n%s", line, err, term.shown())
	}
	return term.shown()
}

func nothing(*terminal) {}

// On a terminal there are bars with bytes, rate and time left, one for each of several downloads, and they are gone
// in the end; elsewhere there is a line at the start and one at the end.
func TestProgress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{Padding: 2 << 20})
	w.sh("gostore lock go@1.22.6 go@1.21")
	gates := map[string]chan struct{}{"go1.22.6.": make(chan struct{}), "go1.21.13.": make(chan struct{})}
	for part, gate := range gates {
		w.server.Fault(upstream.Fault{Path: part, Gate: gate})
	}
	half := []*regexp.Regexp{
		regexp.MustCompile(`go 1\.22\.6: downloading \[#+\.+\] [0-9.]+ KiB of 2\.[0-9] MiB, [0-9.]+ [KM]iB/s, [0-9hms]+ left`),
		regexp.MustCompile(`go 1\.21\.13: downloading \[#+\.+\] [0-9.]+ KiB of 2\.[0-9] MiB, `),
	}
	shown := w.onTerminal("gostore install", func(term *terminal) {
		for _, gate := range gates {
			for range 32 { // 512 KiB in pieces of 16 KiB
				gate <- struct{}{}
			}
		}
		term.await(half...)
		for _, gate := range gates {
			close(gate)
		}
	})
	for _, pattern := range append(half,
		regexp.MustCompile(`\x1b\[`), // the cursor moves
		regexp.MustCompile(`gostore: go 1\.22\.6: installed in [0-9.]+ s\r\n`),
		regexp.MustCompile(`gostore: go 1\.21\.13: installed in [0-9.]+ s\r\n`),
	) {
		if !pattern.MatchString(shown) {
			t.Errorf("%q is not in\n%q", pattern, shown)
		}
	}
	w.server.ClearFaults()
	w.sh("gostore roots --forget . && gostore gc")
	if got := w.sh("gostore install 2>&1 >/dev/null"); !regexp.MustCompile(`^(gostore: go 1\.2[12]\.\d+: (downloading 2\.\d MiB|installed in \d+\.\d s)\n){4}$`).MatchString(got) {
		t.Errorf("without a terminal: %q", got)
	}
	// A terminal that cannot move its cursor is as good as none, and -q is quiet on any.
	w.sh("gostore roots --forget . && gostore gc")
	if got := w.onTerminal("TERM=dumb gostore install go@1.22.6", nothing); strings.Contains(got, "\x1b") || !strings.Contains(got, "downloading 2.") {
		t.Errorf("on a dumb terminal: %q", got)
	}
	if got := w.onTerminal("gostore -q install go@1.21 >/dev/null", nothing); got != "" {
		t.Errorf("quiet: %q", got)
	}
}

// Colour is for terminals, unless NO_COLOR says no.
func TestColourOnTerminals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	if got := w.onTerminal("gostore install || true", nothing); !strings.Contains(got, "gostore: \x1b[1;31merror: \x1b[0m") {
		t.Errorf("on a terminal: %q", got)
	}
	for _, setting := range []string{"NO_COLOR=1", "TERM=dumb", "NO_COLOR=1 CLICOLOR_FORCE=1"} {
		if got := w.onTerminal(setting+" gostore install || true", nothing); strings.Contains(got, "\x1b") || !strings.Contains(got, "gostore: error: ") {
			t.Errorf("%s: %q", setting, got)
		}
	}
}

// An interactive shell starts with the tools, for each shell that is installed, and one in another.
func TestInteractiveShell(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	// Without its directory fish begins its first session by reading all manual pages.
	w.sh("gostore lock go@1.22.6 && gostore shell -- true && mkdir -p ~/.local/share/fish/generated_completions")
	for _, shell := range []string{"sh", "bash", "zsh", "fish"} {
		path, err := w.command("command -v " + shell).Output()
		if err != nil {
			continue
		}
		t.Run(shell, func(t *testing.T) {
			w := *w
			w.t = t
			w.environ = append(w.environ, "SHELL="+strings.TrimSpace(string(path)), "PS1=> ")
			typed := "go version\ngostore shell go@1.21.13 -- sh -c 'go version; echo depth $GOSTORE_SHELL'\nexit 3\n"
			shown := w.onTerminal(`gostore shell; test $? = 3 && echo ended with 3`, func(term *terminal) {
				if _, err := term.master.WriteString(typed); err != nil {
					t.Error(err)
				}
			})
			for _, want := range []string{"go version go1.22.6 ", "go version go1.21.13 ", "depth 2", "ended with 3"} {
				if !strings.Contains(shown, want) {
					t.Errorf("%q is not in\n%q", want, shown)
				}
			}
		})
	}
}
