package environment

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gostore/internal/release"
	"gostore/store"
)

// bare adds an object with exactly these files, as newTool does, and no layout.
func bare(t *testing.T, st *store.Store, name, version string, files map[string]string) Tool {
	t.Helper()
	lease, err := st.Add(t.Context(), store.Spec{Name: name, Version: version}, func(g *store.Stage) error {
		for path, content := range files {
			if err := g.File(path, strings.HasPrefix(content, "#!"), []byte(content)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lease.Release() })
	return Tool{Name: name, Version: version, Tree: lease.Object().Tree}
}

func TestTreeDecidesWithoutALayout(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"directory bin": {map[string]string{"bin/jq": sayer, "bin/text": "x", "top": sayer}, []string{"jq"}},
		"at the top":    {map[string]string{"helm": sayer, "LICENSE": "x", "lib/other": sayer}, []string{"helm"}},
		"bin is a file": {map[string]string{"bin": sayer, "README": "x"}, []string{"bin"}},
		"one program":   {map[string]string{"program": sayer}, []string{"tool"}},
		"one text":      {map[string]string{"program": "x"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStore(t)
			tool := bare(t, st, "example.org/some/tool", "1.2.3", tt.files)
			if got := commandsIn(t, build(t, st, tool)); !slices.Equal(got, tt.want) {
				t.Errorf("commands are %q, want %q", got, tt.want)
			}
		})
	}
}

func TestExtrasWithoutVersionedNamesGetThem(t *testing.T) {
	st := newStore(t)
	one := bare(t, st, "node", "22.1.0", map[string]string{"bin/node": sayer, "bin/npm": sayer})
	two := bare(t, st, "node", "20.0.0", map[string]string{"bin/node": sayer + "#20", "bin/npm": sayer})
	two.Extra = true
	two.Layout.Names = map[string]string{"npm": "bin/npm"}
	two.Layout.Dirs = []string{"bin"}
	want := []string{"node", "node20.0.0", "npm", "npm20.0.0"}
	if got := commandsIn(t, build(t, st, one, two)); !slices.Equal(got, want) {
		t.Errorf("commands are %q, want %q", got, want)
	}
	two.Layout.Check = []string{"node", "--version"}
	if name, ok := two.checkName(); !ok || name != "node20.0.0" {
		t.Errorf("checked by %q, %v", name, ok)
	}
}

func TestRunnerRunsScripts(t *testing.T) {
	st := newStore(t)
	node := bare(t, st, "node", "22.1.0", map[string]string{"bin/node": "#!/bin/sh\necho \"node: $*\"\n"})
	script := bare(t, st, "prettier", "3.0.0", map[string]string{"lib/cli's.cjs": "text", "x": "y"})
	script.Layout = release.Layout{Names: map[string]string{"prettier": "lib/cli's.cjs"}, Runner: "node"}

	if _, err := Build(t.Context(), st, []Tool{script}); !errors.As(err, new(*RunnerError)) || !strings.Contains(err.Error(), "prettier@3.0.0 is run by node") {
		t.Errorf("without a runner: %v", err)
	}
	dir := build(t, st, node, script)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(dir, "bin/prettier"), link); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{filepath.Join(dir, "bin/prettier"), link} {
		cmd := exec.Command(command, "a b", "c")
		cmd.Env = []string{} // not even PATH
		out, err := cmd.CombinedOutput()
		want := "node: " + st.Dir() + "/store/" + script.Tree.Hex() + "-prettier-3.0.0/lib/cli's.cjs a b c\n"
		if err != nil || string(out) != want {
			t.Errorf("%s printed %q, %v; want %q", command, out, err, want)
		}
	}
	script.Layout.Names["gone"] = "lib/none"
	if _, err := Build(t.Context(), st, []Tool{node, script}); err == nil || !strings.Contains(err.Error(), `"lib/none" is no executable`) {
		t.Errorf("missing script: %v", err)
	}
}

func TestVariablesHoldTheDirectory(t *testing.T) {
	st := newStore(t)
	tool := bare(t, st, "sdk", "1.0", map[string]string{"bin/sdk": sayer, "lib/it's": "x"})
	tool.Layout.Set = map[string]string{"SDK_HOME": "{dir}", "SDK_PATH": "{dir}/lib:{dir}/bin:$HOME's", "PLAIN": "x"}
	dir := build(t, st, tool)
	env, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	home := dir + "/dirs/" + tool.Tree.Hex()
	want := map[string]string{"SDK_HOME": home, "SDK_PATH": home + "/lib:" + home + "/bin:$HOME's", "PLAIN": "x"}
	for _, setting := range env.Apply(dir, nil) {
		name, value, _ := strings.Cut(setting, "=")
		if w, ok := want[name]; ok && value != w {
			t.Errorf("%s is %q, want %q", name, value, w)
		}
	}
	if _, err := os.Stat(filepath.Join(home, "bin/sdk")); err != nil {
		t.Error(err)
	}
	for shell, file := range map[string]string{"sh": "env.sh", "fish": "env.fish"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("no %s here", shell)
			continue
		}
		cmd := exec.Command(path, "-c", `. "$GOSTORE_ENVIRONMENT/shell/`+file+`"; printf '%s|' "$SDK_HOME" "$SDK_PATH" "$PLAIN"`)
		cmd.Env = append(os.Environ(), "GOSTORE_ENVIRONMENT="+dir, "HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if wanted := want["SDK_HOME"] + "|" + want["SDK_PATH"] + "|x|"; err != nil || string(out) != wanted {
			t.Errorf("%s: %q, %v; want %q", shell, out, err, wanted)
		}
	}
}
