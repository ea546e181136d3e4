package shim

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// write makes files, with a trailing "*" in their names executable ones, and links "NAME -> TARGET".
func write(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		link, target, isLink := strings.Cut(name, " -> ")
		path := filepath.Join(dir, strings.TrimSuffix(link, "*"))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case isLink:
			err = os.Symlink(target, path)
		case strings.HasSuffix(name, "*"):
			err = os.WriteFile(path, []byte(name), 0o755)
		default:
			err = os.WriteFile(path, []byte(name), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func names(list ...string) func() ([]string, error) {
	return func() ([]string, error) { return list, nil }
}

func listed(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestNamed(t *testing.T) {
	for argv0, want := range map[string]string{
		"go": "go", "/a/shims/go1.22.6": "go1.22.6", "./node": "node",
		"gostore": "", "/usr/bin/gostore": "", "gostore-1.2": "", "gostore.test": "", "": "", ".": "", "/": "",
	} {
		name, ok := Named(argv0)
		if ok != (want != "") || ok && name != want {
			t.Errorf("Named(%q) = %q, %v", argv0, name, ok)
		}
	}
}

func TestFill(t *testing.T) {
	top := t.TempDir()
	write(t, top, "bin/gostore*", "bin/gostore2*")
	d := Directory{Path: filepath.Join(top, "shims"), Program: filepath.Join(top, "bin", "gostore"), Store: ".."}
	for _, step := range []struct {
		program string
		keep    bool
		want    []string
		added   string
		removed string
		there   string
	}{
		{"gostore", false, []string{"go", "gofmt", "gostore", ".x", "a/b", ""}, "go gofmt", "", ".store go gofmt"},
		{"gostore", false, []string{"gofmt", "go"}, "", "", ".store go gofmt"},
		{"gostore", true, []string{"node"}, "node", "", ".store go gofmt node"},
		{"gostore2", false, []string{"go", "node"}, "go node", "gofmt", ".store go node"},
		{"gostore2", false, nil, "", "go node", ".store"},
	} {
		d.Program = filepath.Join(top, "bin", step.program)
		write(t, d.Path, ".tmp-left -> x") // by a filler that was killed
		c, err := d.Fill(t.Context(), step.keep, names(step.want...))
		if err != nil || strings.Join(c.Added, " ") != step.added || strings.Join(c.Removed, " ") != step.removed {
			t.Errorf("%v: %+v, %v", step, c, err)
		}
		if got := listed(t, d.Path); got != step.there {
			t.Errorf("%v: there is %q", step, got)
		}
		for _, name := range step.want {
			if target, err := os.Readlink(filepath.Join(d.Path, name)); err == nil && target != d.Program {
				t.Errorf("%v: %s leads to %q", step, name, target)
			}
		}
	}
}

func TestFillLeavesForeignFiles(t *testing.T) {
	top := t.TempDir()
	write(t, top, "gostore*", "full/notes", "linked/go -> ../gostore")
	var foreign *ForeignError
	for _, name := range []string{"full", "linked"} { // nothing says that the second is one of shims
		d := Directory{Path: filepath.Join(top, name), Program: filepath.Join(top, "gostore"), Store: top}
		before := listed(t, d.Path)
		if _, err := d.Fill(t.Context(), false, names("go")); !errors.As(err, &foreign) || listed(t, d.Path) != before {
			t.Errorf("%s: %v, there is %q", name, err, listed(t, d.Path))
		}
	}
	d := Directory{Path: filepath.Join(top, "shims"), Program: filepath.Join(top, "gostore"), Store: top}
	if _, err := d.Fill(t.Context(), false, names("go")); err != nil {
		t.Fatal(err)
	}
	write(t, d.Path, "node", "npm -> /usr/lib/npm")
	for _, name := range []string{"node", "npm"} {
		if _, err := d.Fill(t.Context(), false, names("go", name)); !errors.As(err, &foreign) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.Fill(t.Context(), false, names()); err != nil || listed(t, d.Path) != ".store node npm" {
		t.Errorf("%v, there is %q", err, listed(t, d.Path))
	}
	if err := Remove(t.Context(), d.Path); err == nil || listed(t, d.Path) != "node npm" {
		t.Errorf("%v, there is %q", err, listed(t, d.Path))
	}
}

// Many fillers that each add a name lose none of them, and one that removes reads what is wanted with the filelock held.
func TestFillConcurrently(t *testing.T) {
	top := t.TempDir()
	write(t, top, "gostore*")
	d := Directory{Path: filepath.Join(top, "shims"), Program: filepath.Join(top, "gostore"), Store: top}
	var mu sync.Mutex
	var known []string
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			name := "tool" + string(rune('a'+i))
			mu.Lock()
			known = append(known, name)
			mu.Unlock()
			_, err := d.Fill(t.Context(), i%2 == 0, func() ([]string, error) {
				mu.Lock()
				defer mu.Unlock()
				return slices.Clone(known), nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if !Has(d.Path, known) || len(known) != 16 {
		t.Errorf("of %q there is %q", known, listed(t, d.Path))
	}
}

func TestLocate(t *testing.T) {
	top := t.TempDir()
	write(t, top, "bin/gostore*", "root/shims/.store -> ..", "root/shims/go -> "+top+"/bin/gostore", "other/go -> ../root/shims/go",
		"p/.gostore/bin/.store -> "+top+"/root", "p/.gostore/bin/.project -> ../..", "p/.gostore/bin/go -> "+top+"/bin/gostore",
		"plain/go -> ../bin/gostore", "loop/go -> go")
	shims := filepath.Join(top, "root", "shims")
	root := filepath.Join(top, "root")
	for _, c := range []struct {
		argv0, dir, path string
		want             Place
	}{
		{shims + "/go", "", "", Place{shims, root, ""}},
		{"./shims/../shims/go", root, "", Place{shims, root, ""}},
		{"go", "/", "/nowhere:" + shims + ":" + top + "/plain", Place{shims, root, ""}},
		{"go", root, "shims", Place{shims, root, ""}},
		{"go", shims, ":/bin", Place{shims, root, ""}},
		{top + "/other/go", "/", "", Place{shims, root, ""}},
		{"../other/go", root, "", Place{shims, root, ""}},
		{"p/.gostore/bin/go", top, "", Place{top + "/p/.gostore/bin", root, top + "/p"}},
		{"go", "/", top + "/plain:" + shims, Place{}},
		{"go", "", "shims:", Place{}},
		{top + "/loop/go", "/", "", Place{}},
	} {
		if got := Locate(c.argv0, c.dir, c.path); got != c.want {
			t.Errorf("%q in %q with %q: %+v, want %+v", c.argv0, c.dir, c.path, got, c.want)
		}
	}
}

func TestProgram(t *testing.T) {
	top := t.TempDir()
	write(t, top, "cellar/1/gostore*", "bin/gostore -> ../cellar/1/gostore", "shims/go -> ../bin/gostore", "bin/other*",
		"go-build1/exe/gostore*", "go-build1/gs*")
	real := top + "/cellar/1/gostore"
	for _, c := range []struct{ argv0, path, executable, want string }{
		{"gostore", top + "/bin", real, top + "/bin/gostore"},
		{"bin/gostore", "", real, top + "/bin/gostore"},
		{"go", top + "/shims", real, top + "/bin/gostore"}, // a shim knows what it leads to
		{"gostore", "/nowhere", real, real},
		{"other", top + "/bin", real, real},
		{top + "/go-build1/exe/gostore", "", top + "/go-build1/exe/gostore", ""},
		{top + "/bin/other", "", top + "/bin/other", ""},
		{"gostore", "", top + "/gone", ""},
	} {
		got, err := Program(c.argv0, top, c.path, c.executable)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q, %q, %q: %q, %v; want %q", c.argv0, c.path, c.executable, got, err, c.want)
		}
	}
	var temporary *TemporaryError
	if _, err := Program("x", top, "", top+"/go-build1/exe/gostore"); !errors.As(err, &temporary) {
		t.Errorf("what go run made: %v", err)
	}
}
