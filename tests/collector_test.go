package tests

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"gostore/tests/upstream"
)

// pipe is a named pipe in the place of a file: whoever reads that waits in the middle of what he does until the
// test lets him go on.
type pipe struct {
	t     *testing.T
	path  string
	text  []byte      // of the file
	ended chan string // says how the reader ended
}

// pipeFor puts a pipe into the place of a file.
func pipeFor(t *testing.T, path string) *pipe {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p := &pipe{t: t, path: path, text: text, ended: make(chan string, 1)}
	p.renew()
	return p
}

// renew puts a pipe into the place of what is there.
func (p *pipe) renew() {
	p.t.Helper()
	if err := errors.Join(os.Remove(p.path), unix.Mkfifo(p.path, 0o644)); err != nil {
		p.t.Fatal(err)
	}
}

// restore puts the file back.
func (p *pipe) restore() {
	p.t.Helper()
	if err := errors.Join(os.Remove(p.path), os.WriteFile(p.path, p.text, 0o644)); err != nil {
		p.t.Fatal(err)
	}
}

// run runs a command that is going to read the pipe.
func (p *pipe) run(cmd *exec.Cmd) {
	go func() {
		_, out, diagnosis := ended(cmd)
		p.ended <- out + diagnosis
	}()
}

// awaitReader returns when somebody opened the pipe, with the function that gives him what he wants. The
// next reader must be given another pipe by then, or the file.
func (p *pipe) awaitReader() (answer func()) {
	p.t.Helper()
	opened := make(chan *os.File, 1)
	go func() {
		f, err := os.OpenFile(p.path, os.O_WRONLY, 0)
		if err != nil {
			p.t.Error(err)
		}
		opened <- f
	}()
	select {
	case f := <-opened:
		return func() {
			if _, err := f.Write(p.text); err != nil {
				p.t.Error(err)
			}
			f.Close()
		}
	case how := <-p.ended:
		p.t.Fatalf("the command ended without reading %s: %s", p.path, how)
	}
	return nil
}

// The collector reads the roots, claims what they do not reach, and reads them again. What became a root in between
// stays. Who wants what is claimed waits, and has it in the end, whether it stayed or went.
func TestCollectorLooksAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	w.write(w.dir, map[string]string{"gostore.toml": ""})
	w.sh("gostore lock -q go@1.21.0 && gostore install -q")
	records, err := filepath.Glob(w.root("roots", "*.json"))
	if err != nil || len(records) != 1 {
		t.Fatalf("the project has the records %q, %v", records, err)
	}
	p := pipeFor(t, records[0])
	w.sh("cd / && gostore shell -q go@1.22.5 -- true")
	paths := strings.Fields(w.sh("cd / && gostore install -q go@1.22.5 go@1.23.0 go@1.22.6"))

	p.run(w.gostore("/", "gc", "--json"))
	goOn := p.awaitReader() // it has read the profiles
	w.sh("cd / && gostore switch -q go@1.22.5 && gostore switch -q --profile other go@1.23.0")
	p.renew()
	goOn()
	goOn = p.awaitReader() // it has claimed all of it, but not the environment that is new
	checkLeased(t, true, paths[1], paths[3], paths[5])
	var waiting sync.WaitGroup
	for _, cmd := range []*exec.Cmd{w.gostore("/", "shell", "-q", "go@1.22.5", "--", "go", "version"), w.gostore("/", "install", "-q", "go@1.22.6")} {
		waiting.Go(func() {
			if status, out, diagnosis := ended(cmd); status != 0 {
				t.Errorf("%q ended with status %d: %s%s", cmd.Args[1:], status, out, diagnosis)
			}
		})
	}
	goOn()
	waiting.Wait()
	checkCollected(t, <-p.ended, []string{"go 1.22.6"}, []string{"environment go_1.22.5", "go 1.22.5", "go 1.23.0"})
	downloads := 0
	for _, r := range w.server.Requests() {
		begins := r.Range == "" || strings.HasPrefix(r.Range, "bytes=-") // of one by ranges the end comes first
		if r.Method == http.MethodGet && begins && strings.Contains(r.Path, "1.22.6") && strings.HasSuffix(r.Path, ".zip") {
			downloads++
		}
	}
	if downloads != 2 {
		t.Errorf("what the collector took away was downloaded %d times, want 2", downloads)
	}
	p.restore()
	w.sh("gostore verify -q go@1.22.5 go@1.23.0 go@1.22.6")
	for _, name := range []string{"default", "other"} {
		w.sh(w.root("profiles", name, "current", "bin", "go") + " version")
	}
}

// A switch that has built its environment and has no generation for it yet holds leases on all of it.
func TestSwitchHoldsWhatItBuilt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	w.sh("cd / && gostore switch -q go@1.21.0")
	w.sh("echo >held")
	p := pipeFor(t, filepath.Join(w.dir, "held"))
	p.run(w.gostore("/", "switch", "-q", "go@1.22.6", "--check", "cat '"+p.path+"'")) // what is built is checked
	goOn := p.awaitReader()
	built, err := filepath.Glob(w.root("store", "*1.22.6"))
	if err != nil || len(built) != 2 {
		t.Fatalf("it built %q, %v", built, err)
	}
	checkLeased(t, true, built...)
	w.sh("cd / && gostore gc -q")
	goOn()
	if got := <-p.ended; got != "default is now at generation 2: go@1.22.6\n" {
		t.Errorf("it says %q", got)
	}
	if got := w.sh(w.root("profiles", "default", "current", "bin", "go") + " version"); !strings.Contains(got, "go1.22.6 ") {
		t.Errorf("go says %q", got)
	}
}

// checkCollected compares the answer of a collection with what it should have removed and skipped.
func checkCollected(t *testing.T, text string, removed, skipped []string) {
	t.Helper()
	type object struct{ Name, Version string }
	var answer struct{ Objects, Skipped []object }
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	check := func(what string, objects []object, want []string) {
		var got []string
		for _, o := range objects {
			got = append(got, o.Name+" "+o.Version)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("it %s %q, want %q", what, got, want)
		}
	}
	check("removed", answer.Objects, removed)
	check("skipped", answer.Skipped, skipped)
}
