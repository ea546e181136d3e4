package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gostore/internal/journal"
	"gostore/internal/repair"
	"gostore/store"
)

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
	Object   string           `json:"object"`
	Tree     string           `json:"tree"`
	Outcome  string           `json:"outcome"` // intact, mended, damaged, aside; in a dry run: intact, mendable, damaged
	Steps    []repair.Step    `json:"steps"`
	Supplies []*repair.Supply `json:"supplies"`
	Why      []string         `json:"why"`
	Aside    string           `json:"aside,omitempty"` // where it is now
	NeededBy []neededBy       `json:"neededBy"`
}

// neededBy is a root that needs an object which was set aside.
type neededBy struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Command string `json:"command"` // what brings the object back there
}

func describeRepair(o store.Object, outcome string) repairedObject {
	return repairedObject{
		Object: label(o), Tree: o.Tree.String(), Outcome: outcome,
		Steps: []repair.Step{}, Supplies: []*repair.Supply{}, Why: []string{}, NeededBy: []neededBy{},
	}
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
		o := p.Diagnosis.Object
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
