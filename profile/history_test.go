package profile

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gostore/internal/chain"
	"gostore/internal/checked"
	"gostore/internal/digest"
	"gostore/internal/environment"
	"gostore/store"
)

func TestRecord(t *testing.T) {
	st := newStore(t)
	p := open(t, st, "default")
	who := Who{User: "root", UID: 0, SudoUser: "eve", Terminal: "/dev/pts/3", Host: "h", Command: "gostore switch 'a b' <x>"}
	tool, err := addTool(t.Context(), st, "tool", "1")
	if err != nil {
		t.Fatal(err)
	}
	local := time.Date(2026, 3, 4, 14, 0, 0, 99, time.FixedZone("", 2*3600))
	one, err := p.Switch(t.Context(), Change{Who: who, Time: local, Edit: with(t.Context(), st, tool)})
	if err != nil {
		t.Fatal(err)
	}
	two, err := p.Switch(t.Context(), Change{Action: Remove, Time: at(1), Edit: func([]environment.Tool) (*store.Lease, error) {
		return environment.Build(t.Context(), st, nil)
	}})
	if err != nil {
		t.Fatal(err)
	}
	records, err := p.History()
	if err != nil || len(records) != 2 {
		t.Fatalf("history is %v, %v", records, err)
	}
	lines := bytes.Split(read(t, p), []byte("\n"))
	want := []Record{
		{Number: 1, Time: noon, Action: Switch, Who: who, To: Point{1, one.Tree},
			Changes: []ToolChange{{"tool", "", "1"}}, head: chain.Head{Number: 1, Digest: digest.Sum(lines[0])}},
		{Number: 2, Time: at(1), Action: Remove, From: Point{1, one.Tree}, To: Point{2, two.Tree},
			Changes: []ToolChange{{"tool", "1", ""}}, Prev: digest.Sum(lines[0]), head: chain.Head{Number: 2, Digest: digest.Sum(lines[1])}},
	}
	if !reflect.DeepEqual(records, want) {
		t.Errorf("history is\n%+v, want\n%+v", records, want)
	}
}

func TestDiff(t *testing.T) {
	tool := func(name, version string, extra bool) environment.Tool {
		return environment.Tool{Name: name, Version: version, Extra: extra}
	}
	other := tool("same", "1", false)
	other.Tree[0] = 1
	was := []environment.Tool{tool("gone", "1", false), tool("go", "1.22", false), tool("kept", "2", false), tool("same", "1", false)}
	is := []environment.Tool{tool("go", "1.23", false), tool("go", "1.22", true), tool("kept", "2", false), tool("new", "3", false), other}
	want := []ToolChange{{"go", "1.22", "1.23 1.22"}, {"gone", "1", ""}, {"new", "", "3"}, {"same", "1", "1"}}
	if got := diff(was, is); !slices.Equal(got, want) {
		t.Errorf("difference is %v, want %v", got, want)
	}
}

