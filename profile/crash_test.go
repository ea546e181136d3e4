package profile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"testing"
)

// Each test makes by hand the state that a crash leaves after one step of a change (package comment), and
// then sees to it that the next commands need no help.

func TestCrashAfterTheDirectory(t *testing.T) {
	p := open(t, newStore(t), "default")
	if err := os.Mkdir(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Current(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("current of nothing: %v", err)
	}
	wantState(t, p, "|")
	switchTo(t, p, "1")
	wantState(t, p, "[1] | s0>1")
}

// undo takes the last steps of the last switch back: current, then the record, then the link.
func undo(t *testing.T, p *Profile, current string, record, link bool) {
	t.Helper()
	if err := os.Remove(p.Dir()); err != nil {
		t.Fatal(err)
	}
	if current != "" {
		if err := os.Symlink(current, p.Dir()); err != nil {
			t.Fatal(err)
		}
	}
	if record {
		data := bytes.TrimSuffix(read(t, p), []byte("\n"))
		write(t, p, data[:bytes.LastIndexByte(data, '\n')+1])
	}
	if link {
		generations, err := p.Generations()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(p.path(lastName(generations))); err != nil {
			t.Fatal(err)
		}
	}
}

func lastName(generations []Generation) string {
	return strconv.Itoa(generations[len(generations)-1].Number)
}

func TestCrashAfterTheLink(t *testing.T) {
	st := newStore(t)
	p := open(t, st, "default")
	switchTo(t, p, "1")
	two := switchTo(t, p, "2")
	undo(t, p, "1", true, false)
	wantState(t, p, "[1] 2 | s0>1")
	if roots, err := Trees(st); err != nil || len(roots) != 2 || roots[1].Tree != two.Tree {
		t.Errorf("roots are %v, %v", roots, err)
	}
	if g := switchTo(t, p, "2"); g.Number != 3 {
		t.Errorf("switched to generation %d", g.Number)
	}
	wantState(t, p, "1 2 [3] | s0>1 s1>3")
	if _, err := p.Rollback(t.Context(), 2, Who{}, noon); err != nil {
		t.Error(err)
	}
	if removed, err := p.Prune(t.Context(), Pruning{}); err != nil || len(removed) != 2 {
		t.Errorf("removed %v, %v", removed, err)
	}
}

func TestCrashAfterTheRecord(t *testing.T) {
	p := open(t, newStore(t), "default")
	switchTo(t, p, "1")
	switchTo(t, p, "2")
	undo(t, p, "1", false, false)
	wantState(t, p, "[1] 2 | s0>1 s1>2!")
	if g, err := p.Rollback(t.Context(), 2, Who{}, noon); err != nil || g.Number != 2 {
		t.Errorf("rolled forward to %+v, %v", g, err)
	}
	wantState(t, p, "1 [2] | s0>1 s1>2! r1>2")
	undo(t, p, "1", false, false)
	wantState(t, p, "[1] 2 | s0>1 s1>2! r1>2!")
	if g := switchTo(t, p, "3"); g.Number != 3 {
		t.Errorf("switched to generation %d", g.Number)
	}
	wantState(t, p, "1 2 [3] | s0>1 s1>2! r1>2! s1>3")
}

// The same in the very first switch, where there is no current yet: that is no broken profile.
func TestCrashInTheFirstSwitch(t *testing.T) {
	for _, c := range []struct {
		record, link bool
		was, is      string
	}{
		{true, true, "|", "[1] | s0>1"},
		{true, false, "1 |", "1 [2] | s0>2"},
		{false, false, "1 | s0>1!", "1 [2] | s0>1! s0>2"},
	} {
		p := open(t, newStore(t), "default")
		switchTo(t, p, "1")
		undo(t, p, "", c.record, c.link)
		wantState(t, p, c.was)
		if _, err := p.Current(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: current: %v", c.was, err)
		}
		if _, err := p.Prune(t.Context(), Pruning{Keep: 1}); err != nil {
			t.Errorf("%s: prune: %v", c.was, err)
		}
		switchTo(t, p, "5")
		wantState(t, p, c.is)
	}
}

func TestCrashInTheFlip(t *testing.T) {
	p := open(t, newStore(t), "default")
	switchTo(t, p, "1")
	if err := os.Symlink("2", p.path(".tmp-ABCDEFG")); err != nil {
		t.Fatal(err)
	}
	wantState(t, p, "[1] | s0>1")
	switchTo(t, p, "2")
	wantState(t, p, "1 [2] | s0>1 s1>2")
}

func TestCrashInAPrune(t *testing.T) {
	p := open(t, newStore(t), "default")
	for _, v := range []string{"1", "2", "3"} {
		switchTo(t, p, v)
	}
	one, err := os.Readlink(p.path("1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Prune(t.Context(), Pruning{}); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(one, p.path("1")); err != nil {
		t.Fatal(err)
	}
	wantState(t, p, "1 [3] | s0>1 s1>2 s2>3 p3>3")
	if removed, err := p.Prune(t.Context(), Pruning{}); err != nil || len(removed) != 1 {
		t.Errorf("removed %v, %v", removed, err)
	}
	wantState(t, p, "[3] | s0>1 s1>2 s2>3 p3>3 p3>3")
	// A current that is bent afterwards says nothing about whether the pruning happened.
	if err := errors.Join(os.Remove(p.Dir()), os.Symlink("2", p.Dir())); err != nil {
		t.Fatal(err)
	}
	wantState(t, p, "3 | s0>1 s1>2 s2>3 p3>3 p3>3")
}

// When the record cannot be written there is neither a generation nor a record.
func TestFailureOfTheRecord(t *testing.T) {
	p := open(t, newStore(t), "default")
	switchTo(t, p, "1")
	good := read(t, p)
	if err := errors.Join(os.Remove(p.path(historyName)), os.Symlink("missing/file", p.path(historyName))); err != nil {
		t.Fatal(err)
	}
	if g, err := trySwitch(t, p, "2"); err == nil {
		t.Errorf("switched to %+v without a record", g)
	}
	if err := os.Remove(p.path(historyName)); err != nil {
		t.Fatal(err)
	}
	write(t, p, good)
	wantState(t, p, "[1] | s0>1")
}
