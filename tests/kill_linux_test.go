package tests

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gostore/tests/snapshot"
	"gostore/tests/upstream"
)

// killVariable makes TestKill kill each command at each of its operations, and in each of its writes, where it is
// "all"; "2/5" is the second of five parts of that.
const killVariable = "GOSTORE_TEST_KILL"

// killings are the commands that are killed, each in the state that the lines of shell before it make.
var killings = []struct {
	name    string
	prepare string
	command []string
	next    string // what succeeds afterwards, the same command where it is ""
	long    bool   // part of the long form only: it goes through much the same operations as another
}{
	{name: "install", prepare: `gostore lock go@1.22.6; rm -r "$GOSTORE_ROOT"`, command: []string{"install"}},
	{name: "install beside a neighbour", prepare: "gostore switch go@1.22.5 && gostore lock go@1.22.6", command: []string{"install"}},
	{name: "import", prepare: `gostore lock go@1.22.6 && gostore export -o tools.bundle && chmod -R u+w "$GOSTORE_ROOT" && rm -r "$GOSTORE_ROOT"`,
		command: []string{"import", "tools.bundle"}},
	{name: "install an archive", prepare: `mkdir -p sdk/bin && for i in 1 2 3; do seq 900 >sdk/$i; done && ln sdk/1 sdk/again && ln -s ../1 sdk/bin/link &&
		tar -czf sdk.tar.gz sdk && gostore lock sdk@1 --path sdk.tar.gz`, command: []string{"install"}},
	{name: "install an argument", long: true, prepare: "gostore switch go@1.22.6 && gostore lock go@1.22.6", command: []string{"install", "go@1.22.5"}},
	{name: "enter", prepare: "gostore lock go@1.22.6 && gostore install go@1.22.6", command: []string{"shell", "--", "go", "version"}},
	{name: "lock", prepare: "true", command: []string{"lock", "go@1.22.6"}},
	{name: "lock anew", prepare: "gostore lock go@1.22.5 && gostore install", command: []string{"lock", "go@1.22.6"}},
	{name: "first switch", prepare: "gostore lock go@1.22.6 && gostore install", command: []string{"switch", "go@1.22.6", "--check", "echo done >~/checked"}}, // a child writes as well
	{name: "switch", prepare: "gostore switch go@1.22.5 && gostore lock go@1.22.6 && gostore install", command: []string{"switch", "go@1.22.6"}},
	{name: "switch and install", long: true, prepare: "gostore switch go@1.22.5", command: []string{"switch", "go@1.22.6"}},
	{name: "remove", long: true, prepare: "gostore switch go@1.22.5", command: []string{"switch", "--remove", "go"},
		next: "gostore switch --remove go || [ $? = 4 ]"}, // there is no go to remove
	{name: "rollback", prepare: "gostore switch go@1.22.5 && gostore switch go@1.22.6", command: []string{"rollback", "1"}},
	{name: "keep", prepare: "gostore switch go@1.22.5 && gostore switch --for 1h go@1.22.6", command: []string{"keep"},
		next: "gostore keep || [ $? = 4 ]"}, // it may be kept by then
	{name: "gc", prepare: `gostore switch go@1.22.5 && gostore install go@1.22.6 go@1.21.13 &&
		gostore lock go@1.21.0 && gostore install && gostore lock go@1.20 && gostore install &&
		mkdir "$GOSTORE_ROOT/store/.stage-X" && echo >"$GOSTORE_ROOT/store/.stage-X/file"`, command: []string{"gc"}},
	{name: "import from another manager", long: true, prepare: `gostore lock go@1.22.6 && mkdir ~/sdk && cp -r "$(gostore shell -q -- go env GOROOT)" ~/sdk/go1.22.6 &&
		gostore roots --forget . && gostore gc && chmod -R u+w ~/sdk`, command: []string{"import-from", "sdk"}},
	{name: "link", long: true, prepare: "gostore lock go@1.22.5 && gostore link && gostore lock go@1.22.6 && gostore install", command: []string{"link"}},
	{name: "shims", long: true, prepare: "gostore lock go@1.22.6 && gostore install && gostore shims && gostore lock go@1.22.5", command: []string{"shims"}},
	{name: "trust", long: true, prepare: "gostore lock go@1.22.6 && gostore trust --revoke", command: []string{"trust"}},
	{name: "forget", long: true, prepare: "gostore lock go@1.22.6 && gostore install", command: []string{"roots", "--forget", "."},
		next: "gostore roots --forget . || [ $? = 4 ]"}, // it may be forgotten by then
	{name: "gc of generations", prepare: "gostore switch go@1.22.5 && gostore switch go@1.22.6 && gostore switch go@1.21.13",
		command: []string{"gc", "--keep", "1"}},
}

