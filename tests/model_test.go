package tests

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gostore/internal/tree"
	"gostore/tests/upstream"
)

// modelVariable makes TestModel long.
const modelVariable = "GOSTORE_TEST_MODEL"

// TestModel runs installers, switchers, shells, projects, readers, verifiers and collectors at once, each a sequence of
// gostore processes, against a model of what must be alive: what running shells lease, what the newest
// generations of each profile and the current one refer to, what registered projects are locked to. No such
// object may ever be gone, not even for a moment, or differ from its digest; every command ends with a
// status that it may end with; and when everything has stopped a collection leaves exactly what the
// model says and nothing half done.
//
// Some collectors see no other process, and some work on a second mount of the store. When no command has ended for some minutes
// that is a deadlock, and those that run say where they stand.
//
// GOSTORE_TEST_SEED repeats what was chosen, though not how the processes met; GOSTORE_TEST_ROUNDS says how
// many rounds every actor does. The long form does thousands of rounds in all.
func TestModel(t *testing.T) {
	t.Parallel()
	seed := number(t, "GOSTORE_TEST_SEED", rand.Uint64())
	rounds := uint64(4)
	if formOf(t, modelVariable, 1).long {
		rounds = 300
	}
	rounds = number(t, "GOSTORE_TEST_ROUNDS", rounds)
	t.Logf("GOSTORE_TEST_SEED=%d GOSTORE_TEST_ROUNDS=%d", seed, rounds)
	for i, what := range []string{"see no processes", "work on a second mount"} {
		if elsewhere()[i] == nil {
			t.Logf("no collectors that %s: namespaces are not permitted here", what)
		}
	}
	f := newFleet(t, int(seed%3))
	defer f.watch()()
	stop := f.beginCollecting(seed)
	var actors sync.WaitGroup
	var done atomic.Int64
	begin := func(round func()) {
		actors.Go(func() {
			for n := uint64(0); n < rounds && !t.Failed(); n++ {
				round()
				done.Add(1)
			}
		})
	}
	var owners []*owner
	var projects []*project
	for i := range 2 {
		o := &owner{actor: f.actor(seed, "owner", i), versions: map[int][]string{}, kept: map[int][]*witness{}}
		p := &project{actor: f.actor(seed, "project", i)}
		owners, projects = append(owners, o), append(projects, p)
		begin(o.round)
		begin(p.round)
		begin(f.actor(seed, "shell", i).shell)
		begin(f.actor(seed, "shared", i).shared)
		begin(f.actor(seed, "reader", i).read)
	}
	begin(f.actor(seed, "verifier", 0).verify)
	actors.Wait()
	stop()
	f.finish(owners, projects)
	f.world.sh("gostore log --verify")
	commands := 0
	for _, n := range f.tally {
		commands += n
	}
	t.Logf("%d rounds of %d commands %v; %d collections took away %d objects, %d of them without seeing processes, %d on a second mount",
		done.Load(), commands, f.tally, f.done, f.removed, f.away[0], f.away[1])
	if f.removed == 0 {
		t.Error("nothing was ever collected: nothing was tested")
	}
}

// beginCollecting starts collections, one after the other and two at a time, of which one does not see other
// processes. stop returns when they have ended.
func (f *fleet) beginCollecting(seed uint64) (stop func()) {
	var collectors sync.WaitGroup
	var over atomic.Bool
	for i := range 2 {
		a := f.actor(seed, "collector", i)
		collectors.Go(func() {
			for !over.Load() {
				a.collect(i > 0)
			}
		})
	}
	return func() {
		over.Store(true)
		collectors.Wait()
	}
}

// patience is how long no command may end. Each takes milliseconds, on a machine that does something else as well some seconds.
const patience = 4 * time.Minute

// watch fails the test when no command ends any more, and lets those that run print their stacks and die. It ends when the function
// that it returns is called.
func (f *fleet) watch() (end func()) {
	over := make(chan struct{})
	go func() {
		for {
			f.mu.Lock()
			tick := f.tick
			f.mu.Unlock()
			select {
			case <-over:
				return
			case <-tick:
				continue
			case <-time.After(patience):
			}
			f.mu.Lock()
			f.fail("no command has ended for %v; running: %v", patience, f.running)
			for pid := range f.running {
				syscall.Kill(-pid, syscall.SIGCONT)
				syscall.Kill(-pid, syscall.SIGQUIT)
			}
			f.mu.Unlock()
			return
		}
	}()
	return func() { close(over) }
}

