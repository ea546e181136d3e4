package gomodule_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/source/gomodule"
)

func TestBuild(t *testing.T) {
	p := startProxy(t, world())
	cache := shared(t)
	s := newSource(t, p, cache)
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
	other := newSource(t, p, func(c *gomodule.Config) { cache(c); c.Environ = environ })
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
	cache := shared(t)
	s := newSource(t, p, cache)
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
		cache(c)
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
