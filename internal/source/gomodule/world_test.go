package gomodule_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gostore/internal/archive"
	"gostore/internal/digest"
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

// shared gives a source the toolchain of building.
func shared(t *testing.T) func(*gomodule.Config) {
	tc := building(t)
	give := func(context.Context, string) (gomodule.Toolchain, func(), error) { return tc, func() {}, nil }
	return func(c *gomodule.Config) { c.Toolchain, c.Exactly = give, give }
}

// building is a toolchain as toolchain's, whose go commands build in the cache of the go command that runs the tests: the standard library
// is compiled once for each set of settings, not for each build, nor in each run. What the settings change has another key there.
func building(t *testing.T) gomodule.Toolchain {
	t.Helper()
	tc := toolchain(t)
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nGOCACHE='" + strings.TrimSpace(string(cache)) + "' exec '" + filepath.Join(tc.Dir, "bin", "go") + "' \"$@\"\n"
	tc.Dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(tc.Dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tc.Dir, "bin", "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return tc
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

// in is a value for gomodule.Config.Temp.
func in(dir string) func() (string, error) { return func() (string, error) { return dir, nil } }

// newSource returns a source that downloads from p.
func newSource(t *testing.T, p *proxy, change func(*gomodule.Config)) *gomodule.Source {
	t.Helper()
	tc := toolchain(t)
	give := func(context.Context, string) (gomodule.Toolchain, func(), error) { return tc, func() {}, nil }
	c := gomodule.Config{
		Toolchain: give, Exactly: give, SumDB: p.key, Temp: in(t.TempDir()),
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
