package textfile

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// Document is a TOML file as a tree of values that know where they stand, together with
// the complaints about it: those of TOML itself (a key set twice, a table opened twice)
// and those that the caller adds with Errorf.
//
// The file is read with the syntax parser of go-toml rather than into structs, because a
// decoder stops at the first value of a wrong type and knows no place for what is missing.
type Document struct {
	Root  Value // a Table
	name  string
	data  []byte
	text  string // data again: keys and values are parts of it, which saves most allocations
	lines []int  // byte offsets of the lines, once a place was asked for
	errs  ErrorList
}

// Kind is the kind of a value.
type Kind uint8

// The kinds of TOML values. Other is what no file of gostore's uses: floats, dates, times.
const (
	String Kind = iota + 1
	Integer
	Boolean
	Array
	Table
	Other
)

func (k Kind) String() string {
	switch k {
	case String:
		return "a string"
	case Integer:
		return "an integer"
	case Boolean:
		return "true or false"
	case Array:
		return "an array"
	case Table:
		return "a table"
	}
	return "a number or a date"
}

// Value is a value and the byte offset at which it stands. The offset of a table is that of
// its header or its brace, the offset of an array that of its key.
type Value struct {
	Kind    Kind
	Offset  int
	Text    string  // a String's value; other scalars as they are written
	Items   []Value // of an Array
	Entries []Entry // of a Table, in the file's order

	made  origin
	index map[string]int // of Entries, once there are many
}

// Entry is a key of a table with its value.
type Entry struct {
	Key    string
	Offset int // of the key
	Value  *Value
}

// origin is how a table or an array came to be; TOML's rules about what may be added later
// depend on it.
type origin uint8

const (
	byValue  origin = iota // written as a value: closed
	byPath                 // named on the way in another table's header
	byHeader               // [table]
	byDots                 // a.b = …
	byArray                // [[table]]
)

// ParseTOML reads a document. name is what complaints call the file. Reading ends at a
// syntax error, as nothing behind it can be trusted; then the document read so far is returned
// with an error.
func ParseTOML(name string, data []byte) (*Document, error) {
	d := &Document{Root: Value{Kind: Table, made: byHeader}, name: name, data: data, text: string(data)}
	var p unstable.Parser
	p.Reset(data)
	current := &d.Root
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.KeyValue:
			d.set(current, e)
		case unstable.Table, unstable.ArrayTable:
			current = d.open(e)
		}
	}
	err := p.Error()
	if err == nil {
		return d, nil
	}
	var at *unstable.ParserError
	if !errors.As(err, &at) {
		d.Errorf(0, "%v", err)
		return d, d.Err()
	}
	// A highlight is a slice of data that ends where data's memory ends.
	d.Errorf(min(max(cap(data)-cap(at.Highlight), 0), len(data)), "%s", at.Message)
	return d, d.Err()
}

// cut returns a key, or the value of a scalar, as a part of the document wherever it stands there
// without escapes: bare, or between one quote and another.
func (d *Document) cut(n *unstable.Node) string {
	start, size := int(n.Raw.Offset), len(n.Data)
	switch int(n.Raw.Length) - size {
	case 0:
		return d.text[start : start+size]
	case 2:
		return d.text[start+1 : start+1+size]
	}
	return string(n.Data)
}

// set adds the key of e to t. A key that clashes is a complaint and is left out.
func (d *Document) set(t *Value, e *unstable.Node) {
	for keys := e.Key(); keys.Next(); {
		k := keys.Node()
		old := t.Get(d.cut(k))
		switch {
		case keys.IsLast() && old == nil:
			v := d.convert(e.Value(), int(k.Raw.Offset))
			t.add(d.cut(k), int(k.Raw.Offset), &v)
		case keys.IsLast() || old != nil && (old.Value.Kind != Table || old.Value.made != byDots):
			d.clash(k, old)
			return
		case old == nil:
			t = t.add(d.cut(k), int(k.Raw.Offset), &Value{Kind: Table, Offset: int(k.Raw.Offset), made: byDots})
		default:
			t = old.Value
		}
	}
}

// open returns the table that the header e opens. After a clash it is one that belongs to
// nothing, so that the lines below the header raise no complaints of their own.
func (d *Document) open(e *unstable.Node) *Value {
	t := &d.Root
	for keys := e.Key(); keys.Next(); {
		k := keys.Node()
		name, offset := d.cut(k), int(k.Raw.Offset)
		old := t.Get(name)
		switch {
		case keys.IsLast() && e.Kind == unstable.ArrayTable:
			if old == nil {
				old = &Entry{Value: t.add(name, offset, &Value{Kind: Array, Offset: offset, made: byArray})}
			}
			if old.Value.Kind != Array || old.Value.made != byArray {
				return d.clash(k, old)
			}
			old.Value.Items = append(old.Value.Items, Value{Kind: Table, Offset: offset, made: byHeader})
			return &old.Value.Items[len(old.Value.Items)-1]
		case old == nil && keys.IsLast():
			return t.add(name, offset, &Value{Kind: Table, Offset: offset, made: byHeader})
		case old == nil:
			t = t.add(name, offset, &Value{Kind: Table, Offset: offset, made: byPath})
		case keys.IsLast():
			if old.Value.Kind != Table || old.Value.made != byPath {
				return d.clash(k, old)
			}
			old.Value.made, old.Value.Offset = byHeader, offset
			return old.Value
		case old.Value.Kind == Array && old.Value.made == byArray:
			t = &old.Value.Items[len(old.Value.Items)-1]
		case old.Value.Kind == Table && old.Value.made != byValue:
			t = old.Value
		default:
			return d.clash(k, old)
		}
	}
	return t
}

