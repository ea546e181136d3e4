package chain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gostore/internal/digest"
)

// record is the shape of the lines in these tests.
type record struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
	Prev   string `json:"prev"`
	Stands string `json:"stands,omitempty"`
}

func parse(text []byte) (m Mark, err error) {
	var r record
	if err := json.Unmarshal(text, &r); err != nil || r.Number == 0 {
		return m, errors.New("is no record")
	}
	m.Number = r.Number
	if r.Prev != "" {
		m.Prev, err = digest.ParseContent(r.Prev)
	}
	if r.Stands != "" && err == nil {
		m.Stands, err = digest.ParseContent(r.Stands)
	}
	return m, err
}

// add appends a record and fails the test when it cannot.
func add(t *testing.T, path, text string) Head {
	t.Helper()
	tail, err := ReadTail(path, func(text []byte, _ digest.Content) (int, bool, error) {
		m, err := parse(text)
		return m.Number, false, err
	})
	if err != nil {
		t.Fatal(err)
	}
	next := tail.Next()
	r := record{Number: next.Number, Text: text}
	if next.Prev != (digest.Content{}) {
		r.Prev = next.Prev.Hex()
	}
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := tail.Append(line, 0o600); err != nil {
		t.Fatal(err)
	}
	return Head{next.Number, digest.Sum(line)}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// checkText compares what Scan finds, as "LINE: PROBLEM", with a list.
func checkText(t *testing.T, what string, data []byte, want ...string) {
	t.Helper()
	var got []string
	for _, d := range Scan(data, parse, func(Line) {}) {
		got = append(got, fmt.Sprintf("%d: %s", d.Line, d.Problem))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: found %q, want %q", what, got, want)
	}
}

func TestDamageIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text")
	for i := range 6 {
		add(t, path, fmt.Sprint("record ", i+1))
	}
	l := bytes.SplitAfter(read(t, path), []byte("\n"))[:6]
	changed := bytes.Replace(l[2], []byte("record 3"), []byte("record X"), 1)
	numbered := bytes.Replace(l[5], []byte(`"number":6`), []byte(`"number":8`), 1)
	const not = "does not follow the line before it: "
	for name, c := range map[string]struct {
		lines [][]byte
		want  []string
	}{
		"whole":               {l, nil},
		"empty":               {nil, nil},
		"changed":             {[][]byte{l[0], l[1], changed, l[3], l[4]}, []string{"4: " + not + "record 3 or 4 was changed"}},
		"removed":             {[][]byte{l[0], l[1], l[3], l[4]}, []string{"3: " + not + "record 3 is missing"}},
		"several removed":     {[][]byte{l[0], l[4], l[5]}, []string{"2: " + not + "records 2 to 4 are missing"}},
		"first removed":       {l[1:], []string{"1: " + not + "record 1 is missing"}},
		"beginning removed":   {l[3:], []string{"1: " + not + "records 1 to 3 are missing"}},
		"moved":               {[][]byte{l[0], l[2], l[1], l[3]}, []string{"2: " + not + "record 2 is missing", "3: " + not + "record 2 stands after record 3", "4: " + not + "record 3 is missing"}},
		"twice":               {[][]byte{l[0], l[0], l[1]}, []string{"2: " + not + "record 1 stands after record 1"}},
		"put in":              {[][]byte{l[0], []byte("{}\n"), l[1]}, []string{"2: is no record", "3: " + not + "record 2, or what stood before it, was changed"}},
		"two places":          {[][]byte{l[0], l[2], l[4]}, []string{"2: " + not + "record 2 is missing", "3: " + not + "record 4 is missing"}},
		"number changed":      {[][]byte{l[0], l[1], l[2], l[3], l[4], numbered}, []string{"6: has number 8, not 6"}},
		"torn":                {[][]byte{l[0], l[1][:9]}, []string{"2: is torn"}},
		"last is none":        {[][]byte{l[0], []byte("\x00\x00\n")}, []string{"2: is no record"}},
		"removed, and torn":   {[][]byte{l[0], l[2], l[3][:3]}, []string{"2: " + not + "record 2 is missing", "3: is torn"}},
		"end removed, unseen": {l[:4], nil},
	} {
		checkText(t, name, bytes.Join(c.lines, nil), c.want...)
	}
}

