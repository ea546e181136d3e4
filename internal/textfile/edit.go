package textfile

import (
	"bytes"
	"fmt"
	"strings"
)

// SetTOML returns a document in which key of table, "" for the top, has a value, which is given as TOML. Everything else stays as it is
// written, comments too. The document was read without an error. The table may be written in any of TOML's ways; a key that
// is not there goes behind the last one of its table, and a table that is not there to the end. Whoever cannot be sure that the result
// says what he means reads it again.
func SetTOML(data []byte, table, key, value string) ([]byte, error) {
	d, err := ParseTOML("", data)
	if err != nil {
		return nil, err
	}
	t := &d.Root
	if table != "" {
		e := d.Root.Get(table)
		if e == nil {
			return addTable(data, table, Assignment(key, value)), nil
		}
		if t = e.Value; t.Kind != Table {
			return nil, fmt.Errorf("key %q is no table", table)
		}
	}
	if e := t.Get(key); e != nil {
		if e.Value.made == byArray {
			return nil, fmt.Errorf("key %q is a list of tables", key)
		}
		from, to := valueAt(data, e.Offset)
		return splice(data, from, to, value), nil
	}
	return addKey(data, d, t, table, Assignment(key, value)), nil
}

// UnsetTOML returns a document without key of table, with the rest of its line where that has only a comment. Where the key is not there, found is false.
func UnsetTOML(data []byte, table, key string) (without []byte, found bool, err error) {
	d, err := ParseTOML("", data)
	if err != nil {
		return nil, false, err
	}
	t := &d.Root
	if table != "" {
		e := d.Root.Get(table)
		if e == nil || e.Value.Kind != Table {
			return data, false, nil
		}
		t = e.Value
	}
	e := t.Get(key)
	if e == nil {
		return data, false, nil
	}
	if e.Value.made != byValue {
		return nil, false, fmt.Errorf("key %q is written as a table of its own", key)
	}
	_, to := valueAt(data, e.Offset)
	if t.made == byValue {
		return withoutItem(data, e.Offset, to), true, nil
	}
	return splice(data, lineStart(data, e.Offset), lineEnd(data, to), ""), true, nil
}

// Assignment is a line that gives a key a value. The key is quoted where TOML demands it.
func Assignment(key, value string) string {
	if key == "" || strings.Trim(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		key = Quote(key)
	}
	return key + " = " + value
}

// Quote returns a basic string of TOML.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// addTable puts a table to the end of a document.
func addTable(data []byte, table, line string) []byte {
	text := bytes.TrimRight(data, "\n")
	if len(text) > 0 {
		text = append(bytes.Clone(text), "\n\n"...)
	}
	return fmt.Appendf(text, "[%s]\n%s\n", table, line)
}

// addKey puts a line behind the last key of a table, or below its header.
func addKey(data []byte, d *Document, t *Value, table, line string) []byte {
	last := lastOwn(t)
	switch {
	case t.made == byValue && last == nil: // {}
		at := t.Offset + bytes.IndexByte(data[t.Offset:], '{') + 1
		return splice(data, at, at, " "+line+" ")
	case t.made == byValue:
		_, to := valueAt(data, last.Offset)
		return splice(data, to, to, ", "+line)
	case last != nil:
		_, to := valueAt(data, last.Offset)
		if t.made == byDots {
			line = table + "." + line
		}
		return insertLine(data, lineEnd(data, to), line)
	case t == &d.Root:
		return insertLine(data, firstHeader(data, d), line)
	case t.made == byHeader:
		return insertLine(data, lineEnd(data, t.Offset), line)
	}
	return addTable(data, table, line) // named by tables below it only
}

// lastOwn returns the last key of a table that is written in it, and not as a table of its own.
func lastOwn(t *Value) *Entry {
	for i := len(t.Entries) - 1; i >= 0; i-- {
		if e := &t.Entries[i]; e.Value.made == byValue {
			return e
		}
	}
	return nil
}

// firstHeader returns where the first table of a document begins, with the comments right above it; its end where there is none.
func firstHeader(data []byte, d *Document) int {
	first := len(data)
	for _, e := range d.Root.Entries {
		at := lineStart(data, e.Offset)
		for at > 0 && data[lineStart(data, at-1)] == '#' {
			at = lineStart(data, at-1)
		}
		first = min(first, at)
	}
	return first
}

// insertLine puts a line where another begins, or to the end.
func insertLine(data []byte, at int, line string) []byte {
	if at > 0 && data[at-1] != '\n' {
		line = "\n" + line
	}
	return splice(data, at, at, line+"\n")
}

// withoutItem takes a key from offset to end out of an inline table, with one comma.
func withoutItem(data []byte, from, to int) []byte {
	rest := bytes.TrimLeft(data[to:], " \t")
	if bytes.HasPrefix(rest, []byte(",")) {
		return splice(data, from, len(data)-len(bytes.TrimLeft(rest[1:], " \t")), "")
	}
	before := bytes.TrimRight(data[:from], " \t")
	if bytes.HasSuffix(before, []byte(",")) {
		return splice(data, len(before)-1, to, "")
	}
	return splice(data, from, to, "")
}

func splice(data []byte, from, to int, with string) []byte {
	return bytes.Join([][]byte{data[:from], []byte(with), data[to:]}, nil)
}

func lineStart(data []byte, at int) int { return bytes.LastIndexByte(data[:at], '\n') + 1 }

// lineEnd returns where the line after the one with an offset begins.
func lineEnd(data []byte, at int) int {
	if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(data)
}

// valueAt returns where the value of the key at an offset begins and ends.
func valueAt(data []byte, key int) (from, to int) {
	at := key
	for data[at] != '=' {
		at = tokenEnd(data, at)
	}
	at++
	for data[at] == ' ' || data[at] == '\t' {
		at++
	}
	return at, valueEnd(data, at)
}

// valueEnd returns where a value ends that begins at an offset.
func valueEnd(data []byte, at int) int {
	if data[at] != '[' && data[at] != '{' {
		if data[at] == '"' || data[at] == '\'' {
			return tokenEnd(data, at)
		}
		for at < len(data) && !bytes.ContainsRune([]byte(",]}# \t\r\n"), rune(data[at])) {
			at++
		}
		return at
	}
	depth := 0
	for at < len(data) {
		switch data[at] {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		at = tokenEnd(data, at)
		if depth == 0 {
			break
		}
	}
	return at
}

// tokenEnd returns where a string or comment ends that begins at an offset; anything else is one byte.
func tokenEnd(data []byte, at int) int {
	switch data[at] {
	case '#':
		return lineEnd(data, at)
	case '"', '\'':
	default:
		return at + 1
	}
	quote := data[at : at+1]
	if long := bytes.Repeat(quote, 3); bytes.HasPrefix(data[at:], long) {
		quote = long
	}
	for at += len(quote); at < len(data); at++ {
		switch {
		case data[at] == '\\' && quote[0] == '"':
			at++
		case bytes.HasPrefix(data[at:], quote):
			at += len(quote)
			for len(quote) == 3 && at < len(data) && data[at] == quote[0] {
				at++ // up to two more belong to the text
			}
			return at
		}
	}
	return len(data)
}
