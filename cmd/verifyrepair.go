package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

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

// check refuses flags that mean nothing without --repair.
func (o *repairOptions) check() error {
	if !o.repair && (o.dryRun || len(o.bundles) > 0 || len(o.locks) > 0) {
		return usagef("--dry-run, --from and --lock belong to --repair")
	}
	return nil
}

// repairJSON is the answer of verify --repair --json.
type repairJSON struct {
	DryRun  bool             `json:"dryRun"`
	Objects []repairedObject `json:"objects"` // that were looked at, and those that share damaged files with them
	Store   []string         `json:"store"`   // what of the store itself was made again or removed
	Fetch   int64            `json:"fetch"`   // bytes to fetch, or fetched, as far as they are known
	Unsized bool             `json:"unsized"` // more bytes than that, of which nobody stated how many
}

// repairedObject is what became of an object.
type repairedObject struct {
	Object   string          `json:"object"`
	Tree     string          `json:"tree"`
	Outcome  string          `json:"outcome"` // intact, mended, damaged, aside; in a dry run: intact, mendable, damaged
	Steps    []repair.Step   `json:"steps"`
	Supplies []*repair.Supply `json:"supplies"`
	Why      []string        `json:"why"`
	Aside    string          `json:"aside,omitempty"` // where it is now
	NeededBy []neededBy      `json:"neededBy"`
}

// neededBy is a root that needs an object which was set aside.
type neededBy struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Command string `json:"command"` // what brings the object back there
}

