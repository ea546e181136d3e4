package tests

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gostore/internal/filelock"
	"gostore/internal/release"
	"gostore/tests/upstream"
)

// checkLeased reports an object that is leased though it should not be, or the reverse.
func checkLeased(t *testing.T, want bool, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		held, err := filelock.TryExclusiveDir(dir)
		switch {
		case err == nil && want:
			t.Errorf("nobody holds a lease on %s", dir)
		case errors.Is(err, filelock.ErrBusy) && !want:
			t.Errorf("a lease is held on %s", dir)
		case err != nil && !errors.Is(err, filelock.ErrBusy):
			t.Error(err)
		}
		if err == nil {
			held.Close()
		}
	}
}

// The lease that "gostore shell" takes is the kernel's: the command that takes gostore's place holds it, and
// so does what that starts; it ends with the last of them, also by SIGKILL. In a shell in a shell the outer
// tools are kept too.
func TestLeaseOutlivesGostore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	outer, err := w.startSession(w.dir, []string{"go@1.22.5"})
	if err != nil {
		t.Fatal(err)
	}
	inner, err := w.startSession(w.dir, []string{"go@1.22.6"}, []string{"go@1.23.0", "go@1.21.13"})
	if err != nil {
		t.Fatal(err)
	}
	checkLeased(t, true, outer.environment, outer.tool, inner.environment, inner.tool)
	w.sh("gostore gc -q")
	for name, version := range map[string]string{"go": "1.23.0", "go1.21.13": "1.21.13", "go1.22.6": "1.22.6"} {
		if err := inner.use(name, version); err != nil {
			t.Error(err)
		}
	}
	inner.kill()
	checkLeased(t, false, inner.environment, inner.tool)
	checkLeased(t, true, outer.environment, outer.tool)
	w.sh("gostore gc -q")
	if err := errors.Join(outer.use("go", "1.22.5"), outer.end()); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(w.root("store", "*")); len(left) != 2 {
		t.Errorf("beside the outer shell's two objects there are %q", left)
	}
	checkLeased(t, false, outer.environment, outer.tool)
	w.sh("gostore gc -q")
	if left, _ := filepath.Glob(w.root("store", "*")); len(left) != 0 {
		t.Errorf("nothing runs, and there are %q", left)
	}
}

// A command that leaves a child behind and is killed leaves the lease to that child.
func TestLeaseOfOrphan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	cmd := w.gostore(w.dir, "shell", "-q", "go@1.22.6", "--", "sh", "-c", `exec 3<&0; go wait <&3 & go env GOROOT; wait`)
	hold, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = hold
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hold.Close()
	answers := bufio.NewReader(out)
	line, err := answers.ReadString('\n')
	tool := strings.TrimSuffix(line, "\n")
	if err != nil || tool == "" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if state, err := cmd.Process.Wait(); err != nil || state.Success() {
		t.Fatal(state, err)
	}
	checkLeased(t, true, tool)
	w.sh("gostore gc -q && gostore verify -q go@1.22.6")
	end.Close()
	if rest, err := io.ReadAll(answers); err != nil || len(rest) > 0 { // ends with the child
		t.Fatalf("%q, %v", rest, err)
	}
	w.sh("gostore gc -q")
	if _, err := os.Stat(tool); !os.IsNotExist(err) {
		t.Errorf("the object is still there, %v", err)
	}
}

