package rounds

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gostore/tests/bench/figures"
	"gostore/tests/bench/place"
)

// runner runs on a temporary directory.
func runner(t *testing.T) *Runner {
	dir := t.TempDir()
	return &Runner{Ctx: t.Context(), Log: io.Discard, Work: dir, Dir: dir, Env: []string{"XDG_DATA_HOME=/x", "GOSTORE_ROOT=/x", "KEPT=1"}, Unsynced: true,
		Place: &place.Place{Dir: dir, Kind: "a place"}}
}

func TestCompareTakesTurns(t *testing.T) {
	r := runner(t)
	var order []string
	side := func(name string, ours bool) Arm {
		return Arm{Name: name, Ours: ours, Make: func() (*exec.Cmd, error) {
			order = append(order, name)
			return exec.Command("sh", "-c", "exit 0"), nil
		}}
	}
	target := figures.Target{Of: "a", To: "a peer that is not there"}
	if err := r.Compare(figures.Table{Name: "t", Targets: []figures.Target{target}}, 2, side("a", true), side("b", false)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "a", "b", "a", "b"}; !slices.Equal(order, want) {
		t.Errorf("the order is %v, want %v: a warm-up and two rounds", order, want)
	}
	table := r.Tables[0]
	if table.Place != "a place" || len(table.Arms) != 2 || len(table.Arms[1].Runs) != 2 || table.Arms[1].Runs[0] <= 0 || !table.Arms[0].Ours {
		t.Errorf("got %+v", table)
	}
}

// Where room is scarce a round's directories go before the next.
func TestBrief(t *testing.T) {
	r := runner(t)
	r.Brief = true
	most := 0
	a := Arm{Name: "a", Make: func() (*exec.Cmd, error) {
		r.Fresh("x")
		list, err := os.ReadDir(r.Dir)
		most = max(most, len(list))
		return exec.Command("sh", "-c", "exit 0"), err
	}}
	if err := r.Compare(figures.Table{Name: "t"}, 3, a); err != nil {
		t.Fatal(err)
	}
	if most != 1 {
		t.Errorf("there were %d directories at a time, want 1", most)
	}
}

func TestOnce(t *testing.T) {
	s, err := runner(t).Once(exec.Command("sh", "-c", "exit 0"))
	if err != nil || s.Wall <= 0 || s.CPU < 0 {
		t.Errorf("got %+v, %v", s, err)
	}
	if _, err := runner(t).Once(exec.Command("sh", "-c", "echo why >&2; exit 3")); err == nil || !strings.Contains(err.Error(), "why") {
		t.Errorf("a command that fails: got %v, want what it said", err)
	}
}

func TestRuns(t *testing.T) {
	for _, test := range []struct {
		r       Runner
		n, want int
	}{
		{Runner{}, 5, 5}, {Runner{Runs: 2}, 5, 2}, {Runner{Runs: 2}, 100, 40}, {Runner{Quick: true}, 9, 3}, {Runner{Quick: true}, 2, 1},
	} {
		if got := test.r.runs(test.n); got != test.want {
			t.Errorf("%+v of %d: got %d, want %d", test.r, test.n, got, test.want)
		}
	}
}

// What is measured sees nothing of the user's configuration and stores.
func TestEnviron(t *testing.T) {
	got := runner(t).Environ("MORE=1")
	for _, v := range got {
		if strings.HasPrefix(v, "XDG_") || strings.HasPrefix(v, "GOSTORE_") {
			t.Errorf("%s is handed on", v)
		}
	}
	if got[0] != "KEPT=1" || got[len(got)-1] != "MORE=1" {
		t.Errorf("got %v", got)
	}
}

func TestClear(t *testing.T) {
	r := runner(t)
	dir := r.Fresh("x")
	if again := r.Fresh("x"); again == dir {
		t.Errorf("%q was given twice", dir)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o444); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	r.Clear()
	if left, err := os.ReadDir(r.Dir); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}
