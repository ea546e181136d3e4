package figures

import (
	"slices"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 9, 2}, 3},
	} {
		before := slices.Clone(test.values)
		if got := Median(test.values); got != test.want {
			t.Errorf("Median(%v) = %v, want %v", test.values, got, test.want)
		}
		if !slices.Equal(before, test.values) {
			t.Errorf("Median changed %v to %v: rounds would not match any more", before, test.values)
		}
	}
}

// A machine that is slow for a while slows both of a pair: the ratio of the medians would be 2 here.
func TestRatioIsOfPairs(t *testing.T) {
	of, to := Arm{Runs: []float64{10, 20, 100}}, Arm{Runs: []float64{20, 10, 50}}
	if got := Ratio(of, to); got != 2 {
		t.Errorf("got %v, want 2", got)
	}
	of, to = Arm{Runs: []float64{1, 100, 2}}, Arm{Runs: []float64{2, 200, 400}}
	if got := Ratio(of, to); got != 0.5 {
		t.Errorf("got %v, want 0.5, the ratio in two of three rounds", got)
	}
	for name, to := range map[string]Arm{"a missing round": {Runs: []float64{1}}, "nothing taken": {Runs: []float64{1, 0, 1}}} {
		if got := Ratio(of, to); got != 0 {
			t.Errorf("%s: got %v, want 0", name, got)
		}
	}
}

// sample is a table of which a peer was not there.
func sample() Table {
	return Table{Name: "t", Unit: "ms", Arms: []Arm{
		{Name: "peer", Runs: []float64{100, 200}}, {Name: "ours", Ours: true, Runs: []float64{30, 60}, Peak: 80}, {Name: "other", Runs: []float64{40, 80}},
	}}
}

func TestMeasure(t *testing.T) {
	for name, test := range map[string]struct {
		target  Target
		value   float64
		met, ok bool
	}{
		"met":            {Target{Of: "ours", To: "peer", AtMost: 0.4}, 0.3, true, true},
		"just met":       {Target{Of: "ours", To: "peer", AtMost: 0.3}, 0.3, true, true},
		"missed":         {Target{Of: "ours", To: "peer", AtMost: 0.29}, 0.3, false, true},
		"time":           {Target{Of: "ours", AtMost: 50}, 45, true, true},
		"memory":         {Target{Of: "ours", Peak: true, AtMost: 70}, 80, false, true},
		"a missing peer": {Target{Of: "ours", To: "absent", AtMost: 1}, 0, false, false},
		"a missing arm":  {Target{Of: "absent", AtMost: 1}, 0, false, false},
		"memory unknown": {Target{Of: "peer", Peak: true, AtMost: 70}, 0, true, false},
	} {
		value, met, ok := sample().Measure(test.target)
		if ok != test.ok || ok && (value != test.value || met != test.met) {
			t.Errorf("%s: got %v, %v, %v; want %v, %v, %v", name, value, met, ok, test.value, test.met, test.ok)
		}
	}
}

func TestCompared(t *testing.T) {
	table := sample()
	table.Targets = []Target{{Of: "other", To: "peer", AtMost: 1}}
	if base := table.Base(); base.Name != "ours" {
		t.Errorf("the base is %q, want gostore's own", base.Name)
	}
	peer, _ := table.Arm("peer")
	if ratio, aim := table.Compared(peer); aim == nil || ratio != 0.4 {
		t.Errorf("to a peer that a target names: %v, %v; want 0.4 and the target", ratio, aim)
	}
	other, _ := table.Arm("other")
	if ratio, aim := table.Compared(other); aim != nil || ratio != 0.75 {
		t.Errorf("to another: %v, %v; want 0.75 and no target", ratio, aim)
	}
}

func TestCheck(t *testing.T) {
	for want, spoil := range map[string]func(*Table){
		"has no arms":      func(t *Table) { t.Arms = nil },
		"two arms":         func(t *Table) { t.Arms[2].Name = "peer" },
		"has no runs":      func(t *Table) { t.Arms[1].Runs = nil },
		`unknown arm "it"`: func(t *Table) { t.Targets = []Target{{Of: "it"}} },
	} {
		table := sample()
		spoil(&table)
		if err := table.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	table := sample()
	table.Targets = []Target{{Of: "ours", To: "a peer that is not there"}}
	if err := table.Check(); err != nil {
		t.Error(err)
	}
}

func TestPut(t *testing.T) {
	old := File{Tables: []Table{{Name: "a"}, {Name: "b", Title: "old"}}}
	got := old.Put(Table{Name: "b", Title: "new"}, Table{Name: "c"})
	var titles []string
	for _, table := range got.Tables {
		titles = append(titles, table.Name+table.Title)
	}
	if want := []string{"a", "bnew", "c"}; !slices.Equal(titles, want) {
		t.Errorf("got %v, want %v", titles, want)
	}
	if old.Tables[1].Title != "old" {
		t.Error("the file that it was put into changed")
	}
}
