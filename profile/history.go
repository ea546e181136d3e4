package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"gostore/internal/chain"
	"gostore/internal/checked"
	"gostore/internal/digest"
)

// Who says who makes a change, for the history. Only the command can know; all of it is optional.
type Who struct {
	User     string `json:"user,omitempty"`
	UID      int    `json:"uid"`
	SudoUser string `json:"sudoUser,omitempty"` // who became User by sudo
	Terminal string `json:"terminal,omitempty"`
	Host     string `json:"host,omitempty"`
	Command  string `json:"command,omitempty"` // the command line
}

// Action says what a record is about.
type Action string

// The actions. Switch and Remove make a generation.
const (
	Switch   Action = "switch"
	Remove   Action = "remove" // a switch to an environment without some tool
	Rollback Action = "rollback"
	Prune    Action = "prune"
	Keep     Action = "keep" // a generation on trial stays
)

// Point is a generation as the history names it, the zero Point is none.
type Point struct {
	Number int         `json:"generation"`
	Tree   digest.Tree `json:"tree,omitzero"`
}

// ToolChange is how one tool differs between two generations. Was and Is are versions, the primary one
// first, separated by spaces; "" where the tool is absent. They are equal where only the
// tool's object or its presentation differs.
type ToolChange struct {
	Tool string `json:"tool"`
	Was  string `json:"was,omitempty"`
	Is   string `json:"is,omitempty"`
}

// Record is one change of a profile.
type Record struct {
	Number int       `json:"number"` // of the record, from 1
	Time   time.Time `json:"time"`   // UTC
	Action Action    `json:"action"`
	Who
	From    Point          `json:"from"` // what was current
	To      Point          `json:"to"`   // what was to become current; From for Prune and Keep
	Changes []ToolChange   `json:"changes,omitempty"`
	Trial   *Trial         `json:"trial,omitempty"`  // that To is on from here on
	Pruned  []int          `json:"pruned,omitempty"` // numbers of the generations removed
	Prev    digest.Content `json:"-"`                // BLAKE3 of the line before this one, without its newline; zero for the first

	// Abandoned says that the change was not carried out: the command was interrupted, or failed, between the
	// record and its effect; or that current was bent by hand afterwards. It is not stored but follows from
	// what comes after, so the last record looks abandoned while its change is being made.
	Abandoned bool `json:"-"`

	head chain.Head
}

// Head names the record, so that somebody else can keep in mind what the history said.
func (r Record) Head() chain.Head { return r.head }

// line is the shape of a Record in the file.
type line struct {
	Record
	PrevHex string `json:"prev"`
}

// makes reports whether the record made a generation.
func (r Record) makes() bool { return r.Action == Switch || r.Action == Remove }

// HistoryError says that a history is not what was written to it.
type HistoryError struct {
	Path    string
	Line    int // of the first problem, from 1
	Problem string
	// Torn says that only the last line is at fault, as after a crash while it was written. It was
	// never acted on, the next change replaces it, and nothing is lost.
	Torn bool
}

func (e *HistoryError) Error() string {
	return fmt.Sprintf("history %q, line %d: %s", e.Path, e.Line, e.Problem)
}

// History returns the records, oldest first. With a *HistoryError it returns those records as well that
// can be read; a profile that does not exist has none.
func (p *Profile) History() ([]Record, error) {
	h, err := p.readHistory()
	if err != nil {
		return nil, err
	}
	current := 0
	if target, err := os.Readlink(p.path(currentName)); err == nil {
		current, _ = parseNumber(target)
	}
	for i := range h.records {
		r := &h.records[i]
		next := current
		if i+1 < len(h.records) {
			next = h.records[i+1].From.Number
		}
		r.Abandoned = r.Action != Prune && r.Action != Keep && next != r.To.Number
	}
	if h.problem != nil {
		return h.records, h.problem
	}
	return h.records, nil
}

// history is what is in the file.
type history struct {
	records []Record
	problem *HistoryError
}

// readHistory reads the file. Its error is one of reading; what is wrong with the text is the history's problem, the
// first one where there are several.
func (p *Profile) readHistory() (history, error) {
	var h history
	data, err := os.ReadFile(p.path(historyName))
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return h, err
	}
	var r Record
	parse := func(text []byte) (m chain.Mark, err error) {
		r, err = parseLine(text)
		return chain.Mark{Number: r.Number, Prev: r.Prev}, err
	}
	var rotten *chain.Damage
	damage := chain.Scan(data, parse, func(l chain.Line) {
		r.head = l.Head
		h.records = append(h.records, r)
		err := checked.Verify(p.name, l.Text, func() ([]byte, error) { return formatLine(r) })
		if err != nil && rotten == nil {
			rotten = &chain.Damage{Line: l.At, Problem: err.Error()}
		}
	})
	if rotten != nil && (len(damage) == 0 || damage[0].Line > rotten.Line) {
		damage = []chain.Damage{*rotten}
	}
	if len(damage) > 0 {
		h.problem = &HistoryError{p.path(historyName), damage[0].Line, damage[0].Problem, damage[0].Torn}
	}
	return h, nil
}

func parseLine(text []byte) (Record, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return Record{}, fmt.Errorf("is no record: %w", err)
	}
	if l.Number <= 0 || l.Action == "" {
		return Record{}, errors.New("is no record: number or action is missing")
	}
	if l.PrevHex != "" {
		prev, err := digest.ParseContent(l.PrevHex)
		if err != nil {
			return Record{}, fmt.Errorf("is no record: %w", err)
		}
		l.Prev = prev
	}
	return l.Record, nil
}

func formatLine(r Record) ([]byte, error) {
	l := line{Record: r}
	if r.Prev != (digest.Content{}) {
		l.PrevHex = r.Prev.Hex()
	}
	text, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("encoding a record: %w", err)
	}
	return text, nil
}
