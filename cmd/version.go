package cmd

import (
	"runtime"

	"github.com/spf13/cobra"

	"gostore/internal/enter"
	"gostore/internal/release"
)

// version is what this program calls itself.
const version = enter.Version

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of gostore",
		Example: `  gostore version`,
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return a.ui.answerJSON(map[string]string{
					"version": version, "platform": release.Host().String(), "go": runtime.Version(),
				})
			}
			a.ui.answer("gostore %s %s", version, release.Host())
			return nil
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// noArgs refuses arguments.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usagef("%s takes no arguments, but %q is given", c.CommandPath(), args[0])
}
