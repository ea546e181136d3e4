// Package journal keeps the audit log of a store: what was done to it, when, by whom, and what differed in the
// environment from the time before.
//
// Two files in the store's root:
//
//	log        a line of JSON for each record, chained by digests (package chain); docs/audit-log.md has every field
//	log.head   number and digest of the last two records, and the filelock of both files
//
// # What it promises
//
// Records of processes that append at once stand one after another and none is lost. When Append has returned nil the record survives
// a power cut; when it fails the log is as it was. A record that was changed, moved or removed in the middle breaks the chain.
// One that was removed at the end contradicts log.head, and the next Append, which would otherwise cover that up, says in
// its record which one it had expected (Record.Expected): once it was seen, the loss stays in the log.
//
// # Order of an append, and what a crash after each step leaves
//
//  1. a torn last line is cut off: it was never reported as written;
//  2. the line is written and synced: the head is one record behind, which is no contradiction;
//  3. the head is written to log.head, over the one before the last, without a sync: what a crash cuts off is one record
//     behind, and when the machine loses power the head may be some records behind, never ahead. Only where there was no head it
//     is synced, so that from then on one is there: both stand in one sector of the disk, which is written whole.
//
// # What it does not promise
//
// Whoever owns the account can write both files anew, or remove both. Only a head that was kept elsewhere shows that.
// Variables are only those that Matters names, and secrets are taken out of them (package redact) as far as they can be told.
package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"gostore/internal/chain"
	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/filelock"
)

// Names of the files in a store's root.
const (
	Name     = "log"
	HeadName = "log.head"
)

// perm is the mode of a new log: what somebody does and where is nobody else's business unless he says so.
const perm = 0o600

// maxNumber bounds numbers, so that one made by hand cannot make them overflow.
const maxNumber = 1e12

// Outcome says how an action ended.
type Outcome string

// The outcomes.
const (
	Done        Outcome = "done"
	Unchanged   Outcome = "unchanged" // everything was as asked already
	Failed      Outcome = "failed"
	Interrupted Outcome = "interrupted" // by a signal
)

// Who says who acts; what is not known is empty.
type Who struct {
	User     string   `json:"user,omitempty"`
	UID      int      `json:"uid"`
	SudoUser string   `json:"sudoUser,omitempty"` // who became User by sudo or doas
	SudoUID  string   `json:"sudoUid,omitempty"`  // and the number that sudo states
	LoginUID string   `json:"loginUid,omitempty"` // as whom the session began, by the kernel's account, which survives sudo and su
	Terminal string   `json:"terminal,omitempty"`
	Host     string   `json:"host,omitempty"`
	Command  []string `json:"command,omitempty"` // the command line, without secrets
}

// Point is one end of a change: a generation, or the bytes of a file.
type Point struct {
	Generation int    `json:"generation,omitempty"`
	Digest     string `json:"digest,omitempty"` // of a generation the environment's tree digest, "b3:…"; of a file the BLAKE3 of its bytes
}

// Change is how one tool, or whatever else has versions, differs.
type Change struct {
	Tool string `json:"tool"`
	Was  string `json:"was,omitempty"` // versions, separated by spaces; "" for what was not there
	Is   string `json:"is,omitempty"`
}

// Objects are objects that came or went. Names holds at most maxNames of them.
type Objects struct {
	Count int      `json:"count"`
	Names []string `json:"names,omitempty"` // "DIGEST NAME@VERSION"
}

// Add enters an object.
func (o *Objects) Add(tree digest.Tree, name, version string) {
	o.Count++
	if len(o.Names) < maxNames {
		o.Names = append(o.Names, tree.String()+" "+name+"@"+version)
	}
}

// Difference is one variable that is not what it was at the record before. Values are without secrets.
type Difference struct {
	Name  string `json:"name"`
	Was   string `json:"was"`
	Is    string `json:"is"`
	HadIt bool   `json:"wasSet"`
	HasIt bool   `json:"isSet"`
}

