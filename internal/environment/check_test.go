package environment

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// speaker is a program that says a version and fails when told to.
const speaker = "#!/bin/sh\necho \"tool version tool$VERSION_TO_SAY linux\"; exit ${SKIPPED-${STATUS-0}}\n"

func TestCheck(t *testing.T) {
	st := newStore(t)
	tool := newTool(t, st, "go", "1.22.6", map[string]string{"bin/speak": speaker})
	tool.Layout.Check = []string{"speak", "version"}
	tool.Layout.CheckWant = "tool1.22.6"
	tool.Layout.CheckSkip = []string{"SKIPPED"}
	dir := build(t, st, tool)
	e, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		environ  string
		commands []string
		want     string // part of the error
	}{
		{"VERSION_TO_SAY=1.22.6 SKIPPED=9", []string{`test "$SKIPPED" = 9`}, ""},
		{"VERSION_TO_SAY=1.22.6", nil, ""},
		{"VERSION_TO_SAY=1.22.60", nil, `checking "speak version": output "tool version tool1.22.60 linux\n" lacks "tool1.22.6"`},
		{"VERSION_TO_SAY=1.22.6 STATUS=3", nil, `checking "speak version": exit status 3`},
		{"VERSION_TO_SAY=1.22.6", []string{"speak | grep tool", "go && exit"}, ""},
		{"VERSION_TO_SAY=1.22.6", []string{"true", "echo no; exit 9", "touch " + dir + "/never"}, `checking "echo no; exit 9": exit status 9`},
		{"VERSION_TO_SAY=1.22.6", []string{`test "$GOSTORE_ENVIRONMENT" = "` + dir + `"`}, ""},
	} {
		err := e.Check(t.Context(), dir, append(strings.Fields(c.environ), "PATH=/usr/bin:/bin"), lines(c.commands)...)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %q: %q, want %q", c.environ, c.commands, got, c.want)
		}
		var failed *CheckError
		if err != nil && (!errors.As(err, &failed) || failed.Output == "") {
			t.Errorf("%s %q: %#v", c.environ, c.commands, err)
		}
	}
}

func lines(commands []string) []Line {
	var list []Line
	for _, c := range commands {
		list = append(list, Line{Command: c})
	}
	return list
}

// A line has a directory, variables and a time of its own.
func TestCheckLine(t *testing.T) {
	dir := build(t, newStore(t))
	e, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	over := []Setting{{Name: "A", Value: "set"}, {Name: "B", Unset: true}}
	environ := []string{"PATH=/usr/bin:/bin", "A=inherited", "B=inherited"}
	good := Line{Command: `test "$A${B-none}$(pwd -P)" = "setnone$(cd ` + elsewhere + ` && pwd -P)"`, Dir: elsewhere, Over: over}
	if err := e.Check(t.Context(), dir, environ, good, Line{Command: `test "$A$B" = inheritedinherited`}); err != nil {
		t.Error(err)
	}
	var failed *CheckError
	err = e.Check(t.Context(), dir, environ, Line{Command: "exec tail -f /dev/null", Limit: time.Millisecond})
	if !errors.As(err, &failed) || !errors.Is(err, context.DeadlineExceeded) || failed.Error() != `checking "exec tail -f /dev/null": no end after 1ms: context deadline exceeded` {
		t.Errorf("without an end: %v", err)
	}
}

// An extra tool is checked under its versioned name, and not by what answers to the plain one.
func TestCheckOfExtra(t *testing.T) {
	st := newStore(t)
	one := newTool(t, st, "speak", "2", nil)
	two := newTool(t, st, "speak", "1", map[string]string{"bin/other": speaker})
	two.Extra = true
	two.Layout.Names["other1"] = "bin/other"
	two.Layout.Check, two.Layout.CheckWant = []string{"other"}, "tool1"
	dir := build(t, st, one, two)
	e, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Check(t.Context(), dir, []string{"VERSION_TO_SAY=1"}); err != nil {
		t.Error(err)
	}
	err = e.Check(t.Context(), dir, []string{"VERSION_TO_SAY=2"})
	var failed *CheckError
	if !errors.As(err, &failed) || failed.Command != "other1" || failed.Want != "tool1" {
		t.Errorf("wrong extra: %v", err)
	}
}

func TestHasWord(t *testing.T) {
	const want = "go1.22.6"
	for text, ok := range map[string]bool{
		"jq-1.7.1": true, "v1.7.1": true, "tool v1.7.1 (abc)": true, "tool-v1.7.1": true, "1.7.1": true, "1.7.1.": true,
		"1.7.10": false, "11.7.1": false, "v11.7.1": false, "1.7.1-rc1": false, "x1.7.1": false, "jq-1.7": false,
	} {
		if hasWord(text, "1.7.1") != ok {
			t.Errorf("%q holds 1.7.1: want %v", text, ok)
		}
	}
	for text, ok := range map[string]bool{
		"go version go1.22.6 linux/amd64": true, "jq-go1.22.6": false, "go1.22.6": true, "This is go1.22.6.\n": true, "(go1.22.6)": true, "go1.22.6,": true,
		"go1.22.60": false, "go1.22.6.1": false, "go1.22.6-custom": false, "go1.22.6+x": false, "xgo1.22.6": false, "go1.22": false,
		"": false, "go1.22.6rc1": false, "go1.22.60 go1.22.6": true,
	} {
		if hasWord(text, want) != ok {
			t.Errorf("%q holds %q: want %v", text, want, ok)
		}
	}
}

// started runs a check that writes its process number, starts another process in the background and
// stays; it calls then once both run, and returns the number of the background one.
func started(t *testing.T, limit time.Duration, then func(cancel func())) (int, error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() {
		script := "sleep 1000 & echo $! >" + fifo + "; wait"
		result <- checked{[]string{"/bin/sh", "-c", script}, os.Environ(), "", "stay", limit}.run(ctx, "")
	}()
	data, err := os.ReadFile(fifo) // waits for the writer
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	then(func() { cancel(errors.New("enough")) })
	return pid, <-result
}

// gone waits until a process that was killed is gone, or is a zombie that nobody has reaped yet.
func gone(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if syscall.Kill(pid, 0) != nil {
			return
		}
		if stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil && strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Errorf("process %d outlives its check", pid)
}

func TestCheckEndsWithItsContext(t *testing.T) {
	pid, err := started(t, time.Minute, func(cancel func()) { cancel() })
	if err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("cancelled check: %v", err)
	}
	gone(t, pid)
}

func TestCheckHasALimit(t *testing.T) {
	pid, err := started(t, time.Second, func(func()) {})
	var failed *CheckError
	if !errors.As(err, &failed) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no end after 1s") {
		t.Errorf("check without end: %v", err)
	}
	gone(t, pid)
}

func TestCheckKeepsLittleOutput(t *testing.T) {
	err := checked{[]string{"/bin/sh", "-c", "yes | head -c 300000; exit 1"}, os.Environ(), "", "yes", time.Minute}.run(t.Context(), "")
	var failed *CheckError
	if !errors.As(err, &failed) || len(failed.Output) != maxOutput {
		t.Errorf("kept %d bytes: %v", len(failed.Output), err)
	}
}
