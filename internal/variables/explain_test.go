package variables

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gostore/internal/environment"
	"gostore/internal/goenv"
	"gostore/internal/release"
)

var goTool = environment.Tool{Name: "go", Version: "1.22.6", Layout: release.Layout{
	Set: map[string]string{"GOTOOLCHAIN": "local"}, Unset: []string{"GOROOT", "GOTOOLDIR"}}}

func said(layer Layer, place string, words ...string) []Said {
	var list []Said
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		list = append(list, Said{environment.Setting{Name: name, Value: value, Unset: !ok}, layer, place})
	}
	return list
}

// text writes a variable as one line: its value, then each layer.
func text(v Variable) string {
	line := "not set"
	if v.Set {
		line = "=" + v.Value
	}
	for _, e := range v.Entries {
		value := e.Value
		if e.Unset {
			value = "-"
		}
		line += fmt.Sprintf("; %s %s %s %s", e.State, e.Layer, e.Place, value)
	}
	return line
}

func TestExplain(t *testing.T) {
	in := Input{
		Said: slices.Concat(
			said(Project, "toml:1", "CACHE=isolated"),
			said(Project, "toml:3", "GOFLAGS", "A=project", "CACHE=project", "GOPRIVATE=", "EMPTY="),
			said(CommandLine, "--env", "A=line")),
		Tools:        []environment.Tool{goTool},
		Inherits:     []string{"A=process", "GOFLAGS=-process", "GOPROXY=", "GOROOT=/p", "GOVCS=process", "EMPTY=process", "GOTOOLDIR=/p"},
		GoEnv:        goenv.Parse("/env", []byte("GOFLAGS=-file\nGOPRIVATE=file\nGOTOOLCHAIN=go1.1\nGOPROXY=file\nGOVCS=file\nGODEBUG=x\nOTHER=y\nGOSUMDB=\nGONEW=file\n")),
		ToolchainEnv: goenv.Parse("/go.env", []byte("GOPROXY=toolchain\nGOSUMDB=toolchain\nGOTOOLCHAIN=auto\n")),
		Defaults:     map[string]string{"GOROOT": "/own", "GOMODCACHE": "/home/mod", "GOPROXY": "masked", "GOBIN": "", "GONOPROXY": "", "GOGCCFLAGS": "-tmp"},
		Effective:    map[string]string{"GOMODCACHE": "/path/mod", "GONOPROXY": "private", "GONEW": "file", "GOROOT": "/own"},
	}
	in.Applied = environment.Environment{Tools: in.Tools}.Apply("/e", in.Inherits, Settings(in.Said)...)
	got := map[string]string{}
	for _, v := range Explain(in) {
		got[v.Name] = text(v)
	}
	want := map[string]string{
		"A":           "=line; wins command line --env line; shadowed project toml:3 project; shadowed process  process",
		"CACHE":       "=project; wins project toml:3 project; shadowed project toml:1 isolated",
		"EMPTY":       "=; wins project toml:3 ; shadowed process  process",
		"GOFLAGS":     "not set; removes project toml:3 -; shadowed process  -process; shadowed go env file /env:1 -file",
		"GOPRIVATE":   "not set; removes project toml:3 ; shadowed go env file /env:2 file",
		"GOTOOLCHAIN": "=local; wins tools go@1.22.6 local; shadowed go env file /env:3 go1.1; shadowed go.env /go.env:3 auto",
		"GOPROXY":     "=file; empty process  ; wins go env file /env:4 file; shadowed go.env /go.env:1 toolchain",
		"GOVCS":       "=process; wins process  process; shadowed go env file /env:5 file",
		"GOROOT":      "=/own; removes tools go@1.22.6 -; shadowed process  /p; wins default  /own",
		"GOTOOLDIR":   "not set; removes tools go@1.22.6 -; shadowed process  /p",
		"GODEBUG":     "not set; ignored go env file /env:6 x",
		"OTHER":       "not set; ignored go env file /env:7 y",
		"GOSUMDB":     "not set; removes go env file /env:8 ; shadowed go.env /go.env:2 toolchain",
		"GONEW":       "=file; wins go env file /env:9 file",
		"GOMODCACHE":  "=/path/mod; wins default  /path/mod",
		"GONOPROXY":   "=private; wins default  private",
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("%s:\n got %s\nwant %s", name, got[name], want[name])
		}
		delete(got, name)
	}
	if rest, want := slices.Sorted(maps.Keys(got)), []string{"GOSTORE_ENVIRONMENT", "GOSTORE_SHELL", "GOSTORE_TOOLS", "PATH"}; !slices.Equal(rest, want) {
		t.Errorf("beside these: %q, want %q", rest, want)
	}
}

func TestInteresting(t *testing.T) {
	for _, c := range []struct {
		entries []Entry
		want    bool
	}{
		{nil, false},
		{[]Entry{{Layer: Process}}, false},
		{[]Entry{{Layer: Default}}, false},
		{[]Entry{{Layer: GoEnvFile}}, false},
		{[]Entry{{Layer: GoEnvFile, Fight: "x"}}, true},
		{[]Entry{{Layer: Tools}}, true},
		{[]Entry{{Layer: Process}, {Layer: Default}}, true},
	} {
		if got := (Variable{Entries: c.entries}).Interesting(); got != c.want {
			t.Errorf("%v: %v", c.entries, got)
		}
	}
}

