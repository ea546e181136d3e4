package gc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gostore/internal/digest"
	"gostore/store"
)

// TestMain lets tests start this binary again in another part.
func TestMain(m *testing.M) {
	if part, ok := parts[os.Getenv("GC_TEST_PART")]; ok {
		if err := part(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// openStore makes a store in which a collection has looked at everything, so that the next ones rely on signs.
func openStore(t testing.TB) *store.Store {
	t.Helper()
	st := openAt(t, filepath.Join(t.TempDir(), "root"))
	if _, err := st.Clean(t.Context(), store.CleanOptions{}); err != nil {
		t.Fatal(err)
	}
	return st
}

func openAt(t testing.TB, dir string) *store.Store {
	t.Helper()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		st.Close()
		filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				os.Chmod(name, 0o755) // so that an unprivileged user can remove it
			}
			return nil
		})
	})
	return st
}

// payload is what the file of an object says: its name, over and over, large enough to be shared.
func payload(name string) []byte { return bytes.Repeat([]byte(name+"\n"), store.ShareSize/len(name)) }

// addLeased adds an object with two files and links to refs.
func addLeased(ctx context.Context, st *store.Store, name string, refs ...digest.Tree) (*store.Lease, error) {
	spec := store.Spec{Name: name, Version: "1", Refs: refs}
	if len(refs) > 0 {
		spec.Name, spec.Version = store.Referring, name
	}
	return st.Add(ctx, spec, func(g *store.Stage) error {
		err := errors.Join(g.File("name", false, payload(name)), g.File("bin/common", true, payload("common")))
		for i, ref := range refs {
			o, lookup := st.Lookup(ref)
			err = errors.Join(err, lookup, g.Link(fmt.Sprintf("refs/%d", i), "../../"+o.Base()))
		}
		return err
	})
}

// nameOf returns the name that addLeased was given.
func nameOf(o store.Object) string {
	if o.Name == store.Referring {
		return o.Version
	}
	return o.Name
}

// add is addLeased without a lease.
func add(t testing.TB, st *store.Store, name string, refs ...digest.Tree) digest.Tree {
	t.Helper()
	l, err := addLeased(t.Context(), st, name, refs...)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	return l.Object().Tree
}

func lease(t testing.TB, st *store.Store, tree digest.Tree) *store.Lease {
	t.Helper()
	l, err := st.Lease(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Release() })
	return l
}

// naming makes Roots that always names the same.
func naming(trees ...digest.Tree) Roots {
	return func(context.Context) ([]Root, error) {
		var roots []Root
		for i, tree := range trees {
			roots = append(roots, Root{Kind: "test", Name: fmt.Sprint(i), Trees: []digest.Tree{tree}})
		}
		return roots, nil
	}
}

func plan(t testing.TB, st *store.Store, roots Roots, opt Options) *Collection {
	t.Helper()
	c, err := Plan(t.Context(), st, roots, opt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// collect plans and sweeps.
func collect(t testing.TB, st *store.Store, roots Roots, opt Options) Report {
	t.Helper()
	r, err := Sweep(t.Context(), st, plan(t, st, roots, opt), roots, opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// names joins the names of objects, in their order.
func names[T any](objects []T, object func(T) store.Object) string {
	var list []string
	for _, o := range objects {
		list = append(list, nameOf(object(o)))
	}
	return strings.Join(list, " ")
}

func planned(objects []Object) string {
	return names(objects, func(o Object) store.Object { return o.Object })
}

func removed(r Report) string {
	return names(r.Removed, func(o Object) store.Object { return o.Object })
}

// present returns the sorted names of what is in the store.
func present(t testing.TB, st *store.Store) string {
	t.Helper()
	objects, err := st.Objects()
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(objects, compareObjects)
	return names(objects, func(o store.Object) store.Object { return o })
}

// checkWhole fails unless every object is undamaged, refers to what is there, and nothing is left over.
func checkWhole(t testing.TB, st *store.Store) {
	t.Helper()
	objects, err := st.Objects()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if err := wholeness(t.Context(), st, o.Tree); err != nil {
			t.Error(err)
		}
	}
}

// wholeness reports what is wrong with an object.
func wholeness(ctx context.Context, st *store.Store, tree digest.Tree) error {
	if err := st.Verify(ctx, tree); err != nil {
		return err
	}
	info, err := st.Info(tree)
	if err != nil {
		return err
	}
	for i := range info.Refs {
		link := filepath.Join(st.Path(info.Object), "refs", fmt.Sprint(i))
		if _, err := os.Stat(link); err != nil {
			return fmt.Errorf("object %s refers to what is not there: %w", info.Object, err)
		}
	}
	return nil
}

// diskUsage adds up the blocks of everything below dir, each inode once.
func diskUsage(t testing.TB, dir string) int64 {
	t.Helper()
	seen := map[uint64]bool{}
	var total int64
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		if st := fi.Sys().(*syscall.Stat_t); !seen[st.Ino] {
			seen[st.Ino] = true
			total += st.Blocks * 512
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

// listing names everything below dir, except what opening another store would name otherwise.
func listing(t testing.TB, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !(e.IsDir() && filepath.Dir(name) == filepath.Join(dir, "files")) {
			list = append(list, strings.TrimPrefix(name, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
