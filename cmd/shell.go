package cmd

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/enter"
	"gostore/internal/environment"
	"gostore/internal/release"
	"gostore/internal/roots"
)

func (a *app) shellCommand() *cobra.Command {
	var check bool
	var o overlayOptions
	c := &cobra.Command{
		Use:   "shell [TOOL@VERSION]... [-- COMMAND [ARGUMENT]...]",
		Short: "Run a command, or an interactive shell, with exactly these tools",
		Long: `Runs COMMAND with the tools of the project's gostore.lock first on PATH, installing them
first where they are missing. Without COMMAND it starts $SHELL. With TOOL@VERSION the
project is left alone: no lock, no profile, only these tools.

The command replaces gostore: signals and the exit status are its own. What it uses is
not removed by "gostore gc" while it, or a process that it started, is running.

Variables are those of the tools and of the [env] in the project's gostore.toml; --env and
--unset stand above both. --isolate and --private-home keep what is built and what is
configured apart from the rest of the account.

With --check every tool must first say the version that it should have, and the [check] of
the project's gostore.toml must succeed; otherwise nothing is run.`,
		Example: `  gostore shell -- go version
  gostore shell --env CGO_ENABLED=0 -- go build ./...
  gostore shell go@1.21.13 -- go build ./...
  gostore shell --check -- go version
  gostore shell`,
		RunE: func(c *cobra.Command, args []string) error {
			command := []string(nil)
			if n := c.ArgsLenAtDash(); n >= 0 {
				args, command = args[:n], args[n:]
				if len(command) == 0 {
					return usagef("nothing follows the \"--\"").withHints("write the command after it, or leave the \"--\" out for an interactive shell")
				}
			}
			return a.shell(c.Context(), args, command, check, o)
		},
		ValidArgsFunction: a.completeTools,
	}
	c.Flags().BoolVar(&check, "check", false, "run nothing unless the tools and the project's [check] work")
	overlayFlags(c, &o)
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return advise(flagError(c, err), 0, `a command to run and its flags go after "--": gostore shell -- COMMAND`)
	})
	return c
}

// shell enters the environment of the requests, or of the project where there are none.
func (a *app) shell(ctx context.Context, args, command []string, check bool, o overlayOptions) error {
	options, err := o.options() // before anything is installed
	if err != nil {
		return err
	}
	h, err := a.shellEnvironment(ctx, args)
	if err != nil {
		return shellMistake(err, args, command)
	}
	defer h.Release()
	h.Options = options
	env, err := environment.Load(h.Env.Path())
	if err != nil {
		return err
	}
	if check {
		if err := a.checkShell(ctx, h, env, len(args) == 0); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil { // nothing stops the command from here on
		return err
	}
	if len(command) == 0 && isTerminal(a.cfg.Stdin) {
		a.ui.note("shell with %s; \"exit\" leaves it", describe(env))
	}
	a.writeRecords(ctx, nil)
	a.finish()
	return a.cfg.enter(env, h, command)
}

// checkShell runs the checks of an environment's tools and, in a project's environment, the project's own.
func (a *app) checkShell(ctx context.Context, h *enter.Held, env environment.Environment, ofProject bool) error {
	var lines []environment.Line
	if ofProject {
		p, err := a.lockedProject()
		if err != nil {
			return err
		}
		if lines, err = projectLines(p.path); err != nil {
			return err
		}
	}
	err := env.Check(ctx, h.Env.Path(), a.cfg.Environ, lines...)
	if err == nil {
		return nil
	}
	a.record("shell") // only a check that fails is worth a line in the log
	a.showOutput(err)
	return advise(err, 0, "nothing was run; without --check it is run whatever works")
}

// showOutput prints what a failed check has written.
func (a *app) showOutput(err error) {
	var failed *environment.CheckError
	if errors.As(err, &failed) && failed.Err != nil { // what only lacks a word is quoted in the message
		a.ui.quote(failed.Output)
	}
}

// shellMistake adds the likeliest hint to a command that was written without its "--".
func shellMistake(err error, args, command []string) error {
	var missing *release.NotFoundError
	if command == nil && len(args) > 0 && !strings.Contains(args[0], "@") && errors.As(err, &missing) && missing.Version == "" {
		return advise(err, 0, "a command to run goes after \"--\": gostore shell -- "+strings.Join(args, " "))
	}
	return err
}

func (a *app) shellEnvironment(ctx context.Context, args []string) (*enter.Held, error) {
	if len(args) == 0 {
		return a.projectEnvironment(ctx)
	}
	tools, err := a.resolveHost(ctx, args)
	if err != nil {
		return nil, err
	}
	return a.assemble(ctx, tools)
}

// projectEnvironment assembles what the project's lock says, and registers the project so that
// the collector keeps it. The next quickShell finds the environment without reading the lock.
func (a *app) projectEnvironment(ctx context.Context) (*enter.Held, error) {
	p, err := a.lockedProject()
	if err != nil {
		return nil, err
	}
	a.project = p.path
	wishes, err := enter.WishesBeside(p.path) // before anything is installed
	if err != nil {
		return nil, err
	}
	h, err := a.assemble(ctx, p.file.Tools)
	if err != nil {
		return nil, err
	}
	h.Project = wishes
	if err := roots.Register(ctx, enter.RootsDir(a.st), enter.ProjectRoot(p.path, h.Env.Object().Tree, h.Tools)); err != nil {
		h.Release()
		return nil, err
	}
	a.relink(ctx, p, h)
	enter.Remember(a.st, p.data, h.Env.Object().Tree)
	return h, nil
}
