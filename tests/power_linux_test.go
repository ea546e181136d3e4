package tests

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gostore/tests/powercut"
	"gostore/tests/upstream"
)

// powerVariable makes TestPowerCut look at every state: GOSTORE_TEST_POWER=all.
const powerVariable = "GOSTORE_TEST_POWER"

// TestPowerCut takes the power away while gostore works. What each command does to the disk is recorded once; a simulated disk
// (package powercut) then says what may be found when the power fails after each of the operations, with what was not synced
// lost in every way. In each such state every object is absent or complete, what was reported as done is there, nothing that was
// durable is lost, and the next command succeeds and mends what is not whole.
//
// The short form looks at some states of some commands.
func TestPowerCut(t *testing.T) {
	needTracer(t, newWorld(t, upstream.Config{}))
	long := formOf(t, powerVariable, 1).long
	var mu sync.Mutex
	var all tally
	t.Cleanup(func() { t.Logf("in all: %s", &all) })
	for _, c := range outages {
		if c.long && !long {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newOutage(t, c.prepare, c.killed, c.command)
			if c.next != "" {
				p.next = c.next
			}
			p.long = long
			p.run()
			t.Logf("%s", &p.tally)
			mu.Lock()
			defer mu.Unlock()
			all.add(&p.tally)
		})
	}
}

// outages are the commands during which the power fails.
var outages = append(fromKillings(), []outageCase{
	{name: "switch after a kill", prepare: "gostore switch go@1.22.5 && gostore lock go@1.22.6",
		killed:  killedAt{[]string{"install"}, "fsync root/store", 2},
		command: []string{"switch", "go@1.22.6"}},
	{name: "first switch after a kill", prepare: "gostore lock go@1.22.6 && gostore install",
		killed:  killedAt{[]string{"switch", "go@1.22.6"}, "fsync root/profiles", 1},
		command: []string{"switch", "go@1.22.6"}},
	{name: "trust", long: true, prepare: "gostore lock go@1.22.6; rm -r $GOSTORE_ROOT; mkdir -p ../project/other && echo >other/gostore.toml",
		command: []string{"trust", "other"}},
	{name: "shims", long: true, prepare: "gostore switch go@1.22.6", command: []string{"shims"}},
	{name: "link", long: true, prepare: "gostore lock go@1.22.6 && gostore install", command: []string{"link"}},
}...)

type outageCase struct {
	name, prepare string
	killed        killedAt // before the command, another one is killed, and nothing is synced in between
	command       []string
	next          string // what succeeds afterwards, the same command where it is ""
	long          bool   // part of the long form only
}

// killedAt is a command and where it is killed; none without a sort.
type killedAt struct {
	command []string
	sort    string
	n       int
}

// fromKillings makes an outage of each command that is killed elsewhere.
func fromKillings() []outageCase {
	short := []string{"install", "lock anew", "switch", "gc of generations"}
	var cases []outageCase
	for _, k := range killings {
		cases = append(cases, outageCase{k.name, k.prepare, killedAt{}, k.command, k.next, !slices.Contains(short, k.name)})
	}
	return cases
}

// places are the directories of a world that the disk holds.
var places = []string{"root", "project", "home"}

// outage takes the power away from one command again and again.
type outage struct {
	killing
	long  bool
	disk  *powercut.Disk
	said  []int // how much the command had said when each operation began
	ended int   // number of operations after which the command had ended
	out   string
	live  map[string]powercut.Entry // what is on the disk when it has ended
	seen  map[string]bool
	tally tally
}

// tally counts what was tried and found.
type tally struct {
	operations, states, distinct, absent, whole, mended, mending int
}

func (c *tally) add(o *tally) {
	c.operations += o.operations
	c.states += o.states
	c.distinct += o.distinct
	c.absent += o.absent
	c.whole += o.whole
	c.mended += o.mended
	c.mending += o.mending
}

func (c *tally) String() string {
	return fmt.Sprintf("%d operations recorded, %d states tried, %d of them different to whoever looks; objects absent in them %d times, whole %d times, "+
		"%d other files damaged; the next command, verify and gc succeeded in %d",
		c.operations, c.states, c.distinct, c.absent, c.whole, c.mended, c.mending)
}

