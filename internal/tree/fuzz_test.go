package tree

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"gostore/internal/digest"
)

// FuzzParse holds that a text is either refused or the one text of its tree.
func FuzzParse(f *testing.F) {
	f.Add([]byte(header))
	f.Add([]byte(header + "d a\nf " + none + " \"a/b c\"\nl b \"x\\\"y\\\\\"\nx " + none + " é\n"))
	f.Add([]byte(header + "d A\nd a\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Parse(text)
		if err != nil {
			return
		}
		if !bytes.Equal(m.Bytes(), text) {
			t.Fatalf("%q was parsed, but is written %q", text, m.Bytes())
		}
		made, err := New(m.Entries())
		if err != nil {
			t.Fatalf("%q was parsed, but New refuses its entries: %v", text, err)
		}
		if !bytes.Equal(made.Bytes(), text) || made.Digest() != m.Digest() || made.Size() != m.Size() {
			t.Fatalf("%q was parsed, but New makes of it %q", text, made.Bytes())
		}
		for _, e := range m.Entries() {
			if found, ok := m.Find(e.Path); !ok || found != e {
				t.Fatalf("%q has %v, but Find says %v, %v", text, e, found, ok)
			}
		}
	})
}

// FuzzChange makes a tree, changes one thing in it and holds that the tree digest changes, that
// Diff finds exactly that change, and that changing it back restores the digest.
func FuzzChange(f *testing.F) {
	f.Add([]byte("d0f1l2x3"), uint(1), uint(2), "name", "target")
	f.Add([]byte("\x00\x04\x08\x01\x01\x02\x03"), uint(0), uint(4), "a b", `"`)
	f.Fuzz(func(t *testing.T, shape []byte, which, how uint, name, target string) {
		if len(shape) > 200 {
			return
		}
		was := entriesOf(shape)
		is, changed := change(slices.Clone(was), which, how, name, target)
		before := mustNew(t, was...)
		after, err := New(is)
		if err != nil {
			return // the fuzzer's name or target is against the rules
		}
		diff := Diff(before, after)
		if (len(diff) > 0) != changed || (before.Digest() != after.Digest()) != changed {
			t.Fatalf("changed: %v; digests %v and %v, differences %v", changed, before.Digest(), after.Digest(), diff)
		}
		restored := after.Entries()
		for _, c := range diff {
			restored = slices.DeleteFunc(slices.Clone(restored), func(e Entry) bool { return e.Path == c.Path })
			if c.Was != nil {
				restored = append(restored, *c.Was)
			}
		}
		if again := mustNew(t, restored...); again.Digest() != before.Digest() {
			t.Fatalf("undoing %v gives %v, not %v", diff, again.Digest(), before.Digest())
		}
		parsed, err := Parse(after.Bytes())
		if err != nil || parsed.Digest() != after.Digest() {
			t.Fatalf("Parse(%q) = %v, %v", after.Bytes(), parsed.Digest(), err)
		}
	})
}

// entriesOf makes a valid tree: each byte is an entry, in one of the directories before it.
func entriesOf(shape []byte) []Entry {
	dirs := []string{""}
	var entries []Entry
	for i, b := range shape {
		path := fmt.Sprintf("%s%d", dirs[int(b>>2)%len(dirs)], i)
		e := Entry{Path: path, Kind: Kind("dfxl"[b&3])}
		switch e.Kind {
		case Dir:
			if len(dirs) < 50 {
				dirs = append(dirs, path+"/")
			}
		case Link:
			e.Target = string(shape[:i]) + "t"
			if targetProblem(e.Target) != "" {
				e.Target = "t"
			}
		default:
			e.Content, e.Size = digest.Sum(shape[:i]), int64(i)
		}
		entries = append(entries, e)
	}
	return entries
}

// change changes one thing and reports whether the tree is another one afterwards.
func change(entries []Entry, which, how uint, name, target string) ([]Entry, bool) {
	if len(entries) == 0 || how%8 == 0 {
		return append(entries, Entry{Path: name, Kind: Link, Target: target}), true
	}
	i := int(which % uint(len(entries)))
	e := entries[i]
	switch how % 8 {
	case 1:
		entries[i].Path = name
	case 2:
		entries = slices.Delete(entries, i, i+1)
		return entries, true
	case 3:
		entries[i].Target = target
	case 4:
		entries[i].Size = int64(which)
	case 5:
		entries[i].Content[which%32] ^= byte(how)
	case 6:
		entries[i].Kind = Kind("dfxl"[which%4])
	case 7:
		entries[i] = Entry{Path: e.Path, Kind: Link, Target: target}
	}
	return entries, entries[i] != e
}
