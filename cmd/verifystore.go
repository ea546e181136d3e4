package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"gostore/internal/digest"
	"gostore/internal/scrub"
	"gostore/internal/tree"
	"gostore/store"
)

// verifyJSON is the answer of verify --json.
type verifyJSON struct {
	Objects  []verdict      `json:"objects"`
	Damage   []store.Damage `json:"damage"`
	Contents int            `json:"contents,omitempty"` // shared contents that were read
	Coverage *coverageJSON  `json:"coverage,omitempty"` // of a store; absent where objects were named
}

// coverageJSON says how much of a store was verified, and when.
type coverageJSON struct {
	Slices   int          `json:"slices"`             // of the store
	Done     int          `json:"done"`               // of them by this run
	Left     int          `json:"left"`               // that this run should have read and did not
	Verified int          `json:"verified"`           // in the round that is under way, or in the complete one
	Began    *time.Time   `json:"began,omitempty"`    // of the round that is under way
	Complete *scrub.Round `json:"complete,omitempty"` // the last complete round
	Oldest   *time.Time   `json:"oldest,omitempty"`   // when what was not looked at for the longest time was; absent where some never was
}

// complete makes empty lists of absent ones.
func (v verifyJSON) complete() verifyJSON {
	v.Objects, v.Damage = orEmpty(v.Objects), orEmpty(v.Damage)
	return v
}

// scrubbing is a run of verify over a store.
type scrubbing struct {
	objects  []store.Object
	contents int
	damage   []store.Damage
	layers   []store.LayerFault
}

// verifyStore reads the store, or the slices of it that o says, and then everything else that is kept in it.
func (a *app) verifyStore(ctx context.Context, o verifyOptions) error {
	options := scrub.Options{Resume: o.resume || o.maxTime > 0, MaxTime: o.maxTime}
	var err error
	if o.subset != "" {
		if options.Subset, err = scrub.ParseSubset(o.subset); err != nil {
			return usagef("--%v", err)
		}
	}
	st, err := a.openStore()
	if err != nil {
		return err
	}
	dir := filepath.Join(st.Dir(), store.VerifiedDir)
	var found scrubbing
	if found.damage, err = a.verifyState(); err != nil {
		return err
	}
	scrubber := st.Scrubber(tree.Auditor{Workers: runtime.GOMAXPROCS(0), Aside: o.priority == "idle"})
	report, err := scrub.Run(ctx, dir, options, func(ctx context.Context, slice byte) (int, error) {
		r, err := scrubber.Slice(ctx, slice)
		if err != nil {
			return 0, err
		}
		if len(r.Objects)+r.Contents > 0 {
			a.ui.detail("part %d of %d: %s, %s", int(slice)+1, scrub.Slices, count(len(r.Objects), "object"), count(r.Contents, "shared content"))
		}
		found.objects = append(found.objects, r.Objects...)
		found.contents += r.Contents
		found.damage = append(found.damage, r.Damage...)
		found.layers = append(found.layers, r.Layers...)
		return len(r.Damage) + len(r.Layers), nil
	})
	if report.SaveErr != nil {
		a.ui.warn("what was verified is not remembered: %v", report.SaveErr)
	}
	return errors.Join(a.answerVerified(found, report, o), a.endedEarly(ctx, report, err))
}

// endedEarly says how much is left of a run that was ended before everything was read.
func (a *app) endedEarly(ctx context.Context, r scrub.Report, err error) error {
	switch {
	case err != nil && ctx.Err() != nil && r.Done > 0:
		a.ui.note("%d of %d parts are left; gostore verify --resume goes on with them", r.Left, r.Left+r.Done)
	case r.TimeUp:
		return advise(fmt.Errorf("time is up: %d of %d parts are left", r.Left, r.Left+r.Done), exitUnfinished,
			"the next run with --max-time or --resume goes on there")
	}
	return err
}

