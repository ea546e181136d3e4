package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/definition"
	"gostore/internal/install"
	"gostore/internal/release"
)

func (a *app) toolsCommand() *cobra.Command {
	var all, asJSON bool
	c := &cobra.Command{
		Use:   "tools [NAME]",
		Short: "List the tools that gostore knows, or the versions of one",
		Long: `Lists the tools that are built in, and those that your configuration and the project's
gostore.toml define, with where each comes from. With NAME it lists the versions that the tool's upstream has,
the newest first. NAME can also be the path of a Go package or npm:PACKAGE, which need no definition.

docs/tools.md describes how tools are defined: ten lines of TOML.`,
		Example: `  gostore tools
  gostore tools go
  gostore tools go --all --json`,
		RunE: func(c *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return a.listTools(asJSON)
			case 1:
				return a.showTool(c.Context(), args[0], all, asJSON)
			}
			return usagef("tools takes the name of one tool; %d given", len(args))
		},
	}
	c.Flags().BoolVar(&all, "all", false, "list every version, pre-releases too")
	jsonFlag(c, &asJSON)
	c.ValidArgsFunction = a.completeToolNames
	return c
}

// toolInfo is a tool in the answer of tools --json.
type toolInfo struct {
	Name    string   `json:"name"`
	About   string   `json:"about"`
	Home    string   `json:"home"`
	Sources []string `json:"sources"` // the first is the one that is used
	Defined string   `json:"defined"` // where
}

// goInfo stands for Go among the definitions.
var goInfo = toolInfo{goTool, "the Go toolchain", "https://go.dev", []string{"goproxy", "godev"}, "built in"}

// knownTools returns the tools that can be asked for by a plain name, sorted.
func (a *app) knownTools() ([]toolInfo, error) {
	set, err := a.definitions()
	if err != nil {
		return nil, err
	}
	list := []toolInfo{goInfo}
	for _, d := range set.All() {
		list = append(list, describeDefinition(d))
	}
	for i := range list {
		list[i].Sources = a.preferred(list[i].Name, list[i].Sources)
	}
	slices.SortFunc(list, func(x, y toolInfo) int { return strings.Compare(x.Name, y.Name) })
	return list, nil
}

func describeDefinition(d definition.Definition) toolInfo {
	return toolInfo{d.Name, d.About, d.Home, d.Sources(), d.Place}
}

// preferred returns sources with the one first that the configuration chooses for a tool.
func (a *app) preferred(tool string, sources []string) []string {
	cfg, err := a.config()
	if err != nil {
		return sources // whoever needs the configuration reports it
	}
	chosen := cfg.Sources[tool]
	if !slices.Contains(sources, chosen) {
		return sources
	}
	return append([]string{chosen}, slices.DeleteFunc(slices.Clone(sources), func(s string) bool { return s == chosen })...)
}

func (a *app) listTools(asJSON bool) error {
	list, err := a.knownTools()
	if err != nil {
		return err
	}
	if asJSON {
		return a.ui.answerJSON(list)
	}
	rows := [][]string{{"NAME", "FROM", "ABOUT"}}
	for _, t := range list {
		from := strings.Join(t.Sources, ", ")
		if t.Defined != goInfo.Defined {
			from += " (" + a.short(t.Defined) + ")"
		}
		rows = append(rows, []string{t.Name, from, t.About})
	}
	a.ui.table(rows)
	return nil
}

// lister is a source that can list the versions of a tool.
type lister interface {
	install.Source
	Versions(ctx context.Context, tool string) ([]string, error)
}

// fewVersions is how many versions are listed for people who want no more.
const fewVersions = 20

func (a *app) showTool(ctx context.Context, name string, all, asJSON bool) error {
	r, err := release.ParseRequest(name)
	if err != nil {
		return usagef("%v", err)
	}
	source, err := a.sourceFor(r)
	if err != nil {
		return err
	}
	from, ok := source.(lister)
	if !ok {
		return fmt.Errorf("source %q cannot list versions", source.Name())
	}
	list, err := from.Versions(ctx, r.Tool)
	if err != nil {
		return fmt.Errorf("listing the versions of %s: %w", r.Name(), err)
	}
	a.listed(r.Name(), list)
	list = newestFirst(r.Tool, list, all)
	info := toolInfo{Name: r.Tool, Sources: []string{source.Name()}}
	if known, err := a.knownTools(); err == nil {
		if i := slices.IndexFunc(known, func(t toolInfo) bool { return t.Name == r.Tool }); i >= 0 {
			info = known[i]
		}
	}
	if asJSON {
		return a.ui.answerJSON(struct {
			toolInfo
			Source   string   `json:"source"`
			Versions []string `json:"versions"`
		}{info, source.Name(), orEmpty(list)})
	}
	a.ui.note("%s", strings.Join(slices.DeleteFunc([]string{info.About, info.Home, "from " + source.Name()},
		func(s string) bool { return s == "" }), "; "))
	shown := list
	if !all && len(shown) > fewVersions {
		shown = shown[:fewVersions]
	}
	for _, v := range shown {
		a.ui.answer("%s", v)
	}
	if more := len(list) - len(shown); more > 0 {
		a.ui.note("and %d older ones: --all lists them", more)
	}
	return nil
}

// newestFirst sorts versions, without the pre-releases unless all are wanted.
func newestFirst(tool string, list []string, all bool) []string {
	list = slices.DeleteFunc(slices.Clone(list), func(v string) bool { return !all && isPrerelease(tool, v) })
	sortNewest(tool, list)
	return list
}

// unknownTool is the error for a name that is no tool's.
func (a *app) unknownTool(name string) error {
	known, err := a.knownTools()
	if err != nil {
		return err
	}
	var names []string
	for _, t := range known {
		names = append(names, t.Name)
	}
	err = &release.NotFoundError{Tool: name, Have: names}
	var tips []string
	if near := didYouMean(nearest(name, names)); near != "" {
		tips = append(tips, near) // the likeliest comes first
	}
	return advise(err, 0, append(tips, fmt.Sprintf("an npm package is asked for as npm:%s, a Go package by its whole path, anything else with --url", name))...)
}

// toolNames returns the names for completions; a configuration that cannot be read is no reason to be silent.
func (a *app) toolNames() []string {
	names := []string{goTool}
	set, err := a.definitions()
	if err != nil {
		set = definition.Builtin()
	}
	for _, d := range set.All() {
		names = append(names, d.Name)
	}
	return names
}
