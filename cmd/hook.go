package cmd

import (
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/hook"
)

func (a *app) hookCommand() *cobra.Command {
	shells := append(append([]string{}, hook.Shells...), hook.Direnv)
	c := &cobra.Command{
		Use:   "hook " + strings.Join(shells, "|"),
		Short: "Print what makes a shell follow the projects that it is in",
		Long: `Prints a hook for a shell: entering a project that is trusted applies its environment, leaving
it restores what was there before. Nothing is installed by it, and no network is used.

  bash     eval "$(gostore hook bash)", at the end of ~/.bashrc
  zsh      eval "$(gostore hook zsh)", at the end of ~/.zshrc
  fish     gostore hook fish | source, in ~/.config/fish/config.fish
  nu       gostore hook nu | save -f ($nu.data-dir | path join vendor autoload gostore.nu)
  direnv   gostore hook direnv > ~/.config/direnv/lib/gostore.sh; then "use gostore" in an .envrc

GOSTORE_HOOK_QUIET=1 silences the line that says what was applied or left. Scripts, cron jobs and editors
start no prompt: "gostore shell -- COMMAND" is for them.`,
		Example: `  gostore hook bash
  gostore hook fish`,
		ValidArgs: shells,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("hook needs the name of one shell: %s", strings.Join(shells, ", "))
			}
			program, err := a.cfg.program()
			if err != nil {
				return err
			}
			script := hook.Script(args[0], program)
			if script == "" {
				return usagef("no hook for %q", args[0]).withHints(didYouMean(nearest(args[0], shells)), "shells: "+strings.Join(shells, ", "))
			}
			a.ui.write(script)
			return nil
		},
	}
	for _, sub := range []func() *cobra.Command{a.hookRunCommand, a.preCommitCommand} {
		c.AddCommand(sub())
	}
	return c
}

// hookRunCommand is what the scripts call.
func (a *app) hookRunCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "run SHELL [again] | run direnv [TOOL@VERSION]...",
		Short:   "Say what a hook has to change",
		Example: `  gostore hook run bash`,
		Hidden:  true,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) > 0 && args[0] == hook.Direnv:
				return a.direnv(c.Context(), args[1:])
			case len(args) == 1 && hook.Known(args[0]), len(args) == 2 && hook.Known(args[0]) && args[1] == "again":
				return a.hook(c.Context(), args[0], len(args) == 1)
			}
			return usagef("hook run is for the scripts that \"gostore hook\" prints")
		},
	}
}
