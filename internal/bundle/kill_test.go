package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gostore/internal/digest"
	"gostore/store"
)

// children are what this test binary does when a test starts it again as a process of its own.
var children = map[string]func(){"import": childImport}

// childImport imports standard input, and kills itself when so much content is there, or before anything becomes
// visible where that is more than there is.
func childImport() {
	st, err := store.Open(os.Getenv("BUNDLE_TEST_ROOT"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	limit, _ := strconv.ParseInt(os.Getenv("BUNDLE_TEST_KILL_AT"), 10, 64)
	die := func() { syscall.Kill(os.Getpid(), syscall.SIGKILL) }
	opt := Options{}
	if limit > 0 {
		opt.Progress = func(done, _ int64) {
			if done >= limit {
				die()
			}
		}
		opt.Vouch = func(Claim) (string, error) {
			die()
			return "", nil
		}
	}
	if _, err := Read(context.Background(), os.Stdin, st, opt); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// startImport starts an import in a process of its own.
func startImport(t *testing.T, root string, killAt int64, bundle []byte) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "BUNDLE_TEST_CHILD=import", "BUNDLE_TEST_ROOT="+root, fmt.Sprint("BUNDLE_TEST_KILL_AT=", killAt))
	cmd.Stdin = bytes.NewReader(bundle)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &out
}

// settle is what a collection does after a kill; parts says whether what waits to be resumed goes as well.
func settle(t *testing.T, s *store.Store, parts bool) {
	t.Helper()
	var opt store.CleanOptions
	if parts {
		opt.PartsBefore = time.Now().Add(time.Hour)
	}
	if _, err := s.Clean(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
}

// killable is a store with two bulky objects and an environment, and their bundle.
func killable(t *testing.T) (bundle []byte, objects []store.Object) {
	t.Helper()
	s, one := bulky(t)
	two := add(t, s, store.Spec{Name: "two", Version: "1", Archive: digest.SHA256([]byte("two"))}, content{"x": noise(20, 700_000), "y": "y"})
	env := add(t, s, store.Spec{Name: "environment", Version: "1", Refs: trees(one, two)}, content{"a": "->../" + one.Base(), "b": "->../" + two.Base() + "/x"})
	return write(t, s, Content{Objects: trees(env)}), []store.Object{one, two, env}
}

func TestKilledWhileReading(t *testing.T) {
	data, objects := killable(t)
	for _, at := range []int64{1, 100_000, 5 << 20, 1 << 40} {
		to := openStore(t)
		cmd, out := startImport(t, to.Dir(), at, data)
		err := cmd.Wait()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("killed at %d bytes: %v\n%s", at, err, out)
		}
		wantNothing(t, to)
		settle(t, to, false)
		if left := downloads(t, to); len(left) != 2 {
			t.Errorf("killed at %d bytes: kept %v", at, left)
		}
		if _, err := Read(t.Context(), bytes.NewReader(data), to, Options{}); err != nil {
			t.Fatal(err)
		}
		wantObjects(t, to, objects...)
		if left := downloads(t, to); len(left) > 0 {
			t.Errorf("killed at %d bytes: left behind %v", at, left)
		}
	}
}

// What an import that was killed left is removed when it is old.
func TestOldSpoolIsRemoved(t *testing.T) {
	data, _ := killable(t)
	to := openStore(t)
	cmd, _ := startImport(t, to.Dir(), 5<<20, data)
	cmd.Wait()
	settle(t, to, true)
	wantNothing(t, to)
	if left := downloads(t, to); len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
}

// The kill comes while objects become visible: each is there whole, or not at all, and each after those that it links
// to.
func TestKilledWhileCommitting(t *testing.T) {
	data, objects := killable(t)
	for _, sign := range []string{".stage-*", "*-two-*", "*-bulky-*", "*-env-*"} {
		to := openStore(t)
		cmd, _ := startImport(t, to.Dir(), 0, data)
		var ended atomic.Bool
		done := make(chan struct{})
		go func() {
			cmd.Wait()
			ended.Store(true)
			close(done)
		}()
		for !ended.Load() { // until what is waited for is there
			if found, _ := filepath.Glob(filepath.Join(to.Dir(), "store", sign)); len(found) > 0 {
				cmd.Process.Kill()
				break
			}
			runtime.Gosched()
		}
		<-done
		checkWhole(t, to, objects[2])
		settle(t, to, false)
		checkWhole(t, to, objects[2])
		if _, err := Read(t.Context(), bytes.NewReader(data), to, Options{}); err != nil {
			t.Fatal(err)
		}
		wantObjects(t, to, objects...)
	}
}

// checkWhole checks all objects of a store, and that an environment has its tools.
func checkWhole(t *testing.T, s *store.Store, env store.Object) {
	t.Helper()
	objects, err := s.Objects()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if err := s.Verify(t.Context(), o.Tree); err != nil {
			t.Error(err)
		}
		if o == env && len(objects) != 3 {
			t.Errorf("only %v are there", objects)
		}
	}
}

// Two processes that import the same bundle at once do not disturb each other.
func TestTwoImportsAtOnce(t *testing.T) {
	data, objects := killable(t)
	to := openStore(t)
	var cmds []*exec.Cmd
	var outs []*bytes.Buffer
	for range 3 {
		cmd, out := startImport(t, to.Dir(), 0, data)
		cmds, outs = append(cmds, cmd), append(outs, out)
	}
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, strings.TrimSpace(outs[i].String()))
		}
	}
	wantObjects(t, to, objects...)
	if left := downloads(t, to); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
