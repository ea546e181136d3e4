package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"gostore/internal/enter"
	"gostore/internal/environment"
	"gostore/internal/sys"
)

// enter replaces this process by a command in an environment, an interactive shell where
// command is empty. It returns only when that failed.
//
// The leases stay open across the exec, so that the kernel holds them for as long as the command or
// anything that it started lives.
func (c Config) enter(env environment.Environment, h *enter.Held, command []string) error {
	dir := h.Env.Path()
	v, err := c.process().WithoutHook().Lay(context.Background(), env, dir, h) // nothing stops the command from here on
	if err != nil {
		return err
	}
	environ := v.Environ
	interactive := len(command) == 0
	if interactive {
		command, environ = environment.Interactive(dir, c.getenv("SHELL"), environ, v.Over()...)
	}
	path, err := lookPath(command[0], c.Dir, environ)
	if err != nil && interactive {
		return advise(err, 0, "set SHELL to the shell that you want")
	}
	if err != nil {
		return err
	}
	return notExecutable(command[0], h.Become(path, command, environ))
}

// lookPath finds a command as a shell does: a name with a slash is a path, any other is looked
// for in the directories of PATH in environ.
func lookPath(name, dir string, environ []string) (string, error) {
	if strings.Contains(name, "/") {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return path, canExecute(name, path)
	}
	var denied error
	for _, d := range filepath.SplitList(Config{Environ: environ}.getenv("PATH")) {
		if !filepath.IsAbs(d) {
			d = filepath.Join(dir, d)
		}
		path := filepath.Join(d, name)
		err := canExecute(name, path)
		if err == nil {
			return path, nil
		}
		if _, statErr := os.Stat(path); statErr == nil && exitCode(err) == exitNotExecutable {
			denied = err // a directory that cannot be searched, in contrast, says nothing of the command
		}
	}
	if denied != nil {
		return "", denied
	}
	return "", noCommand(name)
}

func noCommand(name string) error {
	err := fmt.Errorf("command %q: not found", name)
	if strings.Contains(name, "/") {
		return advise(err, exitNoCommand)
	}
	return advise(err, exitNoCommand, "it is neither among the tools nor elsewhere on PATH")
}

func canExecute(name, path string) error {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), name == "":
		return noCommand(name)
	case err != nil:
		return notExecutable(name, err)
	case fi.IsDir():
		return notExecutable(name, syscall.EISDIR)
	}
	return notExecutable(name, sys.Access(path, unix.X_OK))
}

// notExecutable describes why a command that is there does not run; nil stays nil.
func notExecutable(name string, err error) error {
	if err == nil {
		return nil
	}
	return advise(fmt.Errorf("command %q: cannot be executed: %w", name, err), exitNotExecutable)
}