// Those who want a toolchain that somebody is downloading wait and use the same download.
func TestOneDownloadForAll(t *testing.T) {
	t.Parallel()
	const processes = 6
	w := newWorld(t, upstream.Config{})
	gate := make(chan struct{})
	w.server.Fault(upstream.Fault{Path: ".zip", Hook: func(r *http.Request) {
		if r.Method == http.MethodGet {
			<-gate
		}
	}})
	var resolved, group sync.WaitGroup
	resolved.Add(processes)
	for range processes {
		cmd := w.gostore(w.dir, "install", "-v", "go@1.22.6")
		group.Go(func() {
			told := sync.OnceFunc(resolved.Done)
			defer told()
			cmd.Stderr = watcher(func(text string) {
				if strings.Contains(text, "go@1.22.6 is go 1.22.6") {
					told()
				}
			})
			if out, err := cmd.Output(); err != nil || !strings.HasPrefix(string(out), "go@1.22.6 ") {
				t.Errorf("says %q, %v", out, err)
			}
		})
	}
	resolved.Wait() // each has found out what it wants, and goes on to the download
	close(gate)
	group.Wait()
	gets := 0
	for _, r := range w.server.Requests() {
		if r.Method == http.MethodGet && strings.HasSuffix(r.Path, ".zip") {
			gets++
		}
	}
	if gets != 1 {
		t.Errorf("%d processes downloaded %d times", processes, gets)
	}
	w.sh("gostore verify -q")
}

// watcher is called with everything that is written to it.
type watcher func(text string)

func (w watcher) Write(p []byte) (int, error) {
	w(string(p))
	return len(p), nil
}

// A collection neither waits for an installation or a running command, nor disturbs them.
func TestCollectionDisturbsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{Padding: 1 << 20})
	running, err := w.startSession(w.dir, []string{"go@1.22.5"})
	if err != nil {
		t.Fatal(err)
	}
	gate := make(chan struct{})
	w.server.Fault(upstream.Fault{Path: ".zip", Gate: gate})
	cmd := w.gostore(w.dir, "install", "-q", "go@1.22.6")
	done := make(chan string, 1)
	go func() {
		status, _, diagnosis := ended(cmd)
		done <- fmt.Sprint(status, diagnosis)
	}()
	for range 40 { // of 64 pieces and more
		select {
		case gate <- struct{}{}:
		case got := <-done:
			t.Fatalf("the installation ended early: %s", got)
		}
	}
	w.awaitPart(256 << 10)
	for _, line := range []string{"gostore gc", "gostore gc --keep 0", "gostore gc --older-than 0d"} {
		if got := w.sh(line); !strings.Contains(got, "removed 0 objects") {
			t.Errorf("%s says %q", line, got)
		}
		if err := running.use("go", "1.22.5"); err != nil {
			t.Error(err)
		}
	}
	select {
	case got := <-done:
		t.Fatalf("the installation ended before it had its archive: %s", got)
	default:
	}
	w.server.ClearRequests()
	close(gate)
	if got := <-done; got != "0" {
		t.Errorf("the installation ended with %s", got)
	}
	if n, _ := w.server.Count(".zip"); n != 0 {
		t.Errorf("the archive was asked for %d times more", n)
	}
	checkLeased(t, true, running.environment, running.tool)
	if err := running.end(); err != nil {
		t.Error(err)
	}
	w.sh("gostore verify -q")
}

// A collection beside an installation that stands still in the middle of unpacking does not wait for it and
// leaves its stage alone.
func TestCollectionBesideStage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{Padding: 8 << 20})
	w.sh("gostore install -q go@1.22.5")
	cmd, stage := w.stopAtStage("install", "-q", "go@1.22.6")
	for _, line := range []string{"gostore gc -q --dry-run", "gostore gc -q", "gostore verify -q", "gostore gc -q"} {
		w.sh(line)
	}
	if _, err := os.Stat(stage); err != nil {
		t.Error(err)
	}
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the installation: %v", err)
	}
	w.sh("gostore verify -q go@1.22.6")
}

