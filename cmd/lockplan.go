package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"gostore/internal/project"
	"gostore/internal/release"
	"gostore/internal/source/asset"
	"gostore/lock"
)

// lockPlan is what a lock command is going to do to the file: everything that needs the
// network was done, so that change can run with the file held.
type lockPlan struct {
	reasons []string    // why, a line for each tool
	tools   []lock.Tool // what was resolved
	change  func(*lock.File) error
}

// set adds to the plan that tools are locked after everything else.
func (p *lockPlan) set(tools []lock.Tool) {
	first := p.change
	p.change = func(f *lock.File) error {
		err := first(f)
		f.Set(tools...)
		return err
	}
}

func (a *app) planLock(ctx context.Context, p project.Project, args []string, o lockOptions) (lockPlan, error) {
	was, _, err := readLock(p)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return lockPlan{}, err
	}
	a.makers = was.Tools
	var plan lockPlan
	switch {
	case o.remove:
		return planRemove(args)
	case o.from != "":
		plan, err = a.planFrom(ctx, p, was, args, o.from)
	case o.origin.given():
		plan, err = a.planOrigin(ctx, p, args, o)
	case o.update:
		plan, err = a.planUpdate(ctx, p, args)
	case o.add || len(args) > 0:
		plan, err = a.planRequests(ctx, args, o.add)
	default:
		plan, err = a.planWants(ctx, p)
	}
	if err != nil {
		return lockPlan{}, err
	}
	return a.planRemaking(ctx, was, plan)
}

// planRemaking adds to a plan what is locked already and made by a release that the plan takes away: another has to make it.
func (a *app) planRemaking(ctx context.Context, was *lock.File, plan lockPlan) (lockPlan, error) {
	is, err := lock.Parse(lock.Name, was.Format()) // a copy
	if err != nil {
		return plan, err
	}
	if err := plan.change(is); err != nil {
		return plan, err
	}
	a.makers = is.Tools
	var remade []lock.Tool
	for _, t := range is.Tools {
		if t.With == "" || made(is, t) {
			continue
		}
		again, err := a.resolveOne(ctx, release.Request{Source: t.Source, Tool: t.Name, Version: t.Version}, nil)
		if err != nil {
			return plan, err
		}
		again.Request, again.Extra = t.Request, t.Extra
		remade = append(remade, again)
		plan.reasons = append(plan.reasons, fmt.Sprintf("%s@%s is made with %s now", t.Name, t.Version, again.With))
	}
	plan.tools = append(plan.tools, remade...)
	plan.set(remade)
	return plan, nil
}

// made reports whether the release that makes t is locked.
func made(f *lock.File, t lock.Tool) bool {
	return slices.ContainsFunc(f.Tools, func(by lock.Tool) bool { return by.Name+"@"+by.Version == t.With })
}

// planRequests locks what the command line asks for.
func (a *app) planRequests(ctx context.Context, args []string, add bool) (lockPlan, error) {
	if len(args) == 0 {
		return lockPlan{}, usagef("--add needs TOOL@VERSION")
	}
	requests, err := parseRequests(args)
	if err != nil {
		return lockPlan{}, err
	}
	tools, err := a.resolve(ctx, requests, nil)
	if err != nil {
		return lockPlan{}, err
	}
	plan := lockPlan{tools: tools, change: func(f *lock.File) error {
		for _, t := range tools {
			t.Extra = len(f.Find(t.Name)) > 0 && (add || t.Extra)
			f.Set(t)
		}
		return nil
	}}
	for i, t := range tools {
		plan.reasons = append(plan.reasons, reason(requests[i].String(), requests[i], " is ", t))
	}
	return plan, nil
}

// reason says what a request came to, if that is not what it says itself. Few platforms are named: whoever works on another has to know.
func reason(asked string, r release.Request, is string, t lock.Tool) string {
	if r.Version != t.Version {
		asked += is + t.Version
	}
	return asked + ", for " + platforms(t)
}

