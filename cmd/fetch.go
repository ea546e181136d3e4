package cmd

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gostore/internal/enter"
	"gostore/internal/release"
	"gostore/internal/roots"
	"gostore/lock"
)

func (a *app) fetchCommand() *cobra.Command {
	var names []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "fetch [TOOL@VERSION]...",
		Short: "Put tools for other machines into the store",
		Long: `Downloads, verifies and unpacks the tools of the project's gostore.lock, or those that are named,
for each --platform, for this machine's where none is given. "gostore export" then takes them to a machine
without a network. What is fetched for the project stays in the store as long as the project needs it.`,
		Example: `  gostore fetch --platform linux/arm64,darwin/arm64
  gostore fetch go@1.22.6 --platform linux/arm64`,
		RunE: func(c *cobra.Command, args []string) error { return a.fetch(c.Context(), args, names, asJSON) },
	}
	platformFlag(c, &names)
	jsonFlag(c, &asJSON)
	c.ValidArgsFunction = a.completeTools
	return c
}

// platformFlag adds --platform to a command.
func platformFlag(c *cobra.Command, names *[]string) {
	c.Flags().StringSliceVar(names, "platform", nil, "platforms, such as linux/arm64, separated by commas; may be repeated")
}

// parsePlatforms reads the values of --platform; without any it is this machine's.
func parsePlatforms(names []string) ([]release.Platform, error) {
	if len(names) == 0 {
		return []release.Platform{release.Host()}, nil
	}
	var platforms []release.Platform
	for _, name := range names {
		p, err := release.ParsePlatform(name)
		if err != nil {
			return nil, usagef("%v", err)
		}
		if !slices.Contains(platforms, p) {
			platforms = append(platforms, p)
		}
	}
	return platforms, nil
}

// fetchedJSON is one object in the answer of fetch --json.
type fetchedJSON struct {
	installedJSON
	Platform string `json:"platform"`
}

func (a *app) fetch(ctx context.Context, args, names []string, asJSON bool) error {
	platforms, err := parsePlatforms(names)
	if err != nil {
		return err
	}
	tools, path, err := a.toFetch(ctx, args, platforms)
	if err != nil {
		return err
	}
	a.replaceLayered = true
	list, rows := []fetchedJSON{}, [][]string{}
	for _, p := range platforms {
		h, err := a.installFor(ctx, tools, p)
		if err != nil {
			return err
		}
		if path != "" {
			err = a.keepFor(ctx, path, p, h)
		}
		for i, t := range h.Tools {
			list = append(list, fetchedJSON{installedJSON{t.Name, t.Version, t.Tree.String(), h.Leases[i].Path()}, p.String()})
			rows = append(rows, []string{t.String(), p.String(), h.Leases[i].Path()})
		}
		h.Release()
		if err != nil {
			return err
		}
	}
	if asJSON {
		return a.ui.answerJSON(list)
	}
	a.ui.table(rows)
	return nil
}

// toFetch returns the tools that the arguments name, or those of the project and the path of its lock.
func (a *app) toFetch(ctx context.Context, args []string, platforms []release.Platform) (tools []lock.Tool, path string, err error) {
	if len(args) > 0 {
		requests, err := parseRequests(args)
		if err != nil {
			return nil, "", err
		}
		tools, err := a.resolve(ctx, requests, platforms)
		return tools, "", err
	}
	p, err := a.lockedProject()
	if err != nil {
		return nil, "", err
	}
	return p.file.Tools, p.path, nil
}

// keepFor registers that a project needs what was fetched for a platform.
func (a *app) keepFor(ctx context.Context, path string, p release.Platform, h *enter.Held) error {
	project := roots.Project{Lock: path, Platform: p, Used: time.Now()}
	for _, t := range h.Tools {
		project.Trees = append(project.Trees, t.Tree)
	}
	if p == release.Host() { // where an environment may be registered as well, which needs the same
		if h, err := a.projectEnvironment(ctx); err == nil {
			h.Release()
			return nil
		}
	}
	if err := roots.Register(ctx, enter.RootsDir(a.st), project); err != nil {
		return fmt.Errorf("keeping what was fetched for %s: %w", p, err)
	}
	return nil
}
