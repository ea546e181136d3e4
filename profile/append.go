package profile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"

	"gostore/internal/digest"
)

// tail is what the next record needs to know of the history. It is read from the end, so that a change takes as
// long after ten thousand changes as after ten.
type tail struct {
	size    int64          // bytes up to the end of the last line that is not torn
	torn    bool           // something follows there, which was never acted on
	last    digest.Content // digest of that line, zero when there is none
	number  int            // of the last record
	highest int            // number that a generation ever had
}

// readTail reads the end of the history. Lines that are damaged are passed over, except that a damaged
// last line is torn.
func (p *Profile) readTail() (tail, error) {
	data, err := os.ReadFile(p.path(historyName))
	if errors.Is(err, fs.ErrNotExist) {
		return tail{}, nil
	}
	if err != nil {
		return tail{}, err
	}
	whole, end := lastLine(data)
	if len(end) == 0 && len(whole) > 0 {
		before, text := lastLine(whole[:len(whole)-1])
		if _, err := parseLine(text); err != nil {
			whole = before
		}
	}
	t := tail{size: int64(len(whole)), torn: len(whole) < len(data)}
	for len(whole) > 0 {
		before, text := lastLine(whole[:len(whole)-1])
		if t.last == (digest.Content{}) {
			t.last = digest.Sum(text)
		}
		whole = before
		r, err := parseLine(text)
		if err != nil {
			continue
		}
		t.number = max(t.number, r.Number)
		t.highest = max(t.highest, r.From.Number, r.To.Number)
		if r.makes() {
			break // numbers only grow: no earlier record has a higher one
		}
	}
	return t, nil
}

// lastLine cuts data after its last newline.
func lastLine(data []byte) (before, line []byte) {
	i := bytes.LastIndexByte(data, '\n') + 1
	return data[:i], data[i:]
}

// appendRecord writes r, with its number and the digest of its predecessor, to the end of
// the history: ftruncate where the end is torn, one write, fsync. The filelock is held. When it fails the
// line is taken back as far as that is possible; a line that stays is a record that was not carried out.
func (p *Profile) appendRecord(t tail, r Record) (err error) {
	r.Number, r.Prev = t.number+1, t.last
	text, err := formatLine(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(p.path(historyName), os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Truncate(t.size) // best effort
		}
		err = errors.Join(err, f.Close())
	}()
	if t.torn {
		if err := f.Truncate(t.size); err != nil {
			return err
		}
	}
	if _, err := f.WriteAt(text, t.size); err != nil {
		return err
	}
	return f.Sync()
}
