package cmd

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"gostore/internal/journal"
	"gostore/internal/project"
	"gostore/internal/release"
	"gostore/lock"
)

// lockOptions are the flags of "gostore lock".
type lockOptions struct {
	check, update, remove, add, dryRun, digest, json bool

	from     string // the one file that speaks
	command  bool   // these are the flags of the command that runs
	cgo      bool   // programs of Go packages are built with the C compiler
	unlogged bool   // the checksum database does not know the modules
	origin   origin
	vendor   vendorOptions
}

func (a *app) lockCommand() *cobra.Command {
	var o lockOptions
	c := &cobra.Command{
		Use:   "lock [TOOL@VERSION]...",
		Short: "Resolve requests and write gostore.lock for every platform",
		Long: `Resolves each request to its newest release and writes the release, with upstream's digest
for every platform, to gostore.lock. The first request for a tool is its primary version;
further ones are extras, which are on PATH under their versioned names only (go1.21.13).

Without arguments the project says what it wants: gostore.toml, the toolchain line of go.work
or go.mod, .go-version, mise.toml, .tool-versions, .node-version, .nvmrc, volta in package.json, or the
bare go line and engines in package.json, which are minimums. The answer names the file
that decided. With --from only the one file speaks, for the tools that it names. What is locked already and is enough for them stays as it is; only
--update looks for newer releases. No other command writes the lock.

"gostore tools" lists the names that are known. The path of a Go package is built from its module, with the Go that is
locked; npm:PACKAGE comes from the npm registry, and what is written in JavaScript needs a locked node to run. Anything else is
locked by its --url or --path.

--vendor also records the tree digests of the project's vendor directories, with which "gostore check" compares them; without it the
record stays as it is.`,
		Example: `  gostore lock go@1.22
  gostore lock
  gostore lock --add go@1.21
  gostore lock go@1.22 go@1.26
  gostore lock --update go
  gostore lock --remove go
  gostore lock node@22 jq golang.org/x/tools/gopls@latest npm:prettier@3
  gostore lock mytool@1.2 --url 'https://example.org/{version}/x-{os}-{arch}.tar.gz' --trust-on-first-use
  gostore lock mysdk@2 --path ./sdk.tar.xz
  gostore lock --from .tool-versions
  gostore lock --check
  gostore lock --digest
  gostore lock --dry-run go@1.23`,
		RunE: func(c *cobra.Command, args []string) error {
			args, err := o.takeDigests(args)
			if err != nil {
				return err
			}
			return a.lock(c.Context(), args, o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.check, "check", false, "only say whether the lock is what the project wants; exit status 7 when not")
	f.BoolVar(&o.update, "update", false, "resolve the locked requests again, of all tools or of those named")
	f.BoolVar(&o.remove, "remove", false, "take tools, or TOOL@VERSION that are extras, out of the lock")
	f.BoolVar(&o.add, "add", false, "lock the versions beside the primary one")
	f.StringVar(&o.from, "from", "", "lock what this file asks for, whatever the others say: go.mod, .tool-versions, mise.toml, …")
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would change and write nothing")
	f.BoolVar(&o.cgo, "cgo", false, "build Go packages with cgo: then the C compiler of the machine has its part in them")
	f.BoolVar(&o.unlogged, "unlogged", false, "lock a private Go module, which the checksum database does not know; the lock says so")
	f.BoolVar(&o.vendor.record, "vendor", false, "also record the tree digests of the project's vendor directories, for \"gostore check\"")
	f.BoolVar(&o.vendor.drop, "no-vendor", false, "also take the record of vendor directories out of the lock")
	o.origin.flags(f)
	jsonFlag(c, &o.json)
	c.ValidArgsFunction = a.completeTools
	return c
}

// exclusive reports flags that cannot be given together.
func (o lockOptions) exclusive() error {
	given := 0
	for _, set := range []bool{o.check, o.digest, o.update, o.remove, o.from != "", o.add || o.origin.given()} {
		if set {
			given++
		}
	}
	switch {
	case given > 1 && o.origin.given():
		return usagef("--url and --path do not go with --check, --digest, --update, --remove and --from")
	case given > 1:
		return usagef("only one of --check, --update, --remove, --add, --digest and --from can be given")
	case o.vendor.record && o.vendor.drop:
		return usagef("only one of --vendor and --no-vendor can be given")
	case (o.check || o.digest) && (o.vendor.record || o.vendor.drop):
		return usagef(`--check and --digest take no --vendor`).withHints(`"gostore check vendor" compares vendor directories with their record`)
	case (o.check || o.digest) && o.dryRun:
		return usagef("--check and --digest write nothing: leave --dry-run out")
	}
	return o.origin.check()
}

func (a *app) lock(ctx context.Context, args []string, o lockOptions) error {
	if err := o.exclusive(); err != nil {
		return err
	}
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
	if o.digest {
		return a.lockDigest(p, args, o.json)
	}
	o.command = true
	a.locking = o
	record := &journal.Record{}
	if !o.dryRun {
		record = a.record("lock")
		record.Project = p.LockPath()
	}
	plan, err := a.planLock(ctx, p, args, o)
	if err != nil {
		return err
	}
	if err := a.planVendor(ctx, p, o.vendor, &plan); err != nil {
		return err
	}
	if !o.dryRun {
		if err := a.makeHere(ctx, plan.tools); err != nil {
			return err
		}
	}
	was, is, err := a.applyLock(ctx, p.LockPath(), plan, o.dryRun)
	if err != nil {
		return err
	}
	if !o.dryRun && len(lock.Diff(was, is)) > 0 {
		a.letFollow(ctx, p, is)
	}
	recordLock(record, p.LockPath(), was, is)
	if asks, err := p.Asks(); err == nil {
		for _, d := range lock.Check(is, asks) {
			a.ui.warn("%s", d)
		}
	}
	return a.tellLock(p.LockPath(), plan.reasons, was, is, o)
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

// makeHere installs those of the resolved tools that are made on this machine: what they become is for the lock to say, so that every
// other machine makes the same or fails. What was trusted on first use is here already, and has to be of use.
func (a *app) makeHere(ctx context.Context, tools []lock.Tool) error {
	makers := a.makers
	var here []lock.Tool
	for _, t := range tools {
		if _, ok := t.Item(release.Host()); ok && (t.With != "" || t.FirstUse) {
			here = append(here, t)
		}
	}
	if len(here) == 0 {
		return nil
	}
	h, err := a.install(ctx, here)
	a.makers = makers
	if err != nil {
		return err
	}
	h.Release()
	return nil
}

// fillTrees records the tree digests of archives that were unpacked on this machine: then every
// other machine checks that it unpacks them to the same.
func (a *app) fillTrees(f *lock.File) {
	st, err := a.openStore()
	if err != nil {
		return // best effort: the lock is complete without them
	}
	f.FillTrees(st.LookupArchive)
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
	a.suggestRunners(is)
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
		return noLock(p, err)
	}
	differences := lock.Check(f, asks)
	path := a.short(p.LockPath())
	if asJSON {
		if err := a.ui.answerJSON(map[string]any{"lock": p.LockPath(), "differences": orEmpty(differences)}); err != nil {
			return err
		}
	}
	if len(differences) > 0 {
		err := &lock.OutdatedError{File: path, Differences: differences}
		if wants, wantsErr := currentWants(p, f); wantsErr == nil && len(lock.Check(f, wants)) == 0 {
			return advise(err, exitOutdated, "the project's files contradict each other, so no lock suits all of them: change one")
		}
		return err
	}
	if !asJSON {
		a.ui.answer("%s is up to date", path)
	}
	if !bytes.Equal(data, f.Format()) {
		a.ui.note(`%s is not in its canonical form; "gostore lock" writes it so`, path)
	}
	return nil
}

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
