package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"gostore/internal/release"
	"gostore/internal/textfile"
	"gostore/lock"
)

// lockOf is a gostore.lock of Go with one primary version, and of node.
const lockOf = `version = 1
[[tool]]
name = "go"
request = "%s"
version = "%s"
source = "goproxy"
[tool.platforms]
"linux/amd64" = { from = "x", archive = "h1:bNlzYVDdz3HI0dMPvwv7Fxx9i4gPk9afUcR+fLwLB64=" }
[[tool]]
name = "node"
request = "lts"
version = "22.1.0"
source = "node"
[tool.platforms]
"linux/amd64" = { from = "x", archive = "h1:bNlzYVDdz3HI0dMPvwv7Fxx9i4gPk9afUcR+fLwLB64=" }
`

// tree writes the files of a txtar archive below a new directory. A name that ends with "/" is a directory.
func tree(t *testing.T, archive string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		path := filepath.Join(dir, f.Name)
		if strings.HasSuffix(f.Name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// files lists what a project found, relative to top.
func files(p Project, top string) string {
	var found []string
	for _, path := range append([]string{p.Dir, p.Lock, p.Config, p.Work, p.Module, p.Version}, p.Others...) {
		if path != "" {
			rel, _ := filepath.Rel(top, path)
			found = append(found, rel)
		}
	}
	return strings.Join(found, " ")
}

func TestFind(t *testing.T) {
	for _, test := range []struct{ name, tree, from, want string }{
		{"here", "-- a/gostore.lock --\n", "a", "a a/gostore.lock"},
		{"above", "-- a/gostore.lock --\n-- a/b/c/ --\n", "a/b/c", "a a/gostore.lock"},
		{"nearest lock", "-- gostore.lock --\n-- a/gostore.toml --\n-- a/b/ --\n", "a/b", "a a/gostore.toml"},
		{"lock wins over a nearer module", "-- gostore.lock --\n-- go.mod --\n-- a/go.mod --\n", "a", ". gostore.lock go.mod"},
		{"workspace wins over a nearer module", "-- go.work --\n-- a/go.mod --\n", "a", ". go.work"},
		{"lock wins over a workspace above", "-- go.work --\n-- a/gostore.lock --\n-- a/go.mod --\n", "a", "a a/gostore.lock go.work a/go.mod"},
		{"module above a lock", "-- go.mod --\n-- a/gostore.lock --\n", "a", "a a/gostore.lock go.mod"},
		{"nearest module", "-- go.mod --\n-- a/go.mod --\n-- a/b/ --\n", "a/b", "a a/go.mod"},
		{"version file of the repository", "-- .go-version --\n-- a/go.mod --\n", "a", "a a/go.mod .go-version"},
		{"directories of such names", "-- go.mod --\n-- a/gostore.lock/ --\n-- a/go.work/ --\n-- a/go.mod/ --\n", "a", ". go.mod"},
		{"directory that is not there yet", "-- go.mod --\n", "x/y", ". go.mod"},
		{"below a file", "-- go.mod --\n-- file --\n", "file/x", ". go.mod"},
		{"file of asdf here", "-- a/.tool-versions --\n", "a", "a a/.tool-versions"},
		{"file of asdf above, in no repository", "-- .tool-versions --\n-- a/go.mod --\n", "a", "a a/go.mod"},
		{"file of asdf above, in a repository", "-- .git/ --\n-- .tool-versions --\n-- a/b/ --\n", "a/b", ". .tool-versions"},
		{"file of asdf above the repository", "-- .tool-versions --\n-- a/.git --\n-- a/go.mod --\n-- a/b/ --\n", "a/b", "a a/go.mod"},
		{"nearest of two kinds", "-- .hg/ --\n-- go.mod --\n-- a/.nvmrc --\n-- a/b/ --\n", "a/b", "a go.mod a/.nvmrc"},
		{"all of asdf and mise, the nearest of others", "-- .jj/ --\n-- .tool-versions --\n-- mise.toml --\n-- .nvmrc --\n-- package.json --\n-- a/gostore.toml --\n" +
			"-- a/.tool-versions --\n-- a/.mise.toml --\n-- a/.nvmrc --\n-- a/.node-version --\n-- a/package.json --\n", "a",
			"a a/gostore.toml a/.mise.toml a/.tool-versions mise.toml .tool-versions a/.node-version a/.nvmrc a/package.json"},
		{"mise's own directories", "-- .svn/ --\n-- .config/mise/config.toml --\n-- a/ --\n", "a", ". .config/mise/config.toml"},
		{"mise's file for one person", "-- .git/ --\n-- mise.local.toml --\n-- a/go.mod --\n", "a", "a a/go.mod"},
		{"package.json here", "-- a/package.json --\n", "a", "a a/package.json"},
		{"package.json of a package", "-- .git/ --\n-- go.mod --\n-- package.json --\n-- node_modules/x/package.json --\n", "node_modules/x", ". go.mod package.json"},
	} {
		top := tree(t, test.tree)
		p, err := Find(filepath.Join(top, test.from))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if got := files(p, top); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		if p.LockPath() != filepath.Join(p.Dir, lock.Name) {
			t.Errorf("%s: lock path %s", test.name, p.LockPath())
		}
	}
}

func TestFindNone(t *testing.T) {
	dir := t.TempDir()
	p, err := Find(dir)
	if !errors.Is(err, ErrNone) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff(Project{Dir: dir}, p); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wants, err := p.Wants()
	if len(wants) != 0 || err != nil {
		t.Errorf("wants %v, %v", wants, err)
	}
}

// Not being able to look is not the same as nothing being there.
// What lies in a public directory counts for those who work there, and for nobody below it.
func TestFindPublic(t *testing.T) {
	top := tree(t, "-- own/pub/go.mod --\nmodule m\n-- own/pub/gostore.lock --\nversion = 1\n-- own/pub/sub/x --\n-- own/go.mod --\nmodule n\n")
	pub := filepath.Join(top, "own/pub")
	for mode, want := range map[fs.FileMode]string{
		0o755: pub, 0o777: pub, fs.ModeSticky | 0o755: pub, fs.ModeSticky | 0o777: filepath.Join(top, "own"),
	} {
		if err := os.Chmod(pub, mode); err != nil {
			t.Fatal(err)
		}
		if p, err := Find(filepath.Join(pub, "sub")); err != nil || p.Dir != want {
			t.Errorf("below a directory with mode %v: found %q, %v; want %q", mode, p.Dir, err, want)
		}
		if p, err := Find(pub); err != nil || p.Dir != pub || p.Module == "" {
			t.Errorf("in a directory with mode %v: found %+v, %v", mode, p, err)
		}
	}
}

func TestFindFailsClosed(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(lock.Name, filepath.Join(dir, lock.Name)); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(dir); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("error %v", err)
	}
}

// describe writes a want on one line.
func describe(w Want) string {
	s := fmt.Sprintf("%s: %s", w.Place(), w.Request)
	if w.Extra {
		s += " extra"
	}
	if w.Minimum {
		s += " >=" + w.AtLeast
	}
	if w.Complete {
		s += " complete"
	}
	for _, o := range w.Overruled {
		s += " (" + o + ")"
	}
	return s
}

func describeAll(wants []Want) string {
	var lines []string
	for _, w := range wants {
		lines = append(lines, describe(w))
	}
	return strings.Join(lines, "\n")
}

func TestWants(t *testing.T) {
	const config = "-- gostore.toml --\n[tools]\ngo = ['1.22', '1.27']\n"
	const module = "-- go.mod --\nmodule m\n\ngo 1.21.3\n\ntoolchain go1.23.4\n"
	locked := func(request, version string) string {
		return "-- gostore.lock --\n" + fmt.Sprintf(lockOf, request, version)
	}
	for _, test := range []struct{ name, tree, wants, asks string }{
		{
			"go line", "-- go.mod --\nmodule m\ngo 1.22\n",
			"go.mod:2: go@1.22 >=1.22",
			"go.mod:2: go@1.22 >=1.22",
		}, {
			"go line with a patch", "-- go.mod --\nmodule m\ngo 1.22.5 // why\n",
			"go.mod:2: go@1.22 >=1.22.5",
			"go.mod:2: go@1.22 >=1.22.5",
		}, {
			"go line of a pre-release", "-- go.mod --\ngo 1.27rc1\n",
			"go.mod:1: go@1.27rc1 >=1.27rc1",
			"go.mod:1: go@1.27rc1 >=1.27rc1",
		}, {
			"toolchain line", module,
			"go.mod:5: go@1.23.4 (go.mod:3: go 1.21.3)",
			"go.mod:5: go@1.23.4 (go.mod:3: go 1.21.3)\ngo.mod:3: go@1.21 >=1.21.3",
		}, {
			"toolchain default and local", "-- go.work --\ngo 1.22\ntoolchain default\n-- go.mod --\ntoolchain local\n",
			"go.work:1: go@1.22 >=1.22",
			"go.work:1: go@1.22 >=1.22",
		}, {
			"somebody's own toolchain", "-- go.mod --\ntoolchain go1.22.6-bigcorp\n",
			"go.mod:1: go@1.22.6",
			"go.mod:1: go@1.22.6",
		}, {
			"workspace before module", "-- go.work --\ngo 1.23\ntoolchain go1.24.1\nuse ./a\n" + module,
			"go.work:2: go@1.24.1 (go.mod:5: toolchain go1.23.4) (go.work:1: go 1.23) (go.mod:3: go 1.21.3)",
			"go.work:2: go@1.24.1 (go.mod:5: toolchain go1.23.4) (go.work:1: go 1.23) (go.mod:3: go 1.21.3)\n" +
				"go.work:1: go@1.23 >=1.23\ngo.mod:3: go@1.21 >=1.21.3",
		}, {
			"module's toolchain before workspace's go line", "-- go.work --\ngo 1.23\n" + module,
			"go.mod:5: go@1.23.4 (go.work:1: go 1.23) (go.mod:3: go 1.21.3)",
			"go.mod:5: go@1.23.4 (go.work:1: go 1.23) (go.mod:3: go 1.21.3)\ngo.work:1: go@1.23 >=1.23\ngo.mod:3: go@1.21 >=1.21.3",
		}, {
			"version file before go line", "-- .go-version --\n# ours\n1.22.6\n-- go.mod --\ngo 1.22\n",
			".go-version:2: go@1.22.6 (go.mod:1: go 1.22)",
			".go-version:2: go@1.22.6 (go.mod:1: go 1.22)\ngo.mod:1: go@1.22 >=1.22",
		}, {
			"version file that agrees", "-- .go-version --\n1.22.6\n-- go.mod --\ntoolchain go1.22.6\n",
			"go.mod:1: go@1.22.6",
			"go.mod:1: go@1.22.6",
		}, {
			"config before all", config + module + locked("1.21", "1.21.13"),
			"gostore.toml:2: go@1.22 complete (gostore.lock: go@1.21) (go.mod:5: toolchain go1.23.4) (go.mod:3: go 1.21.3)\n" +
				"gostore.toml:2: go@1.27 extra complete\ngostore.lock: node@lts",
			"gostore.toml:2: go@1.22 complete (go.mod:5: toolchain go1.23.4) (go.mod:3: go 1.21.3)\n" +
				"gostore.toml:2: go@1.27 extra complete\ngo.mod:3: go@1.21 >=1.21.3",
		}, {
			"lock before module", locked("1.22.6", "1.22.6") + module,
			"gostore.lock: go@1.22.6 (go.mod:5: toolchain go1.23.4) (go.mod:3: go 1.21.3)\ngostore.lock: node@lts",
			"go.mod:5: go@1.23.4 (go.mod:3: go 1.21.3)\ngo.mod:3: go@1.21 >=1.21.3",
		}, {
			"lock that can be enough for the go line", locked("1.22", "1.22.3") + "-- go.mod --\ngo 1.22.5\n",
			"gostore.lock: go@1.22 (go.mod:1: go 1.22.5)\ngostore.lock: node@lts",
			"go.mod:1: go@1.22 >=1.22.5",
		}, {
			"lock of the version whose pre-release is the minimum", locked("1.22", "1.22.3") + "-- go.mod --\ngo 1.22rc1\n",
			"gostore.lock: go@1.22 (go.mod:1: go 1.22rc1)\ngostore.lock: node@lts",
			"go.mod:1: go@1.22rc1 >=1.22rc1",
		}, {
			"lock of any Go 1", locked("1", "1.22.3") + "-- go.mod --\ngo 1.23\n",
			"gostore.lock: go@1 (go.mod:1: go 1.23)\ngostore.lock: node@lts",
			"go.mod:1: go@1.23 >=1.23",
		}, {
			"lock too old for the go line", locked("1.22", "1.22.3") + "-- go.mod --\ngo 1.23\n",
			"go.mod:1: go@1.23 >=1.23\ngostore.lock: node@lts",
			"go.mod:1: go@1.23 >=1.23",
		}, {
			"exact lock too old for the go line", locked("1.22.3", "1.22.3") + "-- go.mod --\ngo 1.22.5\n",
			"go.mod:1: go@1.22 >=1.22.5\ngostore.lock: node@lts",
			"go.mod:1: go@1.22 >=1.22.5",
		}, {
			"no say", "-- go.mod --\nmodule m\n-- .go-version --\nsystem\n", "", "",
		}, {
			"files above", "-- a/gostore.lock --\nversion = 1\n-- go.work --\ngo 1.22\n",
			"../go.work:1: go@1.22 >=1.22",
			"../go.work:1: go@1.22 >=1.22",
		},
	} {
		dir := tree(t, test.tree)
		if _, err := os.Stat(filepath.Join(dir, "a")); err == nil {
			dir = filepath.Join(dir, "a")
		}
		p, err := Find(dir)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		wants, err := p.Wants()
		if diff := cmp.Diff(test.wants, describeAll(wants)); diff != "" || err != nil {
			t.Errorf("%s: wants: %v (-want +got):\n%s", test.name, err, diff)
		}
		asks, err := p.Asks()
		if diff := cmp.Diff(test.asks, describeAll(asks)); diff != "" || err != nil {
			t.Errorf("%s: asks: %v (-want +got):\n%s", test.name, err, diff)
		}
	}
}

func TestBadFiles(t *testing.T) {
	for _, test := range []struct{ name, data, want string }{
		{".go-version", "1.22\n\n  1.23 # two\n", `.go-version:3:3: a second version "1.23": one is enough`},
		{".go-version", "# our Go\n\tfoo\n", `.go-version:2:2: "foo" is not a version of Go`},
		{".go-version", "1.22.x\n", `.go-version:1:1: "1.22.x" is not a version of Go`},
		{".go-version", "gov1.22\n", `.go-version:1:1: "gov1.22" is not a version of Go`},
		{".go-version", "1.22\x00", `.go-version:1:5: a NUL byte: this is not a text file`},
		{".go-version", "\n1.\xff2", `.go-version:2:3: byte 0xff is not UTF-8`},
		{"go.mod", "module m\ngo 1.22\ntoolchain node22\n", `go.mod:3:1: toolchain line: "node22" is not the name of a Go toolchain, such as go1.22.6`},
		{"go.mod", "module m\ntoolchain go1.22.6\ntoolchain go1.22.6\n", `go.mod:3:1: a second toolchain line`},
		{"go.mod", "toolchain default\ntoolchain go1.22.6\n", `go.mod:2:1: a second toolchain line`},
		{"go.mod", "toolchain go1.22.6 go1.22.7\n", `go.mod:1:1: toolchain line: want one name, such as go1.22.6`},
		{"go.mod", "module m\n\ngo one\n", `go.mod:3:1: invalid go version 'one': must match format 1.23.0`},
		{"go.mod", "module m\n<<<<<<< HEAD\ngo 1.22\n", `go.mod:2:1: unresolved merge conflict begins here`},
		{"go.work", "go 1.22\ngo 1.23\n", `go.work:2:1: repeated go statement`},
		{"gostore.toml", "[tools]\ngo = 1.22\n", `gostore.toml:2:6: tool "go": want a version in quotes or a list of them, not a number or a date`},
		{"gostore.toml", "[tools]\ngo = ['1.22', 1.23, '1.22', 'a b']\n", `gostore.toml:2:15: tool "go": a version is written in quotes
gostore.toml:2:21: tool "go": version "1.22" is listed twice
gostore.toml:2:29: tool "go": version "a b": character ' ' is not allowed`},
		{"gostore.toml", "[tools]\ngo = ['1.22', 'system']\n", `gostore.toml:2:15: tool "go": "system" stands alone: it is for the machine to have it`},
		{"gostore.toml", "[tools]\ngo = []\n", `gostore.toml:2:1: tool "go": the list of versions is empty`},
		{"gostore.toml", "[tools]\ngolang.org = '1'\n", `gostore.toml:2:1: tool "golang": want a version or a list of versions; a name with dots in it needs quotes`},
		{"gostore.toml", "[tools]\n'../go' = '1'\n", `gostore.toml:2:1: tool name "../go": element ".." begins with "."`},
		{"gostore.toml", "[tools]\ngo = '1'\ngo = '2'\n", `gostore.toml:3:1: key "go" is already set in line 2`},
		{"gostore.toml", "[tooling]\ngo = '1'\n[vars]\n", `gostore.toml:1:2: unknown key "tooling"; known here: tools, env, isolate, check, tool, mirror, sources
gostore.toml:3:2: unknown key "vars"; known here: tools, env, isolate, check, tool, mirror, sources`},
		{"gostore.toml", "[tools]\nnode = '1'\n'npm:node' = '2'\n'npm:x@1' = '3'\n", `gostore.toml:3:1: tool "node" is listed already, from another source
gostore.toml:4:1: tool "npm:x@1": the version stands after the "="`},
		{"gostore.toml", "tools = 'go'\n", `gostore.toml:1:9: "tools" must be a table, not a string`},
		{"gostore.toml", "[tools\n", `gostore.toml:1:7: expected ']' to close table name`},
		{"gostore.lock", "version = 1\nx = 2\n", `gostore.lock:2:1: unknown key "x"; known here: version, tool, vendor`},
	} {
		dir := tree(t, "")
		if err := os.WriteFile(filepath.Join(dir, test.name), []byte(test.data), 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := Find(dir)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Wants()
		if err == nil {
			t.Errorf("%s %q: no error", test.name, test.data)
			continue
		}
		var at *textfile.Error
		if !errors.As(err, &at) || at.Line == 0 {
			t.Errorf("%s %q: no place in %v", test.name, test.data, err)
		}
		if got := strings.ReplaceAll(err.Error(), dir+"/", ""); got != test.want {
			t.Errorf("%s %q:\n got %s\nwant %s", test.name, test.data, got, test.want)
		}
	}
}

func TestTooLarge(t *testing.T) {
	dir := tree(t, "-- .go-version --\n1.22\n"+strings.Repeat("#", maxSize))
	p, err := Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Asks(); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("error %v", err)
	}
}

// fuzz checks that what a parser accepts is a valid request and that what it refuses has a place.
func fuzz(t *testing.T, name string, parse parser, data []byte) {
	claims, err := parse(name, data)
	if err != nil {
		var at *textfile.Error
		if !errors.As(err, &at) || at.Line < 1 || at.File != name {
			t.Fatalf("no place in %v", err)
		}
		return
	}
	for _, c := range claims {
		if release.CheckTool(c.Request.Tool) != nil || release.CheckVersion(c.Request.Version) != nil {
			t.Fatalf("request %q", c.Request)
		}
		if c.Request.Tool == "" || c.Request.Version == "" || c.Line < 1 || c.Minimum == (c.AtLeast == "") {
			t.Fatalf("claim %+v", c)
		}
	}
}

func FuzzConfig(f *testing.F) {
	for _, s := range []string{"[tools]\ngo = '1.22'\n", "[tools]\ngo = ['1.22', '1.27']\n'golang.org/x/tools/gopls' = 'latest'\n", "tools.go = 1", "tools = {go = []}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, ConfigName, parseConfig, data) })
}

func FuzzGoFile(f *testing.F) {
	for _, s := range []string{"module m\n\ngo 1.22\n\ntoolchain go1.22.6\n", "go 1.22rc1\nuse (\n\t./a\n\t./b\n)\n", "toolchain default\n", "go (\n1.22\n)\n", "require x v1\nrequire (\n\ta.b/c master // indirect\n)\nretract [v1.0.0, v1.1.0]\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, moduleName, parseGoFile, data) })
}
