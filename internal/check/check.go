// Package check holds the rules of "gostore check": what may be wrong with a project, and how that is told to people,
// editors and forges.
//
// A rule is a function of what it is handed: file contents, a lock, manifests, what a compiler said. It returns findings,
// each with a place, and none where all is well. That a rule could not look is an error of whoever
// gathers what it needs, never a silent pass. The package changes nothing and asks no network.
//
// It does not judge whether a digest is the right one, nor whether code compiles.
package check

import (
	"cmp"
	"path/filepath"
	"slices"
)

// Severity says how much a finding weighs. Every finding counts for the exit status.
type Severity string

// The severities, in the words of SARIF.
const (
	Error   Severity = "error"   // it does not work, or is not what was promised
	Warning Severity = "warning" // it works, but not as the files say
)

// Class says what kind of thing is wrong, for the exit status.
type Class int

// The classes.
const (
	Broken    Class = iota // something else than what follows
	Outdated               // the lock is not what the project asks for
	Integrity              // something does not have the digest that was promised
)

// Finding is one thing that is wrong.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	File     string   `json:"file"`             // absolute until Relative was applied
	Line     int      `json:"line"`             // from 1
	Column   int      `json:"column,omitempty"` // in bytes from 1; 0 where the whole line is meant
	Message  string   `json:"message"`          // one line
	Mend     string   `json:"mend"`             // what to do, a command where there is one; "" where nobody can know
	Class    Class    `json:"-"`
}

// Rule is one of the checks.
type Rule struct {
	Name string `json:"name"`
	Does string `json:"does"` // what holds where it finds nothing, as a sentence without a full stop
	// Asked is set on rules that run only when they are asked for, because they take long or need a network.
	Asked bool `json:"asked"`
}

// The names of the rules.
const (
	RuleLock    = "lock"
	RuleGoLine  = "go-line"
	RuleVendor  = "vendor"
	RuleObjects = "objects"
	RuleCross   = "cross"
	RuleModules = "modules"
	RuleCache   = "cache"
)

// Rules lists all rules, in the order in which they run.
var Rules = []Rule{
	{RuleLock, "gostore.lock is there, is what the project's files ask for, and is in its canonical form", false},
	{RuleGoLine, "the locked Go is enough for the go and toolchain lines of every module of the project", false},
	{RuleVendor, "vendor directories have the tree digests that the lock records, and fit their go.mod", false},
	{RuleObjects, "the objects of the locked tools are installed and unmodified", false},
	{RuleCross, "the combination of GOOS, GOARCH and CGO_ENABLED can be built on this machine", false},
	{RuleModules, "what go.mod requires is what the build selects", true},
	{RuleCache, "the build cache holds what a build from nothing makes", true},
}

// Merge sorts findings by file, line and rule, and leaves one of those that rules have in common: what makes a lock outdated is said by
// the rule that comes first, not once more by the next one at the same line.
func Merge(findings []Finding) []Finding {
	order := func(f Finding) int {
		return slices.IndexFunc(Rules, func(r Rule) bool { return r.Name == f.Rule })
	}
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(order(a), order(b)), cmp.Compare(a.Column, b.Column))
	})
	var merged []Finding
	for i, f := range sorted {
		first := func(o Finding) bool {
			return o.File == f.File && o.Line == f.Line && o.Rule != f.Rule && o.Class == Outdated
		}
		if f.Class == Outdated && slices.ContainsFunc(sorted[:i], first) {
			continue
		}
		merged = append(merged, f)
	}
	return merged
}

// Worst returns the class that decides the exit status of findings: Integrity before all, Outdated only where all are.
func Worst(findings []Finding) Class {
	worst := Outdated
	for _, f := range findings {
		switch f.Class {
		case Integrity:
			return Integrity
		case Broken:
			worst = Broken
		}
	}
	return worst
}

// Relative returns findings with their files as seen from dir, with slashes. Files that are not below it keep their absolute paths.
func Relative(findings []Finding, dir string) []Finding {
	all := slices.Clone(findings)
	for i := range all {
		if rel, err := filepath.Rel(dir, all[i].File); err == nil && filepath.IsLocal(rel) {
			all[i].File = filepath.ToSlash(rel)
		}
	}
	return all
}
