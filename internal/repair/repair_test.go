package repair

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/removal"
	"gostore/internal/tree"
	"gostore/store"
)

// contents are the files of the object that is damaged.
var contents = map[string]string{
	"bin/run": strings.Repeat("run\n", 500), "data": strings.Repeat("data\n", 500), "same": strings.Repeat("data\n", 500),
	"small": "small", "deep/er/file": "deep",
}

// fakeSource has an archive of all contents, or says why not.
type fakeSource struct {
	err     error
	fetched int
	wrong   bool
}

func (s *fakeSource) Fetch(context.Context, release.Item, string, func(done, total int64)) (string, error) {
	s.fetched++
	return "", s.err
}

func (s *fakeSource) Unpack(_ context.Context, _ release.Item, _ string, sink archive.Sink, _ func(int64)) error {
	for name, text := range contents {
		if s.wrong {
			text = strings.ToUpper(text)
		}
		if err := sink.File(name, name == "bin/run", []byte(text)); err != nil {
			return err
		}
	}
	return sink.Link("link", "data")
}

// world is a store with an object, and where it came from.
type world struct {
	t      *testing.T
	st     *store.Store
	object store.Object
	source *fakeSource
	r      *Repairer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, st: st, source: &fakeSource{}}
	t.Cleanup(func() {
		st.Close()
		removal.Tree(st.Dir())
	})
	lease, err := st.Add(t.Context(), store.Spec{Name: "sdk", Version: "1"}, func(g *store.Stage) error {
		return w.source.Unpack(t.Context(), release.Item{}, "", g, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.object = lease.Object()
	lease.Release()
	item := release.Item{Tool: "sdk", Version: "1", Source: "release", Archive: release.Archive{
		From: "https://example.invalid/sdk.tar.gz", Digest: digest.SHA256([]byte("sdk")), Size: 12345,
	}}
	w.r = &Repairer{Store: st, Origins: func(context.Context, store.Object) []Origin {
		return []Origin{{Item: item, Source: w.source, Sure: true}}
	}}
	return w
}

// rot puts another text in the place of a file, or removes it.
func (w *world) rot(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.st.Path(w.object), name)
	os.Chmod(filepath.Dir(path), 0o755)
	err := os.Remove(path)
	if text != "" {
		err = os.WriteFile(path, []byte(text), 0o444)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) plan() Plan {
	w.t.Helper()
	d, err := w.st.Examine(w.t.Context(), w.object.Tree)
	if err != nil {
		w.t.Fatal(err)
	}
	plan, err := w.r.Plan(w.t.Context(), []store.Diagnosis{d})
	if err != nil {
		w.t.Fatal(err)
	}
	return plan
}

func (w *world) execute() Result {
	w.t.Helper()
	var res Result
	if err := w.r.Execute(w.t.Context(), w.plan(), func(r Result) { res = r }); err != nil {
		w.t.Fatal(err)
	}
	return res
}

// The places of what is good, the cheapest first.
func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name, file, text string // what is rotten
		offline          bool
		err              error // of the source
		from             string
		bytes            int64
		outcome          Outcome
	}{
		{"twin", "same", "rot", false, nil, "another file of the store", 0, Mended},
		{"link", "link", "rot", false, nil, "its manifest", 0, Mended},
		{"archive", "small", "rotten", false, nil, "https://example.invalid/sdk.tar.gz", 12345, Mended},
		{"gone", "deep/er/file", "", false, nil, "https://example.invalid/sdk.tar.gz", 12345, Mended},
		{"bit", "small", "smaml", false, nil, "https://example.invalid/sdk.tar.gz", 12345, Mended},
		{"bit, offline", "small", "sm`ll", true, nil, fromBit, 0, Mended},
		{"offline", "small", "rotten", true, nil, "", 0, Damaged},
		{"away", "small", "rotten", false, errors.New("the server failed"), "https://example.invalid/sdk.tar.gz", 12345, Damaged},
		{"nowhere", "small", "rotten", false, fs.ErrNotExist, "https://example.invalid/sdk.tar.gz", 12345, Aside},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.r.Offline, w.source.err = c.offline, c.err
			w.rot(c.file, c.text)
			plan := w.plan()
			if got := plan.Patients[0].Steps[0]; got.Path != c.file || got.From != c.from {
				t.Errorf("the plan is %+v", got)
			}
			if n, more := plan.Bytes(); n != c.bytes || more {
				t.Errorf("to fetch: %d, %v", n, more)
			}
			if w.source.fetched > 0 {
				t.Error("planning fetched it")
			}
			res := w.execute()
			if res.Outcome != c.outcome {
				t.Errorf("it is %s: %v", res.Outcome, res.Why)
			}
			err := w.st.Verify(t.Context(), w.object.Tree)
			if present := !errors.As(err, new(*store.NotPresentError)); present == (c.outcome == Aside) || (err == nil) != (c.outcome == Mended) {
				t.Errorf("afterwards: %v", err)
			}
			asides, err := w.st.Asides()
			if err != nil || len(asides) > 0 != (c.outcome == Aside) {
				t.Errorf("set aside: %v, %v", asides, err)
			}
		})
	}
}

