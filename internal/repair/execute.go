package repair

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime/trace"
	"slices"

	"gostore/internal/digest"
	"gostore/internal/tree"
	"gostore/store"
)

// passes bounds how often one object is looked at again. Each pass sees what the one before could not, because a directory was
// closed or missing.
const passes = 8

// Execute carries a plan out, one object after the other, and tells of each when it is done with it. It returns an error when
// ctx ends, when another process repairs the store (filelock.ErrBusy), and when what belongs to no object could not be mended; whatever
// else goes wrong is in the results.
//
// When it is killed, every object is as before, or better. What was fetched is kept for the next one.
func (r *Repairer) Execute(ctx context.Context, plan Plan, tell func(Result)) error {
	defer trace.StartRegion(ctx, "repair").End()
	if len(plan.Patients)+len(plan.Store) == 0 {
		return nil
	}
	spool, done, err := r.Store.RepairSpool()
	if err != nil {
		return fmt.Errorf("repairing: %w", err)
	}
	var errs, unsure []error // unsure is why the next one may lack what it is made of
	for _, f := range plan.Store {
		if err := r.Store.MendStore(ctx, f); err != nil {
			errs, unsure = append(errs, err), append(unsure, err)
		}
	}
	whole := func(p *Patient) bool { return p.Whole() }
	later := func(p *Patient) bool { return !p.Whole() } // what others bring may help them
	for _, p := range slices.Concat(filter(plan.Patients, whole), filter(plan.Patients, later)) {
		if !p.Whole() {
			p.Unasked = append(p.Unasked, unsure...)
		}
		res := r.heal(ctx, p, spool)
		if err := ctx.Err(); err != nil {
			return errors.Join(err, done(false))
		}
		if res.Outcome == Damaged {
			unsure = append(unsure, fmt.Errorf("%s@%s could not be mended yet", res.Object.Name, res.Object.Version))
		}
		tell(res)
	}
	return errors.Join(append(errs, done(true))...)
}

func filter(list []*Patient, keep func(*Patient) bool) (kept []*Patient) {
	for _, p := range list {
		if keep(p) {
			kept = append(kept, p)
		}
	}
	return kept
}

// heal mends one object, or sets it aside.
func (r *Repairer) heal(ctx context.Context, p *Patient, spool *store.Spool) Result {
	o := p.Diagnosis.Object
	ctx, task := trace.NewTask(ctx, "repair "+o.Name+"@"+o.Version)
	defer task.End()
	res := Result{Object: o, Steps: p.Steps, Supplies: p.Supplies, Outcome: Damaged}
	if !p.Whole() { // what an environment is made of may have been mended since
		if now, err := r.Store.Examine(ctx, o.Tree); err == nil {
			if p, err = r.again(ctx, p, now, &res); err != nil {
				res.Why = append(res.Why, err)
				return res
			}
		}
	}
	for range passes {
		was := p.Diagnosis
		now, err := r.pass(ctx, p, spool)
		if errors.Is(err, fs.ErrNotExist) && errors.As(err, new(*store.NotPresentError)) {
			res.Outcome = Mended // collected meanwhile: nothing damaged is there
			return res
		}
		if err != nil {
			p.fail(err)
			break
		}
		if now.None() {
			res.Outcome = Mended
			return res
		}
		if unchanged(was.Faults, now.Faults) {
			p.Diagnosis = now
			break
		}
		if p, err = r.again(ctx, p, now, &res); err != nil {
			res.Why = append(res.Why, err)
			return res
		}
	}
	r.giveUp(p, &res)
	res.Supplies = slices.DeleteFunc(res.Supplies, func(s *Supply) bool { return s.err != nil })
	return res
}

// again plans for what is still, or only now known to be, damaged.
func (r *Repairer) again(ctx context.Context, p *Patient, now store.Diagnosis, res *Result) (*Patient, error) {
	copies, _, err := r.inStore(ctx, []store.Diagnosis{now})
	if err != nil {
		return p, err
	}
	next, err := r.patient(ctx, now, copies, map[tree.Entry]string{})
	if err != nil {
		return p, err
	}
	next.Lacking, next.Unasked = append(p.Lacking, next.Lacking...), append(p.Unasked, next.Unasked...)
	for _, s := range next.Steps {
		same := func(o Step) bool { return o.Path == s.Path && o.Problem == s.Problem }
		if i := slices.IndexFunc(res.Steps, same); i >= 0 {
			res.Steps[i] = s
		} else {
			res.Steps = append(res.Steps, s)
		}
	}
	for _, s := range next.Supplies {
		if !slices.ContainsFunc(res.Supplies, func(o *Supply) bool { return o.From == s.From }) {
			res.Supplies = append(res.Supplies, s)
		}
	}
	return next, nil
}

