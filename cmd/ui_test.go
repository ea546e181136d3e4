package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vbauerster/mpb/v8/decor"

	"gostore/internal/digest"
	"gostore/internal/filelock"
	"gostore/internal/install"
	"gostore/internal/release"
	"gostore/lock"
	"gostore/store"
)

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB",
		72841285: "69.5 MiB", 1 << 40: "1.0 TiB", 1<<63 - 1: "8.0 EiB",
	} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}

// A directory or a file that a stranger made has any name, and messages say it.
func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		"/a/ç 日本 \u00a0x":               "/a/ç 日本 \u00a0x",
		"two\n\tlines":                  "two\n\tlines",
		"\x1b]0;title\a\x1b[2J\r":       `\x1b]0;title\a\x1b[2J\r`,
		"\u009b2J, \u202egpj\u2066":     `\u009b2J, \u202egpj\u2066`,
		"not \xff UTF-8, and \ufffd it": "not \\xff UTF-8, and \ufffd it",
		`"quoted" \`:                    `"quoted" \`,
	} {
		if got := visible(text); got != want {
			t.Errorf("visible(%q) = %q, want %q", text, got, want)
		}
	}
	var stdout, stderr bytes.Buffer
	u := newUI(Config{Stdout: &stdout, Stderr: &stderr})
	u.warn("%s", "\x1b[2J")
	u.fail(fmt.Errorf("reading %s", "\x1b[2J"))
	u.table([][]string{{"\x1b[2J", "x"}, {"12345678", "y"}})
	if got, want := stdout.String()+stderr.String(), "\\x1b[2J   x\n12345678  y\ngostore: warning: \\x1b[2J\ngostore: error: reading \\x1b[2J\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestNearest(t *testing.T) {
	words := []string{"bash", "zsh", "fish", "powershell"}
	for written, want := range map[string]string{
		"bsh": "bash zsh", "fsh": "zsh fish", "tcl": "", "powershel": "powershell", "": "",
	} {
		if got := strings.Join(nearest(written, words), " "); got != want {
			t.Errorf("nearest(%q) = %q, want %q", written, got, want)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"go", "go", 0}, {"hlep", "help", 1}, {"chekc", "check", 1}, {"ab", "bca", 3}} {
		if got := distance(c.a, c.b); got != c.want || distance(c.b, c.a) != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d both ways", c.a, c.b, got, c.want)
		}
	}
}

func TestAge(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"30d": 720 * time.Hour, "2w": 336 * time.Hour, "12h": 12 * time.Hour, "90m": 90 * time.Minute, "0d": 0,
	} {
		if got, err := parseAge(s); err != nil || got != want {
			t.Errorf("parseAge(%q) = %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "d", "30", "-1d", "-5h", "1.5d", "999999999d", "soon"} {
		if got, err := parseAge(s); err == nil {
			t.Errorf("parseAge(%q) = %v, want an error", s, got)
		}
	}
}

func TestExitCodes(t *testing.T) {
	outdated := &lock.OutdatedError{File: lock.Name}
	mismatch := &digest.MismatchError{}
	missing := &release.NotFoundError{Tool: "go", Version: "9"}
	for _, c := range []struct {
		err  error
		want int
	}{
		{errors.New("something"), exitFailed},
		{usagef("wrong"), exitUsage},
		{fmt.Errorf("deep: %w", mismatch), exitIntegrity},
		{&store.DamagedError{}, exitIntegrity},
		{missing, exitNotFound},
		{fs.ErrNotExist, exitNotFound},
		{fmt.Errorf("gc: %w", filelock.ErrBusy), exitBusy},
		{outdated, exitOutdated},
		{&interruptedError{mismatch}, exitInterrupted},
		{&store.RootError{Err: fs.ErrNotExist}, exitFailed},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, exitFailed},
		{errors.Join(missing, mismatch), exitIntegrity},
		{errors.Join(missing, errors.Join(errors.New("x"), filelock.ErrBusy)), exitBusy},
		{advise(missing, 0, "more"), exitNotFound},
		{advise(errors.New("x"), exitNoCommand), exitNoCommand},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("exit code of %q is %d, want %d", c.err, got, c.want)
		}
	}
}

func TestFail(t *testing.T) {
	var b bytes.Buffer
	u := &ui{stderr: &b}
	full := &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	u.fail(errors.Join(errors.New("one\ntwo"), full, fmt.Errorf("again: %w", full)))
	const want = `gostore: error: one
  two
