package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"gostore/internal/journal"
)

func (a *app) installCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "install [TOOL@VERSION]...",
		Short: "Put the tools of the lock, or others, into the store",
		Long: `Downloads, verifies and unpacks the tools of the project's gostore.lock for this platform, so
that "gostore shell" starts at once and without a network. What is there already is not
downloaded again. The answer is a line for each tool with the directory that it is in.

With TOOL@VERSION those releases are installed instead. Nothing keeps them: the next
"gostore gc" removes them unless a project or a profile uses them by then.`,
		Example: `  gostore install
  gostore install go@1.21.13 go@1.22.6`,
		RunE: func(c *cobra.Command, args []string) error { return a.installTools(c.Context(), args, asJSON) },
	}
	jsonFlag(c, &asJSON)
	c.ValidArgsFunction = a.completeTools
	return c
}

func (a *app) installTools(ctx context.Context, args []string, asJSON bool) error {
	record := a.record("install")
	h, err := a.installWanted(ctx, args)
	if err != nil {
		return err
	}
	defer h.release()
	if a.installed.Count == 0 {
		record.Outcome = journal.Unchanged
	}
	if asJSON {
		list := []installedJSON{}
		for i, t := range h.tools {
			list = append(list, installedJSON{t.Name, t.Version, t.Tree.String(), h.leases[i].Path()})
		}
		return a.ui.answerJSON(list)
	}
	var rows [][]string
	for i, t := range h.tools {
		rows = append(rows, []string{t.String(), h.leases[i].Path()})
	}
	a.ui.table(rows)
	return nil
}

// installedJSON is one tool in the answer of install --json.
type installedJSON struct {
	Tool    string `json:"tool"`
	Version string `json:"version"`
	Tree    string `json:"tree"`
	Path    string `json:"path"`
}

// installWanted installs what the arguments ask for, or the project's lock.
func (a *app) installWanted(ctx context.Context, args []string) (*held, error) {
	if len(args) == 0 {
		h, err := a.projectEnvironment(ctx)
		if err == nil {
			a.addShims(ctx, commandsIn(h.env.Path()))
		}
		return h, err
	}
	tools, err := a.resolveHost(ctx, args)
	if err != nil {
		return nil, err
	}
	return a.install(ctx, tools)
}
