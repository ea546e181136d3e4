package fetch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// state says of which file a part holds bytes, and which. Its text is
//
//	the SHA-256 of the URL, in hexadecimal: a URL may hold a password
//	the bytes of the whole file, -1 when they are not known
//	the validator, empty when the server stated none
//	the SHA-256 of the URL that stated the validator: the same as above, or a mirror's
//	the extents that the part holds, "START-END" on a line each, in the order in which they arrived
//
// Without any extent the part is the beginning of the file, and its own length says how much of it.
//
// A state never claims bytes that are not in the part, whatever instant the process ends at:
//
//   - A part that grows from its beginning has its state before its first byte. Its length is the claim.
//   - Before a byte is written elsewhere than at the end of such a part, an extent says how much of it there is.
//   - From then on an extent is appended after its bytes were written. One that was cut off while it was
//     appended has no newline: it does not count, and the next one overwrites it.
//   - A part is emptied in this order: remove the state, truncate the part, write the new state. A part without a
//     state counts as empty.
//
// After a power cut the part may hold zeroes in place of bytes that it should have, since nothing is synced here;
// the digest tells.
type state struct {
	validator string // for If-Range: a strong entity tag, or a date, or "" when the server states none
	total     int64  // bytes of the whole file, -1 when not known
	from      string // sum of the URL that stated the validator
	sparse    bool   // extents say what there is, not the part's length
	have      extents
}

// sumOf returns how a state writes a URL.
func sumOf(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:])
}

// format returns the text of s.
func (s state) format(url string) []byte {
	text := fmt.Appendf(nil, "%s\n%d\n%s\n%s\n", sumOf(url), s.total, s.validator, s.from)
	if s.sparse && len(s.have) == 0 {
		return appendExtent(text, Range{})
	}
	if s.sparse {
		for _, r := range s.have {
			text = appendExtent(text, r)
		}
	}
	return text
}

func appendExtent(text []byte, r Range) []byte { return fmt.Appendf(text, "%d-%d\n", r.Start, r.End) }

// parseState reads a state whose part has size bytes. It returns the first line, and how many bytes of the text counted. A state that is not
// as format writes it, or claims more than the part or the file can have, is not ok.
func parseState(data []byte, size int64) (s state, sum string, length int, ok bool) {
	text := string(data[:bytes.LastIndexByte(data, '\n')+1])
	lines := strings.SplitAfter(text, "\n")
	lines = lines[:len(lines)-1] // what follows the last newline: nothing
	if len(lines) < 4 {
		return state{}, "", 0, false
	}
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\n")
	}
	total, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || total < -1 || strconv.FormatInt(total, 10) != lines[1] || !isSum(lines[0]) || !isSum(lines[3]) {
		return state{}, "", 0, false
	}
	s = state{validator: lines[2], total: total, from: lines[3], sparse: len(lines) > 4}
	var held []Range
	for _, line := range lines[4:] {
		r, ok := parseExtent(line)
		if !ok || r.End > size || total >= 0 && r.End > total {
			return state{}, "", 0, false
		}
		held = append(held, r)
	}
	s.have = extentsOf(held, 0)
	if !s.sparse && size > 0 {
		s.have = extents{{0, size}}
	}
	return s, lines[0], len(text), s.sparse || total < 0 || size <= total
}

func isSum(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == sha256.Size && strings.ToLower(s) == s
}

// parseExtent reads "START-END".
func parseExtent(line string) (Range, bool) {
	start, end, _ := strings.Cut(line, "-")
	a, err1 := strconv.ParseUint(start, 10, 63)
	b, err2 := strconv.ParseUint(end, 10, 63)
	r := Range{int64(a), int64(b)}
	return r, err1 == nil && err2 == nil && a <= b && string(appendExtent(nil, r)) == line+"\n"
}

// Held returns which bytes of a file the part at path holds, in ascending order, and how many the whole file has, -1 when that is
// not known. ok is false when path is not a part that Download left.
func Held(path string) (ranges []Range, total int64, ok bool) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, -1, false
	}
	data, err := os.ReadFile(StatePath(path))
	if err != nil {
		return nil, -1, false
	}
	s, _, _, ok := parseState(data, info.Size())
	if !ok {
		return nil, -1, false
	}
	return s.have, s.total, true
}

// load finds out what the part holds; a part without a readable state for this URL is emptied.
func (d *download) load() error {
	info, err := d.f.Stat()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(StatePath(d.f.Name()))
	s, sum, length, ok := parseState(data, info.Size())
	if err != nil || !ok || sum != sumOf(d.url) || len(s.have) == 0 {
		return d.empty()
	}
	d.state = s
	if !s.sparse {
		return nil
	}
	d.logged = int64(length)
	return d.openJournal()
}

// empty drops what the part holds, in the order that keeps the state true.
func (d *download) empty() error {
	d.closeJournal()
	d.state = state{total: -1, from: sumOf(d.url)}
	d.gained = 0
	if err := os.Remove(StatePath(d.f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Not where nothing is to be cut off: an ext4 writes a file out when it is closed if it was truncated to nothing before, and a download is to be unpacked
	// and gone before anything of it is on the disk (auto_da_alloc in ext4(5)).
	if fi, err := d.f.Stat(); err != nil || fi.Size() == 0 {
		return err
	}
	return d.f.Truncate(0)
}

// restart empties the part and records what it is going to hold.
func (d *download) restart(s state) error {
	if err := d.empty(); err != nil {
		return err
	}
	d.state = s
	return d.save()
}

// save writes the whole state. A part whose state was cut off in this is fetched again.
func (d *download) save() error {
	text := d.state.format(d.url)
	if err := os.WriteFile(StatePath(d.f.Name()), text, 0o600); err != nil {
		return err
	}
	d.logged = int64(len(text))
	return nil
}

// becomeSparse prepares for bytes elsewhere than at the end of what the part holds.
func (d *download) becomeSparse() error {
	if d.sparse {
		return nil
	}
	if err := d.openJournal(); err != nil {
		return err
	}
	info, err := d.journal.Stat()
	if err != nil {
		return err
	}
	d.logged, d.sparse = info.Size(), true
	return d.record(Range{0, d.have.prefix()})
}

// record appends an extent to the state of a sparse part. Its bytes were written before.
func (d *download) record(r Range) error {
	n, err := d.journal.WriteAt(appendExtent(nil, r), d.logged)
	if err != nil {
		return err
	}
	d.logged += int64(n)
	return nil
}

func (d *download) openJournal() (err error) {
	if d.journal == nil {
		d.journal, err = os.OpenFile(StatePath(d.f.Name()), os.O_WRONLY, 0)
	}
	return err
}

func (d *download) closeJournal() {
	if d.journal != nil {
		_ = d.journal.Close() // every extent was written, or its error returned
		d.journal = nil
	}
}
