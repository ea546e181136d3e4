package cmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/enter"
	"gostore/internal/journal"
	"gostore/lock"
)

func (a *app) installCommand() *cobra.Command {
	var asJSON, forCI bool
	c := &cobra.Command{
		Use:   "install [TOOL@VERSION]...",
		Short: "Put the tools of the lock, or others, into the store",
		Long: `Downloads, verifies and unpacks the tools of the project's gostore.lock for this platform, so
that "gostore shell" starts at once and without a network. What is there already is not
downloaded again. The answer is a line for each tool with the directory that it is in.

With TOOL@VERSION those releases are installed instead. Nothing keeps them: the next
"gostore gc" removes them unless a project or a profile uses them by then.

--ci is for the jobs of continuous integration: progress is folded in the log as GitHub Actions, GitLab,
Azure Pipelines, Buildkite and TeamCity have it, and errors are marked. Later steps of a job of GitHub Actions have the
tools on PATH, with their variables and those of the project.`,
		Example: `  gostore install
  gostore install --ci
  gostore install go@1.21.13 go@1.22.6`,
		RunE: func(c *cobra.Command, args []string) error { return a.installTools(c.Context(), args, asJSON, forCI) },
	}
	c.Flags().BoolVar(&forCI, "ci", false, "fold progress in the log of a job, mark errors, give the tools to later steps")
	jsonFlag(c, &asJSON)
	c.ValidArgsFunction = a.completeTools
	return c
}

func (a *app) installTools(ctx context.Context, args []string, asJSON, forCI bool) error {
	if forCI && len(args) > 0 {
		return usagef("--ci installs what the lock says: leave %s out", strings.Join(args, " "))
	}
	a.replaceLayered = true
	record := a.record("install")
	unfold := func() {}
	if forCI {
		unfold = a.foldLog("gostore: installing the tools of " + lock.Name)
	}
	h, err := a.installWanted(ctx, args)
	unfold()
	if err != nil {
		return err
	}
	defer h.Release()
	if a.installed.Count == 0 {
		record.Outcome = journal.Unchanged
	}
	if forCI {
		if err := a.exportToJob(ctx, h); err != nil {
			return err
		}
	}
	if asJSON {
		list := []installedJSON{}
		for i, t := range h.Tools {
			list = append(list, installedJSON{t.Name, t.Version, t.Tree.String(), h.Leases[i].Path()})
		}
		return a.ui.answerJSON(list)
	}
	var rows [][]string
	for i, t := range h.Tools {
		rows = append(rows, []string{t.String(), h.Leases[i].Path()})
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
func (a *app) installWanted(ctx context.Context, args []string) (*enter.Held, error) {
	if len(args) == 0 {
		h, err := a.projectEnvironment(ctx)
		if err == nil {
			a.addShims(ctx, commandsIn(h.Env.Path()))
		}
		return h, err
	}
	tools, err := a.resolveHost(ctx, args)
	if err != nil {
		return nil, err
	}
	return a.install(ctx, tools)
}
