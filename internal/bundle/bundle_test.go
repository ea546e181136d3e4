package bundle

import (
	"bytes"
	"context"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gostore/internal/digest"
	"gostore/store"
)

// openStore makes a store in a fresh directory.
func openStore(t testing.TB) *store.Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "root"))
}

func openAt(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		unseal(dir)
	})
	return s
}

// unseal lets the test's clean-up remove sealed directories.
func unseal(dir string) {
	filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			os.Chmod(name, 0o755)
		}
		return nil
	})
}

// content is a tree for tests: contents by path; "->" begins a link, a path that ends in "*" is
// executable, one that ends in "/" is a directory.
type content map[string]string

func (c content) fill(g *store.Stage) error {
	for name, text := range c {
		var err error
		if target, ok := strings.CutPrefix(text, "->"); ok {
			err = g.Link(name, target)
		} else if dir, ok := strings.CutSuffix(name, "/"); ok {
			err = g.Dir(dir)
		} else {
			plain, exec := strings.CutSuffix(name, "*")
			err = g.File(plain, exec, []byte(text))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// add adds an object and returns it.
func add(t testing.TB, s *store.Store, spec store.Spec, c content) store.Object {
	t.Helper()
	l, err := s.Add(context.Background(), spec, c.fill)
	if err != nil {
		t.Fatal(err)
	}
	l.Release()
	return l.Object()
}

// noise returns bytes that no compressor makes smaller.
func noise(seed uint64, n int) string {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b)
	return string(b)
}

// shared is a content that several objects have.
var shared = noise(1, 3000)

// sample has one of everything.
var sample = content{
	"bin/tool*": "#!/bin/sh\n", "bin/link": "->tool", "lib/shared": shared, "lib/shared-x*": shared, "lib/small": "x", "empty": "",
	"some dir/": "", "dangling": "->nowhere",
}

// world is a store with two tools and an environment of them.
type world struct {
	*store.Store
	one, two, env store.Object
}

func newWorld(t testing.TB) world {
	t.Helper()
	w := world{Store: openStore(t)}
	w.one = add(t, w.Store, store.Spec{Name: "one", Version: "1.0", Archive: digest.SHA256([]byte("one")), From: "https://example.org/one"}, sample)
	w.two = add(t, w.Store, store.Spec{Name: "two", Version: "2.0-rc1"}, content{"two*": "two", "lib/same": shared, "big": noise(2, 900_000)})
	w.env = add(t, w.Store, store.Spec{Name: "environment", Version: "x", Refs: []digest.Tree{w.two.Tree, w.one.Tree}}, content{
		"tools/" + w.one.Base(): "->../../" + w.one.Base(),
		"bin/tool":              "->../../" + w.one.Base() + "/bin/tool",
		"bin/two":               "->../../" + w.two.Base() + "/two",
	})
	return w
}

// write exports objects.
func write(t testing.TB, s *store.Store, c Content) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := Write(context.Background(), &b, s, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// trees lists objects as Content wants them.
func trees(objects ...store.Object) []digest.Tree {
	var list []digest.Tree
	for _, o := range objects {
		list = append(list, o.Tree)
	}
	return list
}

// wantObjects checks that a store has exactly these objects, all of them whole.
func wantObjects(t testing.TB, s *store.Store, want ...store.Object) {
	t.Helper()
	got, err := s.Objects()
	if err != nil || len(got) != len(want) {
		t.Fatalf("objects %v, %v; want %v", got, err, want)
	}
	for _, o := range want {
		if err := s.Verify(context.Background(), o.Tree); err != nil {
			t.Error(err)
		}
		if is, err := s.Lookup(o.Tree); err != nil || is != o {
			t.Errorf("%v, %v; want %v", is, err, o)
		}
	}
}

// wantNothing checks that nothing of a bundle is visible in a store that had no objects.
func wantNothing(t testing.TB, s *store.Store) {
	t.Helper()
	for _, dir := range []string{"store", "index", "meta"} {
		entries, err := os.ReadDir(filepath.Join(s.Dir(), dir))
		if err != nil || len(entries) > 0 {
			t.Errorf("%s holds %v, %v", dir, entries, err)
		}
	}
	if files := inodes(t, filepath.Join(s.Dir(), "files")); len(files) > 0 {
		t.Errorf("shared: %v", files)
	}
}

// downloads lists what waits in a store.
func downloads(t testing.TB, s *store.Store) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.Dir(), "downloads"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestRoundTrip(t *testing.T) {
	from := newWorld(t)
	proofs := func(info store.Info) ([]File, error) {
		if info.Tool == "environment" {
			return nil, nil
		}
		return []File{{"log/" + info.Tool, []byte("proof of " + info.Tool)}, {"all", []byte("same")}}, nil
	}
	var b bytes.Buffer
	wrote, err := Write(t.Context(), &b, from.Store, Content{Objects: trees(from.env), Proofs: proofs})
	if err != nil {
		t.Fatal(err)
	}
	to := openStore(t)
	read, err := Read(t.Context(), bytes.NewReader(b.Bytes()), to, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantObjects(t, to, from.one, from.two, from.env)
	if wrote.Size != int64(b.Len()) || read.Size != wrote.Size || read.Bytes != wrote.Bytes || read.Contents != wrote.Contents || read.Contents != 6 {
		t.Errorf("wrote %+v, read %+v", wrote, read)
	}
	if len(read.Proofs) != 3 || read.Proofs[2].Name != "log/two" || string(read.Proofs[2].Data) != "proof of two" {
		t.Errorf("proofs %v", read.Proofs)
	}
	for i, o := range read.Objects {
		was := wrote.Objects[i]
		if o.Object != was.Object || o.Archive != was.Archive || o.From != was.From || o.Size != was.Size || o.Files != was.Files || o.Present {
			t.Errorf("wrote %+v, read %+v", was, o)
		}
	}
	info, err := to.Info(from.env.Tree)
	if err != nil || len(info.Refs) != 2 {
		t.Errorf("%+v, %v", info, err)
	}
	if tree, ok := to.LookupArchive(digest.SHA256([]byte("one"))); !ok || tree != from.one.Tree {
		t.Errorf("the archive leads to %v, %v", tree, ok)
	}
	if data, err := os.ReadFile(filepath.Join(to.Path(from.env), "bin/tool")); err != nil || string(data) != "#!/bin/sh\n" {
		t.Errorf("through the environment: %q, %v", data, err)
	}
	if left := downloads(t, to); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
