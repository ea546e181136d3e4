package gc

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gostore/internal/digest"
	"gostore/store"
)

// small adds an object of many files that are not shared, so that a verifier is in it most of the time.
func small(t *testing.T, st *store.Store) digest.Tree {
	t.Helper()
	l, err := st.Add(t.Context(), store.Spec{Name: "small", Version: "1"}, func(g *store.Stage) error {
		for i := range 300 {
			if err := g.File(fmt.Sprintf("d/%d", i), false, fmt.Append(nil, i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	return l.Object().Tree
}

// A verifier that is stopped in the middle of an object holds nobody up: the object is collected and installed again meanwhile, and what it finds
// when it goes on is that the object has gone, and no damage.
func TestStoppedVerifier(t *testing.T) {
	st := openStore(t)
	object := small(t, st)
	cmd := exec.Command(os.Args[0], st.Dir(), object.String())
	cmd.Env = append(os.Environ(), "GC_TEST_PART=scrub")
	input, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer end.Close()
	cmd.Stdin = input
	out := begin(t, cmd)
	expect(t, out, "reading")
	for !stoppedInside(t, cmd.Process.Pid, object) {
	}
	defer syscall.Kill(cmd.Process.Pid, syscall.SIGCONT)
	processes := func(context.Context) ([]Root, error) { return Processes(st) }
	r := collect(t, st, processes, Options{})
	if removed(r) != "small" || len(r.Skipped) > 0 || present(t, st) != "" {
		t.Errorf("while it is verified, %q was removed, %s skipped, and %q is left", removed(r), planned(r.Skipped), present(t, st))
	}
	other := add(t, st, "other")
	if again := small(t, st); again != object {
		t.Errorf("it is %s, and was %s", again, object)
	}
	collect(t, st, naming(other, object), Options{})
	if err := syscall.Kill(cmd.Process.Pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	input.Close()
	end.Close()
	expect(t, out, "damage 0")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// stoppedInside stops a process, and reports whether it has something in an object open; otherwise it goes on.
func stoppedInside(t *testing.T, pid int, object digest.Tree) bool {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	dir := "/proc/" + strconv.Itoa(pid) + "/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(readLink(filepath.Join(dir, e.Name())), "/store/"+object.Hex()) {
			return true
		}
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	return false
}
