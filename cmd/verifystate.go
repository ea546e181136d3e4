package cmd

import (
	"errors"
	"fmt"
	"path/filepath"

	"gostore/internal/journal"
	"gostore/internal/roots"
	"gostore/internal/scrub"
	"gostore/internal/source/goproxy"
	"gostore/profile"
	"gostore/store"
)

// Kinds of damage beside those of package store.
const (
	profileDamage  = "profile"
	historyDamage  = "history"
	rootDamage     = "root"
	trustDamage    = "trust"
	logDamage      = "log"
	sumdbDamage    = "sumdb"
	verifiedDamage = "verified"
)

// damageError is damage to something that is no object.
type damageError struct{ store.Damage }

func (e *damageError) Error() string { return fmt.Sprintf("%q %s", e.Path, e.Problem) }

// damageTips says what becomes of damaged things, and what to do about them.
func damageTips(d store.Damage) []string {
	switch d.Kind {
	case store.ContentDamage:
		return []string{"no new object gets a damaged content: it is compared before it is shared; objects that have it are named"}
	case store.ManifestDamage:
		return []string{"an object's manifest is made again from the object as long as that is whole"}
	case store.DescriptionDamage:
		return []string{"nothing depends on it, and \"gostore verify --repair\" makes it again"}
	case store.IndexDamage:
		return []string{"nothing depends on it, and it is made again when it is needed: rm " + fmt.Sprintf("%q", d.Path)}
	case store.LinkDamage:
		return []string{"nothing of it was executed; gostore makes no such link, so see who can write in your store",
			"whoever installs the object again has it instead"}
	case store.NameDamage:
		return []string{"nothing of gostore's bears such a name: look what it is, and move it away"}
	case profileDamage:
		return []string{`go back to a generation that is whole: "gostore rollback N"; "gostore generations" lists them`,
			`where none is, "gostore switch" alone, in a project, makes one of what is locked there`}
	case historyDamage, logDamage:
		return []string{"generations and rollback work without it; docs/audit-log.md says what can be found out"}
	case rootDamage:
		return []string{"what it keeps alive is not known, so nothing is collected: use the project again, as with gostore install, and it is written anew",
			"or, if the project has gone: rm " + fmt.Sprintf("%q", d.Path)}
	case trustDamage:
		return []string{"it trusts nothing: gostore trust DIR writes it anew"}
	case sumdbDamage:
		return []string{"what is damaged of the checksum database is not believed; proofs and tiles are asked for again when they have gone: rm " + fmt.Sprintf("%q", d.Path)}
	}
	return nil
}

// verifyState looks at everything that a store keeps beside objects and shared contents. None of it is large.
func (a *app) verifyState() ([]store.Damage, error) {
	st, err := a.openStore()
	if err != nil {
		return nil, err
	}
	damage, err := st.CheckNames()
	if err != nil {
		return nil, err
	}
	add := func(kind, path, problem string) {
		damage = append(damage, store.Damage{Kind: kind, Path: path, Problem: problem})
	}
	errs := []error{
		a.verifyProfiles(st, add),
		a.verifyLog(st, add),
		a.cfg.trusted(st).Check(func(path string, err error) { add(trustDamage, path, err.Error()) }),
		goproxy.Damaged(filepath.Join(st.Dir(), store.SumDBDir), a.cfg.VerifierKey,
			func(path, problem string) { add(sumdbDamage, path, problem) }),
	}
	for _, err := range roots.List(filepath.Join(st.Dir(), store.RootsDir)) {
		var damaged *roots.DamagedError
		if errors.As(err, &damaged) {
			add(rootDamage, damaged.File, "is no record of a project: "+damaged.Err.Error())
		} else if err != nil {
			errs = append(errs, err)
		}
	}
	if _, err := scrub.Read(filepath.Join(st.Dir(), store.VerifiedDir)); err != nil {
		add(verifiedDamage, filepath.Join(st.Dir(), store.VerifiedDir, scrub.StateName), "cannot be believed, so all counts as never verified: "+err.Error())
	}
	return damage, errors.Join(errs...)
}

func (a *app) verifyProfiles(st *store.Store, add func(kind, path, problem string)) error {
	problems, err := profile.Problems(st)
	for _, p := range problems {
		kind := profileDamage
		if filepath.Base(p.Path) == "history" {
			kind = historyDamage
		}
		add(kind, p.Path, p.Problem)
	}
	return err
}

// verifyLog looks at the log, and at what it says of the profiles' histories. What the log itself tells of, since a command found it, is
// not told again, nor is what a crash leaves: an end that is torn and that log.head knows nothing of.
func (a *app) verifyLog(st *store.Store, add func(kind, path, problem string)) error {
	log := journal.In(st.Dir())
	c, err := log.Read()
	if err != nil {
		return err
	}
	heads, err := log.HeadProblems(c)
	if err != nil {
		return err
	}
	histories, err := a.contradictHistories(c.Records)
	if err != nil {
		return err
	}
	for _, p := range append(c.Problems, heads...) {
		if !p.Torn && !p.Told {
			add(logDamage, p.File, logProblem(p))
		}
	}
	for _, p := range histories {
		if p.Line == 0 { // others are the history's own, which its profile tells of
			add(historyDamage, p.File, p.Problem)
		}
	}
	return a.verifyCurrent(st, c.Records, add)
}

func logProblem(p journal.Problem) string {
	if p.Line == 0 {
		return p.Problem
	}
	return fmt.Sprintf("line %d: %s", p.Line, p.Problem)
}

// verifyCurrent compares which generation of each profile is current with the last thing that the log says was done to it.
func (a *app) verifyCurrent(st *store.Store, records []journal.Record, add func(kind, path, problem string)) error {
	names, err := profile.List(st)
	if err != nil {
		return err
	}
	last := map[string]journal.Record{}
	for _, r := range records {
		if r.History != "" {
			last[r.Profile] = r
		}
	}
	for _, name := range names {
		r, ok := last[name]
		p, err := a.profile(name)
		if !ok || err != nil {
			continue
		}
		// A change is in the history before it is current, and current before it is in the log: in this order what is read agrees, whatever
		// commands do meanwhile.
		g, err := p.Current()
		history, _ := p.History() // what is wrong with it was told
		if err != nil || len(history) == 0 || history[len(history)-1].Head().String() != r.History {
			continue // told elsewhere, or changed since, by a command whose record is not there
		}
		if r.Outcome == journal.Done && r.To.Generation != 0 && g.Number != r.To.Generation {
			add(profileDamage, p.Dir(), fmt.Sprintf("leads to generation %d, and what was done last led to %d", g.Number, r.To.Generation))
		}
	}
	return nil
}
