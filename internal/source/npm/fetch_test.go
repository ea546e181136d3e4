package npm

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/archive"
	"gostore/internal/definition"
	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
)

// lock resolves a request and returns its item for linux.
func lock(t *testing.T, s *Source, what string) release.Item {
	t.Helper()
	r, err := s.Resolve(t.Context(), request(t, what), []release.Platform{linux})
	if err != nil {
		t.Fatal(err)
	}
	item, _ := r.Item(linux)
	return item
}

// install fetches and unpacks an item, with its part in dir.
func install(t *testing.T, s *Source, item release.Item, dir string) (map[string]string, error) {
	t.Helper()
	path, err := s.Fetch(t.Context(), item, filepath.Join(dir, "x.part"), nil)
	if err != nil {
		return nil, err
	}
	sink := newMemory(t)
	err = s.Unpack(t.Context(), item, path, sink, func(int64) {})
	for name := range sink.files {
		if filepath.Base(name) == "package.json" {
			delete(sink.files, name)
		}
	}
	return sink.files, err
}

func TestInstallTool(t *testing.T) {
	f := newFake(t)
	f.publishAll("@x/a@1.0.0 dep:b@1 dep:c@1 opt:w@1 opt:l@1\nb@1.0.0 dep:c@2\nc@1.0.0\nc@2.0.0\nw@1.0.0 os:darwin")
	f.publish("l", "1.0.0", object{"os": "linux"}, map[string]string{"l*": "program"})
	s := f.source()
	r, err := s.Resolve(t.Context(), request(t, "@x/a"), nil)
	if err != nil || len(r.Parts) != 6 {
		t.Fatal(names(r.Parts), err)
	}
	item, _ := r.Item(linux)
	got, err := install(t, s, item, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"lib/node_modules/@x/a/cli.js":             "// @x/a@1.0.0",
		"lib/node_modules/b/cli.js":                "// b@1.0.0",
		"lib/node_modules/b/node_modules/c/cli.js": "// c@2.0.0",
		"lib/node_modules/c/cli.js":                "// c@1.0.0",
		"lib/node_modules/l/l":                     "*program",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestInstallNode(t *testing.T) {
	f := newFake(t)
	publishNode(f, "22.1.0", "linux-x64")
	publishNPM(f, "11.0.0", "*")
	s := f.source(nodeDefinition)
	got, err := install(t, s, lock(t, s, "node"), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"bin/node":                            "*node 22.1.0linux-x64",
		"bin/npm":                             "-> ../lib/node_modules/npm/bin/npm-cli.js",
		"bin/npx":                             "-> ../lib/node_modules/npm/bin/npx-cli.js",
		"lib/node_modules/npm/bin/npm":        "*sh",
		"lib/node_modules/npm/bin/npm-cli.js": "*npm 11.0.0",
		"lib/node_modules/npm/bin/npx-cli.js": "*npx",
		"lib/node_modules/npm/node_modules/inside/x.js": "inside",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestInstallProgram holds the tree of a program against that of its archive alone: both have the same key in the store.
func TestInstallProgram(t *testing.T) {
	f := newFake(t)
	f.publish("p-linux-x64", "1.0.0", nil, map[string]string{"bin/p*": "program", "readme": "text"})
	s := f.source(definition.Definition{Name: "p", NPM: "p-{os}-{arch}", Arch: map[string]string{"amd64": "x64"}})
	item := lock(t, s, "p")
	got, err := install(t, s, item, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	plain := newMemory(t)
	data := f.tgz["/p-linux-x64/-/p-linux-x64-1.0.0.tgz"]
	if err := archive.Unpack(t.Context(), bytes.NewReader(data), int64(len(data)), archive.Options{Want: item.Archive.Digest}, plain, nil); err != nil {
		t.Fatal(err)
	}
	delete(plain.files, "package.json")
	if diff := cmp.Diff(plain.files, got); diff != "" || got["bin/p"] != "*program" {
		t.Error(diff)
	}
}

func TestFetchAgain(t *testing.T) {
	f := newFake(t)
	f.publishAll("a@1.0.0 dep:b@1 dep:c@npm:b@1\nb@1.0.0")
	s := f.source()
	item, dir := lock(t, s, "a"), t.TempDir()
	data := f.tgz["/b/-/b-1.0.0.tgz"]
	delete(f.tgz, "/b/-/b-1.0.0.tgz")
	f.raw["/b"] = "{}"
	if _, err := install(t, s, item, t.TempDir()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "downloading package b@1.0.0") {
		t.Fatal(err)
	}
	before := item // it was interrupted when only a was there
	before.Parts = []release.Part{item.Parts[0], {Name: "node_modules/x=a@1.0.0", Digest: item.Archive.Digest}}
	if _, err := install(t, s, before, dir); err != nil {
		t.Fatal(err)
	}
	f.tgz["/b/-/b-1.0.0.tgz"] = data
	clear(f.hits)
	var mu sync.Mutex
	var last [2]int64
	path, err := s.Fetch(t.Context(), item, filepath.Join(dir, "x.part"), func(done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		last = [2]int64{done, total}
	})
	if err != nil || path != fetch.PartDir(filepath.Join(dir, "x.part")) {
		t.Fatal(path, err)
	}
	all := int64(len(data) + len(f.tgz["/a/-/a-1.0.0.tgz"]))
	if last != [2]int64{all, all} {
		t.Errorf("progress ends at %d, want %d twice", last, all)
	}
	if diff := cmp.Diff(map[string]int{"/b/-/b-1.0.0.tgz": 1}, f.hits); diff != "" {
		t.Errorf("requests: what was there is asked for again, or one package twice: %s", diff)
	}
}

func TestInstallWrongBytes(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(data []byte) []byte
	}{
		{"other bytes", func(data []byte) []byte { return tarball1(t, map[string]string{"evil.js": "x"}) }},
		{"flipped bit", func(data []byte) []byte { data[len(data)/2] ^= 4; return data }},
		{"truncated", func(data []byte) []byte { return data[:len(data)/2] }},
		{"no archive", func(data []byte) []byte { return []byte("#!/bin/sh\n") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.publishAll("a@1.0.0 dep:b@1\nb@1.0.0")
			s := f.source()
			item := lock(t, s, "a")
			place := "/b/-/b-1.0.0.tgz"
			f.tgz[place] = c.harm(bytes.Clone(f.tgz[place]))
			_, err := install(t, s, item, t.TempDir())
			var wrong *digest.MismatchError
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "package b@1.0.0") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestTarballElsewhere(t *testing.T) {
	for _, c := range []struct{ name, stated, place, want string }{
		{"on this host", "BASE/other/place-1.tgz", "/other/place-1.tgz", ""},
		{"with a query", "BASE/other.tgz?x=1", "/other.tgz", ""},
		{"on another host", "https://registry.example/other/place-1.tgz?key=1", "/other/place-1.tgz", ""},
		{"with a password", "https://me:secret@registry.example/other.tgz", "/other.tgz", ""},
		{"nowhere", "https://registry.example/gone.tgz", "/other.tgz", "status 404"},
		{"a file", "file:///etc/passwd", "/other.tgz", "no place in it"},
		{"a path that climbs", "https://registry.example/../../x.tgz", "/x.tgz", "no place in it"},
		{"nothing", "", "/x.tgz", "no place in it"},
		{"no URL", "https://[", "/x.tgz", "tarball URL that is none"},
		{"the usual place", "BASE/a/-/a-1.0.0.tgz", "/x.tgz", "status 404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			m := f.publish("a", "1.0.0", object{"bin": "cli.js"}, map[string]string{"cli.js": "x"})
			s := f.source()
			item := lock(t, s, "a")
			m["dist"].(object)["tarball"] = strings.Replace(c.stated, "BASE", f.srv.URL, 1)
			usual := "/a/-/a-1.0.0.tgz"
			f.tgz[c.place] = f.tgz[usual]
			delete(f.tgz, usual)
			_, err := install(t, s, item, t.TempDir())
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// TestRegistryBelowPath puts the registry where several are on one host.
func TestRegistryBelowPath(t *testing.T) {
	for _, c := range []struct{ stated, base, want string }{
		{"https://r.example/a/-/a-1.tgz", "https://nexus.example/npm", "https://nexus.example/npm/a/-/a-1.tgz"},
		{"https://nexus.example/npm/a/-/a-1.tgz", "https://nexus.example/npm", "https://nexus.example/npm/a/-/a-1.tgz"},
		{"https://nexus.example/download/a/1", "https://nexus.example/npm", "https://nexus.example/download/a/1"},
		{"http://nexus.example/npm/a.tgz", "https://nexus.example/npm", "https://nexus.example/npm/a.tgz"},
		{"https://r.example/a.tgz", "https://me:pw@nexus.example/npm", "https://me:pw@nexus.example/npm/a.tgz"},
		{"file:///srv/npm/a.tgz", "file:///srv/npm", "file:///srv/npm/a.tgz"},
		{"file:///etc/a.tgz", "file:///srv/npm", ""},
		{"https://r.example/a.tgz", "file:///srv/npm", "file:///srv/npm/a.tgz"},
	} {
		if got, err := rehost(c.stated, c.base); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("rehost(%q, %q) = %q, %v; want %q", c.stated, c.base, got, err, c.want)
		}
	}
}

// TestDirectory uses a directory as the registry, and a scope of its own.
func TestDirectory(t *testing.T) {
	f := newFake(t)
	f.publishAll("a@1.0.0 dep:@x/b@1\n@x/b@1.0.0")
	dir := t.TempDir()
	write := func(name string, data []byte) {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	doc, err := new(fetch.Client).Get(t.Context(), f.srv.URL+"/@x%2fb", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	write("@x/b/index.json", doc)
	write("@x/b/-/b-1.0.0.tgz", f.tgz["/@x/b/-/b-1.0.0.tgz"])
	delete(f.docs, "@x/b")
	delete(f.tgz, "/@x/b/-/b-1.0.0.tgz")
	s, err := New(Config{Registry: Registry{URL: f.srv.URL, Scopes: map[string]string{"@x": "file://" + dir}}, Host: linux})
	if err != nil {
		t.Fatal(err)
	}
	got, err := install(t, s, lock(t, s, "a"), t.TempDir())
	if err != nil || got["lib/node_modules/@x/b/cli.js"] != "// @x/b@1.0.0" {
		t.Errorf("%v, %v", got, err)
	}
}

// TestHostileLock gives Fetch and Unpack items that no Resolve makes.
func TestHostileLock(t *testing.T) {
	sha512, err := digest.ParseArchive(integrity(nil))
	if err != nil {
		t.Fatal(err)
	}
	good := release.Part{Name: "node_modules/b=b@1.0.0", Digest: sha512}
	f := newFake(t)
	s := f.source()
	for _, c := range []struct {
		name, from string
		digest     digest.Archive
		parts      []release.Part
	}{
		{"no version", "a", sha512, nil},
		{"path in the version", "a@1.0.0/../../x", sha512, nil},
		{"path in the name", "../a@1.0.0", sha512, nil},
		{"URL", "https://example.com/a@1.0.0", sha512, nil},
		{"another digest", "a@1.0.0", digest.SHA256(nil), nil},
		{"climbing place", "a@1.0.0", sha512, []release.Part{{Name: "node_modules/../../x=b@1.0.0", Digest: sha512}}},
		{"place elsewhere", "a@1.0.0", sha512, []release.Part{{Name: "bin=b@1.0.0", Digest: sha512}}},
		{"absolute place", "a@1.0.0", sha512, []release.Part{{Name: "/node_modules/b=b@1.0.0", Digest: sha512}}},
		{"place inside a package", "a@1.0.0", sha512, []release.Part{{Name: "node_modules/b/lib/node_modules/c=c@1.0.0", Digest: sha512}}},
		{"no place", "a@1.0.0", sha512, []release.Part{{Name: "b@1.0.0", Digest: sha512}}},
		{"part without version", "a@1.0.0", sha512, []release.Part{{Name: "node_modules/b=b", Digest: sha512}}},
		{"part without digest", "a@1.0.0", sha512, []release.Part{{Name: "node_modules/b=b@1.0.0"}}},
		{"unknown limit", "a@1.0.0", sha512, []release.Part{{Name: "node_modules/b=b@1.0.0?libc=musl", Digest: sha512}}},
		{"limit twice", "a@1.0.0", sha512, []release.Part{{Name: "node_modules/b=b@1.0.0?os=linux&os=linux", Digest: sha512}}},
		{"no limit", "a@1.0.0", sha512, []release.Part{{Name: "node_modules/b=b@1.0.0?", Digest: sha512}}},
		{"two in one place", "a@1.0.0", sha512, []release.Part{good, {Name: "node_modules/b=b@2.0.0", Digest: sha512}}},
		{"archive with two digests", "b@1.0.0", sha512, []release.Part{{Name: good.Name, Digest: other(t)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			item := release.Item{Tool: "a", Platform: linux, Archive: release.Archive{From: c.from, Digest: c.digest}, Parts: c.parts}
			dir := t.TempDir()
			if _, err := s.Fetch(t.Context(), item, filepath.Join(dir, "part"), nil); err == nil {
				t.Error("Fetch takes it")
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 || len(f.hits) > 0 {
				t.Errorf("Fetch made %v, asked for %v", left, f.hits)
			}
			sink := newMemory(t)
			if err := s.Unpack(t.Context(), item, dir, sink, nil); err == nil || len(sink.files) > 0 {
				t.Errorf("Unpack: %v, made %v", err, sink.files)
			}
		})
	}
}

func other(t *testing.T) digest.Archive {
	d, err := digest.ParseArchive(integrity([]byte("other")))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestNothingConfigured(t *testing.T) {
	f := newFake(t)
	f.publishAll("a@1.0.0")
	item := lock(t, f.source(), "a")
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	var none *NoRegistryError
	if _, err := s.Resolve(t.Context(), request(t, "a"), nil); !errors.As(err, &none) {
		t.Error(err)
	}
	if _, err := s.Fetch(t.Context(), item, filepath.Join(t.TempDir(), "part"), nil); !errors.As(err, &none) {
		t.Error(err)
	}
	if _, err := s.Versions(t.Context(), "a"); !errors.As(err, &none) {
		t.Error(err)
	}
}
