package asset

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
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

// An exact version is asked for without any list, and is there even if it is not listed.
func TestResolveExactNeedsNoList(t *testing.T) {
	f := newFixture(t)
	f.tool()
	f.tags("v1.3.0")
	f.publish("1.2.0", forLinux)
	r := f.mustResolve("x@v1.2.0", linux)
	if r.Version != "1.2.0" || f.asked[list] != 0 || len(r.Archives) != 1 {
		t.Errorf("%+v, the list was asked for %d times", r, f.asked[list])
	}
	var missing *release.NotFoundError
	if _, err := f.resolve("x@1.2.9"); !errors.As(err, &missing) || missing.Version != "1.2.9" || !slices.Equal(missing.Have, []string{"1.3.0"}) {
		t.Errorf("%v, have %v", err, missing)
	}
	f.codes[list] = 500
	if _, err := f.resolve("x@1.2.9"); !errors.As(err, &missing) || missing.Version != "1.2.9" {
		t.Errorf("without a list: %v", err)
	}
	if _, err := f.resolve("x@1.2"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a list: %v", err)
	}
}

func TestResolveTagsWithoutArchives(t *testing.T) {
	f := newFixture(t)
	f.tool()
	f.tags("v1.5", "v1.4", "v1.3", "v1.2", "v1.1")
	f.publish("1.2", forLinux)
	if r := f.mustResolve("x"); r.Version != "1.2" {
		t.Errorf("latest is %s, want 1.2: three older ones are tried", r.Version)
	}
	var missing *release.NotFoundError
	if r, err := f.resolve("x@1.5"); !errors.As(err, &missing) || !strings.Contains(err.Error(), "x@1.5 does not exist: 1.5: no archives with checksums are published for it: reading ") {
		t.Errorf("x@1.5 is %s, %v", r.Version, err)
	}
	if slices.Contains(missing.Have, "1.5") || !slices.Contains(missing.Have, "1.4") {
		t.Errorf("suggests %v", missing.Have)
	}
	delete(f.files, "/x/1.2/sums.txt")
	f.publish("1.1", forLinux)
	if r, err := f.resolve("x"); !errors.As(err, &missing) {
		t.Errorf("latest is %s, %v: no more than three are tried", r.Version, err)
	}
	f.tags("v1.6.0", "v1.5", "v1.5.1")
	f.publish("1.5.1", forLinux)
	if r, err := f.resolve("x@1.5"); !errors.As(err, &missing) {
		t.Errorf("x@1.5 is %s, %v: it is a version itself", r.Version, err)
	}
	if r, err := f.resolve("x@1.6.0"); !errors.As(err, &missing) || f.asked["/x/1.6.0/sums.txt"] != 1 {
		t.Errorf("x@1.6.0 is %s, %v, asked for %d times", r.Version, err, f.asked["/x/1.6.0/sums.txt"])
	}
	f.tags("v1.5", "v1.4")
	f.codes["/x/1.5/sums.txt"] = 500
	if r, err := f.resolve("x"); err == nil || errors.As(err, &missing) {
		t.Errorf("latest is %s, %v: a server that fails is no missing file", r.Version, err)
	}
}

func TestResolvePlatforms(t *testing.T) {
	f := newFixture(t)
	f.tool()
	f.tags("v1.2.0")
	f.publish("1.2.0", forLinux, forARM)
	if r := f.mustResolve("x"); len(r.Archives) != 2 {
		t.Errorf("has %v", r.Archives)
	}
	var missing *release.NotFoundError
	if _, err := f.resolve("x", linux, mac); !errors.As(err, &missing) || *missing.Platform != mac || !strings.Contains(err.Error(), "has no line for") || !slices.Equal(missing.Have, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("%v, have %v", err, missing)
	}
	s390 := release.Platform{OS: "linux", Arch: "s390x"}
	if _, err := f.resolve("x", s390); !errors.As(err, &missing) || *missing.Platform != s390 || len(missing.Have) != 4 {
		t.Errorf("%v, have %v", err, missing)
	}
	f.publish("1.2.0", forMac)
	if _, err := f.resolve("x"); !errors.As(err, &missing) || *missing.Platform != linux {
		t.Errorf("without the host: %v", err)
	}
	if _, err := f.resolve("y"); !errors.As(err, &missing) || missing.Tool != "y" || missing.Version != "" {
		t.Errorf("an unknown tool: %v", err)
	}
}