func read(t *testing.T, p *Profile) []byte {
	t.Helper()
	data, err := os.ReadFile(p.path(historyName))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, p *Profile, data []byte) {
	t.Helper()
	if err := os.WriteFile(p.path(historyName), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A crash while a record is written leaves any beginning of its line, or a line whose blocks did not
// all arrive. Either is reported, and gone after the next change.
func TestTornHistory(t *testing.T) {
	p := open(t, newStore(t), "default")
	switchTo(t, p, "1")
	switchTo(t, p, "2")
	whole := read(t, p)
	start := bytes.IndexByte(whole, '\n') + 1
	last := whole[start:]
	if err := os.Remove(p.path("2")); err != nil {
		t.Fatal(err)
	}
	ends := [][]byte{make([]byte, 2*len(last)), append(make([]byte, len(last)-1), '\n'), append(make([]byte, 40), last[40:]...)}
	for n := 1; n < len(last); n += 31 {
		ends = append(ends, last[:n])
	}
	ends = append(ends, last[:len(last)-1])
	for i, end := range ends {
		write(t, p, slices.Concat(whole[:start], end))
		if err := errors.Join(os.Remove(p.Dir()), os.Symlink("1", p.Dir())); err != nil {
			t.Fatal(err)
		}
		wantState(t, p, "[1] | s0>1 line 2 torn=true")
		if g := switchTo(t, p, "2"); g.Number != 2 {
			t.Errorf("end %d: next generation is %d", i, g.Number)
		}
		wantState(t, p, "1 [2] | s0>1 s1>2")
		if !bytes.Equal(read(t, p), whole) {
			t.Errorf("end %d: history is %q, want %q", i, read(t, p), whole)
		}
		if err := os.Remove(p.path("2")); err != nil {
			t.Fatal(err)
		}
	}
}

// Whoever changes a line has its check wrong, or breaks the chain at the line after it, as whoever removes or moves one does.
func TestChain(t *testing.T) {
	p := open(t, newStore(t), "default")
	for _, v := range []string{"1", "2", "3", "4"} {
		switchTo(t, p, v)
	}
	whole := read(t, p)
	lines := bytes.SplitAfter(whole, []byte("\n"))[:4]
	changed := bytes.Replace(lines[1], []byte("eve"), []byte("bob"), 1)
	object := regexp.MustCompile(`,"check":"\w+"`).ReplaceAll(bytes.TrimSuffix(changed, []byte("\n")), nil) // the newline ends the line, it is no part of it
	forged := append(checked.Add("default", object), '\n')
	for name, c := range map[string]struct {
		lines [][]byte
		line  int
	}{
		"changed":       {[][]byte{lines[0], changed, lines[2], lines[3]}, 2},
		"last changed":  {[][]byte{lines[0], lines[1], lines[2], bytes.Replace(lines[3], []byte("eve"), []byte("bob"), 1)}, 4},
		"forged":        {[][]byte{lines[0], forged, lines[2], lines[3]}, 3},
		"removed":       {[][]byte{lines[0], lines[2], lines[3]}, 2},
		"first removed": {lines[1:], 1},
		"moved":         {[][]byte{lines[0], lines[2], lines[1], lines[3]}, 2},
		"garbage":       {[][]byte{lines[0], []byte("{}\n"), lines[1], lines[2], lines[3]}, 2},
		"empty line":    {[][]byte{lines[0], []byte("\n"), lines[1], lines[2], lines[3]}, 2},
		"bad prev":      {[][]byte{lines[0], []byte(`{"number":2,"action":"switch","prev":"zz"}` + "\n"), lines[2], lines[3]}, 2},
	} {
		write(t, p, bytes.Join(c.lines, nil))
		records, err := p.History()
		var damage *HistoryError
		if !errors.As(err, &damage) || damage.Line != c.line || damage.Torn || len(records) < 3 {
			t.Errorf("%s: %d records, %v", name, len(records), err)
		}
		// It is reported, it does not stand in the way, and what follows is chained to what is there.
		text := read(t, p)
		if _, err := p.Rollback(t.Context(), 1, Who{}, noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.HasPrefix(read(t, p), text) {
			t.Errorf("%s: the damaged history was changed", name)
		}
		if _, err := p.Rollback(t.Context(), 4, Who{}, noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := p.History(); !errors.As(err, &damage) || damage.Line != c.line {
			t.Errorf("%s: afterwards %v", name, err)
		}
	}
}

func TestHistoryIsOneLineForEachRecord(t *testing.T) {
	st := newStore(t)
	p := open(t, st, "default")
	tool, err := addTool(t.Context(), st, "tool", "1")
	if err != nil {
		t.Fatal(err)
	}
	who := Who{Command: "a\nb\x00\u2028\xff", User: strings.Repeat("long ", 3000)}
	if _, err := p.Switch(t.Context(), Change{Who: who, Edit: with(t.Context(), st, tool)}); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(read(t, p), []byte("\n")); n != 1 {
		t.Errorf("one record takes %d lines", n)
	}
	wantState(t, p, "[1] | s0>1")
}

// The text of a record: histories that are there already go on with it.
func TestFormat(t *testing.T) {
	r := Record{
		Number: 2, Time: noon, Action: Switch, Who: Who{User: "eve", UID: 1000, Command: "gostore switch go@1.23"},
		From: Point{1, digest.Tree{1}}, To: Point{2, digest.Tree{2}}, Changes: []ToolChange{{"go", "1.22", "1.23"}}, Prev: digest.Content{3},
	}
	want := `{"number":2,"time":"2026-03-04T12:00:00Z","action":"switch","user":"eve","uid":1000,"command":"gostore switch go@1.23",` +
		`"from":{"generation":1,"tree":"b3:01` + strings.Repeat("0", 62) + `"},"to":{"generation":2,"tree":"b3:02` + strings.Repeat("0", 62) + `"},` +
		`"changes":[{"tool":"go","was":"1.22","is":"1.23"}],"prev":"03` + strings.Repeat("0", 62) + `"}`
	text, err := formatLine(r)
	if err != nil || string(text) != want {
		t.Errorf("a record is %v\n%s, want\n%s", err, text, want)
	}
}
