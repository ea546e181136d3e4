// Package command runs programs that answer a question: the go command, git, a C compiler.
//
// A program gets no input, runs in a process group of its own that is killed when the context ends, and its outputs are kept
// apart. The package chooses no environment and no directory: it is handed them.
package command

import (
	"bytes"
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

// pipeTime is how long output is waited for after the program ended, when something that it started keeps it open.
const pipeTime = 2 * time.Second

// Program is a program to run.
type Program struct {
	Argv    []string // Argv[0] is a path, or a name that is looked for on this process's PATH
	Dir     string
	Environ []string
	Stdin   []byte
	Most    int // bytes of an output that are kept; 0 for all. With more the run is an *Error
}

// Getenv returns a variable of the program's environment, "" where that does not set it.
func (p Program) Getenv(name string) string {
	for _, kv := range slices.Backward(p.Environ) {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}

// Error says that a program failed.
type Error struct {
	Argv   []string
	Stderr string
	Err    error // an *exec.ExitError, or why it did not start
}

func (e *Error) Error() string {
	name := strings.Join(append([]string{filepath.Base(e.Argv[0])}, e.Argv[1:]...), " ")
	if text := strings.TrimSpace(e.Stderr); text != "" {
		return fmt.Sprintf("running %q: %v\n%s", name, e.Err, text)
	}
	return fmt.Sprintf("running %q: %v", name, e.Err)
}

// Unwrap returns why the program failed.
func (e *Error) Unwrap() error { return e.Err }

// Run runs a program to its end and returns what it wrote to its outputs. A failure is an *Error, or the context's cause.
func Run(ctx context.Context, p Program) (stdout, stderr []byte, err error) {
	out, errs := output{most: p.Most}, output{most: p.Most}
	cmd := exec.CommandContext(ctx, p.Argv[0], p.Argv[1:]...)
	cmd.Dir, cmd.Env = p.Dir, p.Environ
	cmd.Stdin = bytes.NewReader(p.Stdin)
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = pipeTime
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case errors.Is(err, exec.ErrWaitDelay):
		err = nil // it ended well and left something behind
	case err != nil:
		err = &Error{p.Argv, errs.kept.String(), err}
	case out.over || errs.over:
		err = &Error{p.Argv, "", fmt.Errorf("it wrote more than %d bytes", p.Most)}
	}
	return out.kept.Bytes(), errs.kept.Bytes(), err
}

// output keeps what is written to it as far as that is not too much. It has a buffer and is none: a ReadFrom would go past Write.
type output struct {
	kept bytes.Buffer
	most int
	over bool
}

// Write keeps p, and takes it all the same where there is no room.
func (o *output) Write(p []byte) (int, error) {
	if o.most > 0 && o.kept.Len()+len(p) > o.most {
		o.over = true
		return len(p), nil
	}
	return o.kept.Write(p)
}
