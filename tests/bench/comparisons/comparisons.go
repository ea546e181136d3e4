// Package comparisons says what is compared with what, how each is started, and what is aimed at.
package comparisons

import (
	"gostore/tests/bench/rounds"
)

// Comparison makes one table, or some.
type Comparison struct {
	Name       string
	Everywhere bool // it runs on every place, as it depends on the disk; its arms keep no directories from round to round
	Long       bool // it takes minutes
	run        func(bench) error
}

// Run runs the comparison on the runner's place.
func (c Comparison) Run(r *rounds.Runner) error { return c.run(bench{r}) }

// bench is what every comparison needs.
type bench struct{ *rounds.Runner }

// All are the comparisons, in the order in which they run.
var All = []Comparison{
	{Name: "zip", run: bench.zipped, Everywhere: true},
	{Name: "http", run: bench.overHTTP},
	{Name: "gz", run: bench.gzipped, Everywhere: true},
	{Name: "xz", run: bench.xzipped, Long: true},
	{Name: "neighbour", run: bench.neighbour},
	{Name: "six", run: bench.six, Long: true},
	{Name: "verify", run: bench.verify},
	{Name: "shims", run: bench.shims},
	{Name: "profile", run: bench.profileLink},
	{Name: "shell", run: bench.shell},
	{Name: "switch", run: bench.switching},
	{Name: "gc", run: bench.collect},
	{Name: "remove", run: bench.removal},
	{Name: "bundles", run: bench.bundles},
	{Name: "scale", run: bench.scale},
}

// skipped says which peers are not there.
func (b bench) skipped(commands ...string) (lines []string) {
	for _, command := range b.Peers.Missing(commands...) {
		lines = append(lines, command+", which is not on this machine")
	}
	return lines
}

// with adds arms of a peer, if it is there.
func (b bench) with(arms []rounds.Arm, command string, more ...rounds.Arm) []rounds.Arm {
	if _, ok := b.Peers.Path(command); ok {
		arms = append(arms, more...)
	}
	return arms
}
