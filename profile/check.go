package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"gostore/store"
)

// Problem is something of a profile that is not what was written to it.
type Problem struct {
	Path    string // of the link or the history
	Problem string // to follow the path
}

// Problems returns what is wrong with the profiles of a store: links that lead nowhere or elsewhere than the history says, histories
// whose lines are not what was written. A torn last line is none: a crash leaves it, and nothing followed from it.
func Problems(st *store.Store) ([]Problem, error) {
	names, err := List(st)
	if err != nil {
		return nil, err
	}
	var found []Problem
	for _, name := range names {
		p, err := Open(st, name)
		if err != nil {
			return nil, err
		}
		more, err := p.problems()
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

func (p *Profile) problems() ([]Problem, error) {
	var found []Problem
	records, err := p.History()
	var damaged *HistoryError
	if err != nil && !errors.As(err, &damaged) {
		return nil, err
	}
	if damaged != nil && !damaged.Torn {
		found = append(found, Problem{damaged.Path, fmt.Sprintf("line %d: %s", damaged.Line, damaged.Problem)})
	}
	made := map[int]Point{}
	for _, r := range records {
		if r.makes() {
			made[r.To.Number] = r.To
		}
	}
	generations, err := p.Generations()
	if err != nil {
		return nil, err
	}
	for _, g := range generations {
		want, known := made[g.Number]
		switch {
		case g.Problem != "":
			if _, err := os.Lstat(p.path(strconv.Itoa(g.Number))); errors.Is(err, fs.ErrNotExist) {
				continue // pruned, and its environment collected, between two looks
			}
			found = append(found, Problem{p.path(strconv.Itoa(g.Number)), g.Problem})
		case known && want.Tree != g.Tree:
			found = append(found, Problem{p.path(strconv.Itoa(g.Number)),
				fmt.Sprintf("leads to %s, and the history says that it is %s", g.Tree, want.Tree)})
		}
	}
	problem, err := p.currentProblem(records)
	if err != nil {
		return nil, err
	}
	if problem != "" {
		found = append(found, Problem{p.path(currentName), problem})
	}
	return found, nil
}

// currentProblem says how current is not what the history leaves it to be: what the last change was to make current, or, where
// that was interrupted, what it found. Nobody is locked out. So where it differs from the end of the history that was read before, it may be what
// a change left that was made since: then that is in the history by now.
func (p *Profile) currentProblem(before []Record) (string, error) {
	number, err := p.currentNumber()
	var broken *BrokenError
	switch {
	case errors.As(err, &broken):
		return broken.Problem, nil
	case err != nil || len(before) == 0:
		return "", nil
	}
	_, missing := os.Lstat(p.path(strconv.Itoa(number)))
	leaves := func(r Record) bool { return number == r.To.Number || number == r.From.Number }
	last := len(before) - 1
	if leaves(before[last]) && missing == nil {
		return "", nil
	}
	after, err := p.History()
	if damaged := (*HistoryError)(nil); err != nil && !errors.As(err, &damaged) {
		return "", err
	}
	switch {
	case len(after) > last && slices.ContainsFunc(after[last:], leaves) && (missing == nil || len(after) > len(before)):
		return "", nil
	case missing != nil:
		return fmt.Sprintf("leads to generation %d, which does not exist", number), nil
	}
	return fmt.Sprintf("leads to generation %d, and the history ends with %d", number, before[last].To.Number), nil
}
