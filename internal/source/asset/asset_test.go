package asset

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"gostore/internal/definition"
	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/install"
	"gostore/internal/release"
	"gostore/internal/tree"
	"gostore/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	linux   = release.Platform{OS: "linux", Arch: "amd64"}
	arm     = release.Platform{OS: "linux", Arch: "arm64"}
	mac     = release.Platform{OS: "darwin", Arch: "arm64"}
	windows = release.Platform{OS: "windows", Arch: "amd64"}
)

// upstream serves files by path and query, and answers 404 to everything else.
type upstream struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string][]byte
	codes map[string]int // instead of a file
	asked map[string]int // GET requests
}

func newUpstream(t *testing.T) *upstream {
	u := &upstream{files: map[string][]byte{}, codes: map[string]int{}, asked: map[string]int{}}
	u.Server = httptest.NewServer(u)
	t.Cleanup(u.Close)
	return u
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	path := r.URL.RequestURI()
	if r.Method == http.MethodGet {
		u.asked[path]++
	}
	data, ok := u.files[path]
	switch {
	case u.codes[path] != 0:
		w.WriteHeader(u.codes[path])
	case !ok:
		http.NotFound(w, r)
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}
}

// client returns a client that does not pause.
func client(t *testing.T) *fetch.Client {
	c := &fetch.Client{Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	t.Cleanup(c.CloseIdle)
	return c
}

// fixture is an upstream and a source that has definitions for it.
type fixture struct {
	*upstream
	*Source
	t    *testing.T
	defs map[string]definition.Definition
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{upstream: newUpstream(t), t: t, defs: map[string]definition.Definition{}}
	f.Source = New(Config{Client: client(t), Find: f.find, Host: linux})
	return f
}

func (f *fixture) find(tool string) (definition.Definition, bool) {
	d, ok := f.defs[tool]
	return d, ok
}

// tags makes the list of versions of /repo.
func (f *fixture) tags(tags ...string) {
	pkt := func(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }
	id := strings.Repeat("a", 40)
	answer := pkt("# service=git-upload-pack\n") + "0000" + pkt(id+" HEAD\x00x\n")
	for _, tag := range tags {
		answer += pkt(id + " refs/tags/" + tag + "\n")
	}
	f.files["/repo/info/refs?service=git-upload-pack"] = []byte(answer + "0000")
}

const list = "/repo/info/refs?service=git-upload-pack"

// tool defines "x", with one checksum file for each version.
func (f *fixture) tool() definition.Definition {
	d := definition.Definition{
		Name:      "x",
		URL:       f.URL + "/x/{version}/x_{os}_{arch}.tar.gz",
		Checksums: f.URL + "/x/{version}/sums.txt",
		Versions:  definition.Versions{Git: f.URL + "/repo"},
		Platforms: []release.Platform{linux, arm, mac, windows},
		OS:        map[string]string{"darwin": "macos"},
		Layout:    release.Layout{Dirs: []string{"bin"}, Check: []string{"x", "version"}},
	}
	f.defs["x"] = d
	return d
}

// publish makes the archives of a version of "x", and the checksum file.
func (f *fixture) publish(version string, names ...string) {
	sums := ""
	for _, name := range names {
		data := tarball(map[string]string{"bin/x": "#!/bin/sh\necho " + version + " " + name + "\n", "README": "x"})
		f.files["/x/"+version+"/"+name] = data
		sums += fmt.Sprintf("%x  %s\n", sha256.Sum256(data), name)
	}
	f.files["/x/"+version+"/sums.txt"] = []byte(sums)
}

const (
	forLinux   = "x_linux_amd64.tar.gz"
	forARM     = "x_linux_arm64.tar.gz"
	forMac     = "x_macos_arm64.tar.gz"
	forWindows = "x_windows_amd64.tar.gz"
)

// tarball returns an archive of files below one directory; what is in bin is executable.
func tarball(files map[string]string) []byte {
	var buf bytes.Buffer
	packed := gzip.NewWriter(&buf)
	w := tar.NewWriter(packed)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		mode := int64(0o644)
		if strings.HasPrefix(name, "bin/") {
			mode = 0o755
		}
		err := w.WriteHeader(&tar.Header{Name: "top/" + name, Mode: mode, Size: int64(len(files[name]))})
		if err == nil {
			_, err = w.Write([]byte(files[name]))
		}
		if err != nil {
			panic(err) // writing to memory does not fail
		}
	}
	if err := errors.Join(w.Close(), packed.Close()); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

func (f *fixture) resolve(request string, platforms ...release.Platform) (release.Release, error) {
	r, err := release.ParseRequest(request)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.Source.Resolve(f.t.Context(), r, platforms)
}

func (f *fixture) mustResolve(request string, platforms ...release.Platform) release.Release {
	f.t.Helper()
	r, err := f.resolve(request, platforms...)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// installed installs a release for a platform in a new store, and returns its manifest.
func installed(t *testing.T, s install.Source, r release.Release, p release.Platform) (tree.Manifest, error) {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	item, ok := r.Item(p)
	if !ok {
		t.Fatalf("%v is not there for %v", r, p)
	}
	lease, err := install.One(t.Context(), st, install.Job{Source: s, Item: item})
	if err != nil {
		if objects, _ := st.Objects(); len(objects) > 0 {
			t.Errorf("an object is there after %v", err)
		}
		return tree.Manifest{}, err
	}
	defer lease.Release()
	m, err := st.Manifest(lease.Object().Tree)
	if err != nil {
		t.Fatal(err)
	}
	return m, nil
}

func paths(m tree.Manifest) string {
	var list []string
	for _, e := range m.Entries() {
		list = append(list, string(e.Kind)+" "+e.Path)
	}
	return strings.Join(list, ", ")
}

func TestResolveAndInstall(t *testing.T) {
	f := newFixture(t)
	f.tool()
	f.tags("v1.2.0", "v1.2.1", "v1.10.0", "v1.11.0-rc1", "latest", "vscode-2.0")
	for _, v := range []string{"1.2.1", "1.10.0", "1.11.0-rc1"} {
		f.publish(v, forLinux, forARM, forMac, forWindows)
	}
	for request, want := range map[string]string{"x": "1.10.0", "x@1": "1.10.0", "x@v1.2": "1.2.1", "x@1.11.0-rc1": "1.11.0-rc1", "x@stable": "1.10.0"} {
		if r, err := f.resolve(request); err != nil || r.Version != want {
			t.Errorf("%s is %s, %v; want %s", request, r.Version, err, want)
		}
	}
	r := f.mustResolve("x")
	data := f.files["/x/1.10.0/"+forMac]
	want := release.Archive{From: f.URL + "/x/1.10.0/" + forMac, Digest: digest.SHA256(data), Size: int64(len(data))}
	if len(r.Archives) != 4 || r.Archives[mac] != want || r.Source != "release" || r.FirstUse || !r.Unlogged {
		t.Errorf("resolved to %+v", r)
	}
	layout := release.Layout{Dirs: []string{"bin"}, Check: []string{"x", "version"}, CheckWant: "1.10.0"}
	if diff := cmp.Diff(layout, f.Layout(r)); diff != "" {
		t.Error(diff)
	}
	m, err := installed(t, f.Source, r, linux)
	if err != nil || paths(m) != "f README, d bin, x bin/x" {
		t.Errorf("installed %s, %v", paths(m), err)
	}
}

func TestInstallComparesTheDigest(t *testing.T) {
	f := newFixture(t)
	f.tool()
	f.publish("1.2.0", forLinux)
	r := f.mustResolve("x@1.2.0", linux)
	f.files["/x/1.2.0/"+forLinux] = tarball(map[string]string{"bin/x": "evil"})
	var mismatch *digest.MismatchError
	if _, err := installed(t, f.Source, r, linux); !errors.As(err, &mismatch) {
		t.Errorf("%v", err)
	}
	f.files["/x/1.2.0/"+forLinux] = []byte("no archive")
	if _, err := installed(t, f.Source, r, linux); !errors.As(err, &mismatch) {
		t.Errorf("%v", err)
	}
}

func TestFirstUseByDefinition(t *testing.T) {
	f := newFixture(t)
	d := f.tool()
	d.Checksums, d.FirstUse = "", true
	f.defs["x"] = d
	f.tags("v1.3.0", "v1.2.0")
	f.publish("1.2.0", forLinux, forMac)
	var unstated *UnstatedError
	if _, err := f.resolve("x"); !errors.As(err, &unstated) || unstated.Version != "1.3.0" || !strings.Contains(unstated.URL, "/x/1.3.0/") {
		t.Errorf("%v", err)
	}
	f.Source = New(Config{Client: client(t), Find: f.find, Host: linux, FirstUse: t.TempDir()})
	r := f.mustResolve("x")
	data := f.files["/x/1.2.0/"+forMac]
	want := release.Archive{From: f.URL + "/x/1.2.0/" + forMac, Digest: digest.SHA256(data), Size: int64(len(data))}
	if !r.FirstUse || len(r.Archives) != 2 || r.Archives[mac] != want {
		t.Errorf("%+v", r)
	}
	if _, err := installed(t, f.Source, r, linux); err != nil || f.asked["/x/1.2.0/"+forLinux] != 1 {
		t.Errorf("%v, downloaded %d times", err, f.asked["/x/1.2.0/"+forLinux])
	}
	if left, _ := filepath.Glob(filepath.Join(f.firstUse, "*.part")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}
