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

// mostError is how much of an error the table has; "gostore log --json" has all of it.
const mostError = 96

// recordWords says in one line what a record is about. The paths of projects are written as home has them.
func recordWords(r journal.Record, home func(string) string) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch {
	case r.Profile != "" && r.To.Generation != 0 && r.From == r.To:
		add("%s %d", r.Profile, r.To.Generation)
	case r.Profile != "" && r.To.Generation != 0:
		add("%s %d -> %d", r.Profile, r.From.Generation, r.To.Generation)
	case r.Profile != "":
		add("%s", r.Profile)
	case r.Project != "":
		add("%s", home(r.Project))
	}
	parts = append(parts, changesWords(r.Changes)...)
	if r.Added.Count > 0 {
		add("installed %s", objectsWords(r.Added))
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
		add("%s", strings.TrimSuffix(string(r.Outcome)+": "+shortError(r.Error), ": "))
	}
	return strings.Join(parts, ", ")
}

// changesWords says which tools changed, and how much of them did beside their versions. What was asked for counts where it came to
// the same version.
func changesWords(changes []journal.Change) []string {
	var words []string
	newVersion, platforms, fields := map[string]bool{}, map[string]bool{}, 0
	for _, c := range changes {
		if tool, field, isField := strings.Cut(c.Tool, ": "); !isField || field == "version" {
			newVersion[tool] = true
			words = append(words, toolChange(tool, c.Was, c.Is))
		}
	}
	for _, c := range changes {
		tool, field, isField := strings.Cut(c.Tool, ": ")
		switch {
		case !isField || newVersion[tool] && (field == "version" || field == "request"):
		case field == "request":
			words = append(words, fmt.Sprintf("%s is asked for as %s", tool, c.Is))
		case strings.Contains(field, "/"):
			platform, _, _ := strings.Cut(field, " ") // "linux/amd64 tree" is one of its digests
			platforms[platform] = true
		default:
			fields++
		}
	}
	if len(platforms) > 0 {
		words = append(words, count(len(platforms), "platform"))
	}
	if fields > 0 {
		words = append(words, count(fields, "field"))
	}
	return words
}

// shortError returns the first line of an error, without its middle where it is long: the beginning says what was tried, the end
// why it was not to be.
func shortError(text string) string {
	first, rest, _ := strings.Cut(text, "\n")
	if line := []rune(first); len(line) > mostError {
		const half = mostError/2 - 2
		first = string(line[:half]) + " … " + string(line[len(line)-half:])
	}
	if rest = strings.TrimSpace(rest); rest != "" {
		first += fmt.Sprintf(" (and %s)", count(strings.Count(rest, "\n")+1, "line"))
	}
	return first
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