func platforms(t lock.Tool) string {
	const few = 3
	if len(t.Platforms) > few {
		return count(len(t.Platforms), "platform")
	}
	return strings.Join(platformNames(t), ", ") + " only"
}

func platformNames(t lock.Tool) []string {
	var names []string
	for _, p := range slices.SortedFunc(maps.Keys(t.Platforms), release.Platform.Compare) {
		names = append(names, p.String())
	}
	return names
}

// planWants locks what the files of the project ask for and is not locked yet.
func (a *app) planWants(ctx context.Context, p project.Project) (lockPlan, error) {
	f, _, err := readLock(p)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return lockPlan{}, err
	}
	wants, err := currentWants(p, f)
	if err != nil {
		return lockPlan{}, err
	}
	told, err := p.Remarks()
	if err != nil {
		return lockPlan{}, err
	}
	if len(wants) == 0 {
		return lockPlan{}, nothingWanted(fmt.Errorf("no file in %q says which tools it wants", p.Dir), told)
	}
	return a.planMissing(ctx, f, wants, told)
}

// planMissing locks those of the wants that are not locked yet, and tells what else the files say.
func (a *app) planMissing(ctx context.Context, f *lock.File, wants []lock.Want, told []string) (lockPlan, error) {
	for _, line := range told {
		a.ui.note("%s", line)
	}
	var reasons []string
	var missing []release.Request
	for _, w := range wants {
		for _, other := range w.Overruled {
			a.ui.note("%s overrules %s", w.Place(), other)
		}
		if len(lock.Check(f, []lock.Want{w})) > 0 {
			missing = append(missing, w.Request)
		} else {
			reasons = append(reasons, fmt.Sprintf("%s asks for %s", w.Place(), w.Request))
		}
	}
	plan, err := a.planResolved(ctx, wants, missing)
	plan.reasons = append(reasons, plan.reasons...)
	return plan, err
}

// currentWants returns what a project wants. The lock's own requests count only for the tools of which
// the project's other files ask for nothing else: "gostore lock" mends what "gostore lock --check" finds.
func currentWants(p project.Project, f *lock.File) ([]lock.Want, error) {
	wants, err := p.Wants()
	if err != nil {
		return nil, err
	}
	asks, err := p.Asks()
	if err != nil {
		return nil, err
	}
	for _, d := range lock.Check(f, asks) {
		ofTool := func(w lock.Want) bool { return w.Request.Tool == d.Tool }
		exact := slices.ContainsFunc(asks, func(w lock.Want) bool { return ofTool(w) && !w.Minimum })
		if d.Asked == "" || !slices.ContainsFunc(wants, func(w lock.Want) bool { return ofTool(w) && w.File == lock.Name }) {
			continue
		}
		wants = slices.DeleteFunc(wants, ofTool)
		for _, w := range asks {
			if ofTool(w) && !(w.Minimum && exact) {
				wants = append(wants, w)
			}
		}
	}
	return wants, nil
}

// planResolved resolves those of the wants that are missing, and drops the extras that the files that list
// them list no more.
func (a *app) planResolved(ctx context.Context, wants []lock.Want, missing []release.Request) (lockPlan, error) {
	var plan lockPlan
	var tools []lock.Tool
	var failures []error
	for _, w := range wants {
		if !slices.Contains(missing, w.Request) {
			continue
		}
		t, err := a.resolveOne(ctx, w.Request, nil)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", w.Place(), err))
			continue
		}
		t.Extra = w.Extra
		tools = append(tools, t)
		plan.tools = append(plan.tools, t)
		plan.reasons = append(plan.reasons, reason(fmt.Sprintf("%s asks for %s", w.Place(), w.Request), w.Request, ", which is ", t))
	}
	plan.change = func(f *lock.File) error {
		f.Set(tools...)
		for _, d := range lock.Check(f, wants) {
			if d.Asked == "" {
				f.RemoveExtra(d.Tool, d.Locked)
			}
		}
		return nil
	}
	return plan, errors.Join(failures...)
}

