package cmd

import "github.com/spf13/cobra"

func (a *app) hookCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "hook",
		Short:   "Print or install what makes other programs follow gostore",
		Example: `  gostore hook pre-commit`,
	}
	c.AddCommand(a.preCommitCommand())
	return c
}
