package link

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gostore/gc"
	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/store"
)

func nothing(string) error { return nil }

// bench is a store and a project.
type bench struct {
	t       *testing.T
	st      *store.Store
	project string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	top := t.TempDir()
	st, err := store.Open(filepath.Join(top, "root"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		filepath.WalkDir(top, func(path string, e os.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				os.Chmod(path, 0o755)
			}
			return nil
		})
	})
	b := &bench{t, st, filepath.Join(top, "project")}
	if err := os.Mkdir(b.project, 0o755); err != nil {
		t.Fatal(err)
	}
	return b
}

// pair adds a Go and an environment with it, and returns leases on both.
func (b *bench) pair(version string) (tool, env *store.Lease) {
	b.t.Helper()
	tool = b.add("go", version)
	return tool, b.add("environment", version, tool.Object().Tree)
}

func (b *bench) add(name, version string, refs ...digest.Tree) *store.Lease {
	b.t.Helper()
	l, err := b.st.Add(b.t.Context(), store.Spec{Name: name, Version: version, Refs: refs}, func(s *store.Stage) error {
		return s.File("bin/go", true, []byte(name+version))
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

func target(tool, env *store.Lease) Target { return Target{env.Path(), tool.Path()} }

// collect removes what the project's links do not reach, and returns the names of what is left.
func (b *bench) collect() []string {
	b.t.Helper()
	read := func(context.Context) ([]gc.Root, error) {
		return []gc.Root{{Kind: "project", Name: b.project, Trees: Trees(b.st, b.project)}}, nil
	}
	plan, err := gc.Plan(b.t.Context(), b.st, read, gc.Options{})
	if err == nil {
		_, err = gc.Sweep(b.t.Context(), b.st, plan, read, gc.Options{})
	}
	if err != nil {
		b.t.Fatal(err)
	}
	objects, err := b.st.Objects()
	if err != nil {
		b.t.Fatal(err)
	}
	var names []string
	for _, o := range objects {
		names = append(names, o.Name+o.Version)
	}
	slices.Sort(names)
	for _, name := range []string{envName, gorootName} {
		path := filepath.Join(b.project, Dir, name)
		if _, err := os.Lstat(path); err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(path, "bin", "go")); err != nil {
			b.t.Errorf("a link leads nowhere: %v", err)
		}
	}
	return names
}

func (b *bench) want(when string, want ...string) {
	b.t.Helper()
	if got := b.collect(); !slices.Equal(got, want) {
		b.t.Errorf("%s there are %q, want %q", when, got, want)
	}
}

// A collector works at every step of a Set, and after each crash: what is linked is there, always.
func TestCollectorBetweenSteps(t *testing.T) {
	b := newBench(t)
	go1, env1 := b.pair("1")
	if changed, err := Set(t.Context(), b.project, target(go1, env1), nothing); err != nil || !changed {
		t.Fatal(changed, err)
	}
	go1.Release()
	env1.Release()
	b.want("linked", "environment1", "go1")

	go2, env2 := b.pair("2")
	failed := errors.New("killed")
	_, err := Set(t.Context(), b.project, target(go2, env2), func(string) error {
		b.want("before the links are swapped", "environment1", "environment2", "go1", "go2")
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	b.want("killed before the first", "environment1", "environment2", "go1", "go2")
	// Killed between the two: the leases have gone with the process.
	if err := durable.Symlink(go2.Path(), filepath.Join(b.project, Dir, gorootName)); err != nil {
		t.Fatal(err)
	}
	go2.Release()
	env2.Release()
	if Leads(b.project, env2.Path()) || !Leads(b.project, env1.Path()) {
		t.Error("what is half done counts as done")
	}
	b.want("killed between the two", "environment1", "go1", "go2")

	go2, env2 = b.pair("2")
	if _, err := Set(t.Context(), b.project, target(go2, env2), nothing); err != nil || !Leads(b.project, env2.Path()) {
		t.Fatal(err)
	}
	go2.Release()
	env2.Release()
	b.want("swapped", "environment2", "go2")
	if err := Remove(t.Context(), b.project, nothing); err != nil {
		t.Fatal(err)
	}
	b.want("removed")
}

func TestSetTwice(t *testing.T) {
	b := newBench(t)
	tool, env := b.pair("1")
	for _, want := range []bool{true, false} {
		if changed, err := Set(t.Context(), b.project, target(tool, env), nothing); changed != want || err != nil {
			t.Errorf("changed: %v, %v; want %v", changed, err, want)
		}
	}
	if _, err := Set(t.Context(), b.project, Target{Environment: env.Path()}, nothing); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(b.project, Dir, gorootName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("goroot without a Go: %v", err)
	}
	if got := Trees(b.st, b.project); !slices.Equal(got, []digest.Tree{env.Object().Tree}) {
		t.Errorf("keeps %v", got)
	}
}

func TestExists(t *testing.T) {
	b := newBench(t)
	if Exists(b.project) || !Leads(b.project, "/x") {
		t.Error("a project without links has some")
	}
	if err := os.Mkdir(Path(b.project), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(Path(b.project), ignoreName), []byte(ignoreText), 0o644); err != nil {
		t.Fatal(err)
	}
	if Exists(b.project) {
		t.Error("what a killed Set left counts as linked")
	}
	if err := os.Symlink("/elsewhere", filepath.Join(Path(b.project), envName)); err != nil {
		t.Fatal(err)
	}
	if !Exists(b.project) || Leads(b.project, "/x") || len(Trees(b.st, b.project)) != 0 {
		t.Error("a link out of the store is one, but keeps nothing")
	}
}
