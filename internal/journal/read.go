package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"gostore/internal/chain"
	"gostore/internal/digest"
)

// Problem is something that is wrong with a log. A torn last line is one that was never reported as written.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // of the log, 0 where it is about no line
	Problem string `json:"problem"`
	Torn    bool   `json:"torn"`

	// Told says that the log itself tells of the problem: it was found when a later record was written, and stays in the log.
	Told bool `json:"-"`
}

func (p Problem) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("%q: %s", p.File, p.Problem)
	}
	return fmt.Sprintf("%q, line %d: %s", p.File, p.Line, p.Problem)
}

// Contents is what a log says.
type Contents struct {
	Records  []Record  // oldest first, with their Differences
	Problems []Problem // what is wrong with the chain and its end
	Size     int64     // of the file, in bytes
	// Head is that of the last record, as the log has it.
	Head chain.Head

	lines []chain.Line
	cut   chain.Head // of what a pruning removed last
}

// Read reads a log whole. One that does not exist has no records; what is wrong with it is among the problems and no
// error.
//
// Readers take no filelock, so they may see a record whose head is not written yet, which is no problem. The head is read
// first: then a record that is appended meanwhile is only newer. A log that is changing while something seems to be wrong with it is
// read once more.
func (l *Log) Read() (Contents, error) {
	for {
		known, err := l.readHead()
		if err != nil {
			return Contents{}, err
		}
		data, err := os.ReadFile(l.Path())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Contents{}, err
		}
		c := scan(l.Path(), data)
		if problem := c.end(known); problem != "" {
			c.Problems = append(c.Problems, Problem{File: l.blamed(known), Problem: problem})
		}
		if len(c.Problems) == 0 {
			return c, nil
		}
		if now, err := l.readHead(); err != nil || now == known {
			return c, err
		}
	}
}

// scan reads the text of a log.
func scan(path string, data []byte) Contents {
	c := Contents{Size: int64(len(data))}
	var r Record
	var state map[string]string
	parse := func(text []byte) (m chain.Mark, err error) {
		r, m, err = parseLine(text)
		return m, err
	}
	damage := chain.Scan(data, parse, func(line chain.Line) {
		r.head = line.Head
		now := r.after(state)
		if state != nil {
			r.Differences = differences(state, now)
		}
		state = now
		if line.At == 1 && r.Stands != "" {
			d, _ := digest.ParseContent(r.Stands) // parseLine has read it
			c.cut = chain.Head{Number: r.Number, Digest: d}
		}
		c.Records, c.lines, c.Head = append(c.Records, r), append(c.lines, line), line.Head
	})
	for _, d := range damage {
		c.Problems = append(c.Problems, Problem{File: path, Line: d.Line, Problem: d.Problem, Torn: d.Torn})
	}
	c.said(path)
	return c
}

// said adds what the records themselves say is wrong: what was found missing when they were written, and a beginning that no
// pruning accounts for.
func (c *Contents) said(path string) {
	accounted := c.cut == chain.Head{}
	for i, r := range c.Records {
		if r.Expected != "" {
			what := "record " + r.Expected + ", which had been the last one,"
			if r.Expected == unknown {
				what = HeadName + ", which says what had been the last one,"
			}
			c.Problems = append(c.Problems, Problem{File: path, Line: c.lines[i].At, Told: true,
				Problem: fmt.Sprintf("when record %d was written, %s was gone", r.Number, what)})
		}
		accounted = accounted || r.Anchor != "" && r.Anchor == c.lines[0].Head.Digest.Hex()
	}
	if !accounted {
		c.Problems = append(c.Problems, Problem{File: path, Line: 1, Problem: "stands in the place of records that no pruning in the log tells of"})
	}
}

// blamed returns which file it is that end speaks of, with the head that was read.
func (l *Log) blamed(known chain.Head) string {
	if known.Number == 0 {
		return l.headPath()
	}
	return l.Path()
}

// end says how the log contradicts log.head, "" where it does not.
func (c *Contents) end(known chain.Head) string {
	if known.Number == 0 {
		if c.Head.Number <= 1 {
			return ""
		}
		return fmt.Sprintf("is missing or damaged: whether records after the %dth are missing cannot be told", c.Head.Number)
	}
	return c.Contradicts(known)
}

// Contradicts says how the log contradicts a head that was kept, "" where it does not: the record with that number has to be there and has
// to be that one. Of what was pruned only the last record is known.
func (c *Contents) Contradicts(known chain.Head) string {
	for _, r := range c.Records {
		switch {
		case r.Number != known.Number || r.Stands != "":
		case r.head == known:
			return ""
		default:
			return fmt.Sprintf("record %d is not the one that was written: its digest is %s, not %s", known.Number, r.head.Digest.Hex(), known.Digest.Hex())
		}
	}
	switch {
	case known == c.cut:
		return ""
	case known.Number == c.cut.Number:
		return fmt.Sprintf("record %d, which was pruned, was another one", known.Number)
	case known.Number < c.cut.Number:
		return fmt.Sprintf("record %d was pruned, and whether it was that one cannot be told", known.Number)
	case known.Number == c.Head.Number+1:
		return fmt.Sprintf("record %d, which had been written, is missing at the end", known.Number)
	case known.Number > c.Head.Number:
		return fmt.Sprintf("records %d to %d, which had been written, are missing at the end", c.Head.Number+1, known.Number)
	}
	return fmt.Sprintf("record %d is missing", known.Number)
}
