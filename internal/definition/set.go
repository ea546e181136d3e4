package definition

import (
	"slices"
	"strings"
)

// Set is definitions by their names. It is a value: With leaves it as it is. The zero Set is empty.
type Set struct {
	sorted []Definition // by name
}

// With returns s and more. Of definitions with one name the last counts, whole: nothing of the others remains.
func (s Set) With(more []Definition) Set {
	all := slices.Concat(s.sorted, more)
	slices.SortStableFunc(all, func(a, b Definition) int { return strings.Compare(a.Name, b.Name) })
	var kept []Definition
	for i, d := range all {
		if i+1 == len(all) || all[i+1].Name != d.Name {
			kept = append(kept, d)
		}
	}
	return Set{kept}
}

// Find returns the definition of a tool, and whether there is one.
func (s Set) Find(name string) (Definition, bool) {
	i, ok := slices.BinarySearchFunc(s.sorted, name, func(d Definition, name string) int { return strings.Compare(d.Name, name) })
	if !ok {
		return Definition{}, false
	}
	return s.sorted[i], true
}

// All returns the definitions sorted by name.
func (s Set) All() []Definition { return slices.Clone(s.sorted) }

// maxNearest is how many names Nearest returns: what fits into a hint's line.
const maxNearest = 5

// Nearest returns the names of tools that somebody who wrote name may have meant, the likeliest first: at most 5 that differ in a letter or two,
// or contain it or are contained in it. It is empty when none is near.
func (s Set) Nearest(name string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var near []candidate
	for _, d := range s.sorted {
		distance := edits(strings.ToLower(name), d.Name)
		within := len(name) > 1 && (strings.Contains(d.Name, name) || len(d.Name) > 1 && strings.Contains(name, d.Name))
		if within || distance <= 1 || distance == 2 && len(name) > 3 {
			near = append(near, candidate{d.Name, distance})
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return a.distance - b.distance })
	names := make([]string, 0, maxNearest)
	for _, c := range near[:min(len(near), maxNearest)] {
		names = append(names, c.name)
	}
	return names
}

// edits returns the number of bytes to insert, remove or replace to get from a to b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
