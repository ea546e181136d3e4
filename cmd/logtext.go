package cmd

import (
	"fmt"
	"slices"
	"strings"

	"gostore/internal/journal"
)

// person names who acted, and as whom that person came.
func person(w journal.Who) string {
	if w.SudoUser != "" && w.SudoUser != w.User {
		return w.User + " (" + w.SudoUser + ")"
	}
	return w.User
}

// recordWords says in one line what a record is about.
func recordWords(r journal.Record) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch {
	case r.Profile != "" && r.To.Generation != 0:
		add("%s %d -> %d", r.Profile, r.From.Generation, r.To.Generation)
	case r.Profile != "":
		add("%s", r.Profile)
	case r.Project != "":
		add("%s", r.Project)
	}
	fields := 0
	for _, c := range r.Changes {
		tool, field, isField := strings.Cut(c.Tool, ": ")
		if isField && field != "version" {
			fields++
			continue
		}
		add("%s", toolChange(tool, c.Was, c.Is))
	}
	if fields > 0 {
		add("%s", count(fields, "field"))
	}
	if r.Added.Count > 0 {
		add("added %s", objectsWords(r.Added))
	}
	if r.Removed.Count > 0 {
		add("removed %s", objectsWords(r.Removed))
	}
	if r.Bytes > 0 {
		add("%s of disk", size(r.Bytes))
	}
	if n := len(r.Generations); n > 0 {
		add("removed %s", count(n, "generation"))
	}
	if n := len(r.Projects); n > 0 {
		add("forgot %s", count(n, "project"))
	}
	if r.Detail != "" {
		add("%s", r.Detail)
	}
	if r.Outcome != journal.Done {
		first, _, _ := strings.Cut(r.Error, "\n")
		add("%s", strings.TrimSuffix(string(r.Outcome)+": "+first, ": "))
	}
	return strings.Join(parts, ", ")
}

// objectsWords names a few objects, and counts many.
func objectsWords(o journal.Objects) string {
	const few = 3
	if o.Count > few || len(o.Names) != o.Count {
		return count(o.Count, "object")
	}
	var names []string
	for _, n := range o.Names {
		_, name, _ := strings.Cut(n, " ")
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// variableWords says how a variable differs; of one that is a list of directories, in which of them.
func variableWords(d journal.Difference) string {
	switch {
	case !d.HadIt:
		return fmt.Sprintf("%s: set to %q", d.Name, d.Is)
	case !d.HasIt:
		return fmt.Sprintf("%s: unset, was %q", d.Name, d.Was)
	case strings.HasSuffix(d.Name, "PATH") && strings.Contains(d.Was+d.Is, ":"):
		return d.Name + ": " + listWords(strings.Split(d.Was, ":"), strings.Split(d.Is, ":"))
	}
	return fmt.Sprintf("%s: %q -> %q", d.Name, d.Was, d.Is)
}

// listWords says which elements a list has more and less.
func listWords(was, is []string) string {
	var words []string
	for _, side := range []struct {
		mark       string
		list, than []string
	}{{"+", is, was}, {"-", was, is}} {
		for _, element := range side.list {
			if !slices.Contains(side.than, element) {
				words = append(words, fmt.Sprintf("%s %q", side.mark, element))
			}
		}
	}
	if len(words) == 0 {
		return "the same in another order"
	}
	return strings.Join(words, ", ")
}
