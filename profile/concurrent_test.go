package profile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gostore/internal/environment"
	"gostore/store"
)

// childVar makes the test binary a child: it adds one tool of its own to a profile.
const childVar = "GOSTORE_TEST_PROFILE_CHILD"

func TestMain(m *testing.M) {
	if root := os.Getenv(childVar); root != "" {
		if err := child(root, os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(root, name string) error {
	ctx := context.Background()
	st, err := store.Open(root)
	if err != nil {
		return err
	}
	p, err := Open(st, "default")
	if err != nil {
		return err
	}
	tool, err := addTool(ctx, st, name, "1")
	if err != nil {
		return err
	}
	// Say that everything is ready, and start when all the others are.
	fmt.Println("ready")
	if _, err := fmt.Scanln(); err != nil {
		return err
	}
	g, err := p.Switch(ctx, Change{Who: Who{User: name}, Edit: func(current []environment.Tool) (*store.Lease, error) {
		return environment.Build(ctx, st, append(current, tool))
	}})
	fmt.Println(g.Number)
	return err
}

// Forty processes that switch at once make forty generations, each on what the one before left: the
// last one holds forty tools.
func TestConcurrentSwitches(t *testing.T) {
	const processes = 40
	st := newStore(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ready, readyOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	start, startIn, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var children []*exec.Cmd
	for i := range processes {
		cmd := exec.CommandContext(t.Context(), self, fmt.Sprintf("t%02d", i))
		cmd.Env = append(os.Environ(), childVar+"="+st.Dir())
		cmd.Stdin, cmd.Stdout, cmd.Stderr = start, readyOut, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		children = append(children, cmd)
	}
	// A child that fails is then an end of file here, and not a wait without end.
	if err := errors.Join(readyOut.Close(), start.Close()); err != nil {
		t.Fatal(err)
	}
	for range processes {
		var word string
		if _, err := fmt.Fscanln(ready, &word); err != nil || word != "ready" {
			t.Fatalf("a child said %q, %v", word, err)
		}
	}
	if _, err := startIn.WriteString(strings.Repeat("\n", processes)); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range children {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%q: %v", cmd.Args, err)
		}
	}
	var numbers []int
	for range processes {
		var n int
		if _, err := fmt.Fscanln(ready, &n); err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	if numbers[0] != 1 || numbers[processes-1] != processes || len(slices.Compact(numbers)) != processes {
		t.Errorf("the children made generations %v", numbers)
	}
	checkForty(t, open(t, st, "default"), processes)
}

func checkForty(t *testing.T, p *Profile, processes int) {
	t.Helper()
	generations, err := p.Generations()
	if err != nil || len(generations) != processes {
		t.Fatalf("there are %d generations, %v", len(generations), err)
	}
	records, err := p.History()
	if err != nil || len(records) != processes {
		t.Fatalf("there are %d records, %v", len(records), err)
	}
	for i, r := range records {
		if r.From.Number != i || r.To.Number != i+1 || r.To.Tree != generations[i].Tree || r.Abandoned || len(r.Changes) != 1 || r.Changes[0].Tool != r.User {
			t.Errorf("record %d is %+v", i+1, r)
		}
		e, err := environment.Load(generations[i].Dir)
		if err != nil || len(e.Tools) != i+1 {
			t.Errorf("generation %d has %v, %v", i+1, e, err)
		}
	}
	if target, err := os.Readlink(p.Dir()); err != nil || target != strconv.Itoa(processes) {
		t.Errorf("current leads to %q, %v", target, err)
	}
}
