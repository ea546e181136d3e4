package buildcache

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gostore/internal/command"
)

// module is a module of one package, built by the Go that runs the tests into a cache of its own.
type module struct {
	t     *testing.T
	build Build
	top   string
}

func newModule(t *testing.T, source string) module {
	t.Helper()
	top := t.TempDir()
	program, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command on PATH")
	}
	m := module{t: t, top: top}
	m.write("m/go.mod", "module example.com/m\n\ngo 1.21\n", 0o644)
	m.write("m/m.go", source, 0o644)
	m.write(".config/go/telemetry/mode", "off", 0o644) // it would go on writing when the test has ended
	m.build = Build{
		Go: command.Program{Argv: []string{program}, Dir: filepath.Join(top, "m"), Environ: []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + top, "GOPATH=" + filepath.Join(top, "path"), "GOENV=off", "GOTOOLCHAIN=local", "GOPROXY=off",
			"LANG=C", "ONE=1", "TWO=2", "THREE=3",
		}},
		Cache: Cache(filepath.Join(top, "cache")), Packages: []string{"./..."},
	}
	return m
}

func (m module) write(name, data string, mode os.FileMode) string {
	m.t.Helper()
	path := filepath.Join(m.top, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), mode); err != nil {
		m.t.Fatal(err)
	}
	return path
}

func (m *module) set(settings ...string) {
	m.build.Go.Environ = append(m.build.Go.Environ, settings...)
}

// fill builds into the cache in question.
func (m module) fill(settings ...string) {
	m.t.Helper()
	g := m.build.Go
	g.Argv = append(g.Argv, "build", "./...")
	g.Environ = append(append([]string{}, g.Environ...), append(settings, "GOCACHE="+string(m.build.Cache))...)
	if _, _, err := command.Run(m.t.Context(), g); err != nil {
		m.t.Fatal(err)
	}
}

// verify returns what is found; the cache in question must stay as it is.
func (m module) verify() []Poison {
	m.t.Helper()
	before := m.state()
	m.build.Scratch = m.t.TempDir()
	found, err := Verify(m.t.Context(), m.build)
	if err != nil {
		m.t.Fatal(err)
	}
	if after := m.state(); before != after {
		m.t.Errorf("the cache was changed:\n%s\n%s", before, after)
	}
	return found
}

func (m module) state() string {
	var all strings.Builder
	filepath.Walk(string(m.build.Cache), func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			data, _ := os.ReadFile(path)
			fmt.Fprintf(&all, "%s %d %x\n", path, info.ModTime().UnixNano(), data[:min(len(data), 200)])
		}
		return nil
	})
	return all.String()
}

// wrapper is a -toolexec program that compiles without optimising, which no key says, when a condition of the shell holds.
func (m *module) wrapper(condition string) {
	path := m.write("wrapper", `#!/bin/sh
tool=$1
shift
case "$tool $*" in
*-V=full*) exec "$tool" "$@" ;;
*/compile\ *) if `+condition+`; then exec "$tool" -N -l "$@"; fi ;;
esac
exec "$tool" "$@"
`, 0o755)
	m.set("GOFLAGS=-toolexec=" + path)
}

const source = "package m\n\nfunc Sum(list []int) (n int) {\n\tfor _, x := range list {\n\t\tn += x\n\t}\n\treturn n\n}\n\nfunc Twice(list []int) int { return 2 * Sum(list) }\n"

func TestVerifyFindsNothing(t *testing.T) {
	m := newModule(t, source)
	m.fill()
	if found := m.verify(); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
	// A cache that holds none of it is not poisoned either.
	m.build.Cache = Cache(t.TempDir())
	if found := m.verify(); len(found) > 0 {
		t.Errorf("in an empty cache: %+v", found)
	}
}

// one is the only thing found, for the package of the module.
func one(t *testing.T, found []Poison) Poison {
	t.Helper()
	if len(found) != 1 || found[0].Package != "example.com/m" || found[0].Action != "build example.com/m" || len(found[0].IDs) == 0 || found[0].Made.IsZero() {
		t.Fatalf("found %+v", found)
	}
	return found[0]
}

func TestVerifyNamesTheVariable(t *testing.T) {
	m := newModule(t, source)
	m.wrapper(`test -n "$SECRET"`)
	m.fill()
	m.set("SECRET=x")
	p := one(t, m.verify())
	if p.Damaged || p.Why != "without the variable SECRET the build gives what is cached: it is not part of the key" {
		t.Errorf("found %+v", p)
	}
	m.agrees(p)
	// What is to be removed is what was poisoned.
	for _, file := range p.Files(m.build.Cache) {
		if err := os.Remove(file); err != nil {
			t.Error(err)
		}
	}
	m.fill()
	if found := m.verify(); len(found) > 0 {
		t.Errorf("after it was mended: %+v", found)
	}
}

