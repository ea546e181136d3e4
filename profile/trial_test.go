package profile

import (
	"errors"
	"os"
	"strconv"
	"testing"
	"time"
)

// try makes a generation with a version of "tool" that is on trial for an hour from at(version).
func try(t *testing.T, p *Profile, version string) (Generation, error) {
	t.Helper()
	tool, err := addTool(t.Context(), p.st, "tool", version)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(version)
	return p.Switch(t.Context(), Change{Time: at(n), For: time.Hour, Edit: with(t.Context(), p.st, tool)})
}

func mustTry(t *testing.T, p *Profile, version string) {
	t.Helper()
	if _, err := try(t, p, version); err != nil {
		t.Fatal(err)
	}
}

// backIs checks which generation the trial leads back to, 0 for no trial.
func backIs(t *testing.T, p *Profile, want int) {
	t.Helper()
	trial, err := p.Trial()
	got := 0
	if trial != nil {
		got = trial.Back.Number
	}
	if err != nil || got != want {
		t.Errorf("trial %+v, %v, want one that leads back to %d", trial, err, want)
	}
}

func TestTrialEnds(t *testing.T) {
	p := open(t, newStore(t), "default")
	backIs(t, p, 0)
	switchTo(t, p, "1")
	backIs(t, p, 0)
	mustTry(t, p, "2")
	backIs(t, p, 1)
	if _, _, err := p.EndTrial(t.Context(), Who{}, at(3).Add(-time.Second)); !errors.Is(err, ErrUnchanged) {
		t.Errorf("before its time: %v", err)
	}
	from, to, err := p.EndTrial(t.Context(), Who{}, at(3))
	if err != nil || from.Number != 2 || to.Number != 1 || len(to.Tools) != 1 {
		t.Errorf("EndTrial: %+v, %+v, %v", from, to, err)
	}
	wantState(t, p, "[1] 2 | s0>1 s1>2 r2>1")
	if _, _, err := p.EndTrial(t.Context(), Who{}, at(4)); !errors.Is(err, ErrUnchanged) {
		t.Errorf("a second time: %v", err)
	}
	if _, err := p.Rollback(t.Context(), 2, Who{}, at(5)); err != nil {
		t.Fatal(err)
	}
	backIs(t, p, 0) // who goes there by name is not trying
}

func TestTrialIsStopped(t *testing.T) {
	p := open(t, newStore(t), "default")
	switchTo(t, p, "1")
	mustTry(t, p, "2")
	if _, to, err := p.StopTrial(t.Context(), Who{}, at(2)); err != nil || to.Number != 1 {
		t.Errorf("StopTrial: %+v, %v", to, err)
	}
	if _, _, err := p.StopTrial(t.Context(), Who{}, at(2)); !errors.Is(err, ErrUnchanged) {
		t.Errorf("a second time: %v", err)
	}
}

func TestKeep(t *testing.T) {
	p := open(t, newStore(t), "default")
	var none *NoTrialError
	switchTo(t, p, "1")
	if _, err := p.Keep(t.Context(), Who{}, at(1)); !errors.As(err, &none) || none.Current != 1 {
		t.Errorf("without a trial: %v", err)
	}
	mustTry(t, p, "2")
	if g, err := p.Keep(t.Context(), Who{}, at(2)); err != nil || g.Number != 2 || len(g.Tools) != 1 {
		t.Errorf("Keep: %+v, %v", g, err)
	}
	backIs(t, p, 0)
	if _, _, err := p.EndTrial(t.Context(), Who{}, at(9)); !errors.Is(err, ErrUnchanged) {
		t.Errorf("ending what was kept: %v", err)
	}
	wantState(t, p, "1 [2] | s0>1 s1>2 k2>2")
}

// A trial that follows a trial leads back to what was there before both; a plain switch ends a trial.
func TestTrialAfterTrial(t *testing.T) {
	p := open(t, newStore(t), "default")
	switchTo(t, p, "1")
	mustTry(t, p, "2")
	mustTry(t, p, "3")
	backIs(t, p, 1)
	switchTo(t, p, "4")
	backIs(t, p, 0)
}

func TestTrialNeedsAWayBack(t *testing.T) {
	p := open(t, newStore(t), "default")
	var none *NoGenerationError
	if _, err := try(t, p, "1"); !errors.As(err, &none) {
		t.Errorf("the first generation on trial: %v", err)
	}
	wantState(t, p, "|")
}

func TestPruneKeepsTheWayBack(t *testing.T) {
	p := open(t, newStore(t), "default")
	switchTo(t, p, "1")
	switchTo(t, p, "2")
	mustTry(t, p, "3")
	if _, err := p.Prune(t.Context(), Pruning{Keep: 1}); err != nil {
		t.Fatal(err)
	}
	wantState(t, p, "2 [3] | s0>1 s1>2 s2>3 p3>3")
	backIs(t, p, 2)
}

// Records of what was not carried out say nothing of a trial: a crash after one leaves it running.
func TestTrialAfterACrash(t *testing.T) {
	p := open(t, newStore(t), "default")
	switchTo(t, p, "1")
	mustTry(t, p, "2")
	tail, err := p.readTail()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.appendRecord(tail, Record{Time: at(3), Action: Switch, From: Point{Number: 2}, To: Point{Number: 3}}); err != nil {
		t.Fatal(err)
	}
	backIs(t, p, 1)
	// So does a torn line.
	f, err := os.OpenFile(p.path(historyName), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"number": 4, "action": "ro`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	backIs(t, p, 1)
	if _, to, err := p.EndTrial(t.Context(), Who{}, at(3)); err != nil || to.Number != 1 {
		t.Errorf("EndTrial: %+v, %v", to, err)
	}

	// A trial that never began is none.
	trial := &Trial{Back: Point{Number: 1}, Until: at(9)}
	tail, err = p.readTail()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.appendRecord(tail, Record{Time: at(3), Action: Switch, From: Point{Number: 1}, To: Point{Number: 4}, Trial: trial}); err != nil {
		t.Fatal(err)
	}
	backIs(t, p, 0)
}
