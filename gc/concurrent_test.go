package gc

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A collector that is killed after any of its steps leaves a store in which every object is whole, and the
// next collection leaves what an undisturbed one leaves.
func TestCollectorKilledAtEachStep(t *testing.T) {
	var want []string
	for step := 1; ; step++ {
		st := openStore(t)
		e := example(t, st)
		cmd, out := start(t, "stop", nil, st.Dir(), e["env1"].String(), strconv.Itoa(step))
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		if line == "finished\n" {
			if step < 5 {
				t.Fatalf("a collection has %d steps", step)
			}
			if left := listing(t, st.Dir()); !slices.Equal(left, want) {
				t.Errorf("an undisturbed collection left %q, a disturbed one and the next %q", left, want)
			}
			if present(t, st) != "env1 go gopls" {
				t.Errorf("an undisturbed collection left %s", present(t, st))
			}
			break
		}
		kill(cmd)
		checkWhole(t, st)
		for _, name := range []string{"env1", "go", "gopls"} {
			lease(t, st, e[name]).Release()
		}
		r := collect(t, st, naming(e["env1"]), Options{})
		if len(r.Skipped) > 0 {
			t.Errorf("step %d: the next collection skipped %s", step, planned(r.Skipped))
		}
		if left := listing(t, st.Dir()); want == nil {
			want = left
		} else if !slices.Equal(left, want) {
			t.Errorf("step %d: the next collection left %q, want %q", step, left, want)
		}
		checkWhole(t, st)
	}
}

// A lease that a process inherited protects what it leases, and ends when that process is killed.
func TestInheritedLeaseProtects(t *testing.T) {
	st := openStore(t)
	e := example(t, st)
	l := lease(t, st, e["env2"])
	child, out := start(t, "hold", []*os.File{l.File()})
	expect(t, out, "holding")
	l.Release()
	collect(t, st, naming(), Options{})
	if got, want := present(t, st), "env2 go node"; got != want {
		t.Errorf("left %q, want %q", got, want)
	}
	kill(child)
	collect(t, st, naming(), Options{})
	if got := present(t, st); got != "" {
		t.Errorf("left %q after the process was killed", got)
	}
}

// Installers, makers of roots and collectors, several processes each, at once: nothing that is leased or
// rooted is lost or half there at any time.
func TestInstallersAndCollectorsTogether(t *testing.T) {
	st := openStore(t)
	dir := t.TempDir()
	rounds := "40"
	if testing.Short() {
		rounds = "10"
	}
	var installers, collectors []*exec.Cmd
	var counts []func() int
	for range 2 {
		stdin, end, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], st.Dir(), dir)
		cmd.Env = append(os.Environ(), "GC_TEST_PART=collect")
		cmd.Stdin = stdin
		out := begin(t, cmd)
		stdin.Close()
		collectors = append(collectors, cmd)
		counts = append(counts, func() int {
			end.Close()
			line, _ := out.ReadString('\n')
			n, _ := strconv.Atoi(strings.TrimSuffix(line, "\n"))
			return n
		})
	}
	for i := range 4 {
		cmd, _ := start(t, "install", nil, st.Dir(), dir, fmt.Sprintf("i%d", i), rounds)
		installers = append(installers, cmd)
	}
	for _, cmd := range installers {
		if err := cmd.Wait(); err != nil {
			t.Errorf("installer: %v", err)
		}
	}
	removed := 0
	for i, cmd := range collectors {
		removed += counts[i]()
		if err := cmd.Wait(); err != nil {
			t.Errorf("collector: %v", err)
		}
	}
	if removed == 0 {
		t.Error("the collectors never removed anything: nothing was tested")
	}
	t.Logf("%d objects removed while %d processes installed", removed, len(installers))
	checkWhole(t, st)
	collect(t, st, rootsIn(dir), Options{})
	roots, err := rootsIn(dir)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range roots {
		if err := wholeness(t.Context(), st, r.Trees[0]); err != nil {
			t.Errorf("%s: %v", r, err)
		}
	}
	checkWhole(t, st)
}
