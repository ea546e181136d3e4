package environment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// checkTime is how long one check may take. A tool says its version in milliseconds; a minute is for
// a loaded machine and a cold disk, and for what users check themselves.
const checkTime = time.Minute

// pipeTime is how long the output of a check is waited for after it ended, when something that it
// started keeps the output open.
const pipeTime = 2 * time.Second

// maxOutput bounds what is kept of a check's output, in bytes.
const maxOutput = 64 << 10

// CheckError says that a command in an environment did not do what it should.
type CheckError struct {
	Command string // as a user would type it
	Output  string // what it wrote to both outputs, its first 64 KiB
	Want    string // the word that its output lacks, "" when it failed
	Err     error  // why it failed: *exec.ExitError, context.DeadlineExceeded, …; nil when its output lacks Want
}

func (e *CheckError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("checking %q: %v", e.Command, e.Err)
	}
	return fmt.Sprintf("checking %q: output %.200q lacks %q", e.Command, e.Output, e.Want)
}

// Unwrap returns why the command failed.
func (e *CheckError) Unwrap() error { return e.Err }

// Line is a command line that must succeed in an environment.
type Line struct {
	Command string        // for sh
	Dir     string        // where it runs; the working directory where it is ""
	Over    []Setting     // on top of the environment's variables
	Limit   time.Duration // how long it may take; a minute where it is 0
}

// Check runs every tool's own check in the environment in dir, and then lines. environ is what the environment is
// entered with, before Apply. The first that fails is reported as a *CheckError; when ctx ends the error is its
// cause instead.
//
// A check runs without input, in a process group of its own that is killed when it takes too long or ctx ends.
func (e Environment) Check(ctx context.Context, dir string, environ []string, lines ...Line) error {
	inside := e.Apply(dir, environ)
	for _, t := range e.Tools {
		name, ok := t.checkName()
		if !ok {
			continue
		}
		argv := append([]string{filepath.Join(dir, "bin", name)}, t.Layout.Check[1:]...)
		label := strings.Join(append([]string{name}, t.Layout.Check[1:]...), " ")
		seen := slices.DeleteFunc(slices.Clone(inside), func(setting string) bool {
			name, _, _ := strings.Cut(setting, "=")
			return slices.Contains(t.Layout.CheckSkip, name)
		})
		c := checked{argv: argv, environ: seen, label: label, limit: checkTime}
		if err := c.run(ctx, t.Layout.CheckWant); err != nil {
			return err
		}
	}
	for _, l := range lines {
		c := checked{[]string{"/bin/sh", "-c", l.Command}, e.Apply(dir, environ, l.Over...), l.Dir, l.Command, cmp.Or(l.Limit, checkTime)}
		if err := c.run(ctx, ""); err != nil {
			return err
		}
	}
	return nil
}

// checkName returns the name that the tool's checking command has in the environment: the plain one
// for a primary tool, for an extra one that among Layout.Names which leads to the same file.
// A tool without a check, or without such a name, has none.
func (t Tool) checkName() (string, bool) {
	if len(t.Layout.Check) == 0 {
		return "", false
	}
	plain := t.Layout.Check[0]
	if !t.Extra {
		return plain, true
	}
	var names []string
	for name, to := range t.Layout.Names {
		dir, base := filepath.Split(to)
		if base == plain && slices.Contains(t.Layout.Dirs, strings.TrimSuffix(dir, "/")) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return plain + t.Version, !t.hasVersionedNames()
	}
	return slices.Min(names), true
}

// checked is one command of a check.
type checked struct {
	argv, environ []string
	dir           string
	label         string // what messages call it
	limit         time.Duration
}

// run runs the command, whose output must have the word want in it.
func (c checked) run(ctx context.Context, want string) error {
	limited, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	output := &head{room: maxOutput}
	cmd := exec.CommandContext(limited, c.argv[0], c.argv[1:]...)
	cmd.Env, cmd.Dir = c.environ, c.dir
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = pipeTime
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		// The command ended well but left something behind that holds its output. The group
		// still has a member, so its number cannot be anyone else's.
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // best effort
		err = nil
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("checking %q: %w", c.label, context.Cause(ctx))
	case limited.Err() != nil:
		return &CheckError{c.label, output.String(), "", fmt.Errorf("no end after %v: %w", c.limit, limited.Err())}
	case err != nil:
		return &CheckError{c.label, output.String(), "", err}
	case want != "" && !hasWord(output.String(), want):
		return &CheckError{c.label, output.String(), want, nil}
	}
	return nil
}

// hasWord reports whether text holds word, not as a part of a longer version: go1.22.6 is neither
// in go1.22.60 nor in go1.22.6-custom. A full stop may follow, and a version may have a "v" or the tool's name and "-" before it, as in
// v1.7.1 and jq-1.7.1.
func hasWord(text, word string) bool {
	words := strings.FieldsFunc(text, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("._+-", r)
	})
	return slices.ContainsFunc(words, func(w string) bool {
		name, found := strings.CutSuffix(strings.TrimRight(w, "."), word)
		if !found {
			name, found = strings.CutSuffix(w, word)
		}
		name = strings.TrimSuffix(name, "v")
		return found && (name == "" || isVersion(word) && strings.HasSuffix(name, "-"))
	})
}

// isVersion reports whether a word begins as a bare version does.
func isVersion(word string) bool { return word != "" && '0' <= word[0] && word[0] <= '9' }

// head keeps the beginning of what is written to it.
type head struct {
	kept []byte
	room int
}

func (h *head) Write(p []byte) (int, error) {
	keep := p[:min(len(p), h.room)]
	h.room -= len(keep)
	h.kept = append(h.kept, keep...)
	return len(p), nil
}

func (h *head) String() string { return string(h.kept) }
