package cmd

import (
	_ "embed" // for the script below
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/environment"
	"gostore/profile"
)

// bashCompletion is the script for bash. Cobra's own needs functions of the package bash-completion, which many machines do not
// have, and takes go@1.22 for three words, as readline does.
//
//go:embed completion.bash
var bashCompletion string

var completionShells = []string{"bash", "zsh", "fish", "powershell"}

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print the completions for a shell",
		Long: `Prints a script that completes gostore's commands, flags, tools and their versions, profiles and
objects. Pressing Tab uses no network: go@<Tab> offers what upstream listed last, what is in the
store and what is locked, the newest first; "gostore tools go" asks for a fresh list.

  bash         source <(gostore completion bash), in ~/.bashrc
  zsh          gostore completion zsh > "${fpath[1]}/_gostore"
  fish         gostore completion fish > ~/.config/fish/completions/gostore.fish
  powershell   gostore completion powershell | Out-String | Invoke-Expression`,
		Example: `  gostore completion bash
  gostore completion zsh`,
		ValidArgs: completionShells,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("completion needs the name of one shell: %s", strings.Join(completionShells, ", "))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return complete(c.Root(), args[0]) },
	}
}

func complete(root *cobra.Command, shell string) error {
	out := root.OutOrStdout()
	switch shell {
	case "bash":
		_, err := io.WriteString(out, bashCompletion)
		return err
	case "zsh":
		return root.GenZshCompletion(out)
	case "fish":
		return root.GenFishCompletion(out, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(out)
	}
	return usagef("no completions for %q", shell).withHints(didYouMean(nearest(shell, completionShells)),
		"shells: "+strings.Join(completionShells, ", "))
}

// The functions below run when a person presses Tab: they read, never create, and keep silent about errors.

func (a *app) completeObjects(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	if !a.storeExists() {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	objects, err := a.findObjects(nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, o := range objects {
		names = append(names, fmt.Sprintf("%s\t%s", shortTree(o), label(o)), fmt.Sprintf("%s\t%s", label(o), shortTree(o)))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeProfiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	if !a.storeExists() {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	st, err := a.openStore()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	names, err := profile.List(st)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeGenerations(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	if !a.storeExists() {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	name, _ := c.Flags().GetString("profile")
	p, err := a.profile(name)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	list, err := p.Generations()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var numbers []string
	for _, g := range list {
		env, _ := environment.Load(g.Dir)
		numbers = append(numbers, fmt.Sprintf("%d\t%s", g.Number, env))
	}
	return numbers, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) storeExists() bool {
	dir, err := a.cfg.rootDir()
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(dir, "format"))
	return err == nil
}

func (a *app) completeToolNames(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.toolNames(), cobra.ShellCompDirectiveNoFileComp
}