// realGo returns the Go on PATH: its command, and its tree.
func realGo(t *testing.T) (path, root string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Skipf("no go command: %v", err)
	}
	root = strings.TrimSpace(string(out))
	return filepath.Join(root, "bin", "go"), root
}

func ask(t *testing.T, path string, environ []string) map[string]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, "env", "-json")
	cmd.Env, cmd.Dir = environ, "/"
	out, err := cmd.Output()
	values := map[string]string{}
	if err == nil {
		err = json.Unmarshal(out, &values)
	}
	if err != nil {
		t.Fatalf("%v with %q", err, environ)
	}
	return values
}

// home returns a new home directory, in which the go command's telemetry is off: it would go on writing there when the test has ended.
func home(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	mode := filepath.Join(dir, ".config", "go", "telemetry", "mode")
	if runtime.GOOS == "darwin" {
		mode = filepath.Join(dir, "Library", "Application Support", "go", "telemetry", "mode")
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(mode), 0o755), os.WriteFile(mode, []byte("off"), 0o644)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What Explain says wins is what a real go command says, whoever says what.
func TestExplainAsGoDoes(t *testing.T) {
	path, root := realGo(t)
	data, err := os.ReadFile(filepath.Join(root, "go.env"))
	if err != nil {
		t.Skipf("this Go has no go.env: %v", err)
	}
	base := []string{"HOME=" + home(t), "PATH=/usr/bin:/bin"}
	defaults := ask(t, path, append(slices.Clone(base), "GOENV=off", "GOTOOLCHAIN=local"))
	delete(defaults, "GOTOOLCHAIN")
	random := rand.New(rand.NewPCG(1, 2))
	values := map[string][]string{
		"GOFLAGS": {"", "-v", "-x"}, "GOPRIVATE": {"", "a", "b"}, "GOPROXY": {"", "off", "direct"}, "GOSUMDB": {"", "off"},
		"GOINSECURE": {"", "a"}, "GOBIN": {"", "/a"}, "GOVCS": {"", "a:git"}, "CGO_ENABLED": {"", "0"}, "CC": {"", "some-cc"},
		"GOTOOLCHAIN": {"", "auto"}, "GOROOT": {"", "/nowhere"}, "GOEXPERIMENT": {"", "arenas"},
	}
	pick := func(name string) string { return name + "=" + values[name][random.IntN(len(values[name]))] }
	for range 40 {
		in := Input{Tools: []environment.Tool{goTool}, Inherits: slices.Clone(base), Defaults: defaults, ToolchainEnv: goenv.Parse("go.env", data)}
		file := ""
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if name != "GOROOT" && name != "GOTOOLCHAIN" && random.IntN(3) == 0 {
				in.Said = append(in.Said, said(Project, "toml", []string{name, pick(name)}[random.IntN(2)])...)
			}
			if random.IntN(3) == 0 {
				in.Inherits = append(in.Inherits, pick(name))
			}
			if random.IntN(3) == 0 {
				file += pick(name) + "\n"
			}
		}
		env := environment.Environment{Tools: in.Tools}
		in.Applied = env.Apply("/e", in.Inherits, Settings(in.Said)...)
		in.GoEnv = goenv.Parse("env", []byte(file))
		back := Returning(in.GoEnv, in.Applied, slices.Concat(goTool.Layout.Unset, namesOf(in.Said)))
		cover := filepath.Join(t.TempDir(), "env")
		if err := os.WriteFile(cover, goenv.Without([]byte(file), back), 0o644); err != nil {
			t.Fatal(err)
		}
		real := ask(t, path, append(slices.Clone(in.Applied), "GOENV="+cover))
		for _, v := range Explain(in) {
			if _, asked := values[v.Name]; asked && v.Value != real[v.Name] {
				t.Errorf("%s: the go command says %q; %s\nfile: %q", v.Name, real[v.Name], text(v), file)
			}
		}
	}
}

func namesOf(list []Said) []string {
	var names []string
	for _, s := range list {
		names = append(names, s.Name)
	}
	return names
}

// Without the cover, a variable that is taken away does come back: this is why there is one.
func TestUnsetComesBack(t *testing.T) {
	path, _ := realGo(t)
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("GOFLAGS=-v\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, environ := range [][]string{{}, {"GOFLAGS="}} {
		environ = append(environ, "GOENV="+file, "HOME="+home(t), "GOTOOLCHAIN=local")
		if got := ask(t, path, environ)["GOFLAGS"]; got != "-v" {
			t.Errorf("with %q GOFLAGS is %q", environ, got)
		}
	}
}

// The file is where the go command looks for it.
func TestGoEnvPathAsGoDoes(t *testing.T) {
	path, _ := realGo(t)
	inHome := "HOME=" + home(t)
	for _, environ := range [][]string{
		{inHome}, {inHome, "XDG_CONFIG_HOME=" + filepath.Join(home(t), ".config")}, {inHome, "GOENV=/f"}, {inHome, "GOENV=off"}, {inHome, "GOENV="},
	} {
		want := ask(t, path, append(slices.Clone(environ), "GOTOOLCHAIN=local", "GOCACHE=/c"))["GOENV"]
		if got := goenv.Path(runtime.GOOS, func(name string) string { return asMap(environ)[name] }); got != want && !(want == "off" && got == "") {
			t.Errorf("%q: %q, the go command says %q", environ, got, want)
		}
	}
}
