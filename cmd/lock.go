package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"gostore/internal/project"
	"gostore/internal/release"
	"gostore/lock"
)

// lockOptions are the flags of "gostore lock".
type lockOptions struct {
	check, update, remove, add, dryRun, json bool
}

func (a *app) lockCommand() *cobra.Command {
	var o lockOptions
	c := &cobra.Command{
		Use:   "lock [TOOL@VERSION]...",
		Short: "Resolve requests and write gostore.lock for every platform",
		Long: `Resolves each request to its newest release and writes the release, with upstream's digest
for every platform, to gostore.lock. The first request for a tool is its primary version;
further ones are extras, which are on PATH under their versioned names only (go1.21.13).

Without arguments the project says what it wants: gostore.toml, gostore.lock's own requests,
the toolchain line of go.work or go.mod, .go-version, or the bare go line, in this order. The
answer names the file that decided. What is locked and still wanted stays as it is; only
--update looks for newer releases. No other command writes the lock.`,
		Example: `  gostore lock go@1.22
  gostore lock
  gostore lock --add go@1.21
  gostore lock go@1.22 go@1.27
  gostore lock --update go
  gostore lock --remove go
  gostore lock --check
  gostore lock --dry-run go@1.23`,
		RunE: func(c *cobra.Command, args []string) error { return a.lock(c.Context(), args, o) },
	}
	f := c.Flags()
	f.BoolVar(&o.check, "check", false, "only say whether the lock is what the project wants; exit status 7 when not")
	f.BoolVar(&o.update, "update", false, "resolve the locked requests again, of all tools or of those named")
	f.BoolVar(&o.remove, "remove", false, "take tools, or TOOL@VERSION that are extras, out of the lock")
	f.BoolVar(&o.add, "add", false, "lock the versions beside the primary one")
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would change and write nothing")
	f.BoolVar(&o.json, "json", false, "print the answer as JSON")
	c.MarkFlagsMutuallyExclusive("check", "update", "remove", "add")
	c.MarkFlagsMutuallyExclusive("check", "dry-run")
	c.ValidArgsFunction = a.completeTools
	return c
}

// lockPlan is what a lock command is going to do to the file: everything that needs the
// network was done, so that change can run with the file held.
type lockPlan struct {
	reasons []string // why, a line for each tool
	change  func(*lock.File) error
}

func (a *app) lock(ctx context.Context, args []string, o lockOptions) error {
	p, err := project.Find(a.cfg.Dir)
	if err != nil && !errors.Is(err, project.ErrNone) {
		return err
	}
	if o.check {
		if len(args) > 0 {
			return usagef("--check takes no arguments")
		}
		return a.lockCheck(p, o.json)
	}
	plan, err := a.planLock(ctx, p, args, o)
	if err != nil {
		return err
	}
	was, is, err := a.applyLock(ctx, p.LockPath(), plan, o.dryRun)
	if err != nil {
		return err
	}
	if asks, err := p.Asks(); err == nil {
		for _, d := range lock.Check(is, asks) {
			a.ui.warn("%s", d)
		}
	}
	return a.tellLock(p.LockPath(), plan.reasons, was, is, o)
}

func (a *app) planLock(ctx context.Context, p project.Project, args []string, o lockOptions) (lockPlan, error) {
	switch {
	case o.remove:
		return planRemove(args)
	case o.update:
		return a.planUpdate(ctx, p, args)
	case o.add || len(args) > 0:
		return a.planRequests(ctx, args, o.add)
	default:
		return a.planWants(ctx, p)
	}
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
	plan := lockPlan{change: func(f *lock.File) error {
		for _, t := range tools {
			t.Extra = len(f.Find(t.Name)) > 0 && (add || t.Extra)
			f.Set(t)
		}
		return nil
	}}
	for i, t := range tools {
		plan.reasons = append(plan.reasons, reason(requests[i].String(), t))
	}
	return plan, nil
}

func reason(asked string, t lock.Tool) string {
	return fmt.Sprintf("%s is %s, for %s", asked, t.Version, count(len(t.Platforms), "platform"))
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
	if len(wants) == 0 {
		return lockPlan{}, advise(fmt.Errorf("no file in %q says which tools it wants", p.Dir), exitNotFound,
			"name them: gostore lock go@1.22")
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
		plan.reasons = append(plan.reasons, reason(fmt.Sprintf("%s asks for %s, which", w.Place(), w.Request), t))
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
		return lockPlan{}, noLock(err)
	}
	for _, name := range names {
		if len(f.Find(name)) == 0 {
			return lockPlan{}, notLocked(name)
		}
	}
	var wants []lock.Want
	var all []release.Request
	for _, t := range f.Tools {
		if len(names) == 0 || slices.Contains(names, t.Name) {
			r := release.Request{Tool: t.Name, Version: t.Request}
			wants = append(wants, lock.Want{Request: r, Extra: t.Extra, File: lock.Name})
			all = append(all, r)
		}
	}
	return a.planResolved(ctx, wants, all)
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
		return nil
	}}, nil
}