func newOutage(t *testing.T, prepare string, killed killedAt, command []string) *outage {
	w := newWorld(t, upstream.Config{Padding: 96 << 10})
	p := &outage{seen: map[string]bool{}, live: map[string]powercut.Entry{}}
	p.killing = killing{world: w, top: filepath.Dir(w.dir), command: command, next: line(command)}
	w.sh(prepare)
	p.believeSigns()
	p.outage = true
	var err error
	if p.disk, err = powercut.Read(p.top, places...); err != nil {
		t.Fatal(err)
	}
	p.before = look(t, p.top)
	if killed.sort != "" {
		run := p.record(request{Args: killed.command, Sort: killed.sort, N: killed.n})
		if !run.Killed {
			t.Fatalf("it was not killed: it had no %s", killed.sort)
		}
		p.said = make([]int, len(p.disk.Ops)) // of another command
	}
	run := p.record(request{Args: command})
	if run.Exit != 0 {
		t.Fatalf("undisturbed: exit status %d\n%s", run.Exit, run.Output)
	}
	p.out, p.ended = run.Output, len(p.disk.Ops)
	p.after = look(t, p.top)
	p.disk.At(p.ended, func(int) bool { return true }).Walk(func(name string, e powercut.Entry) { p.live[name] = e })
	w.sh("gostore verify")
	p.collect()
	p.final = look(t, p.top)
	leftBehind(t, p.top, p.final)
	p.tally.operations = len(p.disk.Ops)
	return p
}

// record runs gostore and adds what it does to the disk.
func (p *outage) record(q request) traced {
	p.t.Helper()
	q.Record = true
	run, err := p.trace(q)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, op := range run.Record {
		if err := p.disk.Apply(op); err != nil {
			p.t.Fatalf("%v, after\n%v", err, p.disk.Ops)
		}
		for len(p.said) < len(p.disk.Ops) { // more than one for a write that was halved
			p.said = append(p.said, int(op.Note))
		}
	}
	differences, err := p.disk.Differences(p.top, places...)
	if err != nil || len(differences) > 0 {
		p.t.Fatalf("the record is not whole: %v\n%s", err, strings.Join(differences, "\n"))
	}
	return run
}

// run looks at states: in the short form after each sync, before it, and after some other operations.
func (p *outage) run() {
	plan := powercut.Plan{All: 8, Singles: true, Random: 8, Seed: 1}
	if !p.long {
		plan = powercut.Plan{All: 4, Random: 1, Seed: 1}
	}
	for cut := 0; cut <= p.ended; cut++ {
		if !p.long && !p.isPoint(cut) {
			continue
		}
		for what, state := range p.disk.States(cut, plan) {
			p.try(cut, what, state)
		}
	}
}

// isPoint reports whether the short form cuts after so many operations: at the end, before each sync, and before each rename but
// those of the many tiles and proofs of the checksum database.
func (p *outage) isPoint(cut int) bool {
	if cut == p.ended {
		return true
	}
	switch op := p.disk.Ops[cut]; op.Kind {
	case powercut.Fsync, powercut.Syncfs, powercut.Datasync:
		return true
	case powercut.Rename:
		return !strings.HasPrefix(op.Path, "root/sumdb/")
	}
	return false
}

// try looks at a state, if no other was like it.
func (p *outage) try(cut int, what string, state *powercut.State) {
	p.tally.states++
	reported := traced{Output: p.out, Exit: 0}
	if cut < p.ended {
		reported.Output = p.out[:min(p.said[cut], len(p.out))]
	}
	key := p.sketch(cut, state) + reportedIn(reported.Output)
	if p.seen[key] {
		return
	}
	p.seen[key] = true
	p.tally.distinct++
	next := "the end"
	if cut < p.ended {
		next = p.disk.Ops[cut].String()
	}
	p.t.Run(fmt.Sprintf("before operation %d, %s; on the disk: %s", cut+1, next, what), func(t *testing.T) {
		k := *p
		w := *p.world
		w.t, k.world = t, &w
		if err := state.Make(p.top, places...); err != nil {
			t.Fatal(err)
		}
		now, mended := k.checkCut(reported, cut, state)
		p.count(now, mended)
		if p.long || p.tally.distinct%8 == 1 { // a tenth of a second each
			p.tally.mending++
			k.checkMended()
		}
	})
}

func reportedIn(output string) string {
	return strings.Join(reported.FindAllString(output, -1), ";")
}

// count counts objects that are absent and whole, and damages that readers take for what they are.
func (p *outage) count(now sight, mended int) {
	for _, object := range p.after.objects {
		if slices.Contains(now.objects, object) {
			p.tally.whole++
		} else {
			p.tally.absent++
		}
	}
	p.tally.mended += mended
}
