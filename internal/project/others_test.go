package project

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/textfile"
	"gostore/internal/versionfile"
)

// Remarks of package versionfile.
const (
	system  = "asks for nothing: it is whatever the machine has"
	form    = "asks for nothing that can be locked: that is not a version"
	backend = "not known here: of mise's backends npm: and go: are read"
)

// A package.json above makes no directory below it a project, and neither does a file that is somebody's own.
func TestFindNotAbove(t *testing.T) {
	top := tree(t, "-- package.json --\n{\"engines\": {\"node\": \">=20\"}}\n-- .tool-versions --\ngolang 1.22\n-- mise.toml --\n-- .nvmrc --\n20\n-- a/ --\n")
	dir := filepath.Join(top, "a")
	p, err := Find(dir)
	if !errors.Is(err, ErrNone) || p.Dir != dir || len(p.Others) > 0 {
		t.Errorf("found %+v, %v", p, err)
	}
	if p, err := Find(top); err != nil || p.Dir != top || len(p.Others) != 4 {
		t.Errorf("in the directory itself: found %+v, %v", p, err)
	}
}

// A public directory has no say in the directories below it, whatever it holds.
func TestOthersPublic(t *testing.T) {
	top := tree(t, "-- .git/ --\n-- .nvmrc --\n20\n-- pub/.nvmrc --\n18\n-- pub/mise.toml --\n-- pub/sub/go.mod --\n")
	pub := filepath.Join(top, "pub")
	if err := os.Chmod(pub, fs.ModeSticky|0o777); err != nil {
		t.Fatal(err)
	}
	p, err := Find(filepath.Join(pub, "sub"))
	if got := files(p, top); got != "pub/sub pub/sub/go.mod .nvmrc" || err != nil {
		t.Errorf("found %s, %v", got, err)
	}
	if err := os.Mkdir(filepath.Join(pub, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	p, err = Find(filepath.Join(pub, "sub"))
	if got := files(p, top); got != "pub/sub pub/sub/go.mod .nvmrc" || err != nil {
		t.Errorf("with a repository in it: found %s, %v", got, err)
	}
}

// say returns what a project wants, asks for, and remarks, a line each.
func say(t *testing.T, p Project) (wants, asks, told string) {
	t.Helper()
	w, err := p.Wants()
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.Asks()
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Remarks()
	if err != nil {
		t.Fatal(err)
	}
	return describeAll(w), describeAll(a), strings.Join(r, "\n")
}

func TestWantsOfOthers(t *testing.T) {
	const asdf = "-- .tool-versions --\n# ours\ngolang 1.22.6 1.21.13\nnodejs lts-jod # why\nruby 3.2.2\njq 1.7.1\n"
	const same = "\x00" // asks are the wants
	for _, test := range []struct{ name, tree, wants, asks, told string }{
		{
			"asdf", asdf,
			".tool-versions:2: go@1.22.6\n.tool-versions:2: go@1.21.13 extra\n.tool-versions:5: jq@1.7.1\n.tool-versions:3: node@jod", same,
			".tool-versions:4: ruby 3.2.2: " + versionfile.Unknown,
		}, {
			"a tool that the project defines", "-- .tool-versions --\nruby 3.2.2\nperl 5\n-- gostore.toml --\n[tool.ruby]\nnpm = 'x'\n",
			".tool-versions:1: ruby@3.2.2", same,
			".tool-versions:2: perl 5: " + versionfile.Unknown,
		}, {
			"words of asdf", "-- .tool-versions --\ngolang system path:/opt/go 1.22 latest 1.22\nnodejs ref:main\nhelm latest:3\nshfmt v3.7.0\n",
			".tool-versions:1: go@1.22\n.tool-versions:1: go@latest extra\n.tool-versions:3: helm@3\n.tool-versions:4: shfmt@v3.7.0", same,
			".tool-versions:1: golang system: " + system + "\n.tool-versions:1: golang path:/opt/go: " + form + "\n.tool-versions:2: nodejs ref:main: " + form,
		}, {
			"mise", "-- mise.toml --\n[env]\nX = 1\n[tools]\ngo = '1.22'\nnode = ['lts', 'prefix:20', '20']\n'npm:prettier' = { version = '3', os = ['linux'] }\n" +
				"'go:golang.org/x/tools/gopls' = 'latest'\n'aqua:a/b' = '1'\nerlang = '{{ env.X }}'\nyq = { ref = 'main' }\n[tools.terraform]\nprefix = '1.9'\n",
			"mise.toml:4: go@1.22\nmise.toml:7: go:golang.org/x/tools/gopls@latest\nmise.toml:5: node@lts\nmise.toml:5: node@20 extra\nmise.toml:6: npm:prettier@3\nmise.toml:11: terraform@1.9", same,
			"mise.toml:8: aqua:a/b: " + backend + "\nmise.toml:9: erlang {{ env.X }}: " + versionfile.Unknown + "\nmise.toml:10: yq ref:main: " + form,
		}, {
			"mise before asdf, per tool", asdf + "-- mise.toml --\ntools.go = '1.23'\n",
			"mise.toml:1: go@1.23 (.tool-versions:2: golang 1.22.6) (.tool-versions:2: golang 1.21.13)\n.tool-versions:5: jq@1.7.1\n.tool-versions:3: node@jod", same,
			".tool-versions:4: ruby 3.2.2: " + versionfile.Unknown,
		}, {
			"Go's own files first", "-- .tool-versions --\ngolang 1.22.6\n-- .go-version --\n1.23.0\n-- go.mod --\ngo 1.21\n",
			".go-version:1: go@1.23.0 (.tool-versions:1: golang 1.22.6) (go.mod:1: go 1.21)",
			".go-version:1: go@1.23.0 (.tool-versions:1: golang 1.22.6) (go.mod:1: go 1.21)\ngo.mod:1: go@1.21 >=1.21", "",
		}, {
			"asdf before the go line", "-- .tool-versions --\ngolang 1.22.6\n-- go.mod --\ngo 1.21\n",
			".tool-versions:1: go@1.22.6 (go.mod:1: go 1.21)",
			".tool-versions:1: go@1.22.6 (go.mod:1: go 1.21)\ngo.mod:1: go@1.21 >=1.21", "",
		}, {
			"gostore.toml before all", asdf + "-- gostore.toml --\n[tools]\ngo = '1.26'\nnode = '22'\njq = '1.8'\n",
			"gostore.toml:2: go@1.26 complete (.tool-versions:2: golang 1.22.6) (.tool-versions:2: golang 1.21.13)\n" +
				"gostore.toml:4: jq@1.8 complete (.tool-versions:5: jq 1.7.1)\ngostore.toml:3: node@22 complete (.tool-versions:3: nodejs lts-jod)", same,
			".tool-versions:4: ruby 3.2.2: " + versionfile.Unknown,
		}, {
			"files of Node.js", "-- .nvmrc --\nlts/*\n-- .node-version --\n# pinned\nv20.1.0\n-- package.json --\n{\n  \"volta\": {\"node\": \"18.1.0\"},\n  \"engines\": {\"node\": \">=18\"}\n}\n",
			".node-version:2: node@20.1.0 (.nvmrc:1: lts/*) (package.json:2: volta.node 18.1.0) (package.json:3: engines.node >=18)",
			".node-version:2: node@20.1.0 (.nvmrc:1: lts/*) (package.json:2: volta.node 18.1.0) (package.json:3: engines.node >=18)\npackage.json:3: node@18 >=18", "",
		}, {
			"volta", "-- package.json --\n{\"volta\": {\n\"node\": \"18.1.0\",\n\"npm\": \"10\"}, \"packageManager\": \"pnpm@9.1.0\"}\n",
			"package.json:2: node@18.1.0", same,
			"package.json:3: volta.npm: is not read: of Volta's tools only node is",
		}, {
			"engines", "-- package.json --\n{\"engines\": {\"npm\": \">=10\", \"node\": \"^18.12 || >=20.1\"}}\n",
			"package.json:1: node@20 >=18.12", same, "",
		}, {
			"devEngines before engines", "-- package.json --\n{\"devEngines\": {\"runtime\": [{\"name\": \"bun\"}, {\"name\": \"node\", \"version\": \"~20.1.3\"}]},\n\"engines\": {\"node\": \">=18\"}}\n",
			"package.json:1: node@20.1 >=20.1.3 (package.json:2: engines.node >=18)",
			"package.json:1: node@20.1 >=20.1.3 (package.json:2: engines.node >=18)\npackage.json:2: node@18 >=18", "",
		}, {
			"engines that say nothing", "-- package.json --\n{\"engines\": {\"node\": \"*\"}, \"devEngines\": {\"runtime\": {\"name\": \"node\", \"version\": \"<20\"}}}\n",
			"", same, "package.json:1: devEngines.runtime <20: asks for nothing: it is no range of versions with a least one",
		}, {
			"lock too old for engines", "-- package.json --\n{\"engines\": {\"node\": \">=20\"}}\n-- gostore.lock --\n" +
				strings.Replace(strings.Replace(lockOf, "%s", "1.22", 2), `"lts"`, `"18"`, 1),
			"gostore.lock: go@1.22\npackage.json:1: node@20 >=20", "package.json:1: node@20 >=20", "",
		}, {
			"lock that can be enough for engines", "-- package.json --\n{\"engines\": {\"node\": \">=22.1\"}}\n-- gostore.lock --\n" +
				strings.Replace(strings.Replace(lockOf, "%s", "1.22", 2), `"lts"`, `"22"`, 1),
			"gostore.lock: go@1.22\ngostore.lock: node@22 (package.json:1: engines.node >=22.1)", "package.json:1: node@22 >=22.1", "",
		}, {
			"what a terminal would obey", "-- .tool-versions --\n\x1b[31mx 1\n", "", same,
			`.tool-versions:1: "\x1b[31mx 1": ` + versionfile.Unknown,
		}, {
			"none, whatever others say", "-- gostore.toml --\n[tools]\nnode = 'system'\njq = '1'\n-- .nvmrc --\n20\n-- package.json --\n{\"engines\": {\"node\": \">=20\"}}\n-- gostore.lock --\n" +
				strings.Replace(lockOf, "%s", "1.22", 2),
			"gostore.lock: go@1.22\ngostore.toml:3: jq@1 complete", "gostore.toml:3: jq@1 complete", "",
		}, {
			"system everywhere", "-- .go-version --\nsystem\n-- .nvmrc --\nsystem\n-- .tool-versions --\ngolang system\n", "", same,
			".go-version:1: system: " + system + "\n.tool-versions:1: golang system: " + system + "\n.nvmrc:1: system: " + system,
		},
	} {
		p, err := Find(tree(t, test.tree))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		wants, asks, told := say(t, p)
		if test.asks == same {
			test.asks = test.wants
		}
		if diff := cmp.Diff(test.wants, wants); diff != "" {
			t.Errorf("%s: wants (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(test.asks, asks); diff != "" {
			t.Errorf("%s: asks (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(test.told, told); diff != "" {
			t.Errorf("%s: remarks (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestFrom(t *testing.T) {
	dir := tree(t, "-- a/go.mod --\ngo 1.21\n-- b/.tool-versions --\nnodejs 20\nruby 3\n-- b/mise/config.toml --\ntools.go = '1.22'\n-- b/mise.local.toml --\ntools.go = '1.23'\n"+
		"-- b/go.work --\ngo 1.24\ntoolchain go1.24.1\n-- b/other.toml --\n-- b/bad/.nvmrc --\n20 21\n")
	p, err := Find(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		".tool-versions":   "../b/.tool-versions:1: node@20|../b/.tool-versions:2: ruby 3: " + versionfile.Unknown,
		"mise/config.toml": "../b/mise/config.toml:1: go@1.22|",
		"mise.local.toml":  "../b/mise.local.toml:1: go@1.23|",
		"go.work":          "../b/go.work:2: go@1.24.1 (../b/go.work:1: go 1.24)|",
	} {
		wants, told, err := p.From(filepath.Join(dir, "b", filepath.FromSlash(name)))
		if got := describeAll(wants) + "|" + strings.Join(told, "\n"); got != want || err != nil {
			t.Errorf("%s: %s, %v; want %s", name, got, err, want)
		}
	}
	var kind *KindError
	if _, _, err := p.From(filepath.Join(dir, "b", "other.toml")); !errors.As(err, &kind) || len(kind.Known) != len(kinds) {
		t.Errorf("unknown kind: %v", err)
	}
	if _, _, err := p.From(filepath.Join(dir, "none", ".nvmrc")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such file: %v", err)
	}
	if _, _, err := p.From(filepath.Join(dir, "b", "bad", ".nvmrc")); !errors.As(err, new(*textfile.Error)) {
		t.Errorf("bad file: %v", err)
	}
}
