package bundle

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/store"
	"gostore/tests/quick"
)

func TestMain(m *testing.M) {
	if run, ok := children[os.Getenv("BUNDLE_TEST_CHILD")]; ok {
		run()
		return
	}
	remove := quick.Temp()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(exit int) {
		remove()
		os.Exit(exit)
	}))
}

// bulky is a store with an object of several frames.
func bulky(t testing.TB) (*store.Store, store.Object) {
	t.Helper()
	s := openStore(t)
	c := content{"large": noise(7, 2*frameSize+12345), "large-x*": noise(8, frameSize), "twin": noise(8, frameSize)}
	for i := range 300 {
		c["files/"+string(rune('a'+i%26))+"/"+strings.Repeat("n", i/26+1)] = strings.Repeat(noise(uint64(i+10), 50), i)
	}
	return s, add(t, s, store.Spec{Name: "bulky", Version: "1"}, c)
}

// The order of arguments, the number of processors and what was compressed before must not show.
func TestEqualContentGivesEqualBytes(t *testing.T) {
	w := newWorld(t)
	s, o := bulky(t)
	for _, test := range []struct {
		s      *store.Store
		orders [][]digest.Tree
	}{
		{w.Store, [][]digest.Tree{trees(w.env), trees(w.env, w.one, w.two), trees(w.two, w.one, w.env, w.two)}},
		{s, [][]digest.Tree{trees(o)}},
	} {
		want := write(t, test.s, Content{Objects: test.orders[0]})
		for _, procs := range []int{1, 2, 3, 7} {
			was := runtime.GOMAXPROCS(procs)
			for _, order := range test.orders {
				if !bytes.Equal(write(t, test.s, Content{Objects: order}), want) {
					t.Errorf("%d processors, %v: other bytes", procs, order)
				}
			}
			runtime.GOMAXPROCS(was)
		}
	}
}

func TestSharedContentIsThereOnce(t *testing.T) {
	s := openStore(t)
	var objects []store.Object
	for _, name := range []string{"a", "b", "c"} {
		objects = append(objects, add(t, s, store.Spec{Name: name, Version: "1"}, content{"same": noise(3, 500_000), "own": name}))
	}
	one, all := len(write(t, s, Content{Objects: trees(objects[0])})), len(write(t, s, Content{Objects: trees(objects...)}))
	if all > one+5000 {
		t.Errorf("one object takes %d bytes, three that share their content %d", one, all)
	}
}

// Public tools read what is in a bundle.
func TestBundleIsATarArchive(t *testing.T) {
	w := newWorld(t)
	d, err := zstd.NewReader(bytes.NewReader(write(t, w.Store, Content{Objects: trees(w.one)})))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var names []string
	for r := tar.NewReader(d); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil || h.Mode != 0o444 || !h.ModTime.Equal(memberTime) {
			t.Errorf("%+v, %v", h, err)
		}
		if hex, ok := strings.CutPrefix(h.Name, filesDir); ok && strings.ReplaceAll(hex, "/", "") != digest.Sum(data).Hex() {
			t.Errorf("%q has other contents", h.Name)
		}
		names = append(names, h.Name)
	}
	want := []string{headName, "meta/" + w.one.Tree.Hex() + ".manifest"}
	for _, text := range []string{"#!/bin/sh\n", "", shared, "x"} { // in the order of the paths
		want = append(want, contentName(digest.Sum([]byte(text))))
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestDamagedObjectIsNotExported(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"other bytes":  func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("y", 3000)), 0o644) },
		"other size":   func(path string) error { return os.Truncate(path, 17) },
		"missing":      os.Remove,
		"a directory":  func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) },
		"a named pipe": func(path string) error { return errors.Join(os.Remove(path), unix.Mkfifo(path, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			unseal(w.Path(w.two))
			path := filepath.Join(w.Path(w.two), "lib/same")
			os.Chmod(path, 0o644)
			if err := spoil(path); err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			_, err := Write(t.Context(), &b, w.Store, Content{Objects: trees(w.two)})
			var damaged *store.DamagedError
			if !errors.As(err, &damaged) || damaged.Object != w.two || damaged.Faults[0].Path != "lib/same" {
				t.Fatalf("%v; want lib/same to be damaged", err)
			}
			if bytes.Contains(b.Bytes(), []byte(trailerText)) {
				t.Error("what was written has the end of a bundle")
			}
			to := openStore(t)
			if _, err := Read(t.Context(), &b, to, Options{}); err == nil {
				t.Error("what was written is taken for a bundle")
			}
			wantNothing(t, to)
		})
	}
}

func TestExportWithoutAnObject(t *testing.T) {
	w := newWorld(t)
	if _, err := Write(t.Context(), io.Discard, w.Store, Content{}); err == nil {
		t.Error("a bundle of nothing")
	}
	_, err := Write(t.Context(), io.Discard, w.Store, Content{Objects: []digest.Tree{{1}}})
	var absent *store.NotPresentError
	if !errors.As(err, &absent) {
		t.Errorf("%v; want that it is not there", err)
	}
}

// full is a sink with room for n bytes.
type full struct{ n int }

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.n)
	f.n -= n
	if n < len(p) {
		return n, unix.ENOSPC
	}
	return n, nil
}

func TestFullDiskEndsAnExport(t *testing.T) {
	s, o := bulky(t)
	size := len(write(t, s, Content{Objects: trees(o)}))
	for _, room := range []int{0, 1, frameSize, size - 1} {
		if _, err := Write(t.Context(), &full{room}, s, Content{Objects: trees(o)}); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
	}
	if c, err := s.Claim(o.Tree); err != nil {
		t.Errorf("a lease is left: %v", err)
	} else {
		c.Release()
	}
}

func TestBadProofsAreNotExported(t *testing.T) {
	w := newWorld(t)
	for name, proofs := range map[string][]File{
		"escaping":   {{"../x", nil}},
		"long name":  {{strings.Repeat("x", 201), nil}},
		"large":      {{"x", make([]byte, maxProof+1)}},
		"two of one": {{"x", []byte("a")}, {"x", []byte("b")}},
		"twins":      {{"x", nil}, {"X", nil}},
	} {
		list := func(store.Info) ([]File, error) { return slices.Clone(proofs), nil }
		if _, err := Write(t.Context(), io.Discard, w.Store, Content{Objects: trees(w.one), Proofs: list}); err == nil {
			t.Errorf("%s: exported", name)
		}
	}
	broken := errors.New("broken")
	_, err := Write(t.Context(), io.Discard, w.Store, Content{Objects: trees(w.one), Proofs: func(store.Info) ([]File, error) { return nil, broken }})
	if !errors.Is(err, broken) {
		t.Errorf("%v; want what the function says", err)
	}
}