// A command is killed at each of its steps. At that instant every object is absent or complete, nothing that
// was there and is needed is lost, and the same command then succeeds and comes to the same end as if nothing had
// happened, after which a collection leaves nothing behind.
//
// The short form kills at one operation of some sorts. What survives is what the kernel was told; what
// a power cut would leave is another question.
func TestKill(t *testing.T) {
	needTracer(t, newWorld(t, upstream.Config{}))
	form := formOf(t, killVariable, 10)
	var killed, torn atomic.Int64
	t.Cleanup(func() { t.Logf("killed before %d operations and in %d writes", killed.Load(), torn.Load()) })
	for _, c := range killings {
		if c.long && !form.long {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k := newKilling(t, c.prepare, c.command, c.next, false)
			points := k.points(form.long)
			for _, p := range points {
				if !form.takes(c.name + p.String()) {
					continue
				}
				k.thorough = form.long || form.rarely(p.sort)
				switch {
				case !k.kill(p):
					if p.n == 1 { // further ones may be fewer in one run than in another
						t.Errorf("a second run had no %s", p.sort)
					}
				case p.torn:
					torn.Add(1)
				default:
					killed.Add(1)
				}
			}
			t.Logf("%d operations, %d points", len(k.operations), len(points))
		})
	}
}

// killing kills one command again and again.
type killing struct {
	*world
	top     string
	command []string
	next    string // shell that succeeds after a kill
	saved   *snapshot.Snapshot
	// thorough says that gostore itself looks, too, whether all is well.
	thorough bool
	// outage says that the power fails instead, so that afterwards the machine is started anew.
	outage bool
	// What the undisturbed command does, and the sights before it, after it, and after the collection that follows.
	operations           []operation
	before, after, final sight
}

// line returns a command of gostore for a shell.
func line(command []string) string { return "gostore '" + strings.Join(command, "' '") + "'" }

// newKilling prepares a state, and runs the command undisturbed. next is what must succeed after a kill, the command where it is "".
func newKilling(t *testing.T, prepare string, command []string, next string, reads bool) *killing {
	w := newWorld(t, upstream.Config{Padding: 96 << 10})
	k := &killing{world: w, top: filepath.Dir(w.dir), command: command, next: cmp.Or(next, line(command))}
	w.sh(prepare)
	k.believeSigns()
	k.save()
	k.before = look(t, k.top)
	run, err := w.trace(request{Args: command, Reads: reads})
	if err != nil || run.Exit != 0 || len(run.Operations) == 0 {
		t.Fatalf("undisturbed: %v, exit status %d\n%s", err, run.Exit, run.Output)
	}
	k.operations = run.Operations
	k.after = look(t, k.top)
	w.sh("gostore verify")
	k.collect()
	k.final = look(t, k.top)
	leftBehind(t, k.top, k.final)
	return k
}

// save keeps what there is before the command.
func (k *killing) save() {
	k.t.Helper()
	var err error
	if k.saved, err = snapshot.Take(k.top, "root", "project"); err != nil {
		k.t.Fatal(err)
	}
}

// restore makes everything as it was when it was saved.
func (k *killing) restore() {
	k.t.Helper()
	if err := k.saved.Restore(); err != nil {
		k.t.Fatal(err)
	}
}

// collect collects when everything that a collection keeps for a while has become old.
func (k *killing) collect() {
	k.t.Helper()
	k.believeSigns()
	grow(k.t, filepath.Join(k.top, "root"))
	if status, out, diagnosis := ended(k.gostore(k.dir, "gc")); status != 0 {
		k.t.Fatalf("a collection ended with %d\n%s%s", status, out, diagnosis)
	}
}

// believeSigns makes a collection rely on the signs of what was left behind, as it does when one before it has looked at everything since the
// machine was started; after an outage it must not.
func (k *killing) believeSigns() {
	k.t.Helper()
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		k.t.Fatal(err)
	}
	if k.outage {
		boot = []byte("another\n")
	}
	err = os.WriteFile(filepath.Join(k.top, "root", "cleaned"), boot, 0o644)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // there is no store yet
		k.t.Fatal(err)
	}
}