// What a source gives under the right name and of the right size is not believed.
func TestWrongContents(t *testing.T) {
	w := newWorld(t)
	w.source.wrong = true
	w.rot("small", "rotten")
	if res := w.execute(); res.Outcome != Aside {
		t.Errorf("it is %s", res.Outcome)
	}
}

// One bit is put back, wherever it was; two are not.
func TestUnflip(t *testing.T) {
	text := []byte("what it was")
	right := func(b []byte) bool { return bytes.Equal(b, text) }
	for bit := range len(text) * 8 {
		data := bytes.Clone(text)
		data[bit/8] ^= 1 << (bit % 8)
		spent := int64(0)
		if got := unflip(t.Context(), data, &spent, right); !right(got) {
			t.Errorf("bit %d: %q", bit, got)
		}
		data[0] ^= 3
		if got := unflip(t.Context(), data, &spent, right); bit > 1 && got != nil {
			t.Errorf("bit %d and others: %q", bit, got)
		}
	}
	spent := int64(maxFlipWork + 1)
	if unflip(t.Context(), []byte("what it waS"), &spent, right) != nil {
		t.Error("it goes on for ever")
	}
}

// Objects that share a damaged inode are found, though only one of them was named, and mended together.
func TestSharedDamage(t *testing.T) {
	w := newWorld(t)
	lease, err := w.st.Add(t.Context(), store.Spec{Name: "other", Version: "1"}, func(g *store.Stage) error {
		return g.File("run", true, []byte(contents["bin/run"]))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	path := filepath.Join(w.st.Path(w.object), "bin/run")
	os.Chmod(path, 0o755)
	if err := os.WriteFile(path, []byte(strings.Repeat("rot\n", 500)), 0o755); err != nil {
		t.Fatal(err)
	}
	plan := w.plan()
	if len(plan.Patients) != 2 || fmt.Sprint(plan.Bytes()) != "12345 false" {
		t.Fatalf("%d patients, %v", len(plan.Patients), fmt.Sprint(plan.Bytes()))
	}
	mended := 0
	if err := w.r.Execute(t.Context(), plan, func(r Result) {
		if r.Outcome == Mended {
			mended++
		}
	}); err != nil || mended != 2 || w.source.fetched != 1 {
		t.Errorf("mended %d, fetched %d times: %v", mended, w.source.fetched, err)
	}
	one, _ := os.Stat(path)
	two, err := os.Stat(filepath.Join(lease.Path(), "run"))
	if err != nil || !os.SameFile(one, two) {
		t.Errorf("they are not shared any more: %v", err)
	}
}

// Module zips call some files otherwise, and other zips have a directory around everything.
func TestMatches(t *testing.T) {
	z := &zipped{entries: []archive.Entry{
		{Name: "top/a", Size: 1}, {Name: "top/b/a", Size: 1}, {Name: "m@v1/src/_go.mod", Size: 2}, {Name: "xa", Size: 1}, {Name: "a", Size: 3},
	}}
	for _, c := range []struct {
		path string
		size int64
		want string
	}{{"a", 1, "[top/a top/b/a]"}, {"b/a", 1, "[top/b/a]"}, {"src/go.mod", 2, "[m@v1/src/_go.mod]"}, {"a", 3, "[a]"}, {"a", 2, "[]"}, {"c", 1, "[]"}} {
		names := []string{}
		for _, m := range z.matches(tree.Entry{Path: c.path, Size: c.size}) {
			names = append(names, m.Name)
		}
		if fmt.Sprint(names) != c.want {
			t.Errorf("%s of %d bytes: %v, want %s", c.path, c.size, names, c.want)
		}
	}
}

// A short manifest survives any one bit of the description that it is in.
func TestRottenDescription(t *testing.T) {
	w := newWorld(t)
	tree := w.object.Tree
	path := filepath.Join(w.st.Dir(), "meta", tree.Hex()+".json")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kept, flipped := 0, 0
	for bit := 0; bit < len(whole)*8; bit += 17 {
		data := bytes.Clone(whole)
		data[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := w.st.KeptManifest(tree); err == nil {
			kept++
			continue
		}
		flipped++
		m, ok := w.r.flippedManifest(t.Context(), &Patient{Diagnosis: store.Diagnosis{Object: w.object}})
		if !ok || m.Digest() != tree {
			t.Errorf("bit %d: %v, %v", bit, m.Digest(), ok)
		}
	}
	if kept == 0 || flipped == 0 {
		t.Errorf("%d kept, %d flipped", kept, flipped)
	}
}