func notLocked(name string) error {
	return advise(fmt.Errorf("%s has no %s to change", lock.Name, name), exitNotFound,
		`"gostore list" shows what is locked`, "a version can be removed alone only if it is an extra")
}

// applyLock carries a plan out and returns the lock before and after. With dryRun it only computes them.
func (a *app) applyLock(ctx context.Context, path string, plan lockPlan, dryRun bool) (was, is *lock.File, err error) {
	errDry := errors.New("dry run")
	err = lock.Update(ctx, path, func(f *lock.File) error {
		if was, err = lock.Parse(path, f.Format()); err != nil { // a copy
			return err
		}
		is = f
		if err := plan.change(f); err != nil {
			return err
		}
		a.fillTrees(f)
		if dryRun {
			return errDry
		}
		return nil
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	return was, is, err
}

// fillTrees records the tree digests of archives that were unpacked on this machine: then every
// other machine checks that it unpacks them to the same.
func (a *app) fillTrees(f *lock.File) {
	st, err := a.openStore()
	if err != nil {
		return // best effort: the lock is complete without them
	}
	for _, t := range f.Tools {
		for _, archive := range t.Platforms {
			if known, ok := st.LookupArchive(archive.Digest); ok && archive.Tree.IsZero() {
				f.SetTree(archive.Digest, known)
			}
		}
	}
}

// tellLock prints the answer of a lock command.
func (a *app) tellLock(path string, reasons []string, was, is *lock.File, o lockOptions) error {
	changes := lock.Diff(was, is)
	if o.json {
		return a.ui.answerJSON(map[string]any{
			"lock": path, "reasons": orEmpty(reasons), "changes": orEmpty(changes), "written": !o.dryRun,
		})
	}
	for _, line := range reasons {
		a.ui.answer("%s", line)
	}
	for _, c := range changes {
		a.ui.answer("%s", c)
	}
	switch {
	case len(changes) == 0:
		a.ui.answer("%s is up to date", a.short(path))
	case o.dryRun:
		a.ui.note("%s is left as it is", a.short(path))
	default:
		a.ui.note("wrote %s", a.short(path))
	}
	return nil
}

// lockCheck says whether the lock is what the project wants.
func (a *app) lockCheck(p project.Project, asJSON bool) error {
	asks, err := p.Asks()
	if err != nil {
		return err
	}
	f, data, err := readLock(p)
	if err != nil && (len(asks) == 0 || !errors.Is(err, fs.ErrNotExist)) {
		return noLock(err)
	}
	differences := lock.Check(f, asks)
	path := a.short(p.LockPath())
	if asJSON {
		if err := a.ui.answerJSON(map[string]any{"lock": p.LockPath(), "differences": orEmpty(differences)}); err != nil {
			return err
		}
	}
	if len(differences) > 0 {
		return &lock.OutdatedError{File: path, Differences: differences}
	}
	if !asJSON {
		a.ui.answer("%s is up to date", path)
	}
	if !bytes.Equal(data, f.Format()) {
		a.ui.note(`%s is not in its canonical form; "gostore lock" writes it so`, path)
	}
	return nil
}

// readLock returns the lock of a project and its bytes. Where there is none the lock is empty and the
// error is fs.ErrNotExist.
func readLock(p project.Project) (*lock.File, []byte, error) {
	data, err := os.ReadFile(p.LockPath())
	if err != nil {
		return new(lock.File), nil, err
	}
	f, err := lock.Parse(p.LockPath(), data)
	return f, data, err
}

// lockedProject is a project that has a lock.
type lockedProject struct {
	path string
	data []byte
	file *lock.File
}

// lockedProject returns the project around the working directory; without a lock it is fs.ErrNotExist.
func (a *app) lockedProject() (lockedProject, error) {
	p, err := project.Find(a.cfg.Dir)
	if err != nil {
		return lockedProject{}, noLock(err)
	}
	f, data, err := readLock(p)
	if err != nil {
		return lockedProject{}, noLock(err)
	}
	return lockedProject{p.LockPath(), data, f}, nil
}

// noLock explains a lock that is not there.
func noLock(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return advise(&missingLockError{err}, exitNotFound, "make one: gostore lock, or gostore lock go@1.22")
}

// missingLockError is a project, or a directory that is none, without a lock.
type missingLockError struct{ err error }

func (e *missingLockError) Error() string { return "no " + lock.Name + " here or in a directory above" }
func (e *missingLockError) Unwrap() error { return e.err }

// short returns a path as seen from the working directory where that is below it.
func (a *app) short(path string) string {
	if rel, err := filepath.Rel(a.cfg.Dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// orEmpty makes JSON print an absent list as [].
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
