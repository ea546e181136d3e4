package cmd

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/spf13/cobra"

	"gostore/internal/environment"
	"gostore/internal/install"
	"gostore/internal/journal"
	"gostore/internal/repair"
	"gostore/profile"
	"gostore/store"
)

// aboutRepair is what the help of verify says of --repair.
const aboutRepair = `--repair mends single files: from another object or file of the store, a bundle (--from), a mirror or upstream, of which no
more is read than is needed where it serves zips or many archives. What an object came from is known to the store, to
the locks of registered projects, and to those that --lock names. What no place has is set aside: the object is renamed, so that
nobody starts it, and who needs it is told. --dry-run prints what would be done, and how many bytes would be fetched. The exit
status is 0 when all was mended, else 3.`

// repairOptions are the flags of "gostore verify" for repairing.
type repairOptions struct {
	repair, dryRun bool
	bundles, locks []string
}

func (o *repairOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&o.repair, "repair", false, "mend what is damaged, or set it aside")
	f.BoolVar(&o.dryRun, "dry-run", false, "with --repair: print what would be done and change nothing")
	f.StringArrayVar(&o.bundles, "from", nil, "with --repair: a bundle that may have what is needed; may be repeated")
	f.StringArrayVar(&o.locks, "lock", nil, "with --repair: a lock that may say where objects came from; may be repeated")
	for _, name := range []string{"from", "lock"} {
		_ = c.MarkFlagFilename(name) // fails only for a flag that is not there
	}
}

// check refuses flags that mean nothing without --repair, or with it.
func (o *repairOptions) check(v verifyOptions) error {
	if o.repair && (v.subset != "" || v.resume || v.maxTime != 0) {
		return usagef("--subset, --resume and --max-time are for looking only, and --repair looks at all that it mends")
	}
	if !o.repair && (o.dryRun || len(o.bundles) > 0 || len(o.locks) > 0) {
		return usagef("--dry-run, --from and --lock belong to --repair")
	}
	return nil
}

func (a *app) verifyRepair(ctx context.Context, args []string, o repairOptions, asJSON bool) error {
	objects, err := a.findObjects(args)
	if err != nil {
		return err
	}
	record := &journal.Record{}
	if !o.dryRun {
		record = a.record("repair")
	}
	answer := repairJSON{DryRun: o.dryRun, Objects: []repairedObject{}, Store: []string{}}
	damaged, failures := a.examine(ctx, objects, &answer, len(args) == 0)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r, board, err := a.repairer(ctx, o)
	if err != nil {
		return err
	}
	plan, err := r.Plan(ctx, damaged)
	if err != nil {
		board.close()
		return err
	}
	answer.note(plan)
	if o.dryRun {
		board.close()
		failures = append(failures, a.tellPlan(plan, &answer)...)
	} else {
		err = r.Execute(ctx, plan, func(res repair.Result) { failures = append(failures, a.noteResult(ctx, res, &answer, record)) })
		board.close()
		failures = append(failures, err)
		if len(plan.Patients)+len(plan.Store) == 0 {
			record.Outcome = journal.Unchanged
		}
	}
	failures = append(failures, a.brokenProfiles())
	return errors.Join(a.tellRepair(answer, asJSON), errors.Join(failures...))
}

// brokenProfiles reports what of profiles is damaged. Nothing has a second copy of that, so it is for people to mend.
func (a *app) brokenProfiles() error {
	names, err := profile.List(a.st)
	failures := []error{err}
	for _, name := range names {
		p, err := a.profile(name)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		_, currentErr := p.Current()
		if errors.As(currentErr, new(*profile.NoGenerationError)) {
			currentErr = nil
		}
		_, historyErr := p.History()
		failures = append(failures, currentErr, historyErr)
	}
	return errors.Join(failures...)
}

// examine looks at objects, and enters those that are whole.
func (a *app) examine(ctx context.Context, objects []store.Object, answer *repairJSON, all bool) (damaged []store.Diagnosis, failures []error) {
	for i, o := range objects {
		a.ui.detail("%d of %d: %s", i+1, len(objects), label(o))
		if _, linked := a.st.LayerOf(o); linked { // whoever runs the layer mends it
			failures = append(failures, a.examineLinked(ctx, o, answer))
			continue
		}
		d, err := a.st.Examine(ctx, o.Tree)
		switch {
		case ctx.Err() != nil:
			return nil, nil
		case errors.Is(err, fs.ErrNotExist) && all: // collected meanwhile
		case err != nil:
			failures = append(failures, err)
		case d.None():
			answer.Objects = append(answer.Objects, describeRepair(d.Object, "intact"))
		default:
			damaged = append(damaged, d)
		}
	}
	slices.SortStableFunc(damaged, func(x, y store.Diagnosis) int { // environments after what they are made of
		return cmp.Compare(environmentLast(x.Object), environmentLast(y.Object))
	})
	return damaged, failures
}

// examineLinked looks at an object of a layer, in which nothing is written.
func (a *app) examineLinked(ctx context.Context, o store.Object, answer *repairJSON) error {
	err := a.st.Verify(ctx, o.Tree)
	if err == nil {
		answer.Objects = append(answer.Objects, describeRepair(o, "intact"))
	}
	if errors.As(err, new(*store.DamagedError)) {
		return a.renewable(err, o)
	}
	return err
}

func environmentLast(o store.Object) int {
	if o.Name == environment.ObjectName {
		return 1
	}
	return 0
}

// repairer makes what knows where contents come from. The board shows what is fetched, and is to be closed.
func (a *app) repairer(ctx context.Context, o repairOptions) (*repair.Repairer, *board, error) {
	locks, err := a.knownLocks(o.locks)
	if err != nil {
		return nil, nil, err
	}
	for _, k := range slices.Backward(locks) {
		a.makers = append(slices.Clone(k.file.Tools), a.makers...)
	}
	offline, err := a.offline()
	if err != nil {
		return nil, nil, err
	}
	r := &repair.Repairer{Store: a.st, Offline: offline, Origins: a.origins(locks), Rebuild: a.rebuilt(locks)}
	for _, name := range o.bundles {
		r.Bundles = append(r.Bundles, a.cfg.abs(name))
	}
	b := a.ui.board(ctx)
	tasks := map[store.Object]install.Progress{}
	r.Progress = func(o store.Object, done, total int64) {
		if tasks[o] == nil {
			tasks[o] = b.task(o.Name + " " + o.Version)
		}
		tasks[o](install.Downloading, done, total)
	}
	return r, b, nil
}
