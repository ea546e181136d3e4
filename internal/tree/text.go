package tree

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"gostore/internal/digest"
)

// header is the first line. Its number changes with any rule that would change a digest.
const header = "gostore tree 1\n"

// lineSize is what a line takes beside its path and target: seldom more than this, since few
// names are quoted and few files have 100 MB.
const lineSize = len("f ") + 64 + len(" 12345678 ") + len("\n")

// special holds the bytes because of which a path or target is quoted.
const special = ` "\`

// appendText appends the manifest of entries that were sorted and checked.
func appendText(b []byte, entries []Entry) []byte {
	size := len(header)
	for i := range entries {
		size += len(entries[i].Path) + len(entries[i].Target) + lineSize
	}
	b = append(slices.Grow(b, size), header...)
	for i := range entries {
		b = appendLine(b, &entries[i])
	}
	return b
}

// pieceSize is how much text is written at a time.
const pieceSize = 64 << 10

// writeText writes the manifest of entries that were sorted and checked, in pieces.
func writeText(w io.Writer, entries []Entry) error {
	b := append(make([]byte, 0, pieceSize+pieceSize/4), header...) // a line has at most 16,500 bytes
	for i := range entries {
		if b = appendLine(b, &entries[i]); len(b) < pieceSize {
			continue
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		b = b[:0]
	}
	_, err := w.Write(b)
	return err
}

func appendLine(b []byte, e *Entry) []byte {
	b = append(b, byte(e.Kind), ' ')
	if e.Kind == File || e.Kind == Exec {
		b = hex.AppendEncode(b, e.Content[:])
		b = append(b, ' ')
		b = strconv.AppendInt(b, e.Size, 10)
		b = append(b, ' ')
	}
	b = appendWord(b, e.Path)
	if e.Kind == Link {
		b = append(b, ' ')
		b = appendWord(b, e.Target)
	}
	return append(b, '\n')
}

func appendWord(b []byte, s string) []byte {
	if !strings.ContainsAny(s, special) {
		return append(b, s...)
	}
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// Parse reads a manifest. It accepts only what Bytes returns for some Manifest; an error
// names the line at fault.
func Parse(text []byte) (Manifest, error) {
	sum := digest.Sum(text)
	rest, ok := strings.CutPrefix(string(text), header) // the paths stay in it
	if !ok {
		return Manifest{}, lineError(1, fmt.Errorf("is not %q", strings.TrimSuffix(header, "\n")))
	}
	entries := make([]Entry, 0, strings.Count(rest, "\n"))
	for rest != "" {
		number := len(entries) + 2
		var line string
		if line, rest, ok = strings.Cut(rest, "\n"); !ok {
			return Manifest{}, lineError(number, errors.New("does not end in a newline"))
		}
		e, err := parseLine(line)
		if err == nil && len(entries) > 0 && e.Path < entries[len(entries)-1].Path {
			err = &PathError{e.Path, "is not in the order of bytes"}
		}
		if err != nil {
			return Manifest{}, lineError(number, err)
		}
		entries = append(entries, e)
	}
	if i, err := check(entries); err != nil {
		return Manifest{}, lineError(i+2, err)
	}
	return describe(entries, digest.Tree(sum)), nil
}

func lineError(number int, err error) error {
	return fmt.Errorf("manifest line %d: %w", number, err)
}

// parseLine reads one line without its newline. The entry's syntax is right afterwards; whether it
// keeps the rules is for check.
func parseLine(line string) (e Entry, err error) {
	kind, rest, _ := strings.Cut(line, " ")
	switch kind {
	case "d", "f", "x", "l":
		e.Kind = Kind(kind[0])
	default:
		return e, fmt.Errorf("unknown kind %q", kind)
	}
	if e.Kind == File || e.Kind == Exec {
		var content, size string
		content, rest, _ = strings.Cut(rest, " ")
		size, rest, _ = strings.Cut(rest, " ")
		if e.Content, err = digest.ParseContent(content); err != nil {
			return e, err
		}
		if e.Size, err = parseSize(size); err != nil {
			return e, err
		}
	}
	if e.Path, rest, err = parseWord(rest); err != nil {
		return e, err
	}
	if e.Kind == Link {
		var ok bool
		if rest, ok = strings.CutPrefix(rest, " "); !ok {
			return e, errors.New("has no link target")
		}
		if e.Target, rest, err = parseWord(rest); err != nil {
			return e, err
		}
	}
	if rest != "" {
		return e, fmt.Errorf("unexpected %q at the end", rest)
	}
	return e, nil
}

func parseSize(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || s[0] == '0' && s != "0" {
		return 0, fmt.Errorf("size %q is not a canonical number", s)
	}
	return int64(n), nil
}

// parseWord reads the path or target at the start of s and returns what follows it.
func parseWord(s string) (word, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s, ' ')
		if end < 0 {
			end = len(s)
		}
		if strings.ContainsAny(s[:end], special) {
			return "", "", fmt.Errorf("%q needs quotes", s[:end])
		}
		return s[:end], s[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			if !strings.ContainsAny(b.String(), special) {
				return "", "", fmt.Errorf("%q needs no quotes", b.String())
			}
			return b.String(), s[i+1:], nil
		case '\\':
			i++
			if i == len(s) || s[i] != '"' && s[i] != '\\' {
				return "", "", errors.New("unknown escape after a backslash")
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", errors.New("a quoted word does not end")
}
