package lock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/filelock"
)

// childEnv makes this test program a child that does one of children and exits.
const childEnv = "GOSTORE_LOCK_TEST_CHILD"

var children = map[string]func(path string, args []string) error{
	"add":  addExtras,
	"full": updateOnFullDisk,
}

func TestMain(m *testing.M) {
	name := os.Getenv(childEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	if err := children[name](os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), childEnv+"="+name)
	return cmd
}

// names returns what a directory holds.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}

// Processes that add different versions at the same time lose none of them.
func TestUpdateLosesNothing(t *testing.T) {
	const processes, each = 6, 5
	dir := t.TempDir()
	path := filepath.Join(dir, Name)
	if err := large(1, 1).Write(path); err != nil {
		t.Fatal(err)
	}
	var cmds []*exec.Cmd
	for i := range processes {
		cmd := child(t, "add", path, strconv.Itoa(i*each), strconv.Itoa(each))
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	f, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range processes * each {
		if want := fmt.Sprintf("1.9.%d", i); !strings.Contains(string(f.Format()), `version = "`+want+`"`) {
			t.Errorf("%s was lost", want)
		}
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left in the project: %q", got)
	}
}

func addExtras(path string, args []string) error {
	first, _ := strconv.Atoi(args[0])
	n, _ := strconv.Atoi(args[1])
	for i := range n {
		err := Update(context.Background(), path, func(f *File) error {
			extra := f.Find("go")[0]
			extra.Version, extra.Extra = fmt.Sprintf("1.9.%d", first+i), true
			extra.Request = extra.Version
			f.Set(extra)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// A file size limit stands for a full disk: the write of the new contents fails half way.
func TestFailingWriteKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, Name)
	if err := large(1, 2).Write(path); err != nil {
		t.Fatal(err)
	}
	old, _ := os.ReadFile(path)
	if out, err := child(t, "full", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	broken := large(1, 1)
	broken.Tools[0].Name = "../go"
	var list ErrorList
	if err := broken.Write(path); !errors.As(err, &list) {
		t.Errorf("writing an invalid lock: %v", err)
	}
	if now, _ := os.ReadFile(path); string(now) != string(old) {
		t.Errorf("changed:\n%s", cmp.Diff(string(old), string(now)))
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left in the project: %q", got)
	}
}

func updateOnFullDisk(path string, _ []string) error {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 200, Max: 200}); err != nil {
		return err
	}
	err := Update(context.Background(), path, func(f *File) error {
		f.Set(large(2, 9).Tools...)
		return nil
	})
	if !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("got %v, want %v", err, syscall.EFBIG)
	}
	return nil
}

func TestUpdate(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	path := filepath.Join(dir, Name)
	noop := func(*File) error { return nil }
	set := func(f *File) error { f.Set(large(1, 1).Tools...); return nil }

	if _, err := Read(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading no file: %v", err)
	}
	if err := Update(ctx, path, set); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := Update(ctx, path, noop); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.Stat(path); !os.SameFile(before, after) {
		t.Error("an update that changes nothing wrote the file")
	}

	data, _ := os.ReadFile(path)
	if err := os.WriteFile(path, append(data, "# mine\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Update(ctx, path, noop); err != nil {
		t.Fatal(err)
	}
	if now, _ := os.ReadFile(path); string(now) != string(data) {
		t.Errorf("not canonical after an update:\n%s", now)
	}

	stop := errors.New("stop")
	if err := Update(ctx, path, func(f *File) error { f.Remove("go"); return stop }); err != stop {
		t.Errorf("error of change: %v", err)
	}
	if now, _ := os.ReadFile(path); string(now) != string(data) {
		t.Error("written although change returned an error")
	}

	if err := os.WriteFile(path, []byte("version = 1\n<<<<<<< a\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Update(ctx, path, set); !errors.Is(err, ErrConflict) {
		t.Errorf("update of a conflict: %v", err)
	}
}

func TestUpdateWaits(t *testing.T) {
	dir := t.TempDir()
	held, err := filelock.TryExclusiveDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	called := false
	err = Update(ctx, filepath.Join(dir, Name), func(*File) error { called = true; return nil })
	if !errors.Is(err, context.Canceled) || called {
		t.Errorf("called %v, error %v", called, err)
	}
}

// A lock that is a link, or in a project that is one, stays a link.
func TestUpdateFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	shared, project := filepath.Join(dir, "shared"), filepath.Join(dir, "project")
	for _, d := range []string{shared, project} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(project, Name)
	for to, from := range map[string]string{"project": filepath.Join(dir, "p"), "../shared/the.lock": link} {
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	set := func(f *File) error { f.Set(large(1, 1).Tools...); return nil }
	through := filepath.Join(dir, "p", Name)
	if err := Update(context.Background(), through, set); err == nil {
		t.Error("wrote through a link to nothing")
	}
	if err := os.WriteFile(filepath.Join(shared, "the.lock"), []byte("version = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Update(context.Background(), through, set); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Readlink(link); err != nil {
		t.Error(err)
	}
	if f, err := Read(link); err != nil || len(f.Tools) != 1 {
		t.Errorf("%+v, %v", f, err)
	}
}
