package buildlist

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"gostore/internal/check"
	"gostore/internal/command"
)

// modules are those of the proxy: what each requires.
var modules = map[string]string{
	"a@v1.0.0": "c v1.2.0", "a@v1.1.0": "c v1.3.0", "b@v1.0.0": "", "c@v1.0.0": "", "c@v1.2.0": "", "c@v1.3.0": "", "d@v1.0.0": "a v1.1.0", "lib@v1.0.0": "",
}

// goCommand returns the go command of the Go that runs the tests, with a proxy of its own that has modules.
func goCommand(t *testing.T) command.Program {
	t.Helper()
	top := t.TempDir()
	for name, requires := range modules {
		writeModule(t, filepath.Join(top, "proxy"), name, requires)
	}
	// The go command's own telemetry would go on writing when a test has ended.
	mode := filepath.Join(top, ".config", "go", "telemetry", "mode")
	if err := os.MkdirAll(filepath.Dir(mode), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(mode, []byte("off"), 0o644); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(runtime.GOROOT(), "bin", "go")
	if _, err := os.Stat(program); err != nil {
		t.Skipf("the go command of this test is not there: %v", err)
	}
	return command.Program{Argv: []string{program}, Environ: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + top, "GOPATH=" + filepath.Join(top, "path"), "GOFLAGS=-modcacherw", "GOENV=off", "GOTOOLCHAIN=local",
		"GOPROXY=file://" + filepath.Join(top, "proxy"), "GOSUMDB=off", "GOCACHE=" + filepath.Join(top, "cache"),
	}}
}

func writeModule(t *testing.T, proxy, name, requires string) {
	t.Helper()
	base, version, _ := strings.Cut(name, "@")
	text := "module example.com/" + base + "\n\ngo 1.21\n"
	if requires != "" {
		text += "\nrequire example.com/" + requires + "\n"
	}
	dir := filepath.Join(proxy, "example.com", base, "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for file, data := range map[string]string{"go.mod": text, "x.go": "package " + base + "\n"} {
		w, err := z.Create("example.com/" + name + "/" + file)
		if err == nil {
			_, err = io.WriteString(w, data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	for suffix, data := range map[string]string{".mod": text, ".info": fmt.Sprintf(`{"Version":%q}`, version)} {
		if err := os.WriteFile(filepath.Join(dir, version+suffix), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Each testdata/*.txtar has a project, and "want": what is found in its modules. The project's files stay as they are.
func TestAsk(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%d projects: %v", len(paths), err)
	}
	g := goCommand(t)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			dir, want := t.TempDir(), ""
			before := map[string]string{}
			for _, f := range archive.Files {
				if f.Name == "want" {
					want = string(f.Data)
					continue
				}
				before[f.Name] = string(f.Data)
				file := filepath.Join(dir, f.Name)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, f.Data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var work *check.GoFile
			var mods []check.GoFile
			for _, f := range archive.Files {
				if base := filepath.Base(f.Name); base != "go.mod" && base != "go.work" || strings.Contains(f.Name, "replacement") {
					continue
				}
				g, err := check.ParseGoFile(filepath.Join(dir, f.Name), f.Data)
				if err != nil {
					t.Fatal(err)
				}
				if filepath.Base(f.Name) == "go.work" {
					work = &g
				} else {
					mods = append(mods, g)
				}
			}
			g := g
			if strings.HasPrefix(filepath.Base(path), "vendored") {
				g.Environ = append(g.Environ, "GOPROXY=off", "GOMODCACHE="+t.TempDir())
			}
			var found []check.Finding
			for _, mod := range mods {
				b, err := Ask(t.Context(), g, mod, work, t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				found = append(found, b.Compare(mod)...)
			}
			got := ""
			for _, f := range check.Relative(found, dir, false) {
				got += f.Text() + "\n"
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for name, data := range before {
				if now, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(now) != data {
					t.Errorf("%s was changed: %v\n%s", name, err, now)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, "go.sum")); err == nil && before["go.sum"] == "" {
				t.Error("a go.sum was made")
			}
		})
	}
}

func TestAskFails(t *testing.T) {
	g := goCommand(t)
	g.Environ = append(g.Environ, "GOPROXY=off", "GOMODCACHE="+t.TempDir())
	dir := t.TempDir()
	data := []byte("module example.com/m\n\ngo 1.21\n\nrequire example.com/a v1.1.0\n")
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	mod, err := check.ParseGoFile(filepath.Join(dir, "go.mod"), data)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := Ask(t.Context(), g, mod, nil, t.TempDir()); err == nil || !strings.Contains(err.Error(), "GOPROXY=off") {
		t.Errorf("%v, %v", b, err)
	}
}

func TestPath(t *testing.T) {
	g := ParseGraph([]byte("m a@1\nm c@3\na@1 b@1\nb@1 c@3\nd@1 c@3\nb@1 a@1\nodd line here\nn d@1\n"))
	if got := strings.Join(g.Path("m", "c@3"), " "); got != "n d@1" {
		t.Errorf("shortest way to what requires c: %s", got)
	}
	delete(g, "n")
	if got := strings.Join(g.Path("m", "c@3"), " "); got != "m a@1 b@1" {
		t.Errorf("the only way to what requires c: %s", got)
	}
	if got := g.Path("m", "x@1"); got != nil {
		t.Errorf("way to what nothing requires: %v", got)
	}
}

func FuzzPath(f *testing.F) {
	f.Add([]byte("m a@1\na@1 b@1\nb@1 a@1\n"), "m", "b@1")
	f.Fuzz(func(t *testing.T, data []byte, own, target string) {
		g := ParseGraph(data)
		path := g.Path(own, target)
		for i, node := range path {
			next := target
			if i+1 < len(path) {
				next = path[i+1]
			}
			found := false
			for _, to := range g[node] {
				found = found || to == next
			}
			if !found {
				t.Errorf("%s does not require %s", node, next)
			}
		}
	})
}
