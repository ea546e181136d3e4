package tests

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// actor is a sequence of processes in the model test.
type actor struct {
	*fleet
	name string
	rand *rand.Rand
	dir  string
}

func (f *fleet) actor(seed uint64, kind string, i int) *actor {
	a := &actor{fleet: f, name: fmt.Sprint(kind, i)}
	h := fnv.New64()
	h.Write([]byte(a.name))
	a.rand = rand.New(rand.NewPCG(seed, h.Sum64()))
	return a.in(filepath.Join(filepath.Dir(f.world.dir), a.name))
}

// in returns the actor in another directory, which is made a project if need be.
func (a *actor) in(dir string) *actor {
	b := *a
	b.dir = dir
	// The file keeps gostore from looking further up.
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "gostore.toml"), nil, 0o644)); err != nil {
		a.t.Fatal(err)
	}
	return &b
}

// run runs a command, which must end with one of the statuses.
func (a *actor) run(cmd *exec.Cmd, statuses ...int) (status int, out string) {
	name := slices.IndexFunc(cmd.Args, func(arg string) bool { return filepath.Base(arg) == "gostore" })
	what := a.name + ": gostore " + strings.Join(cmd.Args[name+1:], " ")
	a.event("%s", what)
	var answer, diagnosis strings.Builder
	cmd.Stdout, cmd.Stderr = &answer, &diagnosis
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		a.t.Error(err)
		return -1, ""
	}
	a.mu.Lock()
	a.running[cmd.Process.Pid] = what
	a.mu.Unlock()
	if a.rand.IntN(4) == 0 {
		a.hinder(cmd.Process.Pid)
	}
	cmd.Wait() // the status says what went wrong
	status = cmd.ProcessState.ExitCode()
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.running, cmd.Process.Pid)
	a.tally[cmd.Args[name+1]]++
	a.trace = append(a.trace, fmt.Sprintf("  %d from %s", status, what))
	if !slices.Contains(statuses, status) {
		a.fail("%s ended with status %d\n%s%s", what, status, &answer, &diagnosis)
	}
	close(a.tick)
	a.tick = make(chan struct{})
	return status, answer.String()
}

// hinder stops a process and its children, at some moment, while some other commands end: collectors between
// their two looks, switches between the lease and the root. It does so for a limited time, because they may
// wait for just this process.
func (a *actor) hinder(pid int) {
	<-time.After(time.Duration(a.rand.IntN(30)) * time.Millisecond)
	syscall.Kill(-pid, syscall.SIGSTOP) // has no effect where it has ended
	defer syscall.Kill(-pid, syscall.SIGCONT)
	enough := time.After(200 * time.Millisecond)
	for range 1 + a.rand.IntN(8) {
		a.mu.Lock()
		tick := a.tick
		a.mu.Unlock()
		select {
		case <-tick:
		case <-enough:
			return
		}
	}
}

// event notes what happens, for when something fails.
func (a *actor) event(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.trace = append(a.trace, fmt.Sprintf(format, args...))
}

// end runs gostore, which must end with one of the statuses.
func (a *actor) end(statuses []int, args ...string) (status int, out string) {
	return a.run(a.gostore(a.dir, args...), statuses...)
}

// ok runs gostore, which must succeed, and returns its answer.
func (a *actor) ok(args ...string) string {
	_, out := a.end([]int{0}, args...)
	return out
}

// pick chooses one version, or two.
func (a *actor) pick() []string {
	n := 1 + a.rand.IntN(4)/3
	var versions []string
	for _, i := range a.rand.Perm(len(a.all))[:n] {
		versions = append(versions, a.all[i])
	}
	return versions
}

// asking returns arguments that ask for versions.
func asking(versions []string, args ...string) []string {
	for _, v := range versions {
		args = append(args, "go@"+v)
	}
	return args
}

// dirs returns the directories of versions.
func (f *fleet) dirs(versions []string) []string {
	var dirs []string
	for _, v := range versions {
		dirs = append(dirs, f.tools[v])
	}
	return dirs
}

// elsewhere are ways to run a command where leases are all that it and others know of each other: where it cannot see other
// processes in /proc, and where the store is a second mount with another path. Each is a beginning of a command line, which
// the store's directory, another directory, and the command follow; one that is not permitted is nil.
var elsewhere = sync.OnceValue(func() (ways [2][]string) {
	for i, script := range []string{`shift 2; exec "$@"`, `mount --bind "$1" "$2" && export GOSTORE_ROOT="$2" && shift 2 && exec "$@"`} {
		for _, unshare := range []string{"unshare", "unshare -r"} {
			way := append(strings.Fields(unshare+" --pid --fork --mount-proc"), "sh", "-c", script, "sh")
			if strings.Contains(script, "mount") {
				way = append(strings.Fields(unshare+" --mount"), "sh", "-c", script, "sh")
			}
			if dir := os.TempDir(); exec.Command(way[0], append(way[1:], dir, dir, "true")...).Run() == nil {
				ways[i] = way
				break
			}
		}
	}
	return ways
})

