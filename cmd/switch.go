package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gostore/internal/enter"
	"gostore/internal/environment"
	"gostore/profile"
	"gostore/store"
)

// switchOptions are the flags of "gostore switch".
type switchOptions struct {
	profile string
	check   []string
	limit   time.Duration // for each check
	remove  []string
	trial   time.Duration // how long the generation is current unless it is kept; 0 is for good
	command []string      // to run with the generation on trial
	json    bool
}

func (a *app) switchCommand() *cobra.Command {
	var o switchOptions
	c := &cobra.Command{
		Use:   "switch [TOOL@VERSION]... [--for TIME [-- COMMAND [ARGUMENT]...]]",
		Short: "Make a new generation of a profile with other tools",
		Long: `Installs the releases, puts them into a new generation of the profile and makes that one
current. Other tools of the profile stay. Without arguments the profile becomes what the
project's gostore.lock says. Programs find the profile's commands through one directory,
which can stand on PATH for good; "gostore switch" names it when it does not.

Before the generation becomes current every tool must say the version that it should have,
and each --check must succeed, as must the [check] of the project's gostore.toml when the
profile becomes what the project's lock says; otherwise nothing changes. "gostore rollback"
goes back.

With --for the generation is on trial: when the time is up, the one before is current again
by itself, unless "gostore keep" was said. A COMMAND is run with the new generation; when it
fails, or is not done when the time is up, the trial is over at once.`,
		Example: `  gostore switch go@1.26
  gostore switch go@1.22.6 --check 'go version'
  gostore switch --profile work go@1.22
  gostore switch --for 10m go@1.23
  gostore keep
  gostore switch --for 10m go@1.22 -- go version
  gostore switch --remove go
  gostore switch`,
		RunE: func(c *cobra.Command, args []string) error {
			if n := c.ArgsLenAtDash(); n >= 0 {
				args, o.command = args[:n], args[n:]
			}
			if err := o.mistake(); err != nil {
				return err
			}
			return a.switchProfile(c.Context(), args, o)
		},
	}
	a.profileFlag(c, &o.profile)
	f := c.Flags()
	f.StringArrayVar(&o.check, "check", nil, "command that must succeed in the new environment, may be repeated")
	f.DurationVar(&o.limit, "check-limit", 0, "how long each --check may take (default 1m)")
	f.DurationVar(&o.trial, "for", 0, "go back by itself after this time, such as 10m, unless \"gostore keep\" is said")
	f.StringArrayVar(&o.remove, "remove", nil, "take a tool out of the profile, may be repeated")
	jsonFlag(c, &o.json)
	c.ValidArgsFunction = a.completeTools
	return c
}

// profileFlag adds --profile to a command.
func (a *app) profileFlag(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "profile", profile.Default, "name of the profile")
	_ = c.RegisterFlagCompletionFunc("profile", a.completeProfiles) // fails only for a flag that is not there
}

// mistake says what is wrong with the flags.
func (o switchOptions) mistake() error {
	switch {
	case o.trial < 0 || o.trial > 0 && o.trial < time.Second:
		return usagef("--for %v: want at least a second, such as 10m", o.trial)
	case o.limit < 0:
		return usagef("--check-limit %v: want a time such as 30s", o.limit)
	case o.command != nil && o.trial == 0:
		return usagef("a command after \"--\" goes with --for only").withHints("what must work before the switch: --check 'COMMAND'")
	case o.command != nil && len(o.command) == 0:
		return usagef("nothing follows the \"--\"")
	case o.command != nil && o.json:
		return usagef("--json does not go with a command after \"--\", which has an output of its own")
	}
	return nil
}

// profile opens a profile.
func (a *app) profile(name string) (*profile.Profile, error) {
	if err := profile.CheckName(name); err != nil {
		return nil, usagef("%v", err)
	}
	st, err := a.openStore()
	if err != nil {
		return nil, err
	}
	return profile.Open(st, name)
}

func (a *app) switchProfile(ctx context.Context, args []string, o switchOptions) error {
	p, err := a.settledProfile(ctx, o.profile)
	if err != nil {
		return err
	}
	record := a.record("switch")
	record.Profile = o.profile
	whole := len(args) == 0 && len(o.remove) == 0
	h, err := a.switchTools(ctx, args, whole)
	if err != nil {
		return err
	}
	defer h.Release()
	lines, err := a.checkLines(o, whole)
	if err != nil {
		return err
	}
	change := profile.Change{Who: a.who(), Replace: whole, For: o.trial}
	if len(o.remove) > 0 {
		change.Action = profile.Remove
	}
	change.Edit = func(current []environment.Tool) (*store.Lease, error) {
		tools, err := edited(current, h.Tools, o.remove)
		if err != nil {
			return nil, err
		}
		return a.buildChecked(ctx, tools, lines)
	}
	g, err := p.Switch(ctx, change)
	recordGeneration(record, g, err)
	if err := a.tellSwitch(ctx, p, g, err, o.json); err != nil || o.trial == 0 {
		return trialMistake(err, o)
	}
	return a.try(ctx, p, o)
}

