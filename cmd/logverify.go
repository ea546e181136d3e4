package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"gostore/internal/chain"
	"gostore/internal/journal"
	"gostore/profile"
	"gostore/store"
)

// logDamagedError is a log, or a history that the log tells of, in which something was changed or is missing.
type logDamagedError struct{ journal.Problem }

func (e *logDamagedError) Error() string { return e.Problem.String() }

// damage makes an error of what is wrong with a log. A torn last line is not counted: it was never reported as
// written, and what was written after all would be missing at the end.
func damage(problems []journal.Problem) error {
	var all []error
	for _, p := range problems {
		if !p.Torn {
			all = append(all, advise(&logDamagedError{p}, exitIntegrity,
				"somebody changed the log by other means than gostore, or a disk or a backup brought back an older state; docs/audit-log.md says what can be found out"))
		}
	}
	return errors.Join(all...)
}

// verifiedJSON is the answer of log --verify --json.
type verifiedJSON struct {
	Records  int               `json:"records"`
	Head     string            `json:"head"` // "" for a log without records
	Problems []journal.Problem `json:"problems"`
}

// logVerify says whether the log is whole, and whether the profiles' histories are what the log says of them.
func (a *app) logVerify(log *journal.Log, c journal.Contents, o logOptions) error {
	if o.head != "" && o.head != headHere {
		known, err := chain.ParseHead(o.head)
		if err != nil {
			return usagef("--head: %v", err).withHints(`give what "gostore log --head" printed`)
		}
		if problem := c.Contradicts(known); problem != "" {
			c.Problems = append(c.Problems, journal.Problem{File: log.Path(), Problem: problem})
		}
	}
	histories, err := a.contradictHistories(c.Records)
	if err != nil {
		return err
	}
	c.Problems = append(c.Problems, histories...)
	err = damage(c.Problems)
	if o.json {
		answer := verifiedJSON{Records: len(c.Records), Problems: orEmpty(c.Problems)}
		if c.Head.Number > 0 {
			answer.Head = c.Head.String()
		}
		return errors.Join(a.ui.answerJSON(answer), err)
	}
	for _, p := range c.Problems {
		if p.Torn {
			a.ui.note("%s, and was never reported as written: the next record replaces it", p)
		}
	}
	if err == nil {
		a.ui.answer("the log is whole: %s", count(len(c.Records), "record"))
	}
	return err
}

// contradictHistories says what is wrong with the profiles' histories, and compares what the log says of them with them. Both are
// chains, so each vouches for the other's end.
func (a *app) contradictHistories(records []journal.Record) ([]journal.Problem, error) {
	names, err := profile.List(a.st)
	if err != nil {
		return nil, err
	}
	var found []journal.Problem
	histories := map[string]map[int]chain.Head{}
	for _, name := range names {
		heads, damaged, err := a.historyHeads(name)
		if err != nil {
			return nil, err
		}
		histories[name] = heads
		if damaged != nil && !damaged.Torn {
			found = append(found, journal.Problem{File: damaged.Path, Line: damaged.Line, Problem: damaged.Problem})
		}
	}
	for _, r := range records {
		want, err := chain.ParseHead(r.History)
		if err != nil {
			continue // it speaks of none
		}
		if have := histories[r.Profile][want.Number]; have != want {
			what := "is another one"
			if have.Number == 0 {
				what = "is missing"
			}
			found = append(found, journal.Problem{File: filepath.Join(a.st.Dir(), store.ProfilesDir, r.Profile, "history"),
				Problem: fmt.Sprintf("record %d %s: record %d of the audit log has its digest", want.Number, what, r.Number)})
		}
	}
	return found, nil
}

// historyHeads returns the records of a profile's history by their numbers, and what is wrong with it.
func (a *app) historyHeads(name string) (map[int]chain.Head, *profile.HistoryError, error) {
	p, err := a.profile(name)
	if err != nil {
		return nil, nil, err
	}
	records, err := p.History()
	var damaged *profile.HistoryError
	if err != nil && !errors.As(err, &damaged) {
		return nil, nil, err
	}
	heads := map[int]chain.Head{}
	for _, r := range records {
		heads[r.Number] = r.Head()
	}
	return heads, damaged, nil
}

// logHead prints what is to be kept in another place.
func (a *app) logHead(c journal.Contents, o logOptions) error {
	if err := damage(c.Problems); err != nil {
		return err
	}
	if c.Head.Number == 0 {
		return advise(errors.New("the log has no records"), exitNotFound)
	}
	if o.json {
		return a.ui.answerJSON(map[string]any{"number": c.Head.Number, "digest": c.Head.Digest.Hex(), "head": c.Head.String()})
	}
	a.ui.answer("%s", c.Head)
	return nil
}

// logPrune cuts off old records.
func (a *app) logPrune(ctx context.Context, log *journal.Log, o logOptions) error {
	now := time.Now()
	before, err := parseTime(o.before, now)
	if err != nil {
		return err
	}
	record := journal.Record{Outcome: journal.Done, Who: a.actor(), Time: now.UTC().Truncate(time.Millisecond), Version: version, Dir: a.cfg.Dir,
		Detail: "records before " + before.UTC().Format(time.RFC3339)}
	n, err := log.Prune(ctx, before, record, a.cfg.Environ, o.dryRun)
	var damaged *journal.DamagedError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		n = 0 // there is nothing to prune
	case errors.As(err, &damaged):
		return advise(fmt.Errorf("pruning the log would remove evidence: %w", err), exitIntegrity, `"gostore log --verify" says all that is wrong with it`,
			"to begin a new log, keep both files in another place: mv log log.head …; docs/audit-log.md says more")
	case err != nil:
		return err
	}
	if o.json {
		return a.ui.answerJSON(map[string]any{"records": n, "dryRun": o.dryRun})
	}
	verb := "removed"
	if o.dryRun {
		verb = "would remove"
	}
	a.ui.answer("%s %s", verb, count(n, "record"))
	return nil
}
