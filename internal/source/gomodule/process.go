package gomodule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	// outputLimit bounds what is kept of a command's output. A list of modules has some kilobytes.
	outputLimit = 4 << 20

	// endPatience is how long processes may take to end after they were killed.
	endPatience = 10 * time.Second

	// outputPatience is how long a command's output is still read after it ended, which takes a moment, unless a child of it
	// lives on and has it open.
	outputPatience = 2 * time.Second

	// lastBreath is how long children may take to end after the command did.
	lastBreath = 100 * time.Millisecond
)

// command is one run of the go command.
type command struct {
	toolchain Toolchain
	database  string // name of the checksum database that it is to ask; "" for none
	dir       string
	env       []string
	args      []string
}

// String returns the command as one could type it.
func (c command) String() string {
	var b strings.Builder
	b.WriteString("go")
	for _, arg := range c.args {
		if strings.ContainsAny(arg, " {}") {
			arg = "'" + arg + "'"
		}
		b.WriteString(" " + arg)
	}
	return b.String()
}

// run runs the command and returns what it wrote to its standard output.
//
// It has a process group of its own: the terminal's Ctrl-C does not reach it. When ctx ends, the whole group is killed. In
// any case run returns only when all processes that the command started have ended. To know that, they all inherit
// the one end of a pipe, which the kernel closes with the last of them.
func (c command) run(ctx context.Context) (string, error) {
	alive, theirs, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer alive.Close()
	cmd := exec.CommandContext(ctx, filepath.Join(c.toolchain.Dir, "bin", "go"), c.args...)
	var out, errs limited
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.dir, c.env, &out, &errs
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { return kill(cmd.Process.Pid) }
	cmd.WaitDelay = outputPatience

	// The kernel kills the command when the thread that started it ends: with this process, and not before.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return "", fmt.Errorf("running %q: %w", c, err)
	}
	err = cmd.Wait()
	if err := end(alive, cmd.Process.Pid); err != nil {
		return "", fmt.Errorf("running %q: %w", c, err)
	}
	switch {
	case err != nil:
		return "", c.explain(ctx, errs.String(), err)
	case out.cut:
		return "", fmt.Errorf("running %q: it wrote more than %d bytes", c, outputLimit)
	}
	return out.String(), nil
}

// end waits until nobody holds the other end of the pipe alive, after killing the process group if need be.
func end(alive *os.File, group int) error {
	if closed(alive, lastBreath) {
		return nil
	}
	if err := kill(group); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if !closed(alive, endPatience) {
		return fmt.Errorf("processes that it started are still running, of group %d", group)
	}
	return nil
}

// closed reports whether the other end of a pipe is closed within d.
func closed(pipe *os.File, d time.Duration) bool {
	if err := pipe.SetReadDeadline(time.Now().Add(d)); err != nil {
		return false
	}
	_, err := pipe.Read(make([]byte, 1))
	return err == io.EOF
}

// kill kills a process group.
func kill(group int) error {
	err := syscall.Kill(-group, syscall.SIGKILL)
	if err == syscall.ESRCH {
		return os.ErrProcessDone
	}
	return err
}

// limited keeps the beginning of what is written to it.
type limited struct {
	text strings.Builder
	cut  bool
}

func (l *limited) Write(p []byte) (int, error) {
	keep := p[:min(len(p), outputLimit-l.text.Len())]
	l.text.Write(keep)
	l.cut = l.cut || len(keep) < len(p)
	return len(p), nil
}

func (l *limited) String() string { return l.text.String() }