gostore: error: write x: no space left on device
gostore: error: again: write x: no space left on device
gostore: hint: the disk is full: "gostore gc" removes what nothing uses, "gostore roots" says what keeps the rest
`
	if b.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", b.String(), want)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestAnswerThatCannotBeWritten(t *testing.T) {
	var b bytes.Buffer
	code := Run(t.Context(), Config{
		Args: []string{"version"}, Stdout: brokenWriter{}, Stderr: &b, Dir: "/", Environ: []string{"HOME=/nonexistent"},
	})
	if code != exitFailed || !strings.Contains(b.String(), "error: writing the answer: no space left on device") {
		t.Errorf("exit status %d, stderr %s", code, b.String())
	}
}

func TestGetenv(t *testing.T) {
	c := Config{Environ: []string{"A=1", "AB=2", "A=3", "E="}}
	for key, want := range map[string]string{"A": "3", "AB": "2", "E": "", "X": ""} {
		if got := c.getenv(key); got != want {
			t.Errorf("getenv(%q) = %q, want %q", key, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	u := &ui{stdout: &b}
	u.table([][]string{{"go", "", "9 B", "é"}, {"node", "", "1.2 KiB", ""}}, 2)
	if want := "go        9 B  é\nnode  1.2 KiB\n"; b.String() != want {
		t.Errorf("printed\n%swant\n%s", b.String(), want)
	}
}

func TestMeter(t *testing.T) {
	now := time.Unix(0, 0)
	m := &meter{name: "go 1.22.6", now: func() time.Time { return now }}
	step := func(after time.Duration, phase install.Phase, done, total int64, want string) {
		t.Helper()
		now = now.Add(after)
		if got := m.update(phase, done, total); got != want {
			t.Errorf("update printed %q, want %q", got, want)
		}
	}
	at := func(after time.Duration, want string) {
		t.Helper()
		now = now.Add(after)
		if got := m.position(); got != want {
			t.Errorf("position is %q, want %q", got, want)
		}
	}
	const mib = 1 << 20
	at(0, "")
	step(0, install.Waiting, 0, 0, "")
	at(time.Second, "go 1.22.6: waiting for 1s, for another gostore that installs it or for upstream")
	step(0, install.Downloading, 10*mib, 70*mib, "go 1.22.6: downloading 70.0 MiB, of which 10.0 MiB are here")
	step(5*time.Second, install.Downloading, 20*mib, 70*mib, "")
	step(5*time.Second, install.Downloading, 30*mib, 70*mib, "")
	at(0, "go 1.22.6: downloading 30.0 MiB of 70.0 MiB, 2.0 MiB/s, 20s left")
	step(time.Second, install.Unpacking, 0, 0, "")
	step(11*time.Second, install.Unpacking, 22*mib, 0, "")
	at(0, "go 1.22.6: unpacking 22.0 MiB, 2.0 MiB/s")
	if got := m.ending(); got != "" {
		t.Errorf("ended too early: %q", got)
	}
	step(time.Second, install.Installed, 0, 0, "")
	at(0, "")
	if got, want := m.ending(), "go 1.22.6: installed in 24.0 s"; got != want {
		t.Errorf("ended with %q, want %q", got, want)
	}
	m.update(install.Downloading, 35*mib, 70*mib)
	for room, want := range map[int]string{80: "[########........] ", 19: "[########........] ", 11: "[####....] ", 7: "[##..] ", 6: "", 0: ""} {
		var bar strings.Builder
		if err := m.draw(&bar, decor.Statistics{AvailableWidth: room}); err != nil || bar.String() != want {
			t.Errorf("with room for %d the bar is %q, %v; want %q", room, bar.String(), err, want)
		}
	}
}
