package cmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Description is what the help of a command says, as data: for who makes manual pages of it.
type Description struct {
	Path       []string // "gostore", "lock"
	Short      string   // one line
	Long       string   // paragraphs; indented lines stand as they are
	Usage      string   // "gostore lock [TOOL@VERSION]... [flags]", "" for one that only has commands
	Examples   []string // command lines
	Flags      []Flag   // its own
	Inherited  []Flag   // those of every command
	Commands   []string // the names of its own commands
	ExitStatus string   // the table of exit statuses
}

// Flag is a flag in a Description.
type Flag struct {
	Short string // "q", "" where there is none
	Long  string // "quiet"
	Value string // what its value is, "" for a switch
	Usage string
}

// Describe returns the descriptions of all commands, the program itself first.
func Describe() []Description {
	a := &app{ui: newUI(Config{})}
	root := a.rootCommand()
	root.InitDefaultHelpFlag()
	return describeAll(root, nil)
}

func describeAll(c *cobra.Command, path []string) []Description {
	c.InitDefaultHelpFlag()
	d := Description{Path: append(path[:len(path):len(path)], c.Name()), Short: c.Short, Long: c.Long, ExitStatus: exitStatus}
	if c.Runnable() {
		d.Usage = c.UseLine()
	}
	for line := range strings.Lines(c.Example) {
		d.Examples = append(d.Examples, strings.TrimSpace(line))
	}
	d.Flags, d.Inherited = describeFlags(c.LocalFlags()), describeFlags(c.InheritedFlags())
	list := []Description{d}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			list[0].Commands = append(list[0].Commands, sub.Name())
			list = append(list, describeAll(sub, d.Path)...)
		}
	}
	return list
}

func describeFlags(set *pflag.FlagSet) (list []Flag) {
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		list = append(list, Flag{f.Shorthand, f.Name, value, usage})
	})
	return list
}

// Completion writes the completions for a shell, "bash", "zsh", "fish" or "powershell".
func Completion(w io.Writer, shell string) error {
	a := &app{ui: newUI(Config{})}
	root := a.rootCommand()
	root.SetOut(w)
	if err := complete(root, shell); err != nil {
		return fmt.Errorf("completions: %w", err)
	}
	return nil
}

// Version is the version that this program calls itself.
const Version = version
