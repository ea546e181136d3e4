package gc

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/store"
)

// addProgram adds an object with a program that lives until its standard input ends.
func addProgram(t *testing.T, st *store.Store) (tree digest.Tree, path string) {
	t.Helper()
	found, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(found)
	if err != nil {
		t.Fatal(err)
	}
	l, err := st.Add(t.Context(), store.Spec{Name: "cat", Version: "1"}, func(g *store.Stage) error {
		return g.File("bin/cat", true, program)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	return l.Object().Tree, filepath.Join(l.Path(), "bin", "cat")
}

// usedBy returns the note of the root of the process pid, if it names tree.
func usedBy(t *testing.T, st *store.Store, pid int, tree digest.Tree) string {
	t.Helper()
	roots, err := Processes(st)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range roots {
		name := "pid " + strconv.Itoa(pid) + " ("
		if len(r.Name) > len(name) && r.Name[:len(name)] == name && slices.Contains(r.Trees, tree) {
			return r.Note
		}
	}
	return ""
}

// A process protects an object that it uses without a lease, for as long as it lives.
func TestProcessesProtect(t *testing.T) {
	for note, command := range map[string]func(t *testing.T, cat string) *exec.Cmd{
		"program": func(t *testing.T, cat string) *exec.Cmd { return exec.Command(cat) },
		"working directory": func(t *testing.T, cat string) *exec.Cmd {
			cmd := exec.Command("cat")
			cmd.Dir = filepath.Dir(cat)
			return cmd
		},
		"open file": func(t *testing.T, cat string) *exec.Cmd {
			f, err := os.Open(cat)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			cmd := exec.Command("cat")
			cmd.ExtraFiles = []*os.File{f}
			return cmd
		},
		"environment variable": func(t *testing.T, cat string) *exec.Cmd {
			cmd := exec.Command("cat")
			cmd.Env = []string{"PATH=/bin:" + filepath.Dir(cat) + ":/usr/bin"}
			return cmd
		},
	} {
		t.Run(note, func(t *testing.T) {
			st := openAt(t, filepath.Join(t.TempDir(), "a store"))
			roots := func(context.Context) ([]Root, error) { return Processes(st) }
			tree, cat := addProgram(t, st)
			cmd := command(t, cat)
			begin(t, cmd)
			if got := usedBy(t, st, cmd.Process.Pid, tree); got != note {
				t.Errorf("used as %q, want %q", got, note)
			}
			collect(t, st, roots, Options{})
			if got := present(t, st); got != "cat" {
				t.Errorf("the object of a running process was collected; left %q", got)
			}
			kill(cmd)
			collect(t, st, roots, Options{})
			if got := present(t, st); got != "" {
				t.Errorf("left %q after the process was killed", got)
			}
		})
	}
}

// A mapping protects, also of the collector's own process, and a store is found under a link to it; what was taken
// away is not used any more.
func TestMappedFilesProtect(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("real", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	real := openAt(t, filepath.Join(dir, "real"))
	tree, cat := addProgram(t, real)
	f, err := os.Open(cat)
	if err != nil {
		t.Fatal(err)
	}
	data, err := unix.Mmap(int(f.Fd()), 0, 1, unix.PROT_READ, unix.MAP_PRIVATE)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(data)
	for _, st := range []*store.Store{real, openAt(t, filepath.Join(dir, "link"))} {
		if got := usedBy(t, st, os.Getpid(), tree); got != "mapped file" {
			t.Errorf("%s: used as %q, want a mapped file", st.Dir(), got)
		}
	}
	collect(t, real, naming(), Options{})
	addProgram(t, real)
	if got := usedBy(t, real, os.Getpid(), tree); got != "" {
		t.Errorf("what was collected is used as %q", got)
	}
}

func TestDeletedFilesAreNotUsed(t *testing.T) {
	tree := digest.Tree(digest.Sum([]byte("go")))
	path := "/home/me/store/" + tree.Hex() + "-go-1/bin/go"
	for text, want := range map[string]bool{
		path:                                     true,
		path + " (deleted)":                      false,
		path + " (deleted)\n/lib/libc.so\n":      false,
		"/lib/libc.so (deleted)\n" + path + "\n": true,
		"A=" + path + "\x00B=x (deleted)\x00":    true,
	} {
		s := scanner{prefixes: prefixes("/home/me/store")}
		s.text([]byte(text), "mapped file")
		if s.found[tree] != want {
			t.Errorf("%q: found %v, want %v", text, s.found[tree], want)
		}
	}
}

// In a container a store may have another path.
func TestProcessesOfOtherMountNamespaces(t *testing.T) {
	tree := digest.Tree(digest.Sum([]byte("go")))
	maps := []byte("7f00-7f01 r-xp 0 00:1f 12  /mnt/elsewhere/" + tree.Hex() + "-go-1/bin/go\n" +
		"7f02-7f03 r-xp 0 00:1f 13  /lib/libc.so\n")
	for _, anywhere := range []bool{true, false} {
		s := scanner{prefixes: prefixes("/home/me/store"), anywhere: anywhere}
		s.text(maps, "mapped file")
		if s.found[tree] != anywhere {
			t.Errorf("found %v, want %v", s.found, anywhere)
		}
	}
}

func TestProcessNamesArePrintable(t *testing.T) {
	if got, want := printable("a\x1b[2Jü"), "a?[2Jü"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func BenchmarkProcesses(b *testing.B) {
	st := openStore(b)
	for b.Loop() {
		if _, err := Processes(st); err != nil {
			b.Fatal(err)
		}
	}
}

// A collector that has no descriptor left to look at processes with does not take them for idle.
func TestProcessesWithoutDescriptors(t *testing.T) {
	st := openStore(t)
	if _, err := Processes(st); err != nil {
		t.Fatal(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	next := uint64(null.Fd())
	null.Close()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	// One for the list of processes, and none for what each has.
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: next + 1, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	if roots, err := Processes(st); !errors.Is(err, unix.EMFILE) {
		t.Errorf("without descriptors it found %v, %v", roots, err)
	}
}
