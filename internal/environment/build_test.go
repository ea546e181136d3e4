package environment

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/store"
)

func newStore(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "root"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// sayer is a program that says which file was run, with what home, and its arguments.
const sayer = "#!/bin/sh\necho \"$0 home=${TOOLHOME-none} $*\"\n"

// newTool adds an object with a program at bin/NAME, and more files: those whose contents begin
// with #! are executable, those that begin with -> are links.
func newTool(t *testing.T, st *store.Store, name, version string, more map[string]string) Tool {
	t.Helper()
	lease, err := st.Add(t.Context(), store.Spec{Name: name, Version: version}, func(g *store.Stage) error {
		if err := g.File("VERSION", false, []byte(name+version)); err != nil {
			return err
		}
		if err := g.File("bin/"+name, true, []byte(sayer)); err != nil {
			return err
		}
		for path, content := range more {
			var err error
			if to, ok := strings.CutPrefix(content, "->"); ok {
				err = g.Link(path, to)
			} else {
				err = g.File(path, strings.HasPrefix(content, "#!"), []byte(content))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lease.Release() })
	return Tool{
		Name: name, Request: name + "@latest", Version: version, Source: "test", Tree: lease.Object().Tree,
		Layout: release.Layout{Dirs: []string{"bin"}, Names: map[string]string{name + version: "bin/" + name}},
	}
}

func build(t *testing.T, st *store.Store, tools ...Tool) string {
	t.Helper()
	lease, err := Build(t.Context(), st, tools)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lease.Release() })
	return lease.Path()
}

func commandsIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestBuildGivesPrimariesThePlainNames(t *testing.T) {
	st := newStore(t)
	one := newTool(t, st, "go", "1.22.6", map[string]string{
		"bin/gofmt": sayer, "bin/README": "text", "bin/again": "->gofmt", "bin/nowhere": "->../lib/x", "pkg/tool/asm": sayer})
	two := newTool(t, st, "go", "1.21.0", nil)
	two.Extra = true
	dir := build(t, st, two, one)
	if got, want := commandsIn(t, dir), []string{"again", "go", "go1.21.0", "go1.22.6", "gofmt"}; !slices.Equal(got, want) {
		t.Errorf("commands are %q, want %q", got, want)
	}
	target, err := os.Readlink(filepath.Join(dir, "bin/go"))
	if want := "../../" + one.Tree.Hex() + "-go-1.22.6/bin/go"; err != nil || target != want {
		t.Errorf("bin/go leads to %q, %v; want %q", target, err, want)
	}
	for name, tool := range map[string]Tool{"go": one, "go1.22.6": one, "go1.21.0": two} {
		real, err := filepath.EvalSymlinks(filepath.Join(dir, "bin", name))
		if err != nil || !strings.Contains(real, tool.Tree.Hex()) {
			t.Errorf("%s is %q, %v; want the one of %s", name, real, err, tool)
		}
	}
	info, err := st.Info(treeOf(t, dir))
	if err != nil || len(info.Refs) != 2 || !slices.Contains(info.Refs, one.Tree) || !slices.Contains(info.Refs, two.Tree) {
		t.Errorf("references are %v, %v", info.Refs, err)
	}
}

func treeOf(t *testing.T, dir string) digest.Tree {
	t.Helper()
	o, err := store.ParseBase(filepath.Base(dir))
	if err != nil {
		t.Fatal(err)
	}
	return o.Tree
}

func TestBuildIsTheSameEverywhere(t *testing.T) {
	var bases []string
	for _, reverse := range []bool{false, true} {
		st := newStore(t)
		tools := []Tool{newTool(t, st, "go", "1.22.6", nil), newTool(t, st, "node", "1.0.0", nil)}
		tools[0].Layout.Set = map[string]string{"A": "1", "B": "2", "C": "3"}
		if reverse {
			slices.Reverse(tools)
		}
		dir := build(t, st, tools...)
		again := build(t, st, tools...)
		if again != dir {
			t.Errorf("built twice: %q and %q", dir, again)
		}
		bases = append(bases, filepath.Base(dir))
		e, err := Load(dir)
		if err != nil || e.String() != "go@1.22.6 node@1.0.0" {
			t.Errorf("loaded %q, %v", e, err)
		}
	}
	if bases[0] != bases[1] {
		t.Errorf("same tools, different environments: %q", bases)
	}
	if want := "environment-go_1.22.6+node_1.0.0"; !strings.HasSuffix(bases[0], want) {
		t.Errorf("object is called %q, want …%s", bases[0], want)
	}
}

// An environment that was built must be found without its tools' manifests: that is what makes
// entering one quick.
func TestBuildFindsWhatItBuilt(t *testing.T) {
	st := newStore(t)
	tool := newTool(t, st, "go", "1.22.6", nil)
	dir := build(t, st, tool)
	if err := os.Remove(filepath.Join(st.Dir(), "meta", tool.Tree.Hex()+".json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(st.Dir(), "store", tool.Tree.Hex()+"-go-1.22.6", "VERSION"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(st.Dir(), "store", tool.Tree.Hex()+"-go-1.22.6", "VERSION"), []byte("rot"), 0o644); err != nil {
		t.Fatal(err)
	}
	if again := build(t, st, tool); again != dir {
		t.Errorf("built %q again as %q", dir, again)
	}
	other := tool
	other.Layout.Names = nil
	if _, err := Build(t.Context(), st, []Tool{other}); err == nil {
		t.Error("a different environment was built without reading the manifest")
	}
}

func TestBuildConflicts(t *testing.T) {
	st := newStore(t)
	a := newTool(t, st, "go", "1.22.6", nil)
	b := newTool(t, st, "node", "22.1.0", map[string]string{"bin/go": "#!other"})
	_, err := Build(t.Context(), st, []Tool{b, a})
	var conflict *ConflictError
	if !errors.As(err, &conflict) || conflict.Command != "go" || conflict.Tools != [2]string{"go@1.22.6", "node@22.1.0"} {
		t.Errorf("two tools with one command: %v", err)
	}
	b.Extra = true
	a.Layout.Set = map[string]string{"MODE": "1"}
	b.Layout.Set = map[string]string{"MODE": "2"}
	_, err = Build(t.Context(), st, []Tool{a, b})
	if !errors.As(err, &conflict) || conflict.Variable != "MODE" {
		t.Errorf("two tools with one variable: %v", err)
	}
	b.Layout.Set["MODE"] = "1"
	same := a
	same.Extra = true
	build(t, st, a, b, same)
}

func TestBuildRefuses(t *testing.T) {
	st := newStore(t)
	good := newTool(t, st, "go", "1.22.6", nil)
	for name, change := range map[string]func(*Tool){
		"absent object":       func(t *Tool) { t.Tree[0]++ },
		"name with slash":     func(t *Tool) { t.Layout.Names = map[string]string{"../x": "bin/go"} },
		"name in a directory": func(t *Tool) { t.Layout.Names = map[string]string{"sub/x": "bin/go"} },
		"hidden escape":       func(t *Tool) { t.Layout.Names = map[string]string{"..": "bin/go"} },
		"no such file":        func(t *Tool) { t.Layout.Names = map[string]string{"x": "bin/x"} },
		"no executable":       func(t *Tool) { t.Layout.Names = map[string]string{"x": "VERSION"} },
		"out of the tree":     func(t *Tool) { t.Layout.Names = map[string]string{"x": "../x"} },
		"same name twice":     func(t *Tool) { t.Layout.Dirs = []string{"bin", "sbin"} },
		"PATH":                func(t *Tool) { t.Layout.Set = map[string]string{"PATH": "/x"} },
		"own variable":        func(t *Tool) { t.Layout.Unset = []string{"GOSTORE_SHELL"} },
		"shell in variable":   func(t *Tool) { t.Layout.HomeVar = "A;rm -rf x" },
		"shell in default":    func(t *Tool) { t.Layout.Default = map[string]string{"A}; rm -rf x": ""} },
		"empty variable":      func(t *Tool) { t.Layout.Unset = []string{""} },
		"zero byte in value":  func(t *Tool) { t.Layout.Set = map[string]string{"A": "a\x00b"} },
	} {
		tool := good
		if name == "same name twice" {
			tool = newTool(t, st, "go", "2", map[string]string{"sbin/go": "#!x"})
		}
		change(&tool)
		if lease, err := Build(t.Context(), st, []Tool{tool}); err == nil {
			t.Errorf("%s: built %q", name, lease.Path())
		} else {
			t.Logf("%s: %v", name, err)
			if name == "absent object" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v is not fs.ErrNotExist", name, err)
			}
		}
	}
	colon, err := store.Open(filepath.Join(t.TempDir(), "a:b"))
	if err != nil {
		t.Fatal(err)
	}
	defer colon.Close()
	if _, err := Build(t.Context(), colon, nil); err == nil {
		t.Error("built an environment that PATH cannot name")
	}
}

func TestBuildOfNothing(t *testing.T) {
	dir := build(t, newStore(t))
	e, err := Load(dir)
	if err != nil || len(e.Tools) != 0 || len(commandsIn(t, dir)) != 0 {
		t.Errorf("loaded %v, %v", e, err)
	}
}

func TestLabelIsBounded(t *testing.T) {
	var tools []Tool
	for range 12 {
		tools = append(tools, Tool{Name: "example.com/some/tool", Version: "v1.2.3-rc.1"})
	}
	got := newEnvironment(tools).label()
	if want := "tool-v1.2.3-rc.1+tool-v1.2.3-rc.1+tool-v1.2.3-rc.1+tool-v1.2.3-rc.1+8-more"; got != want {
		t.Errorf("label is %q, want %q", got, want)
	}
	long := newEnvironment([]Tool{{Name: strings.Repeat("n", 200), Version: "1"}}).label()
	if long != "1-more" {
		t.Errorf("label is %q", long)
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
	for _, text := range []string{"", "{", `{"format": 2, "tools": []}`, `{"tools": []}`, `[]`} {
		if err := os.WriteFile(filepath.Join(dir, fileName), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if e, err := Load(dir); err == nil {
			t.Errorf("%q was read as %v", text, e)
		}
	}
}

// A launcher finds its tool from every way in, with no variable set, wherever the store is.
func TestLauncher(t *testing.T) {
	st := newStore(t)
	tool := newTool(t, st, "tool", "1.8", map[string]string{"bin/it's odd": sayer})
	tool.Layout.HomeVar = "TOOLHOME"
	dir := build(t, st, tool)

	moved := filepath.Join(t.TempDir(), "some where's else")
	if err := os.Rename(st.Dir(), moved); err != nil {
		t.Fatal(err)
	}
	profile := filepath.Join(moved, "profiles", "p")
	decoy := filepath.Join(moved, "decoy")
	for _, dir := range []string{profile, filepath.Join(decoy, "current", "bin")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		filepath.Join(profile, "12"):       "../../store/" + filepath.Base(dir),
		filepath.Join(profile, "current"):  "12",
		filepath.Join(profile, "mine"):     "current/bin/tool",
		filepath.Join(profile, "absolute"): filepath.Join(profile, "mine"),
	} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	home := filepath.Join(moved, "store", tool.Tree.Hex()+"-tool-1.8")
	for _, shell := range []string{"/bin/sh", "bash", "zsh", "busybox"} {
		if _, err := exec.LookPath(shell); err != nil {
			t.Logf("no %s here", shell)
			continue
		}
		bin := filepath.Join(profile, "current", "bin")
		for _, c := range []struct {
			name string
			dir  string
			argv []string
			env  []string
		}{
			{"by full path", "/", []string{filepath.Join(bin, "tool")}, nil},
			{"versioned", "/", []string{filepath.Join(bin, "tool1.8")}, nil},
			{"odd name", "/", []string{filepath.Join(bin, "it's odd")}, nil},
			{"in its directory", bin, []string{"./tool"}, nil},
			{"relative, CDPATH set", profile, []string{"current/bin/tool"}, []string{"CDPATH=" + decoy}},
			{"by a link", "/", []string{filepath.Join(profile, "mine")}, nil},
			{"by a link to a link", "/", []string{filepath.Join(profile, "absolute")}, nil},
			{"from PATH", "/", []string{"/bin/sh", "-c", "tool \"$@\"", "-"}, []string{"PATH=" + bin}},
			{"given to a shell", bin, []string{shell, "tool"}, nil},
		} {
			argv := slices.Concat(c.argv, []string{"a b", "*"})
			if filepath.Base(c.argv[0]) != "sh" && c.argv[0] != shell && shell != "/bin/sh" {
				argv = slices.Insert(argv, 0, shell)
				if shell == "busybox" {
					argv = slices.Insert(argv, 1, "sh")
				}
			}
			if argv[0] == "busybox" && argv[1] == "tool" {
				argv = slices.Insert(argv, 1, "sh")
			}
			cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
			cmd.Dir = c.dir
			cmd.Env = append([]string{}, c.env...)
			out, err := cmd.CombinedOutput()
			if want := " home=" + home + " a b *\n"; err != nil || !strings.HasSuffix(string(out), want) {
				t.Errorf("%s, %s: %q, %v; want …%q", shell, c.name, out, err, want)
			}
		}
	}
}

func TestBuildEndsWithItsContext(t *testing.T) {
	st := newStore(t)
	tool := newTool(t, st, "go", "1.22.6", nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Build(ctx, st, []Tool{tool}); !errors.Is(err, context.Canceled) {
		t.Errorf("built after the end of its context: %v", err)
	}
}

// A launcher gives a variable its default value only where the user has not set it, to nothing included.
func TestLauncherDefaults(t *testing.T) {
	st := newStore(t)
	tool := newTool(t, st, "tool", "1.8", map[string]string{"bin/say": "#!/bin/sh\necho \"<$A>\"\n"})
	tool.Layout.HomeVar = "TOOLHOME"
	tool.Layout.Default = map[string]string{"A": "it's $HOME"}
	dir := build(t, st, tool)
	for environ, want := range map[string]string{"": "<it's $HOME>\n", "A=mine": "<mine>\n", "A=": "<>\n"} {
		cmd := exec.Command(filepath.Join(dir, "bin", "say"))
		cmd.Env = []string{environ}
		if environ == "" {
			cmd.Env = []string{}
		}
		if got, err := cmd.Output(); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v; want %q", environ, got, err, want)
		}
	}
}

// An environment of launchers, which are no links, still says which objects it needs when its description is lost.
func TestReferencesOfLaunchers(t *testing.T) {
	st := newStore(t)
	tool := newTool(t, st, "tool", "1.8", map[string]string{"bin/say": sayer})
	tool.Layout.HomeVar = "TOOLHOME"
	lease, err := Build(t.Context(), st, []Tool{tool})
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	env := lease.Object().Tree
	if err := os.Remove(filepath.Join(st.Dir(), "meta", env.Hex()+".json")); err != nil {
		t.Fatal(err)
	}
	info, err := st.Info(env)
	if err != nil || !slices.Equal(info.Refs, []digest.Tree{tool.Tree}) {
		t.Errorf("references %v, %v; want %v", info.Refs, err, tool.Tree)
	}
}
