package command

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func shell(line string) Program {
	return Program{Argv: []string{"/bin/sh", "-c", line}, Environ: []string{"X=1"}}
}

func TestRun(t *testing.T) {
	p := shell("cat; echo $X; pwd; echo no >&2")
	p.Dir, p.Stdin = "/", []byte("in\n")
	out, errs, err := Run(t.Context(), p)
	if string(out) != "in\n1\n/\n" || string(errs) != "no\n" || err != nil {
		t.Errorf("%q, %q, %v", out, errs, err)
	}
}

func TestRunFails(t *testing.T) {
	_, _, err := Run(t.Context(), shell("echo half; echo no >&2; exit 3"))
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.HasPrefix(err.Error(), `running "sh -c`) || !strings.HasSuffix(err.Error(), "\nno") {
		t.Errorf("%v", err)
	}
	if _, _, err := Run(t.Context(), Program{Argv: []string{"/none"}}); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("no such program: %v", err)
	}
}

// When the context ends everything that was started ends with it.
func TestRunStops(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := Run(ctx, shell("sleep 1000 & sleep 1000"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestRunBounded(t *testing.T) {
	p := shell("printf 12345")
	p.Most = 5
	if out, _, err := Run(t.Context(), p); string(out) != "12345" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	p.Most = 4
	var failed *Error
	if out, _, err := Run(t.Context(), p); len(out) > 4 || !errors.As(err, &failed) || !strings.Contains(err.Error(), "more than 4 bytes") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestGetenv(t *testing.T) {
	p := Program{Environ: []string{"A=1", "AB=2", "A=3", "C"}}
	for name, want := range map[string]string{"A": "3", "AB": "2", "B": "", "C": ""} {
		if got := p.Getenv(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}