// A line can stand in the place of those before it, at the beginning of a text and nowhere else.
func TestStandIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text")
	for i := range 5 {
		add(t, path, fmt.Sprint("record ", i+1))
	}
	l := bytes.SplitAfter(read(t, path), []byte("\n"))[:5]
	third := digest.Sum(bytes.TrimSpace(l[2])).Hex()
	stand := fmt.Appendf(nil, `{"number":3,"text":"","prev":"","stands":%q}`+"\n", third)
	checkText(t, "stands", slices.Concat(stand, l[3], l[4]))
	checkText(t, "stands for another", slices.Concat(stand, l[4]), "2: does not follow the line before it: record 4 is missing")
	inside := fmt.Appendf(nil, `{"number":2,"text":"","prev":%q,"stands":%q}`+"\n", digest.Sum(bytes.TrimSpace(l[0])).Hex(), third)
	checkText(t, "stands inside", slices.Concat(l[0], inside, l[3]), "3: does not follow the line before it: record 3 is missing")
}

// A crash in an append leaves any beginning of the line, or a line whose blocks did not all arrive.
func TestTornEndIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text")
	add(t, path, "one")
	start := len(read(t, path))
	head := add(t, path, "two")
	whole := read(t, path)
	for n := start; n < len(whole); n++ {
		for _, end := range [][]byte{whole[start:n], append(make([]byte, n-start), '\n')} {
			if err := os.WriteFile(path, slices.Concat(whole[:start], end), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := add(t, path, "two"); got != head || !bytes.Equal(read(t, path), whole) {
				t.Fatalf("after %q: record %v in %q", end, got, read(t, path))
			}
		}
	}
}

// The end of a text is found however long its lines are.
func TestLinesOfAnyLength(t *testing.T) {
	for _, lengths := range [][]int{
		{0}, {block - 100, 3, 3}, {3, block, 3}, {10 * block}, {3, 5 * block, 5 * block}, {block - 61, block - 61}, slices.Repeat([]int{99}, 500),
	} {
		path := filepath.Join(t.TempDir(), "text")
		var heads []Head
		for _, n := range lengths {
			heads = append(heads, add(t, path, strings.Repeat("x", n)))
		}
		checkText(t, fmt.Sprint(lengths), read(t, path))
		var back []Head
		_, err := ReadTail(path, func(text []byte, sum digest.Content) (int, bool, error) {
			m, err := parse(text)
			back = append(back, Head{m.Number, sum})
			return m.Number, true, err
		})
		slices.Reverse(back)
		if err != nil || !slices.Equal(back, heads) {
			t.Errorf("lines of %v: read %v backwards, %v", lengths, back, err)
		}
		// With any torn end.
		for _, end := range []int{1, block - 1, block, block + 1, 3 * block} {
			text := read(t, path)
			if err := os.WriteFile(path, append(text, bytes.Repeat([]byte("y"), end)...), 0o600); err != nil {
				t.Fatal(err)
			}
			add(t, path, "z")
			checkText(t, fmt.Sprint(lengths, end), read(t, path))
		}
	}
}

func TestHeadAsText(t *testing.T) {
	h := Head{12, digest.Sum([]byte("x"))}
	if got, err := ParseHead(h.String()); err != nil || got != h {
		t.Errorf("%s is read as %v, %v", h, got, err)
	}
	hex := h.Digest.Hex()
	for _, bad := range []string{"", "12", ":" + hex, "0:" + hex, "-1:" + hex, "01:" + hex, "+1:" + hex, "12:" + hex[1:], "12:" + strings.ToUpper(hex), "12:" + hex + " ", "99999999999999999999:" + hex} {
		if got, err := ParseHead(bad); err == nil {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}

// Whatever stands in a text, reading it from either end comes to the same last record, and what an append makes of it ends with a
// record that follows.
func FuzzTexts(f *testing.F) {
	path := filepath.Join(f.TempDir(), "text")
	f.Add([]byte(""))
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"number":1,"text":"","prev":""}` + "\n" + `{"number":2`))
	f.Add([]byte(`{"number":3,"stands":"` + strings.Repeat("0", 64) + `"}` + "\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		before := Scan(data, parse, func(Line) {})
		head := add(t, path, "new")
		var last Line
		after := Scan(read(t, path), parse, func(l Line) { last = l })
		if last.Head != head {
			t.Errorf("%q: the last record is %v, not %v", data, last.Head, head)
		}
		if n := len(before); n > 0 && before[n-1].Torn {
			before = before[:n-1]
		}
		if len(after) > len(before)+1 {
			t.Errorf("%q: %v became %v", data, before, after)
		}
	})
}
