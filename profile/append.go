package profile

import (
	"gostore/internal/chain"
	"gostore/internal/checked"
	"gostore/internal/digest"
)

// tail is what the next record needs to know of the history.
type tail struct {
	chain.Tail
	highest int // number that a generation ever had
}

// readTail reads the end of the history.
func (p *Profile) readTail() (tail, error) {
	var t tail
	var err error
	t.Tail, err = chain.ReadTail(p.path(historyName), func(text []byte, _ digest.Content) (int, bool, error) {
		r, err := parseLine(text)
		if err == nil {
			t.highest = max(t.highest, r.From.Number, r.To.Number)
		}
		return r.Number, !r.makes(), err // numbers only grow: no record before one that makes a generation has a higher one
	})
	return t, err
}

// appendRecord writes r, with its number and the digest of its predecessor, to the end of the history, and returns what it was
// written as; the zero Record where it fails, because nobody may refer to it then. The filelock is held. A line that stays all the same is a
// record that was not carried out.
func (p *Profile) appendRecord(t tail, r Record) (Record, error) {
	next := t.Next()
	r.Number, r.Prev = next.Number, next.Prev
	text, err := formatLine(r)
	if err != nil {
		return Record{}, err
	}
	text = checked.Add(p.name, text)
	r.head = chain.Head{Number: r.Number, Digest: digest.Sum(text)}
	if err := p.withSpare(func() error { return t.Append(text, 0o644) }); err != nil {
		return Record{}, err
	}
	return r, nil
}
