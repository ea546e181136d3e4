package tests

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gostore/cmd"
	"gostore/tests/upstream"
)

// holdings is what a process has of what it must give back.
type holdings struct {
	descriptors []string // what open files are, sorted
	goroutines  int
}

// hold returns what this process has.
func hold() holdings {
	var h holdings
	const dir = "/dev/fd"
	names, _ := os.ReadDir(dir) // none where the system has no such directory
	for _, name := range names {
		target, err := os.Readlink(filepath.Join(dir, name.Name()))
		if err != nil || strings.HasPrefix(target, "anon_inode:") || strings.HasSuffix(target, "/fd") {
			continue // the one that read the directory, and what the runtime waits with
		}
		h.descriptors = append(h.descriptors, target)
	}
	slices.Sort(h.descriptors)
	h.goroutines = runtime.NumGoroutine()
	return h
}

// kept returns what is there beyond what there was before, "" where that is nothing. What ends by itself may take a moment.
func (before holdings) kept() string {
	var now holdings
	for range 2000 {
		now = hold()
		if now.goroutines <= before.goroutines && len(now.descriptors) <= len(before.descriptors) {
			return ""
		}
		<-time.After(5 * time.Millisecond)
	}
	stacks := make([]byte, 1<<16)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return fmt.Sprintf("%d descriptors became %d: %q\n%d goroutines became %d:\n%s",
		len(before.descriptors), len(now.descriptors), now.descriptors, before.goroutines, now.goroutines, stacks)
}

// keptMark begins what counted says of what was not given back.
const keptMark = "counted: "

// counted is gostore, which says at its end what the command has kept of descriptors and goroutines: a process that lives on would
// have them still.
func counted() {
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(os.Stderr, keptMark, err)
		os.Exit(1)
	}
	before := hold()
	exit := cmd.Run(context.Background(), cmd.Config{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(), Dir: dir, VerifierKey: os.Getenv(keyVariable), Pause: shortly,
	})
	if kept := before.kept(); kept != "" {
		fmt.Fprintln(os.Stderr, keptMark+kept)
	}
	os.Exit(exit)
}

// lifeVariable makes TestLongLife long.
const lifeVariable = "GOSTORE_TEST_LIFE"

// A process that lives through a thousand installations, switches, rollbacks and collections, some of which fail, has as many
// descriptors and goroutines at the end as it had near the beginning; and the store has the same files, of the same
// size, but for what is meant to grow: the history and the log, by a line for each change.
//
// The short form lives for a few cycles. Memory is for TestLongLifeOfLibraries to look at: a gostore runs one command, and the flags of every
// command line are remembered for as long as its process lives.
func TestLongLife(t *testing.T) {
	cycles := 4
	if formOf(t, lifeVariable, 1).long {
		cycles = 1000
	}
	l := &life{world: newWorld(t, upstream.Config{}), t: t}
	l.cycle()
	l.cycle() // now everything is there that is made once
	before := l.now()
	for range cycles {
		l.cycle()
	}
	after := l.now()
	if kept := before.kept(); kept != "" {
		t.Errorf("after %d cycles: %s", cycles, kept)
	}
	if !slices.Equal(before.files, after.files) {
		t.Errorf("%d cycles: the store had\n%s\nand has\n%s", cycles, strings.Join(before.files, "\n"), strings.Join(after.files, "\n"))
	}
	t.Logf("%d cycles of %d commands: %d descriptors, %d goroutines before, %d, %d after; %d files of %d KiB; history and log grew by %d and %d bytes a cycle",
		cycles, l.commands/(cycles+2), len(before.descriptors), before.goroutines, len(after.descriptors), after.goroutines,
		len(after.files), after.size>>10, (after.history-before.history)/int64(cycles), (after.log-before.log)/int64(cycles))
	l.prune(after)
}

// life is a process that runs one command after the other.
type life struct {
	*world
	t        *testing.T
	commands int
}

// run runs a command in this process, which must end with a status.
func (l *life) run(want int, args ...string) {
	l.t.Helper()
	l.commands++
	var out strings.Builder
	exit := cmd.Run(l.t.Context(), cmd.Config{
		Program: "gostore", Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out,
		Environ: l.environ, Dir: l.dir, VerifierKey: l.server.Key, Pause: shortly,
	})
	if exit != want {
		l.t.Fatalf("gostore %q ended with %d, want %d\n%s", args, exit, want, &out)
	}
}

// cycle installs, locks, switches, fails, goes back, and collects all that it made but the last two generations.
func (l *life) cycle() {
	l.t.Helper()
	l.run(0, "install", "go@1.22.5")
	l.run(0, "lock", "go@1.22.6")
	l.run(0, "install")
	l.run(0, "switch", "go@1.22.6")
	l.run(0, "switch", "go@1.23.0")
	l.server.Fault(upstream.Fault{Path: "/@v/v0.0.1-go1.21.0", Status: 404})
	l.run(4, "install", "go@1.21.0")
	l.server.ClearFaults()
	l.run(0, "switch", "--check", "true", "go@1.22.5")
	l.run(0, "rollback")
	l.run(0, "rollback")
	l.run(0, "switch", "go@1.21.13")
	l.run(0, "gc", "--keep", "2")
	l.run(0, "verify")
	l.server.ClearRequests() // which it remembers, in this process
}

// lived is what a life has at a moment.
type lived struct {
	holdings
	files        []string // of the store: path and size
	size         int64    // of all of them
	history, log int64    // sizes
}

func (l *life) now() lived {
	l.t.Helper()
	v := lived{holdings: hold()}
	err := filepath.WalkDir(l.root(), func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := e.Info()
		if err != nil || fi.IsDir() {
			return err
		}
		name, err := filepath.Rel(l.root(), path)
		switch size := fi.Size(); {
		case name == "profiles/default/current": // as long as a number
		case name == "log":
			v.log = size
		case name == "profiles/default/history":
			v.history = size
		default:
			v.size += size
			v.files = append(v.files, fmt.Sprint(generationless(name), " ", size))
		}
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	slices.Sort(v.files)
	return v
}

// generationless replaces a generation's number, which only grows.
func generationless(name string) string {
	if dir, base := filepath.Split(name); dir == "profiles/default/" && strings.Trim(base, "0123456789") == "" {
		return dir + "N"
	}
	return name
}

// prune shows that the log can be cut, and then starts from nothing but one line.
func (l *life) prune(before lived) {
	l.t.Helper()
	l.run(0, "log", "--verify")
	l.run(0, "log", "--prune", "--before", "0d")
	if after := l.now(); after.log > before.log/4 {
		l.t.Errorf("the log had %d bytes, and pruned it has %d", before.log, after.log)
	}
	l.run(0, "log", "--verify")
}
