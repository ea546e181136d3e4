// Package figures holds what the benchmark measured: tables of programs that were run in turn, what each of their runs took, and
// what was aimed at.
//
// It computes medians, ratios of pairs and verdicts from the single runs, which are all kept: whoever doubts a figure has what it was
// computed from. It measures and prints nothing.
package figures

import (
	"fmt"
	"slices"
)

// File is everything that was measured on one machine. It is kept as JSON.
type File struct {
	Machine []Fact  `json:"machine"`
	Tables  []Table `json:"tables"`
}

// Fact is one thing to know about the machine, such as its kernel.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Table is one comparison.
type Table struct {
	Name    string   `json:"name"` // of its section and its plot
	Title   string   `json:"title"`
	Place   string   `json:"place"`          // the file system that it ran on
	Unit    string   `json:"unit"`           // of Arm.Runs, "ms" or such
	Note    string   `json:"note,omitempty"` // Markdown, what a reader has to know
	Arms    []Arm    `json:"arms"`           // the first of gostore's own is what the others are compared with
	Targets []Target `json:"targets,omitempty"`
	Skipped []string `json:"skipped,omitempty"` // what could not be compared, and why
}

// Arm is one side of a comparison. The n-th run of each arm took place in the same round as those of the others.
type Arm struct {
	Name string    `json:"name"`
	Ours bool      `json:"ours,omitempty"`
	Runs []float64 `json:"runs"`           // in the table's unit
	CPU  float64   `json:"cpu,omitempty"`  // median of the processor time in ms; 0 is not known
	Peak float64   `json:"peak,omitempty"` // most memory of any run in MB; 0 is not known
}

// Target is a promise: the ratio of two arms, or where To is "" what one takes, is at most AtMost.
type Target struct {
	What   string  `json:"what"` // for the table of all targets
	Of     string  `json:"of"`   // an arm
	To     string  `json:"to,omitempty"`
	Peak   bool    `json:"peak,omitempty"` // of its memory in MB, not of its time
	AtMost float64 `json:"atMost"`
}

// Median returns the middle of values, 0 when there are none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Median returns the median of the arm's runs.
func (a Arm) Median() float64 { return Median(a.Runs) }

// Range returns the least and the most of the arm's runs.
func (a Arm) Range() (least, most float64) {
	if len(a.Runs) == 0 {
		return 0, 0
	}
	return slices.Min(a.Runs), slices.Max(a.Runs)
}

// Ratio returns the median of the ratios of each round: a machine that slows down slows both of a pair. It is 0 where a round is
// missing or took nothing.
func Ratio(of, to Arm) float64 {
	if len(of.Runs) != len(to.Runs) {
		return 0
	}
	values := make([]float64, len(of.Runs))
	for i := range values {
		if to.Runs[i] <= 0 {
			return 0
		}
		values[i] = of.Runs[i] / to.Runs[i]
	}
	return Median(values)
}

// Arm returns the arm of that name.
func (t Table) Arm(name string) (Arm, bool) {
	i := slices.IndexFunc(t.Arms, func(a Arm) bool { return a.Name == name })
	if i < 0 {
		return Arm{}, false
	}
	return t.Arms[i], true
}

// Base returns the arm that others are compared with: the first of gostore's own, or the first.
func (t Table) Base() Arm {
	return t.Arms[max(0, slices.IndexFunc(t.Arms, func(a Arm) bool { return a.Ours }))]
}

// Compared returns the ratio that a row of the table shows for an arm that is not the base, and what is aimed at for it: that of a target
// which names the arm, else gostore's to it. aim is nil where nothing is aimed at.
func (t Table) Compared(a Arm) (ratio float64, aim *Target) {
	for i, target := range t.Targets {
		if of, ok := t.Arm(target.Of); ok && target.To == a.Name {
			return Ratio(of, a), &t.Targets[i]
		}
	}
	return Ratio(t.Base(), a), nil
}

// Measure returns what a target says something about, and whether it is met. ok is false when an arm of it was not measured.
func (t Table) Measure(target Target) (value float64, met, ok bool) {
	of, ok := t.Arm(target.Of)
	if !ok {
		return 0, false, false
	}
	switch {
	case target.Peak:
		value = of.Peak
	case target.To == "":
		value = of.Median()
	default:
		to, found := t.Arm(target.To)
		if !found {
			return 0, false, false
		}
		value = Ratio(of, to)
	}
	return value, value <= target.AtMost, value > 0
}

// Check says what is wrong with a table that was made by hand: a target of an arm that could not have been measured is a mistake.
func (t Table) Check() error {
	if len(t.Arms) == 0 {
		return fmt.Errorf("table %q: has no arms", t.Name)
	}
	for i, a := range t.Arms {
		if slices.ContainsFunc(t.Arms[:i], func(b Arm) bool { return a.Name == b.Name }) {
			return fmt.Errorf("table %q: two arms are called %q", t.Name, a.Name)
		}
		if len(a.Runs) == 0 {
			return fmt.Errorf("table %q: arm %q has no runs", t.Name, a.Name)
		}
	}
	for _, target := range t.Targets {
		if _, ok := t.Arm(target.Of); !ok {
			return fmt.Errorf("table %q: target of an unknown arm %q", t.Name, target.Of)
		}
	}
	return nil
}

// Put returns the file with tables in the place of those of the same names, or behind the others.
func (f File) Put(tables ...Table) File {
	f.Tables = slices.Clone(f.Tables)
	for _, t := range tables {
		i := slices.IndexFunc(f.Tables, func(o Table) bool { return o.Name == t.Name })
		if i < 0 {
			f.Tables = append(f.Tables, t)
		} else {
			f.Tables[i] = t
		}
	}
	return f
}