// planUpdate resolves locked requests again.
func (a *app) planUpdate(ctx context.Context, p project.Project, names []string) (lockPlan, error) {
	f, _, err := readLock(p)
	if err != nil {
		return lockPlan{}, noLock(p, err)
	}
	for _, name := range names {
		if len(f.Find(name)) == 0 {
			return lockPlan{}, notLocked(name)
		}
	}
	var wants []lock.Want
	var all []release.Request
	var paths []lock.Tool
	for _, t := range f.Tools {
		switch {
		case len(names) > 0 && !slices.Contains(names, t.Name):
		case t.Source == sourceURL:
			a.ui.note("%s stays %s: a URL lists no versions; for another one, lock it again with --url", t.Name, t.Version)
		case t.Source == sourcePath:
			paths = append(paths, t)
		default:
			r := a.requestOf(t)
			wants = append(wants, lock.Want{Request: r, Extra: t.Extra, File: lock.Name})
			all = append(all, r)
		}
	}
	plan, err := a.planResolved(ctx, wants, all)
	if err != nil {
		return plan, err
	}
	return a.planPaths(ctx, p, paths, plan)
}

// planPaths adds to a plan what stands at the paths of locked tools now.
func (a *app) planPaths(ctx context.Context, p project.Project, tools []lock.Tool, plan lockPlan) (lockPlan, error) {
	for i, t := range tools {
		source := asset.NewPath(asset.PathConfig{Dir: p.Dir, Path: t.Origin, Layout: t.Layout})
		found, err := source.Resolve(ctx, release.Request{Tool: t.Name, Version: t.Version}, slices.Collect(maps.Keys(t.Platforms)))
		if err != nil {
			return plan, fmt.Errorf("locking %s again: %w", t.Name, err)
		}
		tools[i] = lock.Of(found, t.Request, t.Extra)
		plan.reasons = append(plan.reasons, fmt.Sprintf("%s is what stands at %s", t.Name, t.Origin))
	}
	plan.set(tools)
	return plan, nil
}

// requestOf returns what a locked tool was asked for. Its source is written out where the tool would come from another one
// by now.
func (a *app) requestOf(t lock.Tool) release.Request {
	r := release.Request{Tool: t.Name, Version: t.Request}
	if s, err := a.sourceFor(r); err != nil || s.Name() != t.Source {
		r.Source = t.Source
	}
	return r
}

func planRemove(args []string) (lockPlan, error) {
	if len(args) == 0 {
		return lockPlan{}, usagef("--remove needs the name of a tool")
	}
	requests, err := parseRequests(args)
	if err != nil {
		return lockPlan{}, err
	}
	return lockPlan{change: func(f *lock.File) error {
		for i, r := range requests {
			removed := false
			if r.Version == release.Latest {
				removed = f.Remove(r.Tool)
			} else {
				removed = f.RemoveExtra(r.Tool, r.Version)
			}
			if !removed {
				return notLocked(args[i])
			}
		}
		return stillMade(f)
	}}, nil
}

// stillMade refuses a lock without the release that makes a tool which it has.
func stillMade(f *lock.File) error {
	for _, t := range f.Tools {
		if t.With != "" && !made(f, t) {
			return advise(fmt.Errorf("%s@%s is made with %s, which would not be locked any more", t.Name, t.Version, t.With), exitUsage,
				"remove both: gostore lock --remove "+t.Name+" "+strings.SplitN(t.With, "@", 2)[0])
		}
	}
	return nil
}

func notLocked(name string) error {
	return advise(fmt.Errorf("%s has no %s to change", lock.Name, name), exitNotFound,
		`"gostore list" shows what is locked`, "a version can be removed alone only if it is an extra")
}