// collect runs a collection, of one kind or another.
func (a *actor) collect(away bool) {
	cmd := a.gostore(a.dir, "gc", "--json")
	if n := a.rand.IntN(3); n > 0 {
		cmd.Args = append(cmd.Args, "--keep", strconv.Itoa(a.least-1+n))
	}
	i := a.rand.IntN(2)
	if way := elsewhere()[i]; away && way != nil {
		way = slices.Concat(way, []string{a.root(), a.dir, cmd.Path}, cmd.Args[1:])
		wrapped := exec.CommandContext(a.t.Context(), way[0], way[1:]...)
		wrapped.Dir, wrapped.Env = a.world.dir, cmd.Env
		cmd = wrapped
		a.mu.Lock()
		a.away[i]++
		a.mu.Unlock()
	}
	a.collection(cmd)
}

// verify hashes everything that is there at the moment, or some of it.
func (a *actor) verify() {
	a.ok("verify")
	a.end([]int{0, 4}, "verify", "go@"+a.all[a.rand.IntN(len(a.all))]) // 4: it is not there
	a.ok("log", "--verify")
}

// read runs commands that change nothing, or install what nothing keeps.
func (a *actor) read() {
	v := a.all[a.rand.IntN(len(a.all))]
	commands := [][]string{
		asking(a.pick(), "install", "-q"), {"verify"}, {"list", "--profile", "shared"}, {"roots"}, {"gc", "--dry-run"},
		{"gc", "--why", "go@" + v}, {"generations", "--profile", "shared"}, {"which", "go", "--profile", "shared"},
	}
	for _, i := range a.rand.Perm(len(commands))[:4] {
		statuses := []int{0}
		if i > 4 {
			statuses = append(statuses, 4) // it is not there yet, or not now
		}
		a.end(statuses, commands[i]...)
	}
}

// shell runs a shell, or one in another, while collections begin and end, and uses its tools after each.
func (a *actor) shell() {
	shells := [][]string{a.pick()}
	if a.rand.IntN(3) == 0 {
		shells = append(shells, a.pick())
	}
	var args [][]string
	for _, versions := range shells {
		args = append(args, asking(versions))
	}
	a.inSession(a.dir, args, slices.Concat(shells...), shells[len(shells)-1][0], nil)
}

// inSession starts a session, checks that it can use versions while collections come and go and meanwhile happens,
// and ends it one way or the other.
func (a *actor) inSession(dir string, shells [][]string, versions []string, primary string, meanwhile func()) {
	what := fmt.Sprintf("%s: shell %v", a.name, versions)
	a.event("%s", what)
	s, err := a.startSession(dir, shells...)
	if err != nil {
		a.t.Error(err)
		return
	}
	kept := a.keep(what, append(a.dirs(versions), s.environment)...)
	a.event("  running %s", what)
	if meanwhile != nil {
		meanwhile()
	}
	a.awaitCollection()
	err = s.use("go", primary)
	a.awaitCollection()
	for _, v := range versions {
		err = errors.Join(err, s.use("go"+v, v))
	}
	a.release(kept)
	a.event("  ends %s", what)
	if a.rand.IntN(2) == 0 {
		s.kill()
	} else {
		err = errors.Join(err, s.end())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tally["shell"]++
	if err != nil {
		a.fail("%s: %v", what, err)
	}
}

// shared switches a profile that others switch as well.
func (a *actor) shared() {
	if a.rand.IntN(4) == 0 {
		a.end([]int{0, 4}, "rollback", "--profile", "shared") // 4: there is none before
		return
	}
	var s switched
	if err := json.Unmarshal([]byte(a.ok(asking(a.pick(), "switch", "--profile", "shared", "--json")...)), &s); err != nil {
		a.t.Error(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.Changed && a.fleet.shared[s.Generation] {
		a.fail("%s made generation %d, which somebody else made", a.name, s.Generation)
	}
	if s.Changed {
		a.fleet.shared[s.Generation] = true
	}
}

// project is a directory with a lock, which one actor uses.
type project struct {
	*actor
	locked []string // versions; none without a lock
	kept   []*witness
}

func (p *project) round() {
	p.lock()
	p.install()
	switch p.rand.IntN(3) {
	case 0:
		p.unregister()
	case 1:
		// What runs keeps its tools, whatever becomes of the project.
		p.inSession(p.dir, [][]string{nil}, p.locked, p.locked[0], func() {
			p.unregister()
			p.lock()
			p.install()
		})
	}
	p.install()
}

func (p *project) unregister() {
	p.release(p.kept)
	p.kept = nil
	p.ok("roots", "--forget", ".")
}

func (p *project) lock() {
	p.release(p.kept)
	p.kept = nil
	p.locked = p.pick()
	if err := os.Remove(filepath.Join(p.dir, "gostore.lock")); err != nil && !errors.Is(err, fs.ErrNotExist) { // or its extras stay
		p.t.Error(err)
	}
	p.ok(asking(p.locked, "lock", "-q")...)
}

// install registers the project, by one command or another.
func (p *project) install() {
	p.release(p.kept)
	if p.rand.IntN(2) == 0 {
		p.ok("install", "-q")
	}
	environment := strings.TrimSpace(p.ok("shell", "-q", "--", "go", "env", "GOSTORE_ENVIRONMENT"))
	p.kept = p.keep(fmt.Sprintf("%s, locked to %v,", p.name, p.locked), append(p.dirs(p.locked), environment)...)
}
