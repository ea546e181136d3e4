package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"gostore/internal/chain"
	"gostore/internal/digest"
)

// slot is the length of a line of log.head, of which there are two: head, the beginning of its BLAKE3, spaces, a newline. A head is
// written over the one before the last, in place: that needs no space on a disk that is full, and a write that is cut off by
// a crash leaves a line that does not check beside one that does, which is one record behind.
const slot = 104

// unknown is Record.Expected where a log has records and no head that says which.
const unknown = "unknown"

// writeHead writes a head into its slot. The filelock is held. alone makes the other slot blank and syncs: in a new
// file, and where it has a head that is wrong and may have a higher number. A crash in between leaves that one to be reported again.
func (l *Log) writeHead(h chain.Head, alone bool) error {
	f, err := os.OpenFile(l.headPath(), os.O_WRONLY|os.O_CREATE, perm)
	if err != nil {
		return err
	}
	put := func(text string, number int) error {
		_, err := f.WriteAt(fmt.Appendf(nil, "%-*s\n", slot-1, text), int64(number%2*slot))
		return err
	}
	err = put(h.String()+" "+headCheck(h.String()), h.Number)
	if alone && err == nil {
		err = errors.Join(put("", h.Number+1), f.Sync())
	}
	return errors.Join(err, f.Close())
}

// headCheck tells a head from half of one.
func headCheck(head string) string { return digest.Sum([]byte(head)).Hex()[:16] }

// readHead returns the newest head of log.head; the zero Head where there is none. That it could not be read is an error: whoever goes on
// as if there were none says in the log, for ever, that records are gone.
func (l *Log) readHead() (newest chain.Head, err error) {
	f, err := os.Open(l.headPath())
	if errors.Is(err, fs.ErrNotExist) {
		return newest, nil
	}
	if err != nil {
		return newest, err
	}
	defer f.Close()
	both := make([]byte, 2*slot)
	n, err := io.ReadFull(f, both)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) { // which a new file, and half of one, give
		return newest, err
	}
	for line := range slices.Chunk(both[:n], slot) {
		text, check, _ := strings.Cut(strings.TrimRight(string(line), " \n"), " ")
		if h, err := chain.ParseHead(text); err == nil && check == headCheck(text) && h.Number > newest.Number {
			newest = h
		}
	}
	return newest, nil
}

// HeadProblems says which lines of log.head are not what was written to them. The head of such a line is passed over, and then the log may end earlier
// than it should without anybody seeing it. A line of spaces is in order, and a file that is not there has none. As a reader takes no filelock, what
// seems wrong is looked at until it is the same twice.
func (l *Log) HeadProblems() ([]Problem, error) {
	var before []byte
	for {
		data, err := os.ReadFile(l.headPath())
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		found := l.headProblems(data)
		if len(found) == 0 || bytes.Equal(data, before) {
			return found, nil
		}
		before = data
	}
}

func (l *Log) headProblems(data []byte) (found []Problem) {
	for i := 0; i*slot < len(data); i++ {
		line := string(data[i*slot : min((i+1)*slot, len(data))])
		text, check, _ := strings.Cut(strings.TrimRight(line, " \n"), " ")
		_, err := chain.ParseHead(text)
		blank := strings.Trim(line, " \n") == ""
		if i > 1 || len(line) != slot || !blank && (err != nil || check != headCheck(text) || line[slot-1] != '\n') {
			found = append(found, Problem{File: l.headPath(), Line: i + 1, Problem: "is not what was written to it: its check is wrong"})
		}
	}
	return found
}

// tail is the end of a log.
type tail struct {
	chain.Tail
	found bool              // the record that log.head names is there
	state map[string]string // variables at the last record
	since int               // how many records the state was told by differences
}

// readTail reads the end of the log, as far back as the variables are listed whole and the head is found.
func (l *Log) readTail(known chain.Head) (tail, error) {
	t := tail{found: known.Number == 0}
	var newer []Record // than the listing, the newest first
	listed, first := false, 0
	var err error
	t.Tail, err = chain.ReadTail(l.Path(), func(text []byte, sum digest.Content) (int, bool, error) {
		r, m, err := parseLine(text)
		if err != nil {
			return 0, true, err
		}
		first = r.Number
		t.found = t.found || known == chain.Head{Number: r.Number, Digest: sum} || known == chain.Head{Number: r.Number, Digest: m.Stands}
		if !listed {
			newer = append(newer, r)
			listed = r.Environment != nil
		}
		return r.Number, !listed || !t.found && first > known.Number, nil
	})
	if listed {
		t.state, t.since = replay(newer), len(newer)
	}
	return t, err
}

// missing returns what a record that follows says of those before it that are gone: "" where none is. A head that is behind is
// what a crash leaves; so is a log of one record without a head.
func (t tail) missing(known chain.Head) string {
	switch {
	case known.Number == 0 && t.Number > 1:
		return unknown
	case !t.found:
		return known.String()
	}
	return ""
}
