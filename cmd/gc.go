package cmd

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gostore/gc"
	"gostore/internal/enter"
	"gostore/internal/journal"
	"gostore/internal/roots"
	"gostore/profile"
	"gostore/store"
)

// partAge is how long a download that was interrupted may wait for being resumed.
const partAge = 7 * 24 * time.Hour

// gcOptions are the flags of "gostore gc".
type gcOptions struct {
	dryRun, json bool
	keep         int
	olderThan    string
	why          string
}

func (a *app) gcCommand() *cobra.Command {
	o := gcOptions{}
	c := &cobra.Command{
		Use:   "gc",
		Short: "Remove the objects that nothing needs",
		Long: `Removes every object that no generation of a profile, no registered project and no running
process needs. What is in use is never removed, and nothing has to wait for it.

Without --keep and --older-than all generations and projects count. --keep N first removes
generations except the N newest of each profile and the current one; --older-than removes
generations made before then and forgets projects not used since then. With both a
generation must be among neither the newest nor the young ones to be removed. Downloads that
were interrupted are kept for a week, or for as long as --older-than says if that is less.

Caches of "gostore shell --isolate" go with their toolchain, and with --older-than when they
were not used since then. Private homes are never touched.`,
		Example: `  gostore gc --dry-run
  gostore gc
  gostore gc --keep 3
  gostore gc --older-than 30d
  gostore gc --why go@1.22.6`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("keep") && o.keep < 0 {
				return usagef("--keep %d: want a number from 0", o.keep)
			}
			if !c.Flags().Changed("keep") {
				o.keep = -1
			}
			if o.why != "" {
				return a.gcWhy(c.Context(), o)
			}
			return a.gc(c.Context(), o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would be removed and remove nothing")
	f.IntVar(&o.keep, "keep", 0, "of each profile, keep only this many of the newest generations")
	f.StringVar(&o.olderThan, "older-than", "", "age from which generations and projects go, such as 30d, 2w or 12h")
	f.StringVar(&o.why, "why", "", "print what keeps this object, and remove nothing")
	jsonFlag(c, &o.json)
	_ = c.RegisterFlagCompletionFunc("why", a.completeObjects) // fails only for a flag that is not there
	return c
}

// gcJSON is the answer of gc --json.
type gcJSON struct {
	DryRun      bool            `json:"dryRun"`
	Generations []string        `json:"generations"` // removed, "default 3"
	Projects    []string        `json:"projects"`    // forgotten
	Objects     []objectListing `json:"objects"`     // removed
	Skipped     []skippedJSON   `json:"skipped"`     // could not be removed
	Caches      []cachesJSON    `json:"caches"`      // of --isolate, removed
	Bytes       int64           `json:"bytes"`       // of disk, given back
}

// skippedJSON is an object that was to be removed and was left.
type skippedJSON struct {
	objectListing
	Reason string `json:"reason"`
}

func (a *app) gc(ctx context.Context, o gcOptions) error {
	st, err := a.openStore()
	if err != nil {
		return err
	}
	record := &journal.Record{}
	if !o.dryRun {
		record = a.record("gc")
	}
	gone, err := a.prune(ctx, o)
	answer := gcJSON{DryRun: o.dryRun, Generations: []string{}, Projects: orEmpty(gone.projects), Skipped: []skippedJSON{}, Caches: []cachesJSON{}}
	for _, g := range gone.generations {
		answer.Generations = append(answer.Generations, fmt.Sprintf("%s %d", g.Profile, g.Number))
	}
	defer func() { recordRemoved(record, answer) }() // also what was removed before something failed
	if err != nil {
		return err
	}
	without := pruned{}
	if o.dryRun { // else they are gone already, and one that is registered again meanwhile counts
		without = gone
	}
	read := a.recordedRoots(without)
	processes := func(context.Context) ([]gc.Root, error) { return gc.Processes(st) }
	opt := gc.Options{DeadOnly: true, Also: processes, Clean: store.CleanOptions{PartsBefore: partsBefore(o, time.Now())}}
	plan, err := gc.Plan(ctx, st, read, opt)
	if err != nil {
		return err
	}
	if o.dryRun {
		if err := plan.Describe(ctx, st); err != nil {
			return err
		}
		answer.Objects = listed(plan.Dead)
		if answer.Bytes, err = plan.Measure(st, opt.Clean); err != nil {
			return err
		}
		if err := a.gcCaches(ctx, o, &answer); err != nil {
			return err
		}
		return a.tellGC(answer, o)
	}
	if err := a.dropAsides(plan.Asides, opt.Clean.PartsBefore); err != nil { // before the sweep, which unlinks what they become
		return err
	}
	report, err := gc.Sweep(ctx, st, plan, read, opt)
	answer.Objects, answer.Bytes = listed(report.Removed), report.Freed
	for i, o := range listed(report.Skipped) {
		answer.Skipped = append(answer.Skipped, skippedJSON{o, report.Skipped[i].Reason})
	}
	if err != nil {
		return err
	}
	if err := a.gcCaches(ctx, o, &answer); err != nil {
		return err
	}
	return a.tellGC(answer, o)
}

func listed(objects []gc.Object) []objectListing {
	list := []objectListing{}
	for _, d := range objects {
		list = append(list, objectListing{Tree: d.Tree.String(), Name: d.Name, Version: d.Version, Size: d.Size, Added: d.Added})
	}
	return list
}

func (a *app) tellGC(answer gcJSON, o gcOptions) error {
	if o.json {
		return a.ui.answerJSON(answer)
	}
	verb, forgets := "removed", "forgot"
	if o.dryRun {
		verb, forgets = "would remove", "would forget"
	}
	for _, g := range answer.Generations {
		a.ui.answer("%s generation %s", verb, g)
	}
	for _, p := range answer.Projects {
		a.ui.answer("%s project %s", forgets, p)
	}
	var lines strings.Builder // in one piece: there may be thousands
	for _, d := range answer.Objects {
		fmt.Fprintf(&lines, "%s %s %s@%s, %s\n", verb, d.Tree[len("b3:"):][:12], d.Name, d.Version, size(d.Size))
	}
	if lines.Len() > 0 {
		a.ui.answer("%s", strings.TrimSuffix(lines.String(), "\n"))
	}
	for _, c := range answer.Caches {
		a.ui.answer("%s caches of %s, %s", verb, c.Name, size(c.Size))
	}
	for _, d := range answer.Skipped {
		a.ui.note("left %s@%s: %s", d.Name, d.Version, d.Reason)
	}
	a.ui.answer("%s %s, %s of disk", verb, count(len(answer.Objects), "object"), size(answer.Bytes))
	return nil
}

// prune removes the generations and forgets the projects that the flags say; in a dry run it only finds them.
func (a *app) prune(ctx context.Context, o gcOptions) (pruned, error) {
	var gone pruned
	if o.keep < 0 && o.olderThan == "" {
		return gone, nil
	}
	var before time.Time
	if o.olderThan != "" {
		age, err := parseAge(o.olderThan)
		if err != nil {
			return gone, err
		}
		before = time.Now().Add(-age)
		projects, err := roots.Prune(ctx, enter.RootsDir(a.st), before, a.linked, o.dryRun)
		if err != nil {
			return gone, err
		}
		for _, p := range projects {
			gone.projects = append(gone.projects, p.Lock)
		}
	}
	names, err := profile.List(a.st)
	if err != nil {
		return gone, err
	}
	for _, name := range names {
		p, err := a.profile(name)
		if err != nil {
			return gone, err
		}
		list, err := p.Prune(ctx, profile.Pruning{Keep: o.keep, Before: before, DryRun: o.dryRun, Who: a.who()})
		if err != nil {
			return gone, err
		}
		for _, g := range list {
			gone.generations = append(gone.generations, profile.Root{Profile: name, Number: g.Number})
		}
	}
	return gone, nil
}

// partsBefore returns when a download must have been interrupted to be given up.
func partsBefore(o gcOptions, now time.Time) time.Time {
	if age, err := parseAge(o.olderThan); err == nil && age < partAge { // prune has reported one that is none
		return now.Add(-age)
	}
	return now.Add(-partAge)
}

// parseAge reads 30d, 2w, 12h and what Go calls a duration.
func parseAge(s string) (time.Duration, error) {
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		digits, ok := strings.CutSuffix(s, suffix)
		if !ok {
			continue
		}
		if n, err := strconv.Atoi(digits); err == nil && n >= 0 && n < 100_000 {
			return time.Duration(n) * unit, nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return d, nil
	}
	return 0, usagef("age %q: want a number with a unit, such as 30d, 2w or 12h", s)
}

// gcWhy prints what keeps an object, each way on a line.
func (a *app) gcWhy(ctx context.Context, o gcOptions) error {
	object, err := a.findObject(o.why)
	if err != nil {
		return err
	}
	plan, err := gc.Plan(ctx, a.st, a.readRoots(pruned{}), gc.Options{})
	if err != nil {
		return err
	}
	chains := plan.Why(object.Tree)
	if o.json {
		return a.ui.answerJSON(map[string]any{"object": label(object), "tree": object.Tree.String(), "why": orEmpty(chains)})
	}
	for _, chain := range chains {
		a.ui.answer("%s", strings.Join(chain, " -> "))
	}
	if len(chains) == 0 {
		a.ui.answer("nothing keeps %s: \"gostore gc\" removes it", label(object))
	}
	return nil
}