// stopAtStage starts a command that installs something and stops it with SIGSTOP when there is something in
// its stage: an empty one may be taken for dead, and then it makes another. It tries again where the
// command was faster.
func (w *world) stopAtStage(args ...string) (cmd *exec.Cmd, stage string) {
	w.t.Helper()
	for range 100 {
		cmd = w.gostore(w.dir, args...)
		if err := cmd.Start(); err != nil {
			w.t.Fatal(err)
		}
		var status syscall.WaitStatus
		for pid := 0; pid == 0; pid, _ = syscall.Wait4(cmd.Process.Pid, &status, syscall.WNOHANG|syscall.WUNTRACED, nil) {
			if files, _ := filepath.Glob(w.root("store", ".stage-*", "*")); len(files) > 0 { // the pattern is well formed
				stage = filepath.Dir(files[0])
				cmd.Process.Signal(syscall.SIGSTOP) // where it has ended, Wait4 says so
			}
		}
		if _, err := os.Stat(stage); err == nil && status.Stopped() {
			return cmd, stage
		}
		cmd.Process.Kill()
		cmd.Wait()
		w.sh("gostore gc -q")
	}
	w.t.Fatal("the installation was never seen to have a stage")
	return nil, ""
}

// Forty switches at once, each of them in the middle of its installation when the others are, make forty
// generations, each from what the one before left.
func TestFortySwitches(t *testing.T) {
	t.Parallel()
	const processes = 40
	var versions []string
	for i := range processes {
		versions = append(versions, fmt.Sprintf("1.30.%d", i))
	}
	w := newWorld(t, upstream.Config{Versions: versions})
	var arrived sync.WaitGroup
	arrived.Add(processes)
	arrive := map[string]func(){}
	for _, version := range versions {
		arrive[version] = sync.OnceFunc(arrived.Done)
	}
	w.server.Fault(upstream.Fault{Path: ".zip", Hook: func(r *http.Request) {
		if r.Method == http.MethodGet {
			key, _ := strings.CutPrefix(path.Base(r.URL.Path), "v0.0.1-go")
			arrive[strings.TrimSuffix(key, "."+release.Host().OS+"-"+release.Host().Arch+".zip")]()
			arrived.Wait()
		}
	}})
	made := make([]string, processes+1) // versions, by generation
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, version := range versions {
		cmd := w.gostore(w.dir, "switch", "--json", "go@"+version)
		group.Go(func() {
			status, out, diagnosis := ended(cmd)
			arrive[version]() // at the latest
			var s switched
			err := json.Unmarshal([]byte(out), &s)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || status != 0 || !s.Changed || s.Generation < 1 || s.Generation > processes || made[s.Generation] != "" {
				t.Errorf("switching to %s ended with status %d, %v\n%s%s", version, status, err, out, diagnosis)
				return
			}
			made[s.Generation] = version
		})
	}
	group.Wait()
	checkHistory(t, w, made)
	w.sh("gostore gc -q && gostore verify -q")
	if got := w.sh(w.root("profiles", "default", "current", "bin", "go") + " version"); !strings.Contains(got, "go"+made[processes]+" ") {
		t.Errorf("after forty switches, the last to %s, go says %q", made[processes], got)
	}
}

// checkHistory compares the default profile with the versions that its generations should have.
func checkHistory(t *testing.T, w *world, made []string) {
	t.Helper()
	var got struct {
		Generations []struct {
			Generation int
			Tools      []struct{ Version string }
		}
		History []struct {
			From, To  struct{ Generation int }
			Changes   []struct{ Was, Is string }
			Abandoned bool
		}
	}
	if err := json.Unmarshal([]byte(w.sh("gostore generations --json")), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Generations) != len(made)-1 || len(got.History) != len(made)-1 {
		t.Fatalf("there are %d generations and %d records", len(got.Generations), len(got.History))
	}
	for i, g := range got.Generations {
		if g.Generation != i+1 || len(g.Tools) != 1 || g.Tools[0].Version != made[i+1] {
			t.Errorf("generation %d is %+v, want %s", i+1, g, made[i+1])
		}
		r := got.History[i]
		if r.From.Generation != i || r.To.Generation != i+1 || r.Abandoned || len(r.Changes) != 1 ||
			!slices.Equal([]string{r.Changes[0].Was, r.Changes[0].Is}, made[i:i+2]) {
			t.Errorf("record %d is %+v, want %s -> %s", i+1, r, made[i], made[i+1])
		}
	}
}