func TestResolveChecksumForEachFile(t *testing.T) {
	f := newFixture(t)
	d := f.tool()
	d.Checksums = "{url}.sha256"
	f.defs["x"] = d
	f.publish("1.2.0", forLinux, forARM, forMac)
	for _, name := range []string{forLinux, forARM} {
		f.files["/x/1.2.0/"+name+".sha256"] = fmt.Appendf(nil, "%x\n", sha256.Sum256(f.files["/x/1.2.0/"+name]))
	}
	if r := f.mustResolve("x@1.2.0"); len(r.Archives) != 2 || r.Archives[arm].Digest != digest.SHA256(f.files["/x/1.2.0/"+forARM]) {
		t.Errorf("has %v", r.Archives)
	}
	f.codes["/x/1.2.0/"+forMac+".sha256"] = 503
	if r, err := f.resolve("x@1.2.0"); err == nil {
		t.Errorf("a platform is missing because of the weather: %v", r.Archives)
	}
	delete(f.codes, "/x/1.2.0/"+forMac+".sha256")
	f.files["/x/1.2.0/"+forMac+".sha256"] = []byte("abcd\n")
	var bad *IndexError
	if _, err := f.resolve("x@1.2.0"); !errors.As(err, &bad) || !strings.HasSuffix(bad.URL, forMac+".sha256") || !strings.Contains(err.Error(), "is no digest") {
		t.Errorf("%v", err)
	}
}

// A digest alone says nothing in a file for several archives.
func TestChecksumAloneInSharedFile(t *testing.T) {
	f := newFixture(t)
	f.tool()
	f.publish("1.2.0", forLinux)
	f.files["/x/1.2.0/sums.txt"] = fmt.Appendf(nil, "%x\n", sha256.Sum256(nil))
	if r, err := f.resolve("x@1.2.0", linux); err == nil {
		t.Errorf("resolved to %v", r.Archives)
	}
}

func TestResolveBadUpstream(t *testing.T) {
	const lines, json, node, zig = "lines", "json", "node", "zig"
	sum := strings.Repeat("ab", 32)
	for _, tt := range []struct{ kind, data, want string }{
		{"", "", "is empty"},
		{"", "<!DOCTYPE html><title>Sign in</title>", "is a web page"},
		{"", "001e# service=git-upload-pack\n0000", "cut off"},
		{lines, "\n\n", "is empty"},
		{lines, "master\nmain\n", "lists no versions"},
		{json, `{"versions":{"1.2":{}`, "cut off"},
		{json, `{"versions":[]}`, "is an array, not an object"},
		{json, `{"versions":{}}`, "lists no versions"},
		{json, `<html>`, "is a web page"},
		{json, `{"releases":{}}`, `has no member "versions"`},
		{node, `[]`, "lists no versions"},
		{node, `{"error":"no"}`, "is not the JSON that it should be"},
		{zig, `{}`, "lists no versions"},
		{zig, `{"0.1.0":{"amd64-linux":{"tarball":"https://h/x","shasum":"` + sum[2:] + `"}}}`, "has 31 bytes, want 32"},
		{zig, `{"0.1.0":{"amd64-linux":{"tarball":"http://h/x","shasum":"` + sum + `"}}}`, "want an https URL"},
		{zig, `{"0.1.0":{"amd64-linux":{"tarball":"../x","shasum":"` + sum + `"}}}`, "is no http or https URL"},
	} {
		f := newFixture(t)
		d := f.tool()
		at := f.URL + "/list"
		switch tt.kind {
		case "":
			at = f.URL + list
		case lines:
			d.Versions = definition.Versions{Text: at}
		case json:
			d.Versions = definition.Versions{JSON: at, Path: "versions.@key"}
		default:
			d.Versions = definition.Versions{Index: at, Format: tt.kind}
		}
		f.defs["x"] = d
		f.files["/list"], f.files[list] = []byte(tt.data), []byte(tt.data)
		_, err := f.resolve("x", linux)
		var bad *IndexError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), strings.TrimSuffix(at, "?service=git-upload-pack")) {
			t.Errorf("%s %q: %v, want an error with %q", tt.kind, tt.data, err, tt.want)
		}
	}
}

