package goproxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
	"gostore/tests/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	linux   = release.Platform{OS: "linux", Arch: "amd64"}
	windows = release.Platform{OS: "windows", Arch: "amd64"}
)

// fixture is an upstream and a Source that uses it.
type fixture struct {
	*upstream.Server
	*Source
	t *testing.T
}

func newFixture(t *testing.T, c upstream.Config) *fixture {
	server := upstream.Start(t, c)
	f := &fixture{Server: server, t: t}
	f.Source = f.source(server.URL, t.TempDir())
	return f
}

// source returns a Source that does not pause between attempts.
func (f *fixture) source(proxies, dir string) *Source {
	f.t.Helper()
	client := &fetch.Client{Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	f.t.Cleanup(client.CloseIdle)
	s, err := New(Config{Proxies: proxies, Client: client, Dir: dir, VerifierKey: f.Key, Host: linux})
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func (f *fixture) resolve(version string, platforms ...release.Platform) (release.Release, error) {
	return f.Source.Resolve(f.t.Context(), release.Request{Tool: "go", Version: version}, platforms)
}

// mustResolve resolves a version that exists.
func (f *fixture) mustResolve(version string, platforms ...release.Platform) release.Release {
	f.t.Helper()
	r, err := f.resolve(version, platforms...)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// fetch fetches an archive to a part in a new directory.
func (f *fixture) fetch(s *Source, version string, a release.Archive) (string, error) {
	f.t.Helper()
	return s.Fetch(f.t.Context(), item(version, linux, a), filepath.Join(f.t.TempDir(), "part"), nil)
}

func item(version string, p release.Platform, a release.Archive) release.Item {
	return release.Item{Tool: "go", Version: version, Source: "goproxy", Platform: p, Archive: a}
}

func TestResolveRequests(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	for request, want := range map[string]string{
		"": "1.26.8", "latest": "1.26.8", "stable": "1.26.8", "1": "1.26.8", "go1": "1.26.8",
		"1.22": "1.22.12", "go1.22": "1.22.12", "1.22.6": "1.22.6", "go1.22.6": "1.22.6",
		"1.20": "1.20.14", "1.20.0": "1.20", "1.21.0": "1.21.0", "1.27rc1": "1.27rc1",
	} {
		r, err := f.resolve(request, linux)
		if err != nil || r.Version != want {
			t.Errorf("go@%s is %s, %v; want %s", request, r.Version, err, want)
		}
	}
	for _, request := range []string{"1.x", "~1.22", "^1.22", "1.27rc", "v1.22", "1.022", "1.22.6.1", "1.22.6-custom", "go", "rc1", "1.22.", " 1.22"} {
		_, err := f.resolve(request, linux)
		var bad *RequestError
		if !errors.As(err, &bad) {
			t.Errorf("go@%s: %v, want a RequestError", request, err)
		}
	}
}

func TestResolveAllPlatforms(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	r := f.mustResolve("1.22")
	if len(r.Archives) != len(upstream.Platforms) || r.Source != "goproxy" || r.Tool != "go" || r.Unlogged {
		t.Errorf("resolved to %+v", r)
	}
	for _, p := range upstream.Platforms {
		zip := f.Zip("1.22.12", p)
		want := release.Archive{From: upstream.From("1.22.12", p), Size: int64(len(zip))}
		want.Digest, _ = digest.ParseArchive(upstream.HashZip(zip))
		if r.Archives[p] != want {
			t.Errorf("%v: %+v, want %+v", p, r.Archives[p], want)
		}
	}
	if n, _ := f.Count("lookup"); n != len(platforms()) {
		t.Errorf("%d lookups for %d platforms", n, len(platforms()))
	}
	if n := len(f.mustResolve("1.20.14").Archives); n != len(upstream.Platforms)-1 {
		t.Errorf("1.20.14 has %d platforms, want all but windows/amd64", n)
	}
}

func TestPortsAreDistinct(t *testing.T) {
	all := platforms()
	slices.SortFunc(all, release.Platform.Compare)
	if n := len(slices.Compact(all)); n != 41 {
		t.Errorf("%d ports, want 41", n)
	}
}

func TestNotFound(t *testing.T) {
	f := newFixture(t, upstream.Config{Versions: append([]string{"1.28rc1", "1.28rc2"}, upstream.Versions...)})
	for _, tt := range []struct {
		request   string
		platforms []release.Platform
		platform  bool
		have      string
	}{
		{request: "1.22.7", have: "1.22.6 1.22.12 1.22.5 1.23.0 1.21.13"},
		{request: "1.22.99", have: "1.22.12 1.22.6 1.22.5 1.23.0 1.26.8"},
		{request: "1.24", have: "1.23.0 1.26.8 1.22.12 1.21.13 1.20.14"},
		{request: "1.99", have: "1.26.8 1.23.0 1.22.12 1.21.13 1.20.14"},
		{request: "1.28", have: "1.28rc2 1.28rc1"},
		{request: "2.0", have: "1.26.8 1.23.0 1.22.12 1.21.13 1.20.14"},
		{request: "1.20.14", platforms: []release.Platform{windows}, platform: true, have: "darwin/amd64 darwin/arm64 linux/amd64 linux/arm64"},
		{request: "1.20.14", platforms: []release.Platform{linux, windows}, platform: true, have: "darwin/amd64 darwin/arm64 linux/amd64 linux/arm64"},
		{request: "1.27rc1", platforms: []release.Platform{{OS: "plan9", Arch: "arm"}}, platform: true,
			have: "darwin/amd64 darwin/arm64 linux/amd64 linux/arm64 windows/amd64"},
		{request: "1.22", platforms: []release.Platform{{OS: "aix", Arch: "ppc64"}}, platform: true,
			have: "darwin/amd64 darwin/arm64 linux/amd64 linux/arm64 windows/amd64"},
	} {
		_, err := f.resolve(tt.request, tt.platforms...)
		var missing *release.NotFoundError
		if !errors.As(err, &missing) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("go@%s: %v", tt.request, err)
			continue
		}
		if got := strings.Join(missing.Have, " "); got != tt.have || tt.platform != (missing.Platform != nil) {
			t.Errorf("go@%s: %v, have %s; want %s", tt.request, missing, got, tt.have)
		}
	}
	if _, err := f.resolve("1.28"); !strings.Contains(err.Error(), "pre-releases only, 1.28rc2, 1.28rc1") {
		t.Errorf("go@1.28: %v", err)
	}
	if _, err := f.Source.Resolve(t.Context(), release.Request{Tool: "node", Version: "1"}, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("node@1: %v", err)
	}
}

func TestNoList(t *testing.T) {
	for _, fault := range []upstream.Fault{{Status: 404}, {Body: []byte("\nrubbish\nv1.0.0\n")}} {
		f := newFixture(t, upstream.Config{})
		fault.Path = "@v/list"
		f.Fault(fault)
		if _, err := f.resolve("1.22"); err == nil {
			t.Error("resolved a series without a list")
		}
		f.mustResolve("1.22.6")
		if _, err := f.resolve("1.22.66"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("1.22.66: %v", err)
		}
	}
}

func TestVersions(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	got, err := f.Source.Versions(t.Context())
	if err != nil || !slices.Equal(got, upstream.Versions) {
		t.Errorf("versions are %v, %v", got, err)
	}
	f.Fault(upstream.Fault{Path: "list", Status: 500})
	var status *fetch.StatusError
	if _, err := f.Source.Versions(t.Context()); !errors.As(err, &status) {
		t.Errorf("status 500: %v", err)
	}
}

// A release never lacks a platform because one lookup failed.
func TestResolveFailsAsAWhole(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	f.Fault(upstream.Fault{Path: "lookup/golang.org/toolchain@v0.0.1-go1.22.6.darwin", Status: 502})
	var status *fetch.StatusError
	if r, err := f.resolve("1.22.6"); !errors.As(err, &status) {
		t.Errorf("resolved to %v, %v", r, err)
	}
	f.ClearFaults()
	f.Fault(upstream.Fault{Path: ".zip", Status: 403})
	if r := f.mustResolve("1.22.6"); len(r.Archives) != len(upstream.Platforms) || r.Archives[linux].Size != 0 {
		t.Errorf("without sizes: %+v", r)
	}
}

func TestFetchAndUnpack(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	a := f.mustResolve("1.22.6").Archives[linux]
	f.ClearRequests()
	file, err := f.fetch(f.Source, "1.22.6", a)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := f.Count("/sumdb/"); n != 0 {
		t.Errorf("%d requests to the database although a proof is kept", n)
	}
	sink := unpack(t, f.Source, a, "1.22.6", linux, file)
	want := map[string]bool{}
	for name := range upstream.Files("1.22.6.linux-amd64", 0) {
		want[strings.Replace(name, "_go.mod", "go.mod", 1)] = strings.HasPrefix(name, "bin/") ||
			strings.HasPrefix(name, "pkg/tool/") || name == "lib/wasm/go_js_wasm_exec"
	}
	if !maps.Equal(sink.files, want) {
		t.Errorf("unpacked %v, want %v", sink.files, want)
	}
}

func unpack(t *testing.T, s *Source, a release.Archive, version string, p release.Platform, file string) *memory {
	t.Helper()
	sink := &memory{files: map[string]bool{}}
	if err := s.Unpack(t.Context(), item(version, p, a), file, sink, nil); err != nil {
		t.Fatal(err)
	}
	return sink
}

// memory remembers which files there are and which are executable.
type memory struct {
	mu    sync.Mutex
	files map[string]bool
}

func (m *memory) Dir(string) error          { return nil }
func (m *memory) Link(string, string) error { return errors.New("no links in a module zip") }
func (m *memory) Workers() int              { return 2 }
func (m *memory) Copy(string, string) error { return errors.New("not expected") }
func (m *memory) Nest(string) error         { return errors.New("not expected") }
func (m *memory) Stream(string, bool, io.Reader) error {
	return errors.New("no streams in a module zip")
}
func (m *memory) File(path string, exec bool, _ []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[path] = exec
	return nil
}

func TestExecutableRule(t *testing.T) {
	for name, want := range map[string]bool{
		"bin/go": true, "bin/linux_arm64/go": true, "pkg/tool/linux_amd64/compile": true, "pkg/tool/x": true,
		"lib/wasm/go_js_wasm_exec": true, "misc/go_android_exec": false, "lib/wasm/go_js_exec": false,
		"pkg/include/asm.h": false, "src/make.bash": false, "lib/time/update.bash": false, "bin": true, "binary": false,
	} {
		if got := executable(name); got != want {
			t.Errorf("executable(%q) is %v", name, got)
		}
	}
}

func TestUnpackRefuses(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	a := f.mustResolve("1.22.6", linux).Archives[linux]
	file := filepath.Join(t.TempDir(), "x.zip")
	for name, tt := range map[string]struct {
		data []byte
		as   any
	}{
		"other contents": {f.Zip("1.22.5", linux), new(*archive.FormatError)},
		"changed file":   {changed(), new(*digest.MismatchError)},
		"web page":       {[]byte("<html>"), new(*archive.FormatError)},
		"cut short":      {f.Zip("1.22.6", linux)[:50_000], new(*archive.FormatError)},
	} {
		if err := os.WriteFile(file, tt.data, 0o600); err != nil {
			t.Fatal(err)
		}
		err := f.Source.Unpack(t.Context(), item("1.22.6", linux, a), file, &memory{files: map[string]bool{}}, nil)
		if err == nil || !errors.As(err, tt.as) || !strings.Contains(err.Error(), a.From) {
			t.Errorf("%s: %v", name, err)
		}
	}
	a.Digest = digest.Archive{}
	if err := f.Source.Unpack(t.Context(), item("1.22.6", linux, a), file, &memory{}, nil); err == nil {
		t.Error("unpacked without a digest")
	}
}

// changed returns the zip of a toolchain in which somebody changed one file.
func changed() []byte {
	files := upstream.Files("1.22.6.linux-amd64", 0)
	files["bin/go"] = bytes.Replace(files["bin/go"], []byte("go version"), []byte("no version"), 1)
	return upstream.ZipFiles(upstream.From("1.22.6", linux)+"/", files)
}

func TestFetchFromAnUnwillingProxy(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	a := f.mustResolve("1.22.6").Archives[linux]
	for name, tt := range map[string]struct {
		fault   upstream.Fault
		missing bool
	}{
		"404":       {upstream.Fault{Status: 404}, true},
		"410":       {upstream.Fault{Status: 410}, true},
		"403":       {upstream.Fault{Status: 403}, false},
		"500":       {upstream.Fault{Status: 500}, false},
		"HTML":      {upstream.Fault{Body: []byte("<html>"), Header: map[string]string{"Content-Type": "text/html"}}, false},
		"truncated": {upstream.Fault{CutAt: 1000}, false},
	} {
		f.ClearFaults()
		tt.fault.Path = ".zip"
		f.Fault(tt.fault)
		_, err := f.fetch(f.Source, "1.22.6", a)
		if err == nil || errors.Is(err, fs.ErrNotExist) != tt.missing || !strings.Contains(err.Error(), a.From) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLayout(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	l := s.Layout(release.Release{Version: "1.22.6"})
	if l.CheckWant != "go1.22.6" || l.Names["go1.22.6"] != "bin/go" || l.Set["GOTOOLCHAIN"] != "local" {
		t.Errorf("layout is %+v", l)
	}
	for v, home := range map[string]bool{"1.2.2": true, "1.8.7": true, "1.9": false, "1.9rc1": false, "1.10": false, "1.20": false, "1.27rc1": false} {
		if got := s.Layout(release.Release{Version: v}).HomeVar == "GOROOT"; got != home {
			t.Errorf("go%s: has HomeVar: %v", v, got)
		}
	}
}
