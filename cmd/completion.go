package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/environment"
	"gostore/profile"
)

var completionShells = []string{"bash", "zsh", "fish", "powershell"}

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print the completions for a shell",
		Long: `Prints a script that completes gostore's commands, flags, tools, profiles and objects.

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
		return root.GenBashCompletionV2(out, true)
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

func (a *app) completeTools(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, tool := range a.toolNames() {
		names = append(names, tool+"@", tool)
	}
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

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
