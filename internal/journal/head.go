package journal

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"gostore/internal/chain"
	"gostore/internal/digest"
)

// headWidth is the length of log.head: a number of up to 14 digits, a colon, a digest, a newline. Padded to one length
// it is overwritten in one sector of one block that exists already, so it needs no space and is never half old and half new.
const headWidth = 80

// unknown is Record.Expected where a log has records and no head that says which.
const unknown = "unknown"

// writeHead overwrites log.head, whose filelock is held.
func (l *Log) writeHead(h chain.Head) error {
	f, err := os.OpenFile(l.headPath(), os.O_WRONLY|os.O_CREATE, perm)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(fmt.Appendf(nil, "%-*s\n", headWidth-1, h), 0)
	return errors.Join(err, f.Close())
}

func parseHead(data []byte) chain.Head {
	h, err := chain.ParseHead(strings.TrimRight(string(data), " \n"))
	if err != nil {
		return chain.Head{}
	}
	return h
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
		r, _, err := parseLine(text)
		if err != nil {
			return 0, true, err
		}
		first = r.Number
		t.found = t.found || known == chain.Head{Number: r.Number, Digest: sum}
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
