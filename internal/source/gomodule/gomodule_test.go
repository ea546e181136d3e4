package gomodule_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
	"gostore/internal/source/gomodule"
	"gostore/internal/tree"
)

// toolchain is the Go that runs the tests.
func toolchain(t *testing.T) gomodule.Toolchain {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(runtime.Version(), "go"), " ")
	return gomodule.Toolchain{Version: version, Dir: strings.TrimSpace(string(out))}
}

// world is two modules, the first with a program that says what the second has.
func world() map[string]files {
	return map[string]files{
		"example.com/tool@v1.2.3": {
			"go.mod":            "module example.com/tool\n\ngo 1.21\n\nrequire example.com/Dep v0.5.0\n",
			"cmd/hello/main.go": "package main\n\nimport \"example.com/Dep\"\n\nfunc main() { println(dep.Text) }\n",
			"lib/lib.go":        "package lib\n",
			"plan9/main.go":     "//go:build plan9\n\npackage main\n\nfunc main() {}\n",
		},
		"example.com/tool@v1.2.4-rc.1": {"go.mod": "module example.com/tool\n"},
		"example.com/tool@v1.1.0":      {"go.mod": "module example.com/tool\n", "cmd/hello/main.go": "package main\n\nfunc main() {}\n"},
		"example.com/Dep@v0.5.0":       {"go.mod": "module example.com/Dep\n", "dep.go": "package dep\n\nconst Text = \"hello from dep\"\n"},
		"example.com/new@v1.0.0":       {"go.mod": "module example.com/new\n\ngo 1.99\n", "main.go": "package main\n\nfunc main() {}\n"},
		"example.com/needs@v1.0.0": {"go.mod": "module example.com/needs\n\ngo 1.21\n\nrequire example.com/new v1.0.0\n",
			"main.go": "package main\n\nimport _ \"example.com/new\"\n\nfunc main() {}\n"},
		"example.com/replaces@v1.0.0": {
			"go.mod":  "module example.com/replaces\n\nrequire example.com/gone v1.0.0\n\nreplace example.com/gone => ../gone\n",
			"main.go": "package main\n\nimport _ \"example.com/gone\"\n\nfunc main() {}\n"},
		"example.com/untidy@v1.0.0": {"go.mod": "module example.com/untidy\n",
			"main.go": "package main\n\nimport _ \"example.com/Dep\"\n\nfunc main() {}\n"},
	}
}

// newSource returns a source that downloads from p.
func newSource(t *testing.T, p *proxy, change func(*gomodule.Config)) *gomodule.Source {
	t.Helper()
	tc := toolchain(t)
	give := func(context.Context, string) (gomodule.Toolchain, func(), error) { return tc, func() {}, nil }
	c := gomodule.Config{
		Toolchain: give, Exactly: give, SumDB: p.key, Temp: t.TempDir(),
		Proxies: func(context.Context) (string, error) { return p.url + ",direct", nil },
	}
	if change != nil {
		change(&c)
	}
	return gomodule.New(c)
}

