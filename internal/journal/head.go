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
	put := func(h chain.Head, number int) error {
		_, err := f.WriteAt([]byte(headLine(h)), int64(number%2*slot))
		return err
	}
	err = put(h, h.Number)
	if alone && err == nil {
		err = errors.Join(put(chain.Head{}, h.Number+1), f.Sync())
	}
	return errors.Join(err, f.Close())
}

// headLine returns the line of a head, spaces for none.
func headLine(h chain.Head) string {
	text := ""
	if h != (chain.Head{}) {
		text = h.String() + " " + headCheck(h.String())
	}
	return fmt.Sprintf("%-*s\n", slot-1, text)
}

// parseHeadLine reads a whole line that has a head.
func parseHeadLine(line string) (chain.Head, bool) {
	text, check, _ := strings.Cut(strings.TrimRight(line, " \n"), " ")
	h, err := chain.ParseHead(text)
	return h, err == nil && check == headCheck(text) && len(line) == slot && line[slot-1] == '\n'
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
		if h, ok := parseHeadLine(string(line)); ok && h.Number > newest.Number {
			newest = h
		}
	}
	return newest, nil
}

// HeadProblems says which lines of log.head are not what was written to them. The head of such a line is passed over, and then the log may end earlier
// than it should without anybody seeing it. A line of spaces is in order, and a file that is not there, or empty, has none. A line that a crash cut off,
// as the log c tells, is torn. As a reader takes no filelock, what seems wrong is looked at until it is the same twice.
func (l *Log) HeadProblems(c Contents) ([]Problem, error) {
	var before []byte
	for {
		data, err := os.ReadFile(l.headPath())
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		found := l.headProblems(data, c)
		if len(found) == 0 || bytes.Equal(data, before) {
			return found, nil
		}
		before = data
	}
}

func (l *Log) headProblems(data []byte, c Contents) (found []Problem) {
	for i := 0; len(data) > 0 && i < 2 || i*slot < len(data); i++ { // an empty file has no head, which Read tells of
		line := string(data[min(i*slot, len(data)):min((i+1)*slot, len(data))])
		blank := len(line) == slot && strings.Trim(line, " \n") == ""
		if _, ok := parseHeadLine(line); i > 1 || !ok && !blank {
			p := Problem{File: l.headPath(), Line: i + 1, Problem: "is not what was written to it: its check is wrong"}
			if line == "" {
				p.Problem = "is missing"
			}
			p.Torn = i < 2 && c.torn(i, line)
			found = append(found, p)
		}
	}
	return found
}

// torn reports whether a line of log.head begins as the head of the last record that belongs there and goes on as what stood there before: the
// head of the record two before, or in a new file spaces, or nothing.
func (c *Contents) torn(which int, line string) bool {
	var written []string // there, the newest first
	for _, r := range slices.Backward(c.Records) {
		if len(written) < 2 && r.Number%2 == which && r.Stands == "" {
			written = append(written, headLine(r.head))
		}
	}
	nothing := strings.Repeat("\x00", slot)[:len(line)] // of a file that is not longer, or has a hole there
	written = append(written, headLine(chain.Head{}))
	same := 0
	for same < len(line) && line[same] == written[0][same] {
		same++
	}
	rest := line[same:]
	return len(written) > 1 && rest == written[1][same:] || len(written) < 3 && rest == nothing[same:]
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
