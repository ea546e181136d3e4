package archive

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"gostore/internal/digest"
)

// nowhere has no contents.
func nowhere(Entry) func() (io.ReadCloser, error) { return nil }

// lacking returns data without the bytes of the members that lack says, and those members' contents for Elsewhere.
func lacking(t *testing.T, data []byte, lack func(Entry) bool) ([]byte, func(Entry) func() (io.ReadCloser, error)) {
	t.Helper()
	size := int64(len(data))
	entries, err := ReadDirectory(t.Context(), bytes.NewReader(data), size, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	members, err := readZip(t.Context(), bytes.NewReader(data), size, Limits{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string][]byte{}
	_, err = readMembers(t.Context(), bytes.NewReader(data), members, 1, func(i int, data []byte) error {
		contents[members[i].name] = bytes.Clone(data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.Clone(data)
	for _, e := range entries {
		if lack(e) {
			clear(data[e.Offset:e.End])
		}
	}
	return data, func(e Entry) func() (io.ReadCloser, error) {
		if !lack(e) {
			return nil
		}
		return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(contents[e.Name])), nil }
	}
}

func TestUnpackWithContentsFromElsewhere(t *testing.T) {
	data := shape{members: []part{
		{name: "m@v1/a", content: "one"},
		{name: "m@v1/b", content: strings.Repeat("two", 1000), descriptor: true},
		{name: "m@v1/c", content: "three", stored: true, localExtra: "ab\x00\x00"},
		{name: "m@v1/d", content: ""},
	}}.build()
	for mask := range 16 {
		poor, elsewhere := lacking(t, data, func(e Entry) bool { return mask>>(e.Name[5]-'a')&1 == 1 })
		m := strict
		m.Want, _ = digest.ParseArchive(mustReference(t, data))
		m.Elsewhere = elsewhere
		sink := &memorySink{workers: 2}
		if err := m.Unpack(t.Context(), bytes.NewReader(poor), int64(len(poor)), sink, nil); err != nil {
			t.Fatalf("members lacking %04b: %v", mask, err)
		}
		if len(sink.files) != 4 || sink.files["c"] != "three" || len(sink.files["b"]) != 3000 {
			t.Errorf("members lacking %04b: got %q", mask, sink.names())
		}
	}
}

func mustReference(t *testing.T, data []byte) string {
	t.Helper()
	h1, err := reference(data)
	if err != nil {
		t.Fatal(err)
	}
	return h1
}

// What is put together wrongly is refused, and the error says that the whole zip may help.
func TestContentsFromElsewhereAreChecked(t *testing.T) {
	data := shape{members: []part{{name: "m@v1/a", content: "one"}, {name: "m@v1/b", content: "two"}}}.build()
	poor, _ := lacking(t, data, func(e Entry) bool { return e.Name == "m@v1/a" })
	errDisk := errors.New("disk is broken")
	for _, tt := range []struct {
		name, content, want string
		open                error
	}{
		{name: "another content", content: "eno", want: "not its content"},
		{name: "too long", content: "one more", want: "not its content"},
		{name: "too short", content: "on", want: "not its content"},
		{name: "cannot be read", open: errDisk, want: "disk is broken"},
	} {
		m := strict
		m.Want, _ = digest.ParseArchive(mustReference(t, data))
		m.Elsewhere = func(e Entry) func() (io.ReadCloser, error) {
			if e.Name != "m@v1/a" {
				return nil
			}
			return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(tt.content)), tt.open }
		}
		err := m.Unpack(t.Context(), bytes.NewReader(poor), int64(len(poor)), nullSink{}, nil)
		var assembly *AssemblyError
		if !errors.As(err, &assembly) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// A content of equal size and CRC is taken; the h1 tells.
func TestCollisionIsFoundByTheDigest(t *testing.T) {
	truth := "plumless" // and buckeroo have one CRC
	data := shape{members: []part{{name: "m@v1/a", content: truth}, {name: "m@v1/b", content: "two"}}}.build()
	m := strict
	m.Want, _ = digest.ParseArchive(mustReference(t, data))
	m.Elsewhere = func(e Entry) func() (io.ReadCloser, error) {
		if e.Name != "m@v1/a" {
			return nil
		}
		return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("buckeroo")), nil }
	}
	err := m.Unpack(t.Context(), bytes.NewReader(data), int64(len(data)), nullSink{}, nil)
	var assembly *AssemblyError
	var mismatch *digest.MismatchError
	if !errors.As(err, &assembly) || !errors.As(err, &mismatch) {
		t.Errorf("error is %v", err)
	}
}

// An error of the sink or of the context is not one of assembly.
func TestOtherErrorsAreNotOfAssembly(t *testing.T) {
	data := shape{members: []part{{name: "m@v1/a", content: "one"}}}.build()
	m := strict
	m.Want, _ = digest.ParseArchive(mustReference(t, data))
	m.Elsewhere = nowhere
	full := errors.New("disk is full")
	err := m.Unpack(t.Context(), bytes.NewReader(data), int64(len(data)), &memorySink{workers: 1, fail: full}, nil)
	var assembly *AssemblyError
	if !errors.Is(err, full) || errors.As(err, &assembly) {
		t.Errorf("error is %v", err)
	}
}

func TestReadDirectory(t *testing.T) {
	for name, s := range goodShapes {
		data := s.build()
		checkDirectory(t, data)
		start, err := DirectoryStart(bytes.NewReader(data), int64(len(data)), Limits{})
		if err != nil {
			t.Errorf("%v: %v", name, err)
			continue
		}
		clear(data[:start])
		if _, err := ReadDirectory(t.Context(), bytes.NewReader(data), int64(len(data)), Limits{}); err != nil {
			t.Errorf("%v, without its members: %v", name, err)
		}
	}
	for _, r := range refusals {
		checkDirectory(t, r.shape.build())
	}
	for _, d := range damages {
		p := d.part
		p.name = "m@v1/bad"
		checkDirectory(t, with(p).build())
	}
}

// Directories that only ReadDirectory sees are judged without the members.
func TestDirectoryLies(t *testing.T) {
	two := func(change func([]byte)) []byte {
		return shape{members: []part{
			{name: "m@v1/a", content: "one", stored: true},
			{name: "m@v1/b", content: "two", stored: true, central: change},
		}}.build()
	}
	for _, tt := range []struct {
		name, want string
		data       []byte
	}{
		{"overlap", "needs at least", two(put32(42, 0))},
		{"inside the one before", "needs at least", two(put32(42, 20))},
		{"behind the directory", "needs at least", two(put32(42, 1<<20))},
		{"huge", "needs at least", two(func(b []byte) { put32(20, 1<<30)(b); put32(24, 1<<30)(b) })},
		{"first not at the beginning", "nothing is before it", shape{members: []part{{name: "m@v1/a", content: "one", before: "x"}}}.build()},
		{"gap before the directory", "needs at least", shape{members: []part{{name: "m@v1/a", content: "one"}}, gap: strings.Repeat("x", math.MaxUint16+1)}.build()},
	} {
		_, err := ReadDirectory(t.Context(), bytes.NewReader(tt.data), int64(len(tt.data)), Limits{})
		var refused *FormatError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// checkDirectory holds what the directory alone says against what is found by reading the members.
func checkDirectory(t *testing.T, data []byte) {
	t.Helper()
	size, l := int64(len(data)), Limits{}.withDefaults()
	whole, wholeErr := readZip(t.Context(), bytes.NewReader(data), size, l)
	partial, partialErr := readPartial(t.Context(), bytes.NewReader(data), size, l, nowhere)
	if (wholeErr == nil) != (partialErr == nil) {
		t.Fatalf("as a whole: %v; by its directory: %v", wholeErr, partialErr)
	}
	if wholeErr != nil {
		whole = nil
	}
	entries, err := ReadDirectory(t.Context(), bytes.NewReader(data), size, l)
	if err != nil {
		var refused *FormatError
		if wholeErr == nil || !errors.As(err, &refused) {
			t.Fatalf("as a whole: %v; the directory: %v", wholeErr, err)
		}
		return
	}
	var end int64
	for _, e := range entries {
		if e.Offset != end || e.End <= e.Offset || e.End > size {
			t.Fatalf("%+v begins at %d, not at %d, or does not end", e, e.Offset, end)
		}
		end = e.End
	}
	for i, m := range whole { // none when it was refused
		p := partial[i]
		if p.name != m.name || p.data != m.data || p.packed != m.packed || p.size != m.size || p.crc != m.crc || p.deflated != m.deflated {
			t.Fatalf("member is %+v, or by the directory %+v", m, p)
		}
		if e := entries[i]; e.Name != m.name || e.Size != m.size || e.CRC != m.crc || e.Offset >= m.data || e.End < m.data+m.packed {
			t.Fatalf("member is %+v, its entry %+v", m, e)
		}
	}
}

// FuzzReadDirectory checks that reading a zip by its directory accepts exactly what reading its members accepts.
func FuzzReadDirectory(f *testing.F) {
	for _, s := range goodShapes {
		f.Add(s.build())
	}
	for _, r := range refusals {
		if data := r.shape.build(); len(data) < 4<<10 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkDirectory(t, data) })
}
