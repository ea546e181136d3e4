package journal

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"gostore/internal/chain"
	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/filelock"
)

// The actions of this package's own records.
const (
	ActionPruned = "pruned"    // the line in the place of what was cut off
	ActionPrune  = "log prune" // who cut it off
)

// DamagedError says that a log cannot be pruned, because that would remove the evidence of what is wrong with it.
type DamagedError struct{ Problems []Problem }

func (e *DamagedError) Error() string { return e.Problems[0].String() }

// Prune cuts off the records made before a time and returns how many. In their place it puts one line, which the next follows as it followed the last of them, and at the end a record
// of r, which says who did it and carries the digest of that line. It replaces the file: written anew, synced, renamed. A crash leaves the
// log as it was, or pruned with a head that is one record behind. A damaged log is a *DamagedError and stays as it is.
func (l *Log) Prune(ctx context.Context, before time.Time, r Record, environ []string, dryRun bool) (int, error) {
	held, err := filelock.Lock(ctx, l.headPath())
	if err != nil {
		return 0, err
	}
	defer held.Release()
	known, err := l.readHead()
	if err != nil {
		return 0, err
	}
	data, err := os.ReadFile(l.Path())
	if err != nil {
		return 0, err
	}
	c := scan(l.Path(), data)
	if problem := c.end(known); problem != "" {
		c.Problems = append(c.Problems, Problem{File: l.Path(), Problem: problem})
	}
	if len(c.Problems) > 0 {
		return 0, &DamagedError{c.Problems}
	}
	n := 0
	for n < len(c.Records) && c.Records[n].Time.Before(before) {
		n++
	}
	if n == 0 || n == 1 && c.Records[0].Stands != "" || dryRun {
		return n, nil
	}
	text, head, err := c.without(n, r, environ)
	if err != nil {
		return 0, err
	}
	if err := durable.WriteFile(l.Path(), text, perm); err != nil {
		return 0, err
	}
	return n, l.writeHead(head, false)
}

// without returns the log without its first n records, and its head.
func (c *Contents) without(n int, r Record, environ []string) ([]byte, chain.Head, error) {
	last := c.Records[n-1]
	stands := last.head.Digest
	if last.Stands != "" {
		stands = c.cut.Digest
	}
	var state map[string]string
	for _, gone := range c.Records[:n] {
		state = gone.after(state)
	}
	anchor := Record{Number: last.Number, Time: last.Time, Action: ActionPruned, Outcome: Done, Environment: state, Stands: stands.Hex(),
		Detail: fmt.Sprintf("records up to %d, of %s", last.Number, last.Time.Format(time.DateOnly))}
	if anchor.Environment == nil {
		anchor.Environment = map[string]string{}
	}
	first, err := anchor.line()
	if err != nil {
		return nil, chain.Head{}, err
	}
	lines := [][]byte{first}
	for _, kept := range c.lines[n:] {
		lines = append(lines, kept.Text)
	}
	prev := c.Head
	if n == len(c.lines) {
		prev.Digest = stands
	}
	r.Action, r.Number, r.Prev, r.Anchor = ActionPrune, prev.Number+1, prev.Digest.Hex(), digest.Sum(first).Hex()
	r.Environment = variables(environ)
	r.bound()
	text, err := r.line()
	if err != nil {
		return nil, chain.Head{}, err
	}
	lines = append(lines, text, nil)
	return bytes.Join(lines, []byte("\n")), chain.Head{Number: r.Number, Digest: digest.Sum(text)}, nil
}
