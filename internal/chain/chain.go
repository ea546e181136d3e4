// Package chain keeps texts that only grow: a record a line, each with the digest of the line before, so that a
// record that was changed, moved or removed shows.
//
// A line is whatever its owner makes of it, as long as it says two things (Mark): the record's number, from 1, and the
// BLAKE3 of the line before it, without its newline. The owner parses and formats; this package reads from either end, appends,
// and says what does not follow.
//
// # What it promises
//
// Append leaves the text as it was or with the whole line more, also on a full disk; when it has returned nil the line
// survives a power cut. A crash in between leaves a beginning of the line, or a line whose blocks did not all
// arrive: it is torn, readers say so, and the next Append cuts it off. ReadTail reads from the end, so that an append takes as long
// after a hundred thousand records as after ten.
//
// # What it does not promise
//
// Exclusion: whoever calls ReadTail and Append holds a filelock over both; readers need none. And a chain proves nothing about its
// own end: the last records can be taken away, and whoever can write the text can write all of it anew. Against that a Head
// has to be kept elsewhere.
package chain

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"gostore/internal/digest"
)

// Mark is what a line says of its place.
type Mark struct {
	Number int            // of the record
	Prev   digest.Content // of the line before; zero for the first
	// Stands is set in a first line that stands in the place of others, which were cut off: the digest of the last of them, whose
	// Number it has. The next line follows that one.
	Stands digest.Content
}

// Parse reads a line's text. Its error says what is wrong, as the end of a sentence: "is no record: …".
type Parse func(text []byte) (Mark, error)

// Head names a record so that nobody can put another in its place: by number and the digest of its line. The zero Head is that of
// an empty chain.
type Head struct {
	Number int
	Digest digest.Content
}

// String returns NUMBER:DIGEST, which ParseHead reads.
func (h Head) String() string { return strconv.Itoa(h.Number) + ":" + h.Digest.Hex() }

// ParseHead reads a number from 1, a colon and 64 hexadecimal digits.
func ParseHead(s string) (Head, error) {
	number, hex, found := strings.Cut(s, ":")
	n, err := strconv.Atoi(number)
	if !found || err != nil || n < 1 || strconv.Itoa(n) != number {
		return Head{}, fmt.Errorf("head %.80q: want NUMBER:DIGEST", s)
	}
	d, err := digest.ParseContent(hex)
	if err != nil {
		return Head{}, fmt.Errorf("head %.80q: %w", s, err)
	}
	return Head{n, d}, nil
}

// Damage is one point at which a text is not what was written to it.
type Damage struct {
	Line    int    // of the text, from 1
	Problem string // "is torn", "does not follow …"
	// Torn says that only the last line is at fault, as after a crash while it was written. The next Append cuts it off.
	Torn bool
}

// Line is a line of a text that Scan goes through.
type Line struct {
	At   int    // from 1
	Text []byte // without its newline
	Head Head
}

// Scan goes through a text from its beginning and returns what is wrong with it. Of each line that can be read it tells each.
func Scan(data []byte, parse Parse, each func(Line)) []Damage {
	var found []Damage
	s := scan{}
	for at := 1; len(data) > 0; at++ {
		text, rest, ended := bytes.Cut(data, []byte("\n"))
		if !ended {
			return append(found, Damage{at, "is torn", true})
		}
		mark, err := parse(text)
		if err != nil {
			// Complete, yet not what was written: a power cut can leave a last line whose blocks did not all arrive.
			found = append(found, Damage{at, err.Error(), len(rest) == 0})
			s = scan{last: digest.Sum(text)}
		} else {
			if problem := s.place(mark); problem != "" {
				found = append(found, Damage{at, problem, false})
			}
			s = scan{mark.Number, digest.Sum(text)}
			each(Line{at, text, Head{s.number, s.last}})
			if at == 1 && mark.Stands != (digest.Content{}) {
				s.last = mark.Stands
			}
		}
		data = rest
	}
	return found
}

// scan is what is known of the line before: the number is 0 before the first, and after one that is no record.
type scan struct {
	number int
	last   digest.Content
}

// place says what is wrong with where a record stands, "" where nothing is.
func (s scan) place(m Mark) string {
	first := s == scan{}
	follows := m.Prev == s.last
	if first && m.Stands != (digest.Content{}) || follows && (m.Number == s.number+1 || s.number == 0 && !first) {
		return ""
	}
	if follows {
		return fmt.Sprintf("has number %d, not %d", m.Number, s.number+1)
	}
	const problem = "does not follow the line before it: "
	switch further := m.Number - s.number; {
	case s.number == 0 && !first, first && further == 1:
		return fmt.Sprintf(problem+"record %d, or what stood before it, was changed", m.Number)
	case further > 2:
		return fmt.Sprintf(problem+"records %d to %d are missing", s.number+1, m.Number-1)
	case further == 2:
		return fmt.Sprintf(problem+"record %d is missing", s.number+1)
	case further == 1:
		return fmt.Sprintf(problem+"record %d or %d was changed", s.number, m.Number)
	}
	return fmt.Sprintf(problem+"record %d stands after record %d", m.Number, s.number)
}
