package profile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gostore/internal/environment"
	"gostore/internal/release"
	"gostore/store"
)

func newStore(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "root"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func open(t *testing.T, st *store.Store, name string) *Profile {
	t.Helper()
	p, err := Open(st, name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// addTool adds the object of a tool to a store.
func addTool(ctx context.Context, st *store.Store, name, version string) (environment.Tool, error) {
	lease, err := st.Add(ctx, store.Spec{Name: name, Version: version}, func(g *store.Stage) error {
		return g.File("bin/"+name, true, []byte("#!/bin/sh\necho "+version+"\n"))
	})
	if err != nil {
		return environment.Tool{}, err
	}
	layout := release.Layout{Dirs: []string{"bin"}}
	return environment.Tool{Name: name, Version: version, Tree: lease.Object().Tree, Layout: layout}, lease.Release()
}

// with returns an Edit that puts one version of a tool in place of another.
func with(ctx context.Context, st *store.Store, tool environment.Tool) func([]environment.Tool) (*store.Lease, error) {
	return func(current []environment.Tool) (*store.Lease, error) {
		tools := slices.DeleteFunc(current, func(t environment.Tool) bool { return t.Name == tool.Name })
		return environment.Build(ctx, st, append(tools, tool))
	}
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// at returns the time of the n-th change of a test.
func at(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }

// switchTo makes a generation with a version of "tool" and returns it.
func switchTo(t *testing.T, p *Profile, version string) Generation {
	t.Helper()
	g, err := trySwitch(t, p, version)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func trySwitch(t *testing.T, p *Profile, version string) (Generation, error) {
	t.Helper()
	tool, err := addTool(t.Context(), p.st, "tool", version)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(version)
	return p.Switch(t.Context(), Change{Who: Who{User: "eve"}, Time: at(n), Edit: with(t.Context(), p.st, tool)})
}

// state describes a profile in a line: its generations, the current one in brackets, and the
// records with what they led to, abandoned ones with "!".
func state(t *testing.T, p *Profile) string {
	t.Helper()
	var b strings.Builder
	generations, err := p.Generations()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range generations {
		form := "%d "
		if g.Current {
			form = "[%d] "
		}
		fmt.Fprintf(&b, form, g.Number)
	}
	b.WriteString("|")
	records, err := p.History()
	for i, r := range records {
		if r.Number != i+1 {
			t.Errorf("record %d has number %d", i+1, r.Number)
		}
		fmt.Fprintf(&b, " %.1s%d>%d", r.Action, r.From.Number, r.To.Number)
		if r.Abandoned {
			b.WriteString("!")
		}
	}
	var damage *HistoryError
	if errors.As(err, &damage) {
		fmt.Fprintf(&b, " line %d torn=%v", damage.Line, damage.Torn)
	} else if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func wantState(t *testing.T, p *Profile, want string) {
	t.Helper()
	if got := state(t, p); got != want {
		t.Errorf("profile is %q, want %q", got, want)
	}
}

func TestSwitchAndRollback(t *testing.T) {
	p := open(t, newStore(t), "default")
	wantState(t, p, "|")
	for _, version := range []string{"1", "2", "3"} {
		g := switchTo(t, p, version)
		if strconv.Itoa(g.Number) != version || !g.Current || g.Problem != "" {
			t.Errorf("switched to %+v", g)
		}
		data, err := os.ReadFile(filepath.Join(p.Dir(), "bin/tool"))
		if err != nil || !strings.Contains(string(data), "echo "+version) {
			t.Errorf("current is %q, %v", data, err)
		}
	}
	wantState(t, p, "1 2 [3] | s0>1 s1>2 s2>3")
	for _, c := range []struct {
		to   int
		want string
	}{{0, "1 [2] 3 | s0>1 s1>2 s2>3 r3>2"}, {0, "[1] 2 3 | s0>1 s1>2 s2>3 r3>2 r2>1"}, {3, "1 2 [3] | s0>1 s1>2 s2>3 r3>2 r2>1 r1>3"}} {
		if _, err := p.Rollback(t.Context(), c.to, Who{}, noon); err != nil {
			t.Fatal(err)
		}
		wantState(t, p, c.want)
	}
	target, err := os.Readlink(p.Dir())
	if err != nil || target != "3" {
		t.Errorf("current leads to %q, %v", target, err)
	}
}

func TestSwitchToTheSame(t *testing.T) {
	p := open(t, newStore(t), "default")
	switchTo(t, p, "1")
	g, err := trySwitch(t, p, "1")
	if !errors.Is(err, ErrUnchanged) || g.Number != 1 {
		t.Errorf("switched to %+v, %v", g, err)
	}
	if g, err := p.Rollback(t.Context(), 1, Who{}, noon); !errors.Is(err, ErrUnchanged) || g.Number != 1 {
		t.Errorf("rolled back to %+v, %v", g, err)
	}
	wantState(t, p, "[1] | s0>1")
	switchTo(t, p, "2")
	switchTo(t, p, "1") // the environment of generation 1, but a new generation
	wantState(t, p, "1 2 [3] | s0>1 s1>2 s2>3")
}

func TestSwitchThatFailsChangesNothing(t *testing.T) {
	p := open(t, newStore(t), "default")
	switchTo(t, p, "1")
	mine := errors.New("check failed")
	_, err := p.Switch(t.Context(), Change{Edit: func([]environment.Tool) (*store.Lease, error) { return nil, mine }})
	if err != mine {
		t.Errorf("error of Edit came back as %v", err)
	}
	wantState(t, p, "[1] | s0>1")
}

func TestErrorsOfRollback(t *testing.T) {
	p := open(t, newStore(t), "default")
	for _, to := range []int{0, 7} {
		if _, err := p.Rollback(t.Context(), to, Who{}, noon); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("rolled back nothing: %v", err)
		}
	}
	if _, err := os.Stat(p.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a failed rollback made the profile: %v", err)
	}
	switchTo(t, p, "1")
	switchTo(t, p, "2")
	for to, want := range map[int]string{0: `profile "default" has no earlier generation`, 7: `profile "default" has no generation 7`} {
		if to == 0 {
			if _, err := p.Rollback(t.Context(), 1, Who{}, noon); err != nil {
				t.Fatal(err)
			}
		}
		_, err := p.Rollback(t.Context(), to, Who{}, noon)
		var none *NoGenerationError
		if !errors.As(err, &none) || err.Error() != want || !slices.Equal(none.Have, []int{1, 2}) {
			t.Errorf("rolled back to %d: %v, have %v", to, err, none)
		}
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"default", "a", "CI-1.2_x", strings.Repeat("n", 64)} {
		if err := CheckName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", ".", "..", ".x", "-x", "a/b", "a b", "ä", "a\x00", "a\n", strings.Repeat("n", 65)} {
		if CheckName(name) == nil {
			t.Errorf("profile name %q is allowed", name)
		}
		if _, err := Open(newStore(t), name); err == nil {
			t.Errorf("profile %q was opened", name)
		}
	}
}

// Only what is nothing but a number is a generation.
func TestForeignNamesAreNoGenerations(t *testing.T) {
	st := newStore(t)
	p := open(t, st, "default")
	g := switchTo(t, p, "1")
	for _, name := range []string{".tmp-12", "012", "+3", "-4", "0", "5x", " 6", "1e3", "0x7", "99999999999999999999", "1000000000", "１"} {
		if err := os.Symlink(toStore+filepath.Base(g.Dir), p.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	wantState(t, p, "[1] | s0>1")
	// What bears a number but is no good generation is listed, and its number is not used.
	for name, target := range map[string]string{
		"3": "../../store/x", "4": "/etc", "5": "../../store/" + filepath.Base(g.Dir) + "/bin", "6": "1",
		"7": "../../store/" + strings.Repeat("a", 64) + "-gone-1",
	} {
		if err := os.Symlink(target, p.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(p.path("8"), 0o755); err != nil {
		t.Fatal(err)
	}
	generations, err := p.Generations()
	if err != nil || len(generations) != 7 {
		t.Fatalf("generations are %v, %v", generations, err)
	}
	for _, g := range generations[1:] {
		if g.Problem == "" || g.Current {
			t.Errorf("%+v is taken for a good one", g)
		}
		_, err := p.Rollback(t.Context(), g.Number, Who{}, noon)
		var broken *BrokenError
		if !errors.As(err, &broken) || broken.Path != p.path(strconv.Itoa(g.Number)) {
			t.Errorf("rollback to %d: %v", g.Number, err)
		}
	}
	roots, err := Trees(st)
	if err != nil || len(roots) != 2 || roots[0] != (Root{"default", 1, g.Tree, true}) || roots[1].Number != 7 {
		t.Errorf("roots are %v, %v", roots, err)
	}
	if g := switchTo(t, p, "2"); g.Number != 9 {
		t.Errorf("switched to generation %d", g.Number)
	}
}

func TestNumbersRunOut(t *testing.T) {
	p := open(t, newStore(t), "default")
	switchTo(t, p, "1")
	if err := os.Symlink("x", p.path(strconv.Itoa(maxNumber))); err != nil {
		t.Fatal(err)
	}
	if g, err := trySwitch(t, p, "2"); err == nil {
		t.Errorf("switched to %+v", g)
	}
}

func TestTools(t *testing.T) {
	p := open(t, newStore(t), "default")
	if _, err := p.Tools(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("tools of nothing: %v", err)
	}
	switchTo(t, p, "1")
	g, err := p.Tools()
	if err != nil || len(g.Tools) != 1 || g.Tools[0].String() != "tool@1" || g.Number != 1 || !g.Current {
		t.Errorf("it is %+v, %v", g, err)
	}
}

// What a change returns carries its tools also where nothing changed: the caller holds nothing that would
// keep the environment until it has looked itself.
func TestChangesReturnTools(t *testing.T) {
	p := open(t, newStore(t), "default")
	check := func(g Generation, err error, want string) {
		t.Helper()
		if len(g.Tools) != 1 || g.Tools[0].Version != want {
			t.Errorf("generation %d, %v: tools are %v, want %s", g.Number, err, g.Tools, want)
		}
	}
	check(switchTo(t, p, "1"), nil, "1")
	check(switchTo(t, p, "2"), nil, "2")
	again, err := trySwitch(t, p, "2")
	check(again, err, "2")
	for _, to := range []int{1, 1} {
		back, err := p.Rollback(t.Context(), to, Who{}, time.Time{})
		check(back, err, "1")
	}
}

// What is current when a reader begins may have been pruned when it has gone further. Then it looks again.
func TestReaderBesidePruning(t *testing.T) {
	p := open(t, newStore(t), "default")
	switchTo(t, p, "1")
	looks := 0
	g, err := p.settled(func() (Generation, error) {
		number, err := p.currentNumber()
		if err != nil {
			t.Fatal(err)
		}
		if looks++; looks == 1 {
			switchTo(t, p, "2")
			if gone, err := p.Prune(t.Context(), Pruning{}); err != nil || len(gone) != 1 {
				t.Fatalf("pruned %v, %v", gone, err)
			}
		}
		return p.generation(number, number)
	})
	if err != nil || g.Number != 2 || looks != 2 {
		t.Errorf("after %d looks it is %+v, %v", looks, g, err)
	}
}

// Switching and rolling back, synced, may take 10 ms.
func BenchmarkSwitchAndRollback(b *testing.B) {
	st, err := store.Open(filepath.Join(b.TempDir(), "root"))
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	p, err := Open(st, "default")
	if err != nil {
		b.Fatal(err)
	}
	var edits [2]func([]environment.Tool) (*store.Lease, error)
	for i := range edits {
		tool, err := addTool(b.Context(), st, "tool", strconv.Itoa(i))
		if err != nil {
			b.Fatal(err)
		}
		edits[i] = with(b.Context(), st, tool)
		if _, err := p.Switch(b.Context(), Change{Edit: edits[i]}); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("switch", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := p.Switch(b.Context(), Change{Edit: edits[i%2]}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("rollback", func(b *testing.B) {
		for b.Loop() {
			if _, err := p.Rollback(b.Context(), 0, Who{}, noon); err != nil {
				b.Fatal(err)
			}
		}
	})
}
