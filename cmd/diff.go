package cmd

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/environment"
	"gostore/internal/tree"
	"gostore/profile"
)

func (a *app) diffCommand() *cobra.Command {
	var name string
	var files, asJSON bool
	c := &cobra.Command{
		Use:   "diff GENERATION GENERATION",
		Short: "Say how two generations of a profile differ",
		Long: `Compares two generations by tool and version, and with --files by file: "+" for a file that the
second one has more, "-" for one that it lacks, "M" for one that differs.`,
		Example: `  gostore diff 1 2
  gostore diff --files 1 2`,
		RunE: func(_ *cobra.Command, args []string) error { return a.diff(name, args, files, asJSON) },

		ValidArgsFunction: a.completeGenerations,
	}
	a.profileFlag(c, &name)
	c.Flags().BoolVar(&files, "files", false, "compare file by file")
	jsonFlag(c, &asJSON)
	return c
}

// toolDiff is how one tool differs between two generations.
type toolDiff struct {
	profile.ToolChange
	Files []fileDiff `json:"files,omitempty"`
}

// fileDiff is how one file differs.
type fileDiff struct {
	Path   string `json:"path"`
	Change string `json:"change"` // "+", "-", "M"
	Was    string `json:"was,omitempty"`
	Is     string `json:"is,omitempty"`
}

func (a *app) diff(name string, args []string, files, asJSON bool) error {
	if len(args) != 2 {
		return usagef("diff compares two generations; %d given", len(args)).withHints(`"gostore generations" lists them`)
	}
	p, err := a.profile(name)
	if err != nil {
		return err
	}
	var environments [2]map[string][]environment.Tool
	for i, arg := range args {
		if environments[i], err = toolsOf(p, arg); err != nil {
			return err
		}
	}
	diffs, err := a.diffTools(environments[0], environments[1], files)
	if err != nil {
		return err
	}
	if asJSON {
		return a.ui.answerJSON(diffs)
	}
	for _, d := range diffs {
		a.ui.answer("%s", toolChange(d.Tool, d.Was, d.Is))
		for _, f := range d.Files {
			a.ui.answer("  %s %s%s", f.Change, f.Path, fileWords(f))
		}
	}
	if len(diffs) == 0 {
		a.ui.note("no difference")
	}
	return nil
}

// toolsOf returns the tools of a generation by name.
func toolsOf(p *profile.Profile, arg string) (map[string][]environment.Tool, error) {
	number, err := parseGeneration(arg)
	if err != nil {
		return nil, err
	}
	list, err := p.Generations()
	if err != nil {
		return nil, err
	}
	var have []int
	for _, g := range list {
		have = append(have, g.Number)
		if g.Number != number {
			continue
		}
		env, err := environment.Load(g.Dir)
		if err != nil {
			return nil, err
		}
		tools := map[string][]environment.Tool{}
		for _, t := range env.Tools {
			tools[t.Name] = append(tools[t.Name], t)
		}
		return tools, nil
	}
	return nil, &profile.NoGenerationError{Profile: p.Name(), Number: number, Have: have}
}

func (a *app) diffTools(was, is map[string][]environment.Tool, files bool) ([]toolDiff, error) {
	names := maps.Clone(was)
	maps.Copy(names, is)
	diffs := []toolDiff{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if slices.EqualFunc(was[name], is[name], func(a, b environment.Tool) bool {
			return a.Tree == b.Tree && a.Version == b.Version && a.Extra == b.Extra
		}) {
			continue
		}
		d := toolDiff{ToolChange: profile.ToolChange{Tool: name, Was: versions(was[name]), Is: versions(is[name])}}
		if files && len(was[name]) > 0 && len(is[name]) > 0 {
			var err error
			if d.Files, err = a.diffFiles(was[name][0], is[name][0]); err != nil {
				return nil, err
			}
		}
		diffs = append(diffs, d)
	}
	return diffs, nil
}

func versions(tools []environment.Tool) string {
	var list []string
	for _, t := range tools {
		list = append(list, t.Version)
	}
	return strings.Join(list, " ")
}

// diffFiles compares the primary versions of a tool.
func (a *app) diffFiles(was, is environment.Tool) ([]fileDiff, error) {
	before, err := a.st.Manifest(was.Tree)
	if err != nil {
		return nil, err
	}
	after, err := a.st.Manifest(is.Tree)
	if err != nil {
		return nil, err
	}
	var diffs []fileDiff
	for _, c := range tree.Diff(before, after) {
		d := fileDiff{Path: c.Path, Change: "M", Was: entryWords(c.Was), Is: entryWords(c.Is)}
		switch {
		case c.Was == nil:
			d.Change = "+"
		case c.Is == nil:
			d.Change = "-"
		}
		diffs = append(diffs, d)
	}
	return diffs, nil
}

// entryWords describes an entry as far as it matters in a comparison.
func entryWords(e *tree.Entry) string {
	switch {
	case e == nil:
		return ""
	case e.Kind == tree.Link:
		return "link to " + e.Target
	case e.Kind == tree.Dir:
		return e.Kind.String()
	}
	return fmt.Sprintf("%s of %s", e.Kind, size(e.Size))
}

func fileWords(f fileDiff) string {
	switch {
	case f.Change != "M":
		return ", " + f.Was + f.Is
	case f.Was == f.Is:
		return ", other contents"
	}
	return fmt.Sprintf(", %s -> %s", f.Was, f.Is)
}
