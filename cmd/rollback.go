package cmd

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) rollbackCommand() *cobra.Command {
	var name string
	var asJSON bool
	c := &cobra.Command{
		Use:   "rollback [GENERATION]",
		Short: "Make an earlier generation of a profile current",
		Long: `Makes the generation before the current one current again, or the one with the number
given, which may also be a later one. Nothing is removed; the history records it.`,
		Example: `  gostore rollback
  gostore rollback 1`,
		RunE:              func(c *cobra.Command, args []string) error { return a.rollback(c.Context(), name, args, asJSON) },
		ValidArgsFunction: a.completeGenerations,
	}
	a.profileFlag(c, &name)
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) rollback(ctx context.Context, name string, args []string, asJSON bool) error {
	number := 0
	switch len(args) {
	case 0:
	case 1:
		var err error
		if number, err = parseGeneration(args[0]); err != nil {
			return err
		}
	default:
		return usagef("rollback takes one generation; %d given", len(args))
	}
	p, err := a.settledProfile(ctx, name)
	if err != nil {
		return err
	}
	record := a.record("rollback")
	record.Profile = name
	g, err := p.Rollback(ctx, number, a.who(), time.Now())
	recordGeneration(record, g, err)
	return a.tellSwitch(ctx, p, g, err, asJSON)
}

// parseGeneration reads the number of a generation.
func parseGeneration(arg string) (int, error) {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 1 {
		return 0, usagef("%q is not the number of a generation", arg).withHints(`"gostore generations" lists them`)
	}
	return n, nil
}