// agrees checks that the go command's own verification stops at an entry of p.
func (m module) agrees(p Poison) {
	m.t.Helper()
	copied := m.t.TempDir() // it writes into the cache that it verifies
	if err := os.CopyFS(copied, os.DirFS(string(m.build.Cache))); err != nil {
		m.t.Fatal(err)
	}
	g := m.build.Go
	g.Argv = append(g.Argv, "build", "./...")
	g.Environ = append(append([]string{}, g.Environ...), "GOCACHE="+copied, "GODEBUG=gocacheverify=1")
	_, stderr, err := command.Run(m.t.Context(), g)
	_, text, _ := strings.Cut(string(stderr), "cache verify failed: id=")
	id, _, _ := strings.Cut(text, " ")
	if err == nil || !slices.Contains(p.IDs, id) {
		m.t.Errorf("the go command says: %v, of %q; found %q", err, id, p.IDs)
	}
}

func TestVerifyNamesVariablesTogether(t *testing.T) {
	m := newModule(t, source)
	m.wrapper(`test -n "$ONE$THREE"`)
	m.set("GOFLAGS=" + m.build.Go.Getenv("GOFLAGS"))
	m.fill("ONE=", "THREE=")
	p := one(t, m.verify())
	if p.Why != "without the variables ONE and THREE the build gives what is cached: they are not part of the key" {
		t.Errorf("found %+v", p)
	}
}

func TestVerifyCannotKnowWhatWasSet(t *testing.T) {
	m := newModule(t, source)
	m.wrapper(`test -n "$SECRET"`)
	m.fill("SECRET=x")
	if p := one(t, m.verify()); !strings.Contains(p.Why, "no variable that is set now is behind it") {
		t.Errorf("found %+v", p)
	}
}

func TestVerifyFindsChance(t *testing.T) {
	m := newModule(t, source)
	toggle := filepath.Join(m.top, "toggle")
	m.wrapper(`test -e ` + toggle + ` && rm ` + toggle + ` || ! touch ` + toggle)
	m.fill()
	if p := one(t, m.verify()); !strings.HasPrefix(p.Why, "the same build twice gives two results") {
		t.Errorf("found %+v", p)
	}
}

func TestVerifyFindsDamage(t *testing.T) {
	m := newModule(t, source)
	m.fill()
	outputs, err := filepath.Glob(filepath.Join(string(m.build.Cache), "*", "*-d"))
	if err != nil || len(outputs) == 0 {
		t.Fatal(outputs, err)
	}
	for _, file := range outputs {
		data, err := os.ReadFile(file)
		if err != nil || len(data) < 500 {
			continue
		}
		data[len(data)-1] ^= 1
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if p := one(t, m.verify()); !p.Damaged || p.Why != "" {
		t.Errorf("found %+v", p)
	}
}

// standardLibrary gives the go command a tree of its own tools and of nothing but packages with these declarations. What every package with C in
// it imports takes many seconds to compile into empty caches; where nothing is run, what the compiler looks up in there is enough.
func (m *module) standardLibrary(packages map[string]string) {
	m.t.Helper()
	out, err := exec.Command(m.build.Go.Argv[0], "env", "GOROOT").Output()
	if err != nil {
		m.t.Fatal(err)
	}
	for dir, declarations := range packages {
		m.write("go/src/"+dir+"/all.go", "package "+path.Base(dir)+"\n\n"+declarations+"\n", 0o644)
	}
	for _, name := range []string{"bin", "pkg", "VERSION", "go.env"} {
		if err := os.Symlink(filepath.Join(strings.TrimSpace(string(out)), name), filepath.Join(m.top, "go", name)); err != nil {
			m.t.Fatal(err)
		}
	}
	m.write("go/src/go.mod", "module std\n", 0o644)
	m.set("GOROOT=" + filepath.Join(m.top, "go"))
}

// A header that no key knows is changed.
func TestVerifyNamesTheHeader(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("gcc is not installed")
	}
	m := newModule(t, "")
	header := m.write("include/number.h", "#define NUMBER 1\n", 0o644)
	m.write("m/m.go", "package m\n\n/*\n#include \""+header+"\"\nint number(void) { return NUMBER; }\n*/\nimport \"C\"\n\nfunc Number() int { return int(C.number()) }\n", 0o644)
	m.set("CGO_ENABLED=1", "CC=gcc")
	m.standardLibrary(map[string]string{"runtime/cgo": "type Incomplete struct{}", "syscall": "type Errno uintptr", "unsafe": ""})
	m.fill()
	// The clock of file systems runs by the kernel's ticks: a change right after the build can bear an earlier time.
	for filled, changed := time.Now(), (time.Time{}); !changed.After(filled); {
		m.write("include/number.h", "#define NUMBER 2\n", 0o644)
		info, err := os.Stat(header)
		if err != nil {
			t.Fatal(err)
		}
		changed = info.ModTime()
	}
	if p := one(t, m.verify()); !strings.HasPrefix(p.Why, "changed since, and not part of the key: "+header+" (") {
		t.Errorf("found %+v", p)
	}
}

func TestVerifyReportsBrokenBuilds(t *testing.T) {
	m := newModule(t, "package m\n\nvar x int = \"\"\n")
	m.build.Scratch = t.TempDir()
	_, err := Verify(t.Context(), m.build)
	if err == nil || !strings.Contains(err.Error(), "m.go:3") || strings.Contains(err.Error(), "HASH") {
		t.Errorf("%v", err)
	}
}