func (a *app) verifyRepair(ctx context.Context, args []string, o repairOptions, asJSON bool, usage error) error {
	if usage != nil {
		return usage
	}
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
func (a *app) examine(ctx context.Context, objects []store.Object, answer *repairJSON, all bool) (damaged []store.Damage, failures []error) {
	for i, o := range objects {
		a.ui.detail("%d of %d: %s", i+1, len(objects), label(o))
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
	slices.SortStableFunc(damaged, func(x, y store.Damage) int { // environments after what they are made of
		return cmp.Compare(environmentLast(x.Object), environmentLast(y.Object))
	})
	return damaged, failures
}

func environmentLast(o store.Object) int {
	if o.Name == environment.ObjectName {
		return 1
	}
	return 0
}

func describeRepair(o store.Object, outcome string) repairedObject {
	return repairedObject{
		Object: label(o), Tree: o.Tree.String(), Outcome: outcome,
		Steps: []repair.Step{}, Supplies: []*repair.Supply{}, Why: []string{}, NeededBy: []neededBy{},
	}
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

// note enters what a plan says in total.
func (j *repairJSON) note(plan repair.Plan) {
	j.Fetch, j.Unsized = plan.Bytes()
	for _, f := range plan.Store {
		j.Store = append(j.Store, f.Path+" "+f.Problem)
	}
}

// tellPlan enters what would be done. What would not be mended is an error.
func (a *app) tellPlan(plan repair.Plan, answer *repairJSON) (failures []error) {
	for _, p := range plan.Patients {
		o := p.Damage.Object
		r := describeRepair(o, "mendable")
		r.Steps, r.Supplies = orEmpty(p.Steps), orEmpty(p.Supplies)
		if !p.Whole() {
			r.Outcome = "damaged"
			r.Why = reasons(append(slices.Clone(p.Unasked), p.Lacking...))
			failures = append(failures, advise(&unmendedError{o, "cannot be mended from what is known", r.Why}, exitIntegrity, needed(p.Unasked)...))
		}
		answer.Objects = append(answer.Objects, r)
	}
	return failures
}

// reasons returns what errors say, each once.
func reasons(errs []error) []string {
	list := []string{}
	for _, err := range errs {
		if text := err.Error(); !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}

// unmendedError is an object that was not mended.
type unmendedError struct {
	object store.Object
	what   string
	why    []string
}

func (e *unmendedError) Error() string {
	return strings.Join(append([]string{fmt.Sprintf("object %s %s", e.object, e.what)}, e.why...), "\n")
}

// needed says what an object needs that was not mended.
func needed(unasked []error) []string {
	if len(unasked) > 0 {
		return []string{"when what it comes from can be reached: gostore verify --repair"}
	}
	return []string{"a bundle that has it, or a lock that says where it came from, helps: gostore verify --repair --from FILE --lock FILE"}
}

// noteResult enters what became of an object, here and in the log. What is not mended is an error.
func (a *app) noteResult(ctx context.Context, res repair.Result, answer *repairJSON, record *journal.Record) error {
	r := describeRepair(res.Object, string(res.Outcome))
	r.Steps, r.Supplies, r.Why = orEmpty(res.Steps), orEmpty(res.Supplies), reasons(res.Why)
	var err error
	switch res.Outcome {
	case repair.Mended:
		recordRepair(record, res, "mended from "+strings.Join(origins(res.Steps), "; "))
	case repair.Aside:
		r.Aside = res.Aside.Path
		r.NeededBy = a.neededBy(ctx, res.Object)
		record.Removed.Add(res.Object.Tree, res.Object.Name, res.Object.Version)
		recordRepair(record, res, "set aside")
		err = advise(&unmendedError{res.Object, fmt.Sprintf("is set aside, as %q", res.Aside.Path), append(lines(r.NeededBy), r.Why...)},
			exitIntegrity, backTips(r.NeededBy)...)
	default:
		recordRepair(record, res, "left damaged")
		tips := append(hints(errors.Join(res.Why...)), needed(res.Why)...)
		err = advise(&unmendedError{res.Object, "is still damaged", r.Why}, exitIntegrity, tips...)
	}
	answer.Objects = append(answer.Objects, r)
	return err
}

// origins returns the places of steps, each once.
func origins(steps []repair.Step) (list []string) {
	for _, s := range steps {
		if s.From != "" && !slices.Contains(list, s.From) {
			list = append(list, s.From)
		}
	}
	return list
}

// recordRepair enters what was done about an object.
func recordRepair(r *journal.Record, res repair.Result, what string) {
	r.Changes = append(r.Changes, journal.Change{Tool: label(res.Object), Was: "damaged: " + count(len(res.Steps), "fault"), Is: what})
}

// tellRepair prints what became of everything.
func (a *app) tellRepair(answer repairJSON, asJSON bool) error {
	if asJSON {
		return a.ui.answerJSON(answer)
	}
	verbs := map[string]string{"aside": "set aside", "mendable": "would be mended", "damaged": "still damaged"}
	for _, o := range answer.Objects {
		a.ui.answer("%.12s %s: %s", strings.TrimPrefix(o.Tree, "b3:"), o.Object, cmp.Or(verbs[o.Outcome], o.Outcome))
		for _, s := range o.Steps {
			a.ui.answer("  %s %s: from %s", s.Path, s.Problem, cmp.Or(s.From, "nowhere"))
		}
		for _, s := range o.Supplies {
			a.ui.answer("  %s", describeSupply(s, answer.DryRun))
		}
	}
	for _, f := range answer.Store {
		a.ui.answer("%s", f)
	}
	return nil
}

// describeSupply says what is fetched, or was, from where.
func describeSupply(s *repair.Supply, dryRun bool) string {
	what := count(s.Files, "file") + " of " + s.From
	if s.Whole {
		what = "all of " + s.From
	}
	switch {
	case s.Bytes == 0:
		return "on this machine: " + what
	case dryRun && s.Bytes < 0:
		return fmt.Sprintf("fetches %s, whose size nobody states", what)
	case dryRun:
		return fmt.Sprintf("fetches %s, %s", what, size(s.Bytes))
	case s.Bytes < 0:
		return "fetched " + what
	}
	return fmt.Sprintf("fetched %s, %s", what, size(s.Bytes))
}