// answerVerified prints what was found, and returns it as errors.
func (a *app) answerVerified(found scrubbing, r scrub.Report, o verifyOptions) error {
	slices.SortStableFunc(found.damage, func(x, y store.Damage) int { return strings.Compare(x.Path, y.Path) })
	found.damage = slices.Compact(found.damage)
	byTree := map[digest.Tree][]tree.Fault{}
	var errs []error
	for _, d := range found.damage {
		if d.Kind == store.ObjectDamage {
			byTree[d.Tree] = append(byTree[d.Tree], tree.Fault{Path: a.pathIn(d), Problem: d.Problem})
			continue
		}
		errs = append(errs, advise(&damageError{d}, exitIntegrity, damageTips(d)...))
	}
	damaged, err := a.damagedObjects(byTree)
	if err != nil {
		return err
	}
	answer := verifyJSON{Damage: found.damage, Contents: found.contents, Coverage: coverage(r)}
	whole := r.Done == scrub.Slices
	for _, object := range sorted(joinObjectLists(found.objects, damaged)) {
		faults := byTree[object.Tree]
		answer.Objects = append(answer.Objects, verdict{label(object), object.Tree.String(), len(faults) == 0, orEmpty(faults)})
		if len(faults) > 0 {
			errs = append(errs, a.renewable(&store.DamagedError{Object: object, Faults: faults}, object))
		} else if whole && !o.json {
			a.answerIntact(object)
		}
	}
	for _, f := range found.layers {
		fault := tree.Fault{Path: ".", Problem: f.Err.Error()}
		answer.Objects = append(answer.Objects, verdict{label(f.Object), f.Object.Tree.String(), false, []tree.Fault{fault}})
		errs = append(errs, f.Err)
	}
	if o.json {
		return errors.Join(append(errs, a.ui.answerJSON(answer.complete()))...)
	}
	if !whole {
		a.answerCoverage(found, r)
	}
	a.tellAsides()
	return errors.Join(errs...)
}

// answerCoverage says how much a run verified that was not about the whole store.
func (a *app) answerCoverage(found scrubbing, r scrub.Report) {
	a.ui.answer("read %d of %d parts: %s, %s, %s", r.Done, scrub.Slices,
		count(len(found.objects), "object"), count(found.contents, "shared content"), count(len(found.damage), "damaged thing"))
	switch c := r.Coverage; {
	case !c.Began.IsZero():
		a.ui.answer("the round that began %s has %d parts left", c.Began.Local().Format(time.DateTime), c.Slices-c.Verified)
	case !c.Complete.Began.IsZero():
		a.ui.answer("that completes the round that began %s", c.Complete.Began.Local().Format(time.DateTime))
	}
}

// pathIn returns the path of damage within its object.
func (a *app) pathIn(d store.Damage) string {
	o, err := a.st.Lookup(d.Tree)
	if err != nil {
		return d.Path
	}
	rel, err := filepath.Rel(a.st.Path(o), d.Path)
	if err != nil {
		return d.Path
	}
	return filepath.ToSlash(rel)
}

// damagedObjects returns the objects of which something is damaged; some are in other slices than those that were read.
func (a *app) damagedObjects(byTree map[digest.Tree][]tree.Fault) ([]store.Object, error) {
	all, err := a.st.Objects()
	return slices.DeleteFunc(all, func(o store.Object) bool { return len(byTree[o.Tree]) == 0 }), err
}

// joinObjectLists returns each object of two lists once.
func joinObjectLists(a, b []store.Object) []store.Object {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y store.Object) int { return cmp.Compare(x.Base(), y.Base()) })
	return slices.Compact(all)
}

func coverage(r scrub.Report) *coverageJSON {
	c := &coverageJSON{Slices: scrub.Slices, Done: r.Done, Left: r.Left, Verified: r.Coverage.Verified}
	at := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		t = t.UTC()
		return &t
	}
	c.Began, c.Oldest = at(r.Coverage.Began), at(r.Coverage.Oldest)
	if !r.Coverage.Complete.Began.IsZero() {
		c.Complete = &r.Coverage.Complete
	}
	return c
}