// Record is one action. Append fills in Number, Prev and what concerns variables; the rest is the caller's, and
// what does not apply stays empty.
type Record struct {
	Number  int       `json:"number"` // from 1
	Time    time.Time `json:"time"`   // when it ended, UTC
	Action  string    `json:"action"` // the command's name, or that of what it does: "switch"
	Outcome Outcome   `json:"outcome"`
	Error   string    `json:"error,omitempty"`
	Who
	Version string `json:"gostore,omitempty"` // of gostore
	Dir     string `json:"dir,omitempty"`     // the working directory

	Project     string   `json:"project,omitempty"`     // path of the lock file that is concerned
	Profile     string   `json:"profile,omitempty"`     // name of the profile
	History     string   `json:"history,omitempty"`     // NUMBER:DIGEST of the record in the profile's own history
	From        Point    `json:"from,omitzero"`         // what was current, or what the file was
	To          Point    `json:"to,omitzero"`           // what became of it
	Changes     []Change `json:"changes,omitempty"`     // by tool
	Added       Objects  `json:"added,omitzero"`        // to the store
	Removed     Objects  `json:"removed,omitzero"`      // from the store
	Bytes       int64    `json:"bytes,omitempty"`       // of disk, given back
	Generations []string `json:"generations,omitempty"` // removed: "default 3"
	Projects    []string `json:"projects,omitempty"`    // forgotten: paths of locks
	Detail      string   `json:"detail,omitempty"`      // what the other fields do not say, in a few words

	Environment map[string]string `json:"environment,omitempty"` // all variables that matter, now and then
	Set         map[string]string `json:"set,omitempty"`         // else: those set or changed since the record before
	Unset       []string          `json:"unset,omitempty"`       // and those gone

	Expected string `json:"expected,omitempty"` // NUMBER:DIGEST of the last record that there had been, where that is gone; "unknown" where nothing tells
	Anchor   string `json:"anchor,omitempty"`   // of a pruning: digest of the line that stands in the place of what was cut off
	Stands   string `json:"stands,omitempty"`   // in such a line: digest of the last line cut off

	Prev string `json:"prev"` // digest of the line before

	// Differences are computed when a log is read: variables that differ from the record before.
	Differences []Difference `json:"-"`
	head        chain.Head
}

// Head names the record.
func (r Record) Head() chain.Head { return r.head }

// Log is the log of one store. It holds nothing open.
type Log struct{ dir string }

// In returns the log of the store in dir. It need not exist: the first Append makes it.
func In(dir string) *Log { return &Log{dir} }

// Path returns the path of the log.
func (l *Log) Path() string { return filepath.Join(l.dir, Name) }

func (l *Log) headPath() string { return filepath.Join(l.dir, HeadName) }

// Append writes a record with the variables of environ (KEY=VALUE) that matter. It waits until ctx ends for others that append.
func (l *Log) Append(ctx context.Context, r Record, environ []string) (Record, error) {
	held, err := filelock.Lock(ctx, l.headPath())
	if err != nil {
		return r, err
	}
	defer held.Release()
	known, err := l.readHead()
	if err != nil {
		return r, err
	}
	t, err := l.readTail(known)
	if err != nil {
		return r, err
	}
	r.Expected = t.missing(known)
	if t.found && known.Number > 0 && known.Number == t.Number-1 {
		// The last append was killed before its head was whole, and the other line is the one that is written next: both may not be torn.
		if err := l.writeHead(t.Head, false); err != nil {
			return r, err
		}
		known = t.Head
	}
	r.note(t, variables(environ))
	return l.write(t.Tail, r, known)
}

// write is steps 1 to 3 of an append.
func (l *Log) write(t chain.Tail, r Record, known chain.Head) (Record, error) {
	next := t.Next()
	r.bound()
	r.Number, r.Prev = next.Number, hex(next.Prev)
	text, err := r.line()
	if err != nil {
		return r, err
	}
	if err := t.Append(text, perm); err != nil {
		return r, err
	}
	if next.Number == 1 {
		if err := durable.SyncDir(l.dir); err != nil {
			return r, err
		}
	}
	r.head = chain.Head{Number: r.Number, Digest: digest.Sum(text)}
	return r, l.writeHead(r.head, known.Number == 0 || r.Expected != "")
}

// line returns the record as a line without its newline.
func (r Record) line() ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding a record: %w", err)
	}
	return text, nil
}

// parseLine reads a line.
func parseLine(text []byte) (r Record, m chain.Mark, err error) {
	if err := json.Unmarshal(text, &r); err != nil {
		return r, m, fmt.Errorf("is no record: %w", err)
	}
	if r.Number <= 0 || r.Number > maxNumber || r.Action == "" {
		return r, m, errors.New("is no record: number or action is missing")
	}
	m.Number = r.Number
	for _, d := range []struct {
		text string
		to   *digest.Content
	}{{r.Prev, &m.Prev}, {r.Stands, &m.Stands}} {
		if d.text == "" {
			continue
		}
		if *d.to, err = digest.ParseContent(d.text); err != nil {
			return r, m, fmt.Errorf("is no record: %w", err)
		}
	}
	return r, m, nil
}

// hex returns a digest as text, and nothing for an absent one.
func hex(d digest.Content) string {
	if d == (digest.Content{}) {
		return ""
	}
	return d.Hex()
}
