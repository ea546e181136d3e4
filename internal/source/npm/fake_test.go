package npm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gostore/internal/definition"
	"gostore/internal/fetch"
	"gostore/internal/release"
	"gostore/internal/tree"
)

// object is one of JSON.
type object = map[string]any

// fakeRegistry serves packages that tests publish.
type fakeRegistry struct {
	t    *testing.T
	srv  *httptest.Server
	mu   sync.Mutex
	docs map[string]object // packuments by name
	raw  map[string]string // answers by path, in place of what would be served
	tgz  map[string][]byte // tarballs by path
	hits map[string]int    // requests by path
}

func newFake(t *testing.T) *fakeRegistry {
	f := &fakeRegistry{t: t, docs: map[string]object{}, raw: map[string]string{}, tgz: map[string][]byte{}, hits: map[string]int{}}
	f.srv = httptest.NewServer(f)
	t.Cleanup(f.srv.Close)
	return f
}

func (f *fakeRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := r.URL.EscapedPath()
	f.hits[path]++
	name := strings.Replace(strings.TrimPrefix(path, "/"), "%2f", "/", 1)
	if text, ok := f.raw[path]; ok {
		io.WriteString(w, text)
	} else if doc, ok := f.docs[name]; ok && strings.Count(path, "/") == 1 {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(doc)
	} else if data, ok := f.tgz[path]; ok {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	} else {
		http.NotFound(w, r)
	}
}

// publish adds a version. fields are added to its package.json, files to its tarball, those whose names end in "*" as
// executable ones. It returns what the registry says about the version, which may be changed.
func (f *fakeRegistry) publish(name, version string, fields object, files map[string]string) object {
	f.t.Helper()
	m := object{"name": name, "version": version}
	maps.Copy(m, fields)
	text, err := json.Marshal(m)
	if err != nil {
		f.t.Fatal(err)
	}
	all := map[string]string{"package.json": string(text)}
	maps.Copy(all, files)
	data := tarball1(f.t, all)
	place := "/" + name + "/-/" + unscoped(name) + "-" + version + ".tgz"
	m["dist"] = object{"integrity": integrity(data), "tarball": f.srv.URL + place}
	f.tgz[place] = data
	doc := f.docs[name]
	if doc == nil {
		doc = object{"name": name, "dist-tags": object{}, "versions": object{}}
		f.docs[name] = doc
	}
	doc["versions"].(object)[version] = m
	doc["dist-tags"].(object)["latest"] = version
	return m
}

func integrity(data []byte) string {
	s := sha512.Sum512(data)
	return "sha512-" + base64.StdEncoding.EncodeToString(s[:])
}

// tarball1 packs files as npm does, below package/.
func tarball1(t *testing.T, files map[string]string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		mode := int64(0o644)
		plain, exec := strings.CutSuffix(name, "*")
		if exec {
			mode = 0o755
		}
		h := &tar.Header{Name: "package/" + plain, Mode: mode, Size: int64(len(files[name])), Typeflag: tar.TypeReg}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, files[name])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// publishAll publishes packages that are described a line each:
//
//	NAME@VERSION KEY:NAME@SPEC…
//
// where KEY is dep, opt, peer, peer? (optional) or bundle (also a dependency), or one of os, cpu, libc with a word, or
// the word deprecated or nodigest. Every package has a command of its own name.
func (f *fakeRegistry) publishAll(text string) {
	f.t.Helper()
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		name, version := cutVersion(words[0])
		fields := object{"bin": "cli.js"}
		add := func(key, name string, value any) {
			if fields[key] == nil {
				fields[key] = object{}
			}
			fields[key].(object)[name] = value
		}
		digest := true
		for _, word := range words[1:] {
			key, rest, _ := strings.Cut(word, ":")
			dep, spec := cutVersion(rest)
			spec = strings.ReplaceAll(spec, "_", " ")
			switch key {
			case "dep":
				add("dependencies", dep, spec)
			case "opt":
				add("optionalDependencies", dep, spec)
			case "peer":
				add("peerDependencies", dep, spec)
			case "peer?":
				add("peerDependencies", dep, spec)
				add("peerDependenciesMeta", dep, object{"optional": true})
			case "bundle":
				add("dependencies", dep, spec)
				fields["bundleDependencies"] = []string{dep}
			case "os", "cpu", "libc":
				fields[key] = []string{rest}
			case "deprecated":
				fields[key] = "do not use"
			case "nodigest":
				digest = false
			default:
				f.t.Fatalf("line %q: word %q", line, word)
			}
		}
		m := f.publish(name, version, fields, map[string]string{"cli.js": "// " + words[0]})
		if !digest {
			m["dist"] = object{"shasum": "f7da411c6b8f030e01cbde06895591be8436ceb3", "tarball": "x"}
		}
	}
}

// linux is the host of all tests.
var linux = release.Platform{OS: "linux", Arch: "amd64"}

// source returns a source for the registry that knows these definitions.
func (f *fakeRegistry) source(definitions ...definition.Definition) *Source {
	f.t.Helper()
	set := definition.Set{}.With(definitions)
	s, err := New(Config{
		Client: &fetch.Client{Pause: noPause}, Registry: Registry{URL: f.srv.URL}, Find: set.Find, Host: linux,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// memory is a sink that keeps what it is given: contents by path, with "*" before those of executable files and
// "-> " before targets of links.
type memory struct {
	t     *testing.T
	names tree.Names
	mu    sync.Mutex
	files map[string]string
}

func newMemory(t *testing.T) *memory { return &memory{t: t, files: map[string]string{}} }

func (m *memory) put(path string, kind tree.Kind, text string) error {
	if err := m.names.Add(path, kind); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[path] = text
	return nil
}

func (m *memory) Dir(path string) error { return m.names.Add(path, tree.Dir) }

func (m *memory) File(path string, exec bool, data []byte) error {
	if exec {
		return m.put(path, tree.Exec, "*"+string(data))
	}
	return m.put(path, tree.File, string(data))
}

func (m *memory) Stream(path string, exec bool, r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return m.File(path, exec, data)
}

func (m *memory) Link(path, target string) error { return m.put(path, tree.Link, "-> "+target) }

func (m *memory) Copy(path, from string) error { m.t.Error("Copy"); return nil }

func (m *memory) Nest(dir string) error { m.t.Error("Nest"); return nil }

func (m *memory) Workers() int { return 2 }