func request(t *testing.T, s string) release.Request {
	t.Helper()
	r, err := release.ParseRequest(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// host is the only platform of most tests.
var host = []release.Platform{release.Host()}

func resolve(t *testing.T, s *gomodule.Source, req string) release.Item {
	t.Helper()
	r, err := s.Resolve(t.Context(), request(t, req), host)
	if err != nil {
		t.Fatal(err)
	}
	item, _ := r.Item(release.Host())
	return item
}

// kept is a sink that keeps what it is given.
type kept struct {
	archive.Sink
	name string
	exec bool
	data []byte
}

func (k *kept) Stream(name string, exec bool, r io.Reader) (err error) {
	k.name, k.exec = name, exec
	k.data, err = io.ReadAll(r)
	return err
}

// digest returns the digest of the tree.
func (k *kept) digest(t *testing.T) digest.Tree {
	t.Helper()
	m, err := tree.New([]tree.Entry{{Path: "bin", Kind: tree.Dir},
		{Path: k.name, Kind: tree.Exec, Content: digest.Sum(k.data), Size: int64(len(k.data))}})
	if err != nil {
		t.Fatal(err)
	}
	return m.Digest()
}

// build fetches and unpacks an item in a new directory.
func build(t *testing.T, s *gomodule.Source, item release.Item) (*kept, error) {
	t.Helper()
	dir, err := s.Fetch(t.Context(), item, filepath.Join(t.TempDir(), "a b,c.part"), nil)
	if err != nil {
		t.Fatal(err)
	}
	k := &kept{}
	return k, s.Unpack(t.Context(), item, dir, k, nil)
}

func TestBuild(t *testing.T) {
	p := startProxy(t, world())
	s := newSource(t, p, nil)
	r, err := s.Resolve(t.Context(), request(t, "example.com/tool/cmd/hello@v1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	w := world()
	logged := func(m, v string) string { return hashModule(m, v, w[m+"@"+v]) }
	var parts []string
	for _, part := range r.Parts {
		parts = append(parts, part.Name+" "+part.Digest.String())
	}
	want := []string{
		"example.com/Dep@v0.5.0 " + logged("example.com/Dep", "v0.5.0"),
		"example.com/Dep@v0.5.0/go.mod " + hash(files{"go.mod": w["example.com/Dep@v0.5.0"]["go.mod"]}),
		"example.com/tool@v1.2.3 " + logged("example.com/tool", "v1.2.3"),
		"example.com/tool@v1.2.3/go.mod " + hash(files{"go.mod": w["example.com/tool@v1.2.3"]["go.mod"]}),
	}
	if diff := cmp.Diff(want, parts); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	if want := "go@" + toolchain(t).Version; r.With != want || r.Version != "v1.2.3" || len(r.Archives) < 4 {
		t.Errorf("with %q, version %q, for %d platforms", r.With, r.Version, len(r.Archives))
	}
	item, ok := r.Item(release.Host())
	if !ok || item.Archive.From != "example.com/tool/cmd/hello@v1.2.3" || item.Archive.Digest.String() != logged("example.com/tool", "v1.2.3") {
		t.Fatalf("item %+v", item)
	}

	first, err := build(t, s, item)
	if err != nil {
		t.Fatal(err)
	}
	// What the user has set must not matter, neither for this process nor for the source.
	settings := map[string]string{"GOFLAGS": "-tags=x -ldflags=-s", "CGO_ENABLED": "1", "GOAMD64": "v3", "GOARM64": "v8.1", "GOEXPERIMENT": "none",
		"GONOSUMDB": "*", "GOPRIVATE": "*", "GOSUMDB": "off", "GOPROXY": "off", "GOENV": "/nowhere", "GODEBUG": "gctrace=1"}
	var environ []string
	for name, value := range settings {
		t.Setenv(name, value)
		environ = append(environ, name+"="+value)
	}
	other := newSource(t, p, func(c *gomodule.Config) { c.Environ = environ })
	item.Archive.Tree = first.digest(t)
	second, err := build(t, other, item)
	if err != nil {
		t.Fatal(err)
	}
	if first.name != "bin/hello" || !first.exec || second.digest(t) != first.digest(t) {
		t.Errorf("made %q, executable %t, then %s and %s", first.name, first.exec, first.digest(t), second.digest(t))
	}
	if out := runProgram(t, second.data); out != "hello from dep\n" {
		t.Errorf("it says %q", out)
	}
}

// runProgram returns what a program writes to standard error.
func runProgram(t *testing.T, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, data, 0o755); err != nil {
		t.Fatal(err)
	}
	var errs strings.Builder
	cmd := exec.Command(file)
	cmd.Stderr = &errs
	cmd.Env = []string{}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return errs.String()
}

func TestBuildElsewhere(t *testing.T) {
	t.Parallel()
	p := startProxy(t, world())
	s := newSource(t, p, nil)
	foreign := release.Platform{OS: "linux", Arch: "arm64"}
	if foreign == release.Host() {
		foreign.Arch = "amd64"
	}
	r, err := s.Resolve(t.Context(), request(t, "example.com/tool/cmd/hello@1.1"), []release.Platform{foreign})
	if err != nil {
		t.Fatal(err)
	}
	item, _ := r.Item(foreign)
	item.Archive.Tree = digest.Tree{1}
	dir, err := s.Fetch(t.Context(), item, filepath.Join(t.TempDir(), "x.part"), nil)
	if err != nil {
		t.Fatal(err)
	}
	k := &kept{}
	var different *gomodule.BuildError
	var mismatch *digest.MismatchError
	err = s.Unpack(t.Context(), item, dir, k, nil)
	if !errors.As(err, &different) || !errors.As(err, &mismatch) || mismatch.Want != item.Archive.Tree.String() {
		t.Fatalf("with another tree in the lock: %v", err)
	}
	if text := err.Error(); !strings.Contains(text, "GOARCH="+foreign.Arch) || k.data != nil {
		t.Errorf("error %q, and the sink has %d bytes", text, len(k.data))
	}

	// A toolchain that is not what it is said to be.
	item.With, item.Archive.Tree = "go@1.99.0", digest.Tree{}
	s = newSource(t, p, func(c *gomodule.Config) {
		next := c.Exactly
		c.Exactly = func(ctx context.Context, version string) (gomodule.Toolchain, func(), error) {
			tc, done, err := next(ctx, version)
			tc.Version = version
			return tc, done, err
		}
	})
	err = s.Unpack(t.Context(), item, dir, k, nil)
	if !errors.As(err, &different) || !errors.As(err, &mismatch) || k.data != nil {
		t.Fatalf("with another toolchain: %v", err)
	}
	if want := "go\tgo" + toolchain(t).Version + ", the lock says go1.99.0"; !cmp.Equal(different.Lines, []string{want}) {
		t.Errorf("lines %q, want %q", different.Lines, want)
	}
}

func TestResolveRefuses(t *testing.T) {
	t.Parallel()
	p := startProxy(t, world())
	s := newSource(t, p, nil)
	for _, test := range []struct{ request, want string }{
		{"example.com/tool/cmd/hello@master", "branches and commits move"},
		{"example.com/tool/cmd/hello@v1.2.9", `example.com/tool/cmd/hello@v1.2.9 does not exist`},
		{"example.com/tool/cmd/hello@v2", `example.com/tool/cmd/hello@v2 does not exist`},
		{"example.com/tool/cmd/nothing@v1.2.3", `module example.com/tool@v1.2.3 has no package example.com/tool/cmd/nothing: tool "example.com/tool/cmd/nothing" is not known`},
		{"example.com/nothing", `tool "example.com/nothing" is not known`},
		{"hello", `tool "hello" is not known`},
		{"example.com/tool/lib@v1.2.3", `example.com/tool/lib@v1.2.3 is package "lib", not a program`},
		{"example.com/tool/plan9@v1.2.3", "example.com/tool/plan9@v1.2.3 is not served for " + release.Host().String()},
		{"example.com/new", "example.com/new@v1.0.0 needs Go 1.99 or newer, but is to be built with Go " + toolchain(t).Version},
		{"example.com/needs", "example.com/new@v1.0.0 needs Go 1.99 or newer, but is to be built with Go " + toolchain(t).Version},
		{"example.com/replaces", "its go.mod has replace directives"},
		{"example.com/untidy", "the go.mod of example.com/untidy@v1.0.0 is incomplete: the program needs module example.com/Dep as well"},
	} {
		_, err := s.Resolve(t.Context(), request(t, test.request), host)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.request, err, test.want)
		}
	}
}

func TestResolveNotFound(t *testing.T) {
	t.Parallel()
	s := newSource(t, startProxy(t, world()), nil)
	_, err := s.Resolve(t.Context(), request(t, "example.com/tool/cmd/hello@1.3"), host)
	var missing *release.NotFoundError
	if !errors.As(err, &missing) {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"v1.2.3", "v1.1.0", "v1.2.4-rc.1"}, missing.Have); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestToolchainChoice(t *testing.T) {
	t.Parallel()
	p := startProxy(t, world())
	var asked []string
	s := newSource(t, p, func(c *gomodule.Config) {
		next := c.Toolchain
		c.Toolchain = func(ctx context.Context, atLeast string) (gomodule.Toolchain, func(), error) {
			asked = append(asked, atLeast)
			return next(ctx, atLeast)
		}
	})
	_, err := s.Resolve(t.Context(), request(t, "example.com/needs"), host)
	var old *gomodule.ToolchainError
	if !errors.As(err, &old) || old.Need != "1.99" {
		t.Fatalf("error %v", err)
	}
	if diff := cmp.Diff([]string{"1.21", "1.99"}, asked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFetchChanged(t *testing.T) {
	t.Parallel()
	p := startProxy(t, world())
	item := resolve(t, newSource(t, p, nil), "example.com/tool/cmd/hello@v1.2.3")
	s := newSource(t, p, nil) // another, which does not have what was downloaded for the first

	t.Run("lock", func(t *testing.T) {
		changed := item
		changed.Parts = append([]release.Part(nil), item.Parts...)
		changed.Parts[0].Digest = changed.Parts[1].Digest
		checkMismatch(t, s, changed, "example.com/Dep@v0.5.0")
	})
	t.Run("unlisted", func(t *testing.T) {
		changed := item
		changed.Parts = item.Parts[1:]
		checkMismatch(t, s, changed, "example.com/Dep@v0.5.0, which the lock does not list,")
	})
	t.Run("archive", func(t *testing.T) {
		changed := item
		changed.Archive.Digest = item.Parts[0].Digest
		if _, err := s.Fetch(t.Context(), changed, filepath.Join(t.TempDir(), "x.part"), nil); err == nil {
			t.Error("taken")
		}
	})
	t.Run("proxy", func(t *testing.T) {
		p.set("example.com/Dep@v0.5.0", files{"go.mod": "module example.com/Dep\n", "dep.go": "package dep\n\nconst Text = \"evil\"\n"})
		_, err := s.Fetch(t.Context(), item, filepath.Join(t.TempDir(), "x.part"), nil)
		var database *gomodule.DatabaseError
		if !errors.As(err, &database) || !strings.Contains(err.Error(), "example.com/Dep@v0.5.0") {
			t.Errorf("error %v", err)
		}
		if _, err := s.Resolve(t.Context(), request(t, "example.com/tool/cmd/hello@v1.2.3"), host); !errors.As(err, &database) {
			t.Errorf("error of Resolve %v", err)
		}
	})
}

// checkMismatch checks that an item is not fetched because of the digest of one part.
func checkMismatch(t *testing.T, s *gomodule.Source, item release.Item, part string) {
	t.Helper()
	_, err := s.Fetch(t.Context(), item, filepath.Join(t.TempDir(), "x.part"), nil)
	var mismatch *digest.MismatchError
	if !errors.As(err, &mismatch) || mismatch.What != part {
		t.Errorf("error %v, want a mismatch of %s", err, part)
	}
}

func TestUnlogged(t *testing.T) {
	t.Parallel()
	p := startProxy(t, world())
	p.unlogged["example.com/Dep@v0.5.0"] = true
	_, err := newSource(t, p, nil).Resolve(t.Context(), request(t, "example.com/tool/cmd/hello@v1.2.3"), host)
	var unlogged *gomodule.UnloggedError
	if !errors.As(err, &unlogged) || unlogged.Database != database || !strings.HasPrefix(unlogged.Module, "example.com/Dep@v0.5.0") {
		t.Fatalf("error %v", err)
	}
	trusting := newSource(t, p, func(c *gomodule.Config) { c.Flags = func(string) []string { return []string{"unlogged"} } })
	before := p.count("/sumdb/")
	r, err := trusting.Resolve(t.Context(), request(t, "example.com/tool/cmd/hello@v1.2.3"), host)
	if err != nil || !r.Unlogged || len(r.Parts) != 4 {
		t.Fatalf("%+v, %v", r, err)
	}
	if p.count("/sumdb/") != before {
		t.Error("the database was asked nevertheless")
	}
}

func TestOffline(t *testing.T) {
	t.Parallel()
	p := startProxy(t, world())
	s := newSource(t, p, nil)
	item := resolve(t, s, "example.com/tool/cmd/hello@v1.2.3")
	offline := newSource(t, p, func(c *gomodule.Config) {
		c.Offline = true
		c.Proxies = func(context.Context) (string, error) { return "", errors.New("asked for proxies") }
	})
	var refused *fetch.OfflineError
	if _, err := offline.Resolve(t.Context(), request(t, "example.com/tool/cmd/hello"), host); !errors.As(err, &refused) {
		t.Errorf("Resolve: %v", err)
	}
	part := filepath.Join(t.TempDir(), "x.part")
	if _, err := offline.Fetch(t.Context(), item, part, nil); !errors.As(err, &refused) {
		t.Errorf("Fetch of what is not there: %v", err)
	}
	if _, err := s.Fetch(t.Context(), item, part, nil); err != nil {
		t.Fatal(err)
	}
	before := p.count("")
	if _, err := offline.Fetch(t.Context(), item, part, nil); err != nil {
		t.Errorf("Fetch of what is there: %v", err)
	}
	if p.count("") != before {
		t.Error("something was requested")
	}
}

func TestFetchResumes(t *testing.T) {
	t.Parallel()
	p := startProxy(t, world())
	item := resolve(t, newSource(t, p, nil), "example.com/tool/cmd/hello@v1.2.3")
	s := newSource(t, p, nil) // another, which does not have what was downloaded for the first
	const main, dep = "/example.com/tool/@v/v1.2.3.zip", "/example.com/!dep/@v/v0.5.0.zip"
	before := p.count(main)

	ctx, cancel := context.WithCancel(t.Context())
	held := make(chan struct{})
	p.intercept(func(path string) {
		if path == dep {
			cancel()
			<-held
		}
	})
	part := filepath.Join(t.TempDir(), "x.part")
	_, err := s.Fetch(ctx, item, part, nil)
	close(held)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	p.intercept(nil)
	var done, total int64
	if _, err := s.Fetch(t.Context(), item, part, func(d, n int64) { done, total = d, n }); err != nil {
		t.Fatal(err)
	}
	if n := p.count(main) - before; n != 1 {
		t.Errorf("the module was downloaded %d times", n)
	}
	if done == 0 || done != total {
		t.Errorf("progress ended at %d of %d", done, total)
	}

	file := filepath.Join(fetch.PartDir(part), "download", "cache", "download", filepath.FromSlash(dep))
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	evil := zipModule("example.com/Dep", "v0.5.0", files{"go.mod": "module example.com/Dep\n", "dep.go": "package dep\n"})
	if err := os.WriteFile(file, evil, 0o644); err != nil {
		t.Fatal(err)
	}
	var mismatch *digest.MismatchError
	if _, err := s.Fetch(t.Context(), item, part, nil); !errors.As(err, &mismatch) {
		t.Errorf("with a damaged download of %d bytes: %v", len(data), err)
	}
}

func TestFetchSharesWithResolve(t *testing.T) {
	t.Parallel()
	p := startProxy(t, world())
	s := newSource(t, p, nil)
	item := resolve(t, s, "example.com/tool/cmd/hello@v1.2.3")
	if _, err := s.Fetch(t.Context(), item, filepath.Join(t.TempDir(), "x.part"), nil); err != nil {
		t.Fatal(err)
	}
	if n := p.count(".zip"); n != 2 {
		t.Errorf("zips were downloaded %d times, want 2", n)
	}
}

// TestFork gives the source a tree head of the same database under another tree.
func TestFork(t *testing.T) {
	t.Parallel()
	p := startProxy(t, world())
	resolve(t, newSource(t, p, nil), "example.com/tool/cmd/hello@v1.2.3") // so that the log has records
	heads := t.TempDir()
	if err := os.MkdirAll(filepath.Join(heads, database), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(heads, database, "latest"), p.foreignHead(t), 0o644); err != nil {
		t.Fatal(err)
	}
	s := newSource(t, p, func(c *gomodule.Config) { c.TreeHeads = heads })
	_, err := s.Resolve(t.Context(), request(t, "example.com/tool/cmd/hello@v1.2.3"), host)
	var refused *gomodule.DatabaseError
	if !errors.As(err, &refused) {
		t.Errorf("error %v", err)
	}
}
