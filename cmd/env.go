package cmd

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/enter"
	"gostore/internal/environment"
	"gostore/internal/variables"
)

// envOptions are the flags of "gostore env".
type envOptions struct {
	overlay         overlayOptions
	profile         string // "" for the project
	format          string // "" for the shell's
	explain, all    bool
	json            bool
	requests, named []string // what is named: TOOL@VERSION, and variables to explain
}

func (a *app) envCommand() *cobra.Command {
	var o envOptions
	c := &cobra.Command{
		Use:   "env [TOOL@VERSION]... [--explain [VARIABLE]...]",
		Short: "Print the variables of an environment, or explain them",
		Long: `Prints what the environment of the project's gostore.lock, of the named tools, or of a
profile says about variables: those that it sets, those that it takes away, and PATH. Tools
that are missing are installed first.

  sh           eval "$(gostore env)", in sh, bash and zsh
  fish         gostore env | source
  nu           for nushell: save it, and source-env the file
  powershell   gostore env --format powershell | Out-String | Invoke-Expression
  json         an object with "set" and "unset"
  dotenv       NAME=VALUE lines, for .env files and docker run --env-file
  github       for "$GITHUB_ENV" in GitHub Actions
  docker       ENV lines of a Dockerfile

Without --format it is the one of $SHELL. What a format cannot express is an error.

--explain says of each variable who speaks of it and what counts. The order is: command line,
project, tools, the process gostore was started in, the file of "go env -w", the go.env of the
locked Go, its default. Without VARIABLE it tells those that more than one of them speaks of,
or that the environment sets; --all tells every one.`,
		Example: `  eval "$(gostore env)"
  gostore env --format dotenv >.env
  gostore env go@1.22.6 --format json
  gostore env --profile default --format fish
  gostore env --explain
  gostore env --explain GOFLAGS GOPROXY`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.read(args); err != nil {
				return err
			}
			return a.env(c.Context(), o)
		},
		ValidArgsFunction: func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if o.explain && !strings.Contains(word, "@") {
				return variables.Known(), cobra.ShellCompDirectiveNoFileComp
			}
			return a.completeTools(c, args, word)
		},
	}
	overlayFlags(c, &o.overlay)
	f := c.Flags()
	f.StringVar(&o.profile, "profile", "", "the environment of this profile, not of the project")
	f.StringVar(&o.format, "format", "", "how to print: "+strings.Join(variables.Formats, ", "))
	f.BoolVar(&o.explain, "explain", false, "tell who says what about each variable, and what counts")
	f.BoolVar(&o.all, "all", false, "with --explain, tell also of variables that only one has a say in")
	jsonFlag(c, &o.json)
	for flag, complete := range map[string]cobra.CompletionFunc{
		"profile": a.completeProfiles, "format": cobra.FixedCompletions(variables.Formats, cobra.ShellCompDirectiveNoFileComp),
	} {
		_ = c.RegisterFlagCompletionFunc(flag, complete) // fails only for a flag that is not there
	}
	return c
}

// read checks the flags and sorts the arguments: with --explain what has no "@" is a variable.
func (o *envOptions) read(args []string) error {
	for _, arg := range args {
		if o.explain && !strings.Contains(arg, "@") {
			o.named = append(o.named, arg)
		} else {
			o.requests = append(o.requests, arg)
		}
	}
	switch {
	case o.profile != "" && len(o.requests) > 0:
		return usagef("%s and --profile %s: an environment is of one of them", o.requests[0], o.profile)
	case o.all && !o.explain:
		return usagef("--all goes with --explain")
	case o.explain && o.format != "" && o.format != "json":
		return usagef("--format %s: an explanation is text, or JSON with --json", o.format)
	case o.json && o.format != "" && o.format != "json":
		return usagef("--json and --format %s: want one of them", o.format)
	case o.format != "" && !slices.Contains(variables.Formats, o.format):
		return usagef("no format %q", o.format).withHints(didYouMean(nearest(o.format, variables.Formats)), "formats: "+strings.Join(variables.Formats, ", "))
	}
	if o.json || o.format == "json" {
		o.json, o.format = true, "json"
	}
	_, err := o.overlay.settings()
	return err
}

// env prints or explains an environment.
func (a *app) env(ctx context.Context, o envOptions) error {
	s, err := a.settledEnvironment(ctx, o)
	if err != nil {
		return err
	}
	defer s.held.Release()
	if o.explain {
		return a.explainVariables(ctx, s, o)
	}
	format := o.format
	if format == "" {
		format = shellFormat(a.cfg.getenv("SHELL"))
	}
	changes := variables.Statement(s.env.Tools, s.Over(), s.Environ)
	if slices.Contains([]string{"dotenv", "docker", "github"}, format) {
		changes = slices.DeleteFunc(changes, func(c environment.Setting) bool { return c.Unset && !a.cfg.has(c.Name) })
	}
	var text strings.Builder
	if err := variables.Format(&text, format, changes); err != nil {
		return inexpressible(err, changes)
	}
	a.ui.write(text.String())
	return nil
}

// inexpressible adds what to do about a value that a format cannot express.
func inexpressible(err error, changes []environment.Setting) error {
	var e *variables.InexpressibleError
	if !errors.As(err, &e) {
		return err
	}
	taken := slices.ContainsFunc(changes, func(c environment.Setting) bool { return c.Name == e.Name && c.Unset })
	if taken {
		return advise(err, exitFailed, "start without it: env -u "+e.Name+" gostore env --format "+e.Format)
	}
	return advise(err, exitFailed, "another format can, or another value: --env "+e.Name+"=VALUE", "sh, fish and json express most")
}

// shellFormat returns the format for a shell, by its path.
func shellFormat(shell string) string {
	switch filepath.Base(shell) {
	case "fish":
		return "fish"
	case "nu":
		return "nu"
	case "pwsh", "powershell":
		return "powershell"
	}
	return "sh"
}

// settled is an environment with everything that is on top of it.
type settled struct {
	enter.Applied
	held *enter.Held
	env  environment.Environment
	dir  string // of the environment, or a link to it
}

// settledEnvironment returns the environment of a profile, of tools, or of the project.
func (a *app) settledEnvironment(ctx context.Context, o envOptions) (settled, error) {
	s := settled{held: &enter.Held{}}
	options, err := o.overlay.options() // before anything is installed
	if err != nil {
		return s, err
	}
	if o.profile != "" {
		p, err := a.profile(o.profile)
		if err != nil {
			return s, err
		}
		g, err := p.Tools()
		if err != nil {
			return s, err
		}
		s.env, s.dir = environment.Environment{Tools: g.Tools}, p.Dir()
	} else {
		h, err := a.shellEnvironment(ctx, o.requests)
		if err != nil {
			return s, err
		}
		s.held, s.dir = h, h.Env.Path()
		if s.env, err = environment.Load(s.dir); err != nil {
			h.Release()
			return s, err
		}
	}
	s.held.Options = options
	if s.Applied, err = a.cfg.process().Lay(ctx, s.env, s.dir, s.held); err != nil {
		s.held.Release()
	}
	return s, err
}

// has reports whether a variable is set, be it to nothing.
func (c Config) has(name string) bool {
	return slices.ContainsFunc(c.Environ, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
}