// checkLines returns what must succeed before the profile is switched: what the command line says, and where the profile becomes what
// a project's lock says also what the project does.
func (a *app) checkLines(o switchOptions, whole bool) ([]environment.Line, error) {
	var lines []environment.Line
	if whole {
		p, err := a.lockedProject()
		if err != nil {
			return nil, err
		}
		if lines, err = projectLines(p.path); err != nil {
			return nil, err
		}
	}
	for _, c := range o.check {
		lines = append(lines, environment.Line{Command: c, Limit: o.limit})
	}
	return lines, nil
}

// switchTools installs what is to be added; a project's whole lock where nothing is named.
func (a *app) switchTools(ctx context.Context, args []string, whole bool) (*enter.Held, error) {
	switch {
	case len(args) > 0:
		tools, err := a.resolveHost(ctx, args)
		if err != nil {
			return nil, err
		}
		return a.install(ctx, tools)
	case whole:
		p, err := a.lockedProject()
		if err != nil {
			return nil, err
		}
		return a.install(ctx, p.file.Tools)
	}
	return &enter.Held{}, nil
}

// edited returns the tools of the next generation: those that are added take the place of every version
// of the same tool.
func edited(current, added []environment.Tool, removed []string) ([]environment.Tool, error) {
	for _, name := range removed {
		if !slices.ContainsFunc(current, func(t environment.Tool) bool { return t.Name == name }) {
			return nil, advise(fmt.Errorf("the profile has no tool %q", name), exitNotFound,
				"it has: "+describe(environment.Environment{Tools: current}))
		}
	}
	tools := slices.Clone(added)
	for _, t := range current {
		replaced := slices.ContainsFunc(added, func(n environment.Tool) bool { return n.Name == t.Name })
		if !replaced && !slices.Contains(removed, t.Name) {
			tools = append(tools, t)
		}
	}
	return tools, nil
}

// buildChecked builds an environment and runs the checks in it. The leases on tools that stay from the
// current generation are needed until the environment refers to them.
func (a *app) buildChecked(ctx context.Context, tools []environment.Tool, lines []environment.Line) (*store.Lease, error) {
	h := &enter.Held{}
	defer h.Release()
	for _, t := range tools {
		l, err := a.st.Lease(ctx, t.Tree)
		if err != nil {
			return nil, fmt.Errorf("keeping %s: %w", t, err)
		}
		h.Leases = append(h.Leases, l)
	}
	lease, err := environment.Build(ctx, a.st, tools)
	if err != nil {
		return nil, err
	}
	env, err := environment.Load(lease.Path())
	if err == nil {
		err = env.Check(ctx, lease.Path(), a.cfg.Environ, lines...)
	}
	if err != nil {
		a.showOutput(err)
		return nil, errors.Join(advise(err, 0, "nothing was switched: the generation before is still current"), lease.Release())
	}
	return lease, nil
}

// tellSwitch makes the shims that a switch or a rollback calls for, and prints what it came to.
func (a *app) tellSwitch(ctx context.Context, p *profile.Profile, g profile.Generation, err error, asJSON bool) error {
	unchanged := errors.Is(err, profile.ErrUnchanged)
	if err != nil && !unchanged {
		return err
	}
	a.addShims(ctx, commandsIn(g.Dir))
	env := environment.Environment{Tools: g.Tools}
	if asJSON {
		return a.ui.answerJSON(map[string]any{
			"profile": p.Name(), "generation": g.Number, "changed": !unchanged, "tools": toolsJSON(env), "path": p.Dir(),
		})
	}
	word := "is now at"
	if unchanged {
		word = "stays at"
	}
	a.ui.answer("%s %s generation %d: %s", p.Name(), word, g.Number, describe(env))
	onPath := strings.Split(a.cfg.getenv("PATH"), ":")
	served := p.Name() == profile.Default && slices.Contains(onPath, filepath.Join(a.st.Dir(), store.ShimsDir))
	if bin := p.Dir() + "/bin"; !served && !slices.Contains(onPath, bin) {
		a.ui.suggest("for its commands everywhere: %s", pathLine(bin))
	}
	return nil
}

func describe(env environment.Environment) string {
	if len(env.Tools) == 0 {
		return "no tools"
	}
	return env.String()
}

// toolJSON is a tool of an environment in an answer.
type toolJSON struct {
	Tool    string `json:"tool"`
	Version string `json:"version"`
	Request string `json:"request"`
	Extra   bool   `json:"extra"`
	Tree    string `json:"tree"`
}

func toolsJSON(env environment.Environment) []toolJSON {
	list := []toolJSON{}
	for _, t := range env.Tools {
		list = append(list, toolJSON{t.Name, t.Version, t.Request, t.Extra, t.Tree.String()})
	}
	return list
}

// terminalName returns the path of a terminal where the system tells it.
func terminalName(f *os.File) string {
	if name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd())); err == nil {
		return name
	}
	return "terminal"
}
