package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/check"
	"gostore/internal/git"
	"gostore/internal/project"
)

// checkFormats are the forms in which findings are printed.
var checkFormats = []string{"text", "json", "sarif", "github"}

// checkOptions are the flags of "gostore check".
type checkOptions struct {
	format                             string
	json, list, staged, modules, cache bool
}

func (a *app) checkCommand() *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use:   "check [RULE]...",
		Short: "Say what is wrong with the project, for commits and CI",
		Long: `Looks at the project with the rules that are named, or with all that need neither a network nor a build:

  lock      gostore.lock is what the project's files ask for, and is whole
  go-line   the locked Go is enough for the go and toolchain lines of every module
  vendor    vendor directories have the digests that "gostore lock --vendor" recorded, and fit go.mod
  objects   the objects of the locked tools are installed, and every byte is as it should be
  cross     what GOOS, GOARCH and CGO_ENABLED ask for can be built on this machine

--modules adds the rule that compares each require line with what the build selects and says why they differ; --cache the one
that builds everything from nothing and compares it with the build cache.

Each finding is a line FILE:LINE: MESSAGE [RULE], and what mends it a hint. The exit status is 0 when nothing is found, 7 when all that
is found is that the lock is out of date, 3 when something does not have the digest that was promised, else 1.`,
		Example: `  gostore check
  gostore check lock go-line
  gostore check --json
  gostore check --format github
  gostore check --list`,
		RunE: func(c *cobra.Command, args []string) error { return a.check(c.Context(), args, o) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, r := range check.Rules {
				names = append(names, r.Name+"\t"+r.Does)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", "text", "how findings are printed: "+strings.Join(checkFormats, ", "))
	f.BoolVar(&o.list, "list", false, "list the rules")
	f.BoolVar(&o.staged, "staged", false, "look at what is staged for the next commit, and only when that concerns a rule")
	f.BoolVar(&o.modules, "modules", false, "also compare go.mod with what the build selects")
	f.BoolVar(&o.cache, "cache", false, "also build from nothing and compare with the build cache")
	jsonFlag(c, &o.json)
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(checkFormats, cobra.ShellCompDirectiveNoFileComp)) // it fails only for an unknown flag
	return c
}

// rules returns the names of the rules to run.
func (o checkOptions) rules(args []string) ([]string, error) {
	var names []string
	for _, arg := range args {
		if !slices.ContainsFunc(check.Rules, func(r check.Rule) bool { return r.Name == arg }) {
			var known []string
			for _, r := range check.Rules {
				known = append(known, r.Name)
			}
			return nil, usagef("no rule %q", arg).withHints(didYouMean(nearest(arg, known)), "rules: "+strings.Join(known, ", "))
		}
		names = append(names, arg)
	}
	for _, r := range check.Rules {
		asked := o.modules && r.Name == check.RuleModules || o.cache && r.Name == check.RuleCache
		usual := len(args) == 0 && !r.Asked && (!o.staged || slices.Contains(stagedRules, r.Name))
		if (asked || usual) && !slices.Contains(names, r.Name) {
			names = append(names, r.Name)
		}
	}
	return names, nil
}

func (a *app) check(ctx context.Context, args []string, o checkOptions) error {
	if o.json {
		if o.format != "text" && o.format != "json" {
			return usagef("--json is --format json, not %s", o.format)
		}
		o.format = "json"
	}
	if !slices.Contains(checkFormats, o.format) {
		return usagef("no format %q", o.format).withHints(didYouMean(nearest(o.format, checkFormats)), "formats: "+strings.Join(checkFormats, ", "))
	}
	if o.list {
		return a.listRules(o.format)
	}
	rules, err := o.rules(args)
	if err != nil {
		return err
	}
	p, err := project.Find(a.cfg.Dir)
	if o.staged && errors.Is(err, project.ErrNone) {
		return a.tellFindings(p.Dir, nil, o.format) // on this branch there is nothing to hold a commit against
	}
	if err != nil {
		return noLock(p, err)
	}
	k := &checking{app: a, ctx: ctx, project: p, rules: rules}
	if o.staged {
		done, concerned, err := k.useStaged()
		defer done()
		if err != nil {
			return err
		}
		if !concerned {
			return a.tellFindings(p.Dir, nil, o.format)
		}
	}
	found, err := k.run()
	if err != nil {
		return err
	}
	return a.tellFindings(p.Dir, found, o.format)
}

// listRules prints the names of the rules and what they look for.
func (a *app) listRules(format string) error {
	if format == "json" {
		return a.ui.answerJSON(check.Rules)
	}
	var rows [][]string
	for _, r := range check.Rules {
		when := ""
		if r.Asked {
			when = "--" + r.Name
		}
		rows = append(rows, []string{r.Name, when, r.Does})
	}
	a.ui.table(rows)
	return nil
}

// foundError says that a check found something. The findings are printed already.
type foundError struct {
	n     int
	class check.Class
}

func (e *foundError) Error() string { return count(e.n, "finding") }

// explainFound gives the exit status.
func explainFound(err error) (int, []string) {
	var found *foundError
	switch {
	case !errors.As(err, &found):
		return exitOK, nil
	case found.class == check.Integrity:
		return exitIntegrity, nil
	case found.class == check.Outdated:
		return exitOutdated, nil
	}
	return exitFailed, nil
}

// tellFindings prints findings. For people files are as seen from the working directory, for programs as seen from the top of
// the repository, where forges look for them.
func (a *app) tellFindings(dir string, found []check.Finding, format string) error {
	top := git.Top(dir)
	if top == "" {
		top = dir
	}
	if format == "text" {
		found = check.Relative(found, a.cfg.Dir, false)
	} else {
		found = check.Relative(found, top, false)
	}
	switch format {
	case "json":
		if err := a.ui.answerJSON(map[string]any{"root": top, "findings": orEmpty(found)}); err != nil {
			return err
		}
	case "sarif":
		text, err := json.MarshalIndent(check.ToSARIF(found, version), "", "  ")
		if err != nil {
			return err
		}
		a.ui.write(string(text) + "\n")
	case "github":
		for _, f := range found {
			a.ui.answer("%s", f.GitHub())
		}
	default:
		for _, f := range found {
			a.ui.answer("%s", f.Text())
		}
	}
	if len(found) == 0 {
		a.ui.note("nothing found")
		return nil
	}
	var tips []string
	for _, f := range found {
		if format == "text" && f.Mend != "" && !slices.Contains(tips, f.Mend) {
			tips = append(tips, f.Mend)
		}
	}
	err := &foundError{len(found), check.Worst(found)}
	return advise(err, 0, tips...)
}
