package profile

import (
	"errors"
	"fmt"
	"os"
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
			found = append(found, Problem{p.path(strconv.Itoa(g.Number)), g.Problem})
		case known && want.Tree != g.Tree:
			found = append(found, Problem{p.path(strconv.Itoa(g.Number)),
				fmt.Sprintf("leads to %s, and the history says that it is %s", g.Tree, want.Tree)})
		}
	}
	if problem := p.currentProblem(records); problem != "" {
		found = append(found, Problem{p.path(currentName), problem})
	}
	return found, nil
}

// currentProblem says how current is not what the history leaves it to be: what the last change was to make current, or, where
// that was interrupted, what it found.
func (p *Profile) currentProblem(records []Record) string {
	number, err := p.currentNumber()
	var broken *BrokenError
	switch {
	case errors.As(err, &broken):
		return broken.Problem
	case err != nil || len(records) == 0:
		return ""
	}
	if _, err := os.Lstat(p.path(strconv.Itoa(number))); err != nil {
		return fmt.Sprintf("leads to generation %d, which does not exist", number)
	}
	if last := records[len(records)-1]; number != last.To.Number && number != last.From.Number {
		return fmt.Sprintf("leads to generation %d, and the history ends with %d", number, last.To.Number)
	}
	return ""
}