// number reads a number from an environment variable.
func number(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// fleet is a world for many processes at once, with the model of what must be alive in it.
type fleet struct {
	*world
	least int               // how many generations of a profile the collections keep at least
	all   []string          // versions
	tools map[string]string // the directory that the object of each version has

	mu          sync.Mutex
	turn        *sync.Cond    // done changed
	begun, done int           // collections; done is the number of the latest that is over
	removed     int           // objects, by collections
	tick        chan struct{} // closed when the next command ends
	tally       map[string]int
	running     map[int]string // process groups
	away        [2]int         // collections, by the ways of elsewhere
	trace       []string
	witnesses   map[*witness]bool
	shared      map[int]bool // generations that were made in the profile that several switch
}

func newFleet(t *testing.T, least int) *fleet {
	f := &fleet{least: least, tools: map[string]string{}, tick: make(chan struct{}), tally: map[string]int{}, running: map[int]string{}, witnesses: map[*witness]bool{}, shared: map[int]bool{}}
	f.turn = sync.NewCond(&f.mu)
	args := []string{"install", "--json"}
	for i := range 7 { // few, so that what one does concerns the others
		f.all = append(f.all, fmt.Sprintf("1.30.%d", i))
		args = append(args, "go@"+f.all[i])
	}
	// A store elsewhere tells which directories the objects are going to have.
	scout := newWorld(t, upstream.Config{Versions: f.all})
	var objects []struct{ Version, Path string }
	status, out, diagnosis := ended(scout.gostore(scout.dir, args...))
	if err := json.Unmarshal([]byte(out), &objects); status != 0 || err != nil {
		t.Fatalf("status %d, %v\n%s", status, err, diagnosis)
	}
	f.world = newWorld(t, upstream.Config{Versions: f.all})
	f.world.sh("gostore list") // or a collector that comes first has no store to mount
	for _, o := range objects {
		f.tools[o.Version] = f.root("store", filepath.Base(o.Path))
	}
	return f
}

// witness is an object that must stay from when the witness is made until it is released: the same directory
// all the time, and still what its digest says.
type witness struct {
	dir, why string
	inode    uint64
	changed  unix.Timespec // which a rename, as of discarding, alters
}

// keep makes witnesses for objects.
func (f *fleet) keep(why string, dirs ...string) []*witness {
	f.mu.Lock()
	defer f.mu.Unlock()
	var made []*witness
	for _, dir := range dirs {
		var st unix.Stat_t
		if err := unix.Lstat(dir, &st); err != nil {
			f.fail("%s needs %s: %v", why, dir, err)
			continue
		}
		w := &witness{dir, why, st.Ino, st.Ctim}
		f.witnesses[w] = true
		made = append(made, w)
	}
	return made
}

// release ends witnesses, which the caller does before it gives up what keeps the objects.
func (f *fleet) release(witnesses []*witness) {
	f.mu.Lock()
	for _, w := range witnesses {
		f.check(w)
		delete(f.witnesses, w)
	}
	f.mu.Unlock()
	for _, w := range witnesses {
		m, err := tree.Scan(f.t.Context(), w.dir, 1)
		if err != nil || !strings.HasPrefix(filepath.Base(w.dir), m.Digest().Hex()+"-") {
			f.t.Errorf("%s needs %s, which is %s now, %v", w.why, w.dir, m.Digest(), err)
		}
	}
}

// check reports an object that is gone, or was. f.mu is held.
func (f *fleet) check(w *witness) {
	var st unix.Stat_t
	if err := unix.Lstat(w.dir, &st); err != nil {
		f.fail("%s needs %s: %v", w.why, w.dir, err)
	} else if st.Ino != w.inode || st.Ctim != w.changed {
		f.fail("%s needs %s, which was gone for a while", w.why, w.dir)
	}
}

// fail reports an error, the first one with what was going on. f.mu is held.
func (f *fleet) fail(format string, args ...any) {
	if !f.t.Failed() {
		f.t.Logf("latest events:\n%s", strings.Join(f.trace[max(0, len(f.trace)-40):], "\n"))
	}
	f.t.Errorf(format, args...)
}

// collection runs a collection and counts what it removed.
func (a *actor) collection(cmd *exec.Cmd) {
	a.mu.Lock()
	a.begun++
	n := a.begun
	a.mu.Unlock()
	status, out := a.run(cmd, 0, 5) // 5: the other collector is at it
	var answer struct{ Objects []any }
	if err := json.Unmarshal([]byte(out), &answer); status == 0 && err != nil {
		a.t.Error(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if status != 5 {
		a.done = max(a.done, n)
		a.turn.Broadcast()
	}
	a.removed += len(answer.Objects)
	for w := range a.witnesses {
		a.check(w)
	}
}

// awaitCollection returns when a collection that began after the call is over.
func (f *fleet) awaitCollection() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for next := f.begun + 1; f.done < next; {
		f.turn.Wait()
	}
}

// finish compares what is left when everything has stopped with the model: first what it says must be alive and no more,
// then, when nothing has to be, nothing.
func (f *fleet) finish(owners []*owner, projects []*project) {
	a := f.actor(0, "end", 0)
	if f.t.Failed() {
		return
	}
	a.ok("gc", "--keep", strconv.Itoa(f.least))
	a.ok("verify")
	want := map[string]bool{}
	for w := range f.witnesses {
		f.check(w)
		want[w.dir] = true
	}
	for _, g := range a.generations("shared", len(f.shared)) {
		want[g.environment] = true
		for _, v := range g.versions {
			want[f.tools[v]] = true
		}
	}
	f.checkObjects("at the end", slices.Sorted(maps.Keys(want)))
	for _, p := range projects {
		f.release(p.kept)
		a.in(p.dir).end([]int{0, 4}, "roots", "--forget", ".")
	}
	profiles := []string{"shared"}
	for _, o := range owners {
		for _, w := range o.kept {
			f.release(w)
		}
		profiles = append(profiles, o.name)
	}
	for _, name := range profiles {
		a.end([]int{0, 4}, "switch", "--profile", name, "--remove", "go") // 4: there is none
	}
	a.ok("gc", "--keep", "0")
	empty, err := filepath.EvalSymlinks(f.root("profiles", "shared", "current"))
	if err != nil {
		f.t.Error(err)
	}
	f.checkObjects("of empty profiles", []string{empty}) // whose start files are all that is shared
}
