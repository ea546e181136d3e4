package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// exitStatus is the table in the help of every command. The numbers are those of explain.go.
const exitStatus = `  0    everything is as asked
  1    failed for another reason than these
  2    wrong usage
  3    integrity: something does not have the digest that was promised
  4    not found: no such tool, version, platform, object, generation or project
  5    busy: another process holds what is needed
  6    network: upstream could not be reached or answered with an error
  7    gostore.lock is out of date
  8    "gostore verify" ended in order before everything was read
  126  the command for "shell" cannot be executed
  127  the command for "shell" was not found
  130  interrupted
"gostore shell" otherwise ends with the exit status of the command that it runs.`

func (a *app) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Say how to use a command",
		Example: `  gostore help lock`,
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				topic := strings.Join(args, " ")
				return usagef("no help for %q", topic).withHints(nearCommand(c.Root(), topic), `"gostore --help" lists the commands`)
			}
			a.help(about, nil)
			return nil
		},
	}
}

// help prints what a command does. It is written by hand because templates would have to be
// linked and initialised for every "gostore shell".
func (a *app) help(c *cobra.Command, _ []string) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", c.Short)
	if c.Long != "" {
		fmt.Fprintf(&b, "%s\n\n", c.Long)
	}
	b.WriteString("USAGE\n")
	if c.Runnable() {
		fmt.Fprintf(&b, "  %s\n", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND [flags]\n\nCOMMANDS\n", c.CommandPath())
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" { // which is not called available
				fmt.Fprintf(&b, "  %-*s  %s\n", c.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	section(&b, "EXAMPLES", c.Example)
	section(&b, "FLAGS", flags(c.LocalFlags()))
	section(&b, "FLAGS OF EVERY COMMAND", flags(c.InheritedFlags()))
	section(&b, "EXIT STATUS", exitStatus)
	a.ui.write(b.String())
}

func section(b *strings.Builder, title, text string) {
	if text != "" {
		fmt.Fprintf(b, "\n%s\n%s\n", title, strings.TrimRight(text, "\n"))
	}
}

func flags(set *pflag.FlagSet) string {
	if !set.HasAvailableFlags() {
		return ""
	}
	return set.FlagUsages()
}