// clash complains about the key k, which stands for something else already.
func (d *Document) clash(k *unstable.Node, old *Entry) *Value {
	line, _ := d.Position(old.Offset)
	d.Errorf(int(k.Raw.Offset), "key %q is already set in line %d", k.Data, line)
	return &Value{Kind: Table, made: byHeader}
}

// convert copies a node out of the parser's memory, which the next expression overwrites.
func (d *Document) convert(n *unstable.Node, key int) Value {
	v := Value{Offset: int(n.Raw.Offset), Text: d.cut(n)}
	switch n.Kind {
	case unstable.String:
		v.Kind = String
	case unstable.Integer:
		v.Kind = Integer
	case unstable.Bool:
		v.Kind = Boolean
	case unstable.Array:
		v.Kind, v.Offset = Array, key
		for items := n.Children(); items.Next(); {
			v.Items = append(v.Items, d.convert(items.Node(), key))
		}
	case unstable.InlineTable:
		v.Kind, v.made = Table, byHeader // open while it is filled
		v.Entries = make([]Entry, 0, 4)
		for items := n.Children(); items.Next(); {
			d.set(&v, items.Node())
		}
		v.close()
	default:
		v.Kind = Other
	}
	return v
}

// close makes an inline table final, with the tables that its dotted keys made.
func (v *Value) close() {
	v.made = byValue
	for _, e := range v.Entries {
		if e.Value.made == byDots {
			e.Value.close()
		}
	}
}

// manyEntries is from where on a table gets an index: a linear search is quicker below it, and
// a file of a million keys must not take the square of that.
const manyEntries = 32

// Get returns the entry of a table with that key, or nil.
func (v *Value) Get(key string) *Entry {
	if v.index != nil {
		if i, ok := v.index[key]; ok {
			return &v.Entries[i]
		}
		return nil
	}
	for i := range v.Entries {
		if v.Entries[i].Key == key {
			return &v.Entries[i]
		}
	}
	return nil
}

func (v *Value) add(key string, offset int, value *Value) *Value {
	v.Entries = append(v.Entries, Entry{key, offset, value})
	if v.index != nil {
		v.index[key] = len(v.Entries) - 1
	} else if len(v.Entries) > manyEntries {
		v.index = make(map[string]int)
		for i, e := range v.Entries {
			v.index[e.Key] = i
		}
	}
	return value
}

// Errorf adds a complaint about the place at a byte offset. An error among args that follows
// the verb %w can be looked for in what Err returns.
func (d *Document) Errorf(offset int, format string, args ...any) {
	err := fmt.Errorf(format, args...)
	line, column := d.Position(offset)
	d.errs = append(d.errs, &Error{File: d.name, Line: line, Column: column, Msg: err.Error(), Err: errors.Unwrap(err)})
}

// Position turns a byte offset into a line and a column. It is quick also for a file with
// very many complaints.
func (d *Document) Position(offset int) (line, column int) {
	if d.lines == nil {
		d.lines = []int{0}
		for i, c := range d.data {
			if c == '\n' {
				d.lines = append(d.lines, i+1)
			}
		}
	}
	line = sort.SearchInts(d.lines, offset+1)
	return line, offset - d.lines[line-1] + 1
}

// Err returns all complaints as an ErrorList, or nil.
func (d *Document) Err() error {
	if len(d.errs) == 0 {
		return nil
	}
	return d.errs.sorted()
}

// Only complains about the keys of table t that are not among known.
func (d *Document) Only(t *Value, known ...string) {
entries:
	for _, e := range t.Entries {
		for _, k := range known {
			if e.Key == k {
				continue entries
			}
		}
		d.Errorf(e.Offset, "unknown key %q; known here: %s", e.Key, strings.Join(known, ", "))
	}
}

// Need returns the value of a key that table t must have and that must be of that kind. It
// complains and returns nil otherwise.
func (d *Document) Need(t *Value, key string, kind Kind) *Value {
	if t.Get(key) == nil {
		d.Errorf(t.Offset, "missing key %q", key)
		return nil
	}
	return d.May(t, key, kind)
}

// May is Need for a key that can be absent.
func (d *Document) May(t *Value, key string, kind Kind) *Value {
	e := t.Get(key)
	if e == nil || d.Is(e.Value, kind, key) == nil {
		return nil
	}
	return e.Value
}

// Is returns v if it is of that kind. It complains in the name of key and returns nil otherwise.
func (d *Document) Is(v *Value, kind Kind, key string) *Value {
	if v.Kind != kind {
		d.Errorf(v.Offset, "%q must be %v, not %v", key, kind, v.Kind)
		return nil
	}
	return v
}

// Inside returns the offset of the i-th byte of a String's value, for complaints about a part of it. It is the value's own
// offset where escapes make the value differ from what is written.
func (d *Document) Inside(v *Value, i int) int {
	for _, quote := range []int{3, 1} {
		if start := v.Offset + quote; start <= len(d.text) && strings.HasPrefix(d.text[start:], v.Text) {
			return start + i
		}
	}
	return v.Offset
}