func TestResolveRefusesRedirectToHTTP(t *testing.T) {
	plain := newUpstream(t)
	plain.files["/list"] = []byte("1.2\n")
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL+"/list", http.StatusFound))
	t.Cleanup(secure.Close)
	c := client(t)
	c.HTTP = secure.Client()
	s := New(Config{Client: c, Host: linux, Find: func(string) (definition.Definition, bool) {
		return definition.Definition{Name: "x", URL: secure.URL + "/x", Checksums: secure.URL + "/sums", Versions: definition.Versions{Text: secure.URL}}, true
	}})
	_, err := s.Resolve(t.Context(), release.Request{Tool: "x", Version: "latest"}, nil)
	if err == nil || !strings.Contains(err.Error(), "refusing a redirect from https to http") || plain.asked["/list"] != 0 {
		t.Errorf("%v", err)
	}
}

func TestResolveTooLargeChecksums(t *testing.T) {
	f := newFixture(t)
	f.tool()
	f.files["/x/1.2.0/sums.txt"] = bytes.Repeat([]byte("\n"), checksumLimit+1)
	if _, err := f.resolve("x@1.2.0"); !errors.Is(err, fetch.ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

func TestNodeChannels(t *testing.T) {
	f := newFixture(t)
	d := f.tool()
	d.Versions = definition.Versions{Index: f.URL + "/index.json", Format: definition.FormatNode}
	f.defs["x"] = d
	f.files["/index.json"] = []byte(`[{"version":"v25.0.0","lts":false},{"version":"v24.2.0","lts":"Krypton"},{"version":"v24.1.0","lts":"Krypton"},
		{"version":"v22.3.0","lts":"Jod"}]`)
	for _, v := range []string{"25.0.0", "24.1.0", "22.3.0"} {
		f.publish(v, forLinux)
	}
	for request, want := range map[string]string{"x@lts": "24.1.0", "x@Jod": "22.3.0", "x": "25.0.0", "x@22": "22.3.0", "x@24": "24.1.0"} {
		if r, err := f.resolve(request); err != nil || r.Version != want {
			t.Errorf("%s is %s, %v; want %s", request, r.Version, err, want)
		}
	}
	got, err := f.Versions(t.Context(), "x")
	if diff := cmp.Diff([]string{"22.3.0", "24.1.0", "24.2.0", "25.0.0"}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	var missing *release.NotFoundError
	if _, err := f.resolve("x@iron"); !errors.As(err, &missing) || len(missing.Have) != 4 {
		t.Errorf("%v", err)
	}
}

func TestZigIndex(t *testing.T) {
	f := newFixture(t)
	f.defs["zig"] = definition.Definition{
		Name: "zig", Versions: definition.Versions{Index: f.URL + "/index.json", Format: definition.FormatZig},
		OS: map[string]string{"darwin": "macos"}, Arch: map[string]string{"amd64": "x86_64", "arm64": "aarch64"},
	}
	data := tarball(map[string]string{"bin/zig": "zig"})
	f.files["/zig.tar.gz"] = data
	file := fmt.Sprintf(`{"tarball":%q,"shasum":"%x","size":"%d"}`, f.URL+"/zig.tar.gz", sha256.Sum256(data), len(data))
	f.files["/index.json"] = []byte(`{"master":{"version":"0.16.0-dev.7+ab","x86_64-linux":` + file + `},
		"0.14.1":{"x86_64-linux":` + file + `,"aarch64-macos":` + file + `},"0.13.0":{"x86_64-linux":` + file + `}}`)
	for request, want := range map[string]string{"zig": "0.14.1", "zig@master": "0.16.0-dev.7+ab", "zig@0.13": "0.13.0", "zig@0.16.0-dev.7+ab": "0.16.0-dev.7+ab"} {
		if r, err := f.resolve(request); err != nil || r.Version != want {
			t.Errorf("%s is %s, %v; want %s", request, r.Version, err, want)
		}
	}
	r := f.mustResolve("zig")
	want := release.Archive{From: f.URL + "/zig.tar.gz", Digest: digest.SHA256(data), Size: int64(len(data))}
	if len(r.Archives) != 2 || r.Archives[mac] != want {
		t.Errorf("%v", r.Archives)
	}
	var missing *release.NotFoundError
	if _, err := f.resolve("zig@0.13", mac); !errors.As(err, &missing) || *missing.Platform != mac || !slices.Equal(missing.Have, []string{"linux/amd64"}) {
		t.Errorf("%v, have %v", err, missing)
	}
	if _, err := f.resolve("zig@0.15.0"); !errors.As(err, &missing) || missing.Version != "0.15.0" || missing.Have[0] != "0.14.1" {
		t.Errorf("%v, have %v", err, missing)
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