// giveUp says what is left, and sets the object aside if no place is left to ask.
func (r *Repairer) giveUp(p *Patient, res *Result) {
	res.Left = p.Diagnosis.Faults
	res.Why = append(append(res.Why, p.Unasked...), p.Lacking...)
	for i, s := range res.Steps {
		if slices.ContainsFunc(res.Left, func(f tree.Fault) bool { return f.Path == s.Path && f.Problem == s.Problem }) {
			res.Steps[i].From = ""
		}
	}
	if len(res.Left) == 0 || len(p.Unasked) > 0 {
		return
	}
	aside, err := r.Store.SetAside(p.Diagnosis.Object)
	if err != nil {
		res.Why = append(res.Why, err)
		return
	}
	res.Outcome, res.Aside = Aside, aside
}

// pass does what the plan for an object says, and looks at it again.
func (r *Repairer) pass(ctx context.Context, p *Patient, spool *store.Spool) (store.Diagnosis, error) {
	d := p.Diagnosis
	if d.Manifest.Digest().IsZero() {
		if p.recover == nil {
			return d, nil
		}
		if err := p.recover(ctx); err != nil {
			p.fail(err)
			return d, nil
		}
		return r.Store.Examine(ctx, d.Object.Tree)
	}
	r.gather(ctx, p, spool)
	if err := ctx.Err(); err != nil {
		return d, err
	}
	if err := r.Store.Mend(ctx, d, spool); err != nil {
		return d, err
	}
	if d.Description != "" {
		if err := r.Store.Redescribe(ctx, d, r.spec(ctx, d.Object)); err != nil {
			return d, err
		}
	}
	return r.Store.Examine(ctx, d.Object.Tree)
}

// spec says where an object came from, as far as somebody knows.
func (r *Repairer) spec(ctx context.Context, o store.Object) store.Spec {
	for _, origin := range r.origins(ctx, o) {
		if i := origin.Item; origin.Sure {
			return store.Spec{Name: i.Tool, Version: i.Version, Archive: i.Key(), From: i.Archive.From}
		}
	}
	return store.Spec{}
}

// gather brings the contents that are needed into the spool. What a place does not have after all, or could not give, is noted.
func (r *Repairer) gather(ctx context.Context, p *Patient, spool *store.Spool) {
	defer trace.StartRegion(ctx, "gather").End()
	put := func(e tree.Entry, content io.Reader) error { return spool.PutChecked(e, content) }
	for _, e := range p.Diagnosis.Wanted() {
		if name := p.local[e.Path]; name != "" {
			p.note(fromFile(name, e, put))
		}
	}
	for _, s := range p.Supplies {
		if s.bring != nil && ctx.Err() == nil && !has(spool, s.wants) {
			s.err = s.bring(ctx, put)
			p.note(s.err)
		}
	}
	for _, e := range p.Diagnosis.Wanted() { // a content may be needed as a file and as an executable one
		p.note(twin(spool, e))
	}
}

func (p *Patient) note(err error) {
	if err != nil {
		p.fail(err)
	}
}

// has reports whether the spool has all of some contents.
func has(spool *store.Spool, list []tree.Entry) bool {
	return !slices.ContainsFunc(list, func(e tree.Entry) bool { return !spool.Has(e) })
}

// twin makes a content that the spool has as the other kind.
func twin(spool *store.Spool, e tree.Entry) error {
	other := e
	if other.Kind = tree.Exec; e.Kind == tree.Exec {
		other.Kind = tree.File
	}
	if spool.Has(e) || !spool.Has(other) {
		return nil
	}
	f, err := spool.Open(other)
	if err != nil {
		return err
	}
	err = errors.Join(spool.PutChecked(e, f), f.Close())
	if mismatch := (*digest.MismatchError)(nil); errors.As(err, &mismatch) {
		return nil
	}
	return err
}
