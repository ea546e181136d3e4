// Package doctor looks for what keeps tools from working on a machine, and that people search for a long time: another go first on
// PATH, a GOROOT that somebody exported years ago, a mount that executes nothing, a proxy that is away.
//
// A probe looks at one subject. It is a function of a Host, which holds everything that a probe may ask about the
// machine, so that a test builds whatever machine it needs. What it finds is a Finding: what is wrong, the evidence, and the commands that mend it.
//
// It promises to change nothing: no probe writes, and what it starts (shells, gostore itself to learn its version) has a time limit
// and nothing on its standard input. What the start files of the shells do is theirs. Without a network nothing is asked of it.
//
// It does not promise that everything is well when nothing is found, and it looks at a sample where everything would take
// long: the store's objects are compared with their manifests by names and sizes only, and not all of them.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	Problem Severity = "problem" // something does not work, or will not
	Warning Severity = "warning" // something works in another way than people think, or will stop to
	Note    Severity = "note"    // worth knowing
)

// rank orders severities, the worst first.
func (s Severity) rank() int { return slices.Index([]Severity{Problem, Warning, Note}, s) }

// Finding is one thing that was found.
type Finding struct {
	ID       string // of its kind; Kinds lists them
	Severity Severity
	Subject  string   // what it is about: a command, a variable, a path
	Title    string   // what is wrong, a sentence without a full stop
	Evidence []string // what it was seen by, a line each
	Mend     []string // commands, one after another; a line that begins with "#" is for the person to do
}

// Kind is a kind of findings.
type Kind struct {
	ID    string
	About string // what it means, in a few words
}

// Probe looks at one subject.
type Probe struct {
	Name  string
	About string // what it looks at, in a few words
	Kinds []Kind // of its findings

	run func(context.Context, *Host) []Finding
}

// Probes returns all probes, in the order in which people read what they found.
func Probes() []Probe {
	return []Probe{
		projectProbe, pathProbe, variablesProbe, shellsProbe, managersProbe, programsProbe,
		disksProbe, filesystemProbe, networkProbe, clockProbe, rootsProbe, storeProbe, layersProbe, selfProbe,
	}
}

// Select returns the probes with the given names, all for none. The error names the first that does not exist.
func Select(names []string) ([]Probe, error) {
	all := Probes()
	if len(names) == 0 {
		return all, nil
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(p Probe) bool { return p.Name == name }) {
			return nil, &UnknownError{name}
		}
	}
	return slices.DeleteFunc(all, func(p Probe) bool { return !slices.Contains(names, p.Name) }), nil
}

// UnknownError says that no probe has a name.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string { return fmt.Sprintf("probe %q is not known", e.Name) }

// Examined is what a probe found.
type Examined struct {
	Probe
	Findings []Finding // the worst first
}

// Examine runs probes side by side, as many of them wait, and returns what each found, in their order.
func Examine(ctx context.Context, h *Host, probes []Probe) []Examined {
	results := make([]Examined, len(probes))
	var wait sync.WaitGroup
	for i, p := range probes {
		wait.Go(func() {
			found := p.run(ctx, h)
			slices.SortStableFunc(found, func(a, b Finding) int { return cmp.Compare(a.Severity.rank(), b.Severity.rank()) })
			results[i] = Examined{p, found}
		})
	}
	wait.Wait()
	return results
}

// Count returns how many findings of a severity there are.
func Count(results []Examined, s Severity) int {
	n := 0
	for _, r := range results {
		for _, f := range r.Findings {
			if f.Severity == s {
				n++
			}
		}
	}
	return n
}

// quote returns a word of a command as a POSIX shell reads it. A path in the home directory stays readable.
func quote(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// edit returns the command that opens a file at a line.
func edit(path string, line int) string {
	return fmt.Sprintf("${EDITOR:-vi} +%d %s", line, quote(path))
}

// place names a line of a file.
func place(path string, line int, text string) string {
	return fmt.Sprintf("%s:%d: %s", path, line, strings.TrimSpace(text))
}
