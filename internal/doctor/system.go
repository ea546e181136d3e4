package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"syscall"
	"time"

	"gostore/internal/filelock"
)

// This file and its fellows for each system ask the machine itself: what Host.Lock, Run, Dial and Statfs are outside of tests.

// TryLock takes an exclusive filelock on a directory, and then another, which has to be refused. Both are gone when it returns.
func TryLock(dir string) error {
	first, err := filelock.TryExclusiveDir(dir)
	if errors.Is(err, filelock.ErrBusy) {
		return nil // somebody has one: it works
	}
	if err != nil {
		return err
	}
	defer first.Close()
	second, err := filelock.TryExclusiveDir(dir)
	switch {
	case errors.Is(err, filelock.ErrBusy):
		return nil
	case err != nil:
		return err
	}
	second.Close()
	return fmt.Errorf("flock %s: two exclusive locks were given at once", dir)
}

// maxOutput bounds what is kept of what a command prints.
const maxOutput = 64 << 10

// RunCommand runs a command in a session of its own, with nothing on its standard input. At limit it is killed, with all that it started. The error
// says that it could not be started; how it ended is in the output.
func RunCommand(ctx context.Context, limit time.Duration, environ []string, argv ...string) (Output, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Dir = environ, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // what it started may hold the pipes
	var stdout, stderr head
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	out := Output{Stdout: stdout.kept.String(), Stderr: stderr.kept.String(), Late: ctx.Err() != nil}
	switch {
	case cmd.ProcessState != nil:
		out.Status = cmd.ProcessState.ExitCode()
	case !out.Late: // else the limit came before the command began
		return out, err
	}
	return out, nil
}

// head keeps the beginning of what is written. It has a buffer and is none: a ReadFrom would go past Write.
type head struct{ kept bytes.Buffer }

// Write keeps p as far as there is room, and pretends to have taken all of it.
func (h *head) Write(p []byte) (int, error) {
	if room := maxOutput - h.kept.Len(); room > 0 {
		h.kept.Write(p[:min(room, len(p))]) // never an error
	}
	return len(p), nil
}

// DialTCP opens a connection and closes it.
func DialTCP(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}