// grown is a time at which everything temporary is old enough to be collected.
var grown = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// grow makes temporary files and partial downloads below dir old.
func grow(t *testing.T, dir string) {
	t.Helper()
	at, err := unix.TimeToTimespec(grown)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !temporary(e.Name()) && !strings.Contains(e.Name(), ".part") {
			return err
		}
		return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// point is where to kill: at the n-th operation of a sort, from 1.
type point struct {
	sort string
	n    int
	torn bool
}

func (p point) String() string {
	text := fmt.Sprintf("%s %d", p.sort, p.n)
	if p.torn {
		text += ", half of it"
	}
	return text
}

// call returns the name of the system call.
func (p point) call() string {
	call, _, _ := strings.Cut(p.sort, " ")
	return call
}

// points returns where to kill. Which operations there are of a sort, and in which order, is much the same in
// every run; of all operations it is not, because what goes over the network is answered in any order.
func (k *killing) points(all bool) []point {
	count := map[string]int{}
	var points []point
	for _, op := range k.operations {
		count[op.Sort]++
		n := count[op.Sort]
		if n > 1 && (!all || op.reads()) {
			continue
		}
		if op.writes() {
			points = append(points, point{op.Sort, n, true})
		}
		if !op.writes() || all {
			points = append(points, point{op.Sort, n, false})
		}
	}
	return points
}

// kill kills the command and reports whether it did: one run may be shorter than another.
func (k *killing) kill(p point) bool {
	k.restore()
	run, err := k.trace(request{Args: k.command, Sort: p.sort, N: p.n, Torn: p.torn})
	if err != nil {
		k.t.Fatal(err)
	}
	if !run.Killed {
		return false
	}
	k.t.Run(p.String(), func(t *testing.T) {
		k := *k
		w := *k.world
		w.t, k.world = t, &w
		k.checkKilled(run)
		k.checkNext()
	})
	return true
}

var reported = regexp.MustCompile(`(?m)^(\S+) (?:is now|stays) at generation (\d+)`)

// checkKilled checks the state that the kill left.
func (k *killing) checkKilled(run traced) {
	k.t.Helper()
	k.checkLeft(look(k.t, k.top), run)
}

// checkLeft checks what is seen when a command ended early, by a kill or with the power.
func (k *killing) checkLeft(now sight, run traced) {
	k.t.Helper()
	if now.lock != k.before.lock && now.lock != k.after.lock {
		k.t.Errorf("the lock is\n%s", now.lock)
	}
	for profile, at := range now.current {
		if at != k.before.current[profile] && at != k.after.current[profile] {
			k.t.Errorf("%s is at generation %s", profile, at)
		}
	}
	k.checkKept(now)
	if !strings.HasPrefix(now.log, k.before.log) {
		k.t.Errorf("the log lost what was in it:\n%s", now.log)
	}
	for _, match := range reported.FindAllStringSubmatch(run.Output, -1) {
		if now.current[match[1]] != match[2] {
			k.t.Errorf("it said %q, and then: %v", match[0], now)
		}
	}
}

// checkKept checks that all is there that was there before and that nobody wanted removed.
func (k *killing) checkKept(now sight) {
	k.t.Helper()
	for _, object := range k.final.objects {
		if slices.Contains(k.before.objects, object) && !slices.Contains(now.objects, object) {
			k.t.Errorf("%s is lost", object)
		}
	}
	for name, object := range k.before.generations {
		if _, kept := k.final.generations[name]; kept && now.generations[name] != object {
			k.t.Errorf("generation %s is lost", name)
		}
	}
	for profile, at := range k.before.current {
		if now.current[profile] == "" {
			k.t.Errorf("%s was at generation %s and is at none", profile, at)
		}
	}
}

// records counts the records of the log.
func (k *killing) records(s sight) int { return strings.Count(s.log, "\n") }

// checkNext checks that the same command succeeds now and that, all told, it is as if it had not been killed.
func (k *killing) checkNext() {
	k.t.Helper()
	out := k.sh(k.next)
	now := look(k.t, k.top)
	k.checkReached(now, out)
	if k.thorough {
		k.sh("gostore verify && gostore log --verify")
	}
	k.collect()
	k.checkEnd(now)
}

// checkReached checks what is seen when the next command has succeeded and said out.
func (k *killing) checkReached(now sight, out string) {
	k.t.Helper()
	k.checkKept(now)
	if now.lock != k.after.lock {
		k.t.Errorf("the lock became\n%s", now.lock)
	}
	for profile := range k.after.current {
		if got, want := now.environment(profile), k.after.environment(profile); got != want {
			k.t.Errorf("%s became %s, not %s\n%s", profile, got, want, out)
		}
	}
	for _, match := range reported.FindAllStringSubmatch(out, -1) {
		if now.current[match[1]] != match[2] {
			k.t.Errorf("it said %q, and then: %v", match[0], now)
		}
	}
	if !strings.HasPrefix(now.log, k.before.log) || k.records(now) == k.records(k.before) && k.records(k.after) != k.records(k.before) {
		k.t.Errorf("the command that ran to its end is not in the log:\n%s", now.log)
	}
}

// checkEnd checks what a collection left in the end; now is what was seen before it.
func (k *killing) checkEnd(now sight) {
	k.t.Helper()
	end := look(k.t, k.top)
	if was := slices.Sorted(maps.Values(now.generations)); !reflect.DeepEqual(was, slices.Sorted(maps.Values(end.generations))) {
		k.t.Errorf("a collection changed %v to %v", now, end)
	}
	k.checkKept(end)
	if !slices.Equal(end.objects, k.final.objects) {
		k.t.Errorf("the store holds %q, not %q", end.objects, k.final.objects)
	}
	leftBehind(k.t, k.top, end)
}
