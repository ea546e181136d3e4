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
			".tool-versions:4: ruby 3.2.2: " + whyUnknown,
		}, {
			"a tool that the project defines", "-- .tool-versions --\nruby 3.2.2\nperl 5\n-- gostore.toml --\n[tool.ruby]\nnpm = 'x'\n",
			".tool-versions:1: ruby@3.2.2", same,
			".tool-versions:2: perl 5: " + whyUnknown,
		}, {
			"words of asdf", "-- .tool-versions --\ngolang system path:/opt/go 1.22 latest 1.22\nnodejs ref:main\nhelm latest:3\nshfmt v3.7.0\n",
			".tool-versions:1: go@1.22\n.tool-versions:1: go@latest extra\n.tool-versions:3: helm@3\n.tool-versions:4: shfmt@v3.7.0", same,
			".tool-versions:1: golang system: " + whySystem + "\n.tool-versions:1: golang path:/opt/go: " + whyForm + "\n.tool-versions:2: nodejs ref:main: " + whyForm,
		}, {
			"mise", "-- mise.toml --\n[env]\nX = 1\n[tools]\ngo = '1.22'\nnode = ['lts', 'prefix:20', '20']\n'npm:prettier' = { version = '3', os = ['linux'] }\n" +
				"'go:golang.org/x/tools/gopls' = 'latest'\n'aqua:a/b' = '1'\nerlang = '{{ env.X }}'\nyq = { ref = 'main' }\n[tools.terraform]\nprefix = '1.9'\n",
			"mise.toml:4: go@1.22\nmise.toml:7: go:golang.org/x/tools/gopls@latest\nmise.toml:5: node@lts\nmise.toml:5: node@20 extra\nmise.toml:6: npm:prettier@3\nmise.toml:11: terraform@1.9", same,
			"mise.toml:8: aqua:a/b: " + whyBackend + "\nmise.toml:9: erlang {{ env.X }}: " + whyUnknown + "\nmise.toml:10: yq ref:main: " + whyForm,
		}, {
			"mise before asdf, per tool", asdf + "-- mise.toml --\ntools.go = '1.23'\n",
			"mise.toml:1: go@1.23 (.tool-versions:2: golang 1.22.6) (.tool-versions:2: golang 1.21.13)\n.tool-versions:5: jq@1.7.1\n.tool-versions:3: node@jod", same,
			".tool-versions:4: ruby 3.2.2: " + whyUnknown,
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
			".tool-versions:4: ruby 3.2.2: " + whyUnknown,
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
			"system everywhere", "-- .go-version --\nsystem\n-- .nvmrc --\nsystem\n-- .tool-versions --\ngolang system\n", "", same,
			".go-version:1: system: " + whySystem + "\n.tool-versions:1: golang system: " + whySystem + "\n.nvmrc:1: system: " + whySystem,
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

func TestVersionOf(t *testing.T) {
	for _, test := range []struct{ tool, text, want string }{
		{"go", "1.22", "1.22"}, {"go", "go1.22.6", "1.22.6"}, {"go", "v1.22", "1.22"}, {"go", "1.27rc1", "1.27rc1"}, {"go", "latest:1.22", "1.22"},
		{"go", "1.22.x", "error"}, {"go", "latest:", "error"}, {"go", "tip", "error"}, {"go", "sub-1:latest", "remark"},
		{"node", "v20.1.0", "20.1.0"}, {"node", "20", "20"}, {"node", "20.x", "20"}, {"node", "20.1.x", "20.1"}, {"node", "lts/*", "lts"}, {"node", "lts", "lts"},
		{"node", "lts/Jod", "jod"}, {"node", "lts-jod", "jod"}, {"node", "lts/-1", "remark"}, {"node", "node", "latest"}, {"node", "stable", "latest"},
		{"node", "iojs-v3.3.1", "remark"}, {"node", "default", "remark"}, {"node", "my-alias", "remark"}, {"node", "system", "remark"}, {"node", "lts/", "remark"},
		{"node", "20 21", "error"}, {"node", ">=20", "error"}, {"node", "v", "remark"}, {"node", "20.", "error"}, {"node", "-1", "error"}, {"node", "22.0.0-nightly2024", "22.0.0-nightly2024"},
		{"jq", "1.7.1", "1.7.1"}, {"jq", "a b", "error"}, {"zig", "master", "master"}, {"jq", "{{x}}", "remark"},
	} {
		v, remark, err := versionOf(test.tool, test.text)
		got := v
		switch {
		case err != nil:
			got = "error"
		case remark != "":
			got = "remark"
		}
		if got != test.want {
			t.Errorf("%s %q: %q (%v, %q), want %q", test.tool, test.text, got, err, remark, test.want)
		}
	}
}

func TestNodeRange(t *testing.T) {
	for text, want := range map[string]string{
		">=18": "18 18", ">= 18.12.1": "18 18.12.1", ">18": "19 19", ">18.1.2": "18 18.1.3", "^18.12.0": "18 18.12", "^0.10.3": "0.10 0.10.3", "^0.0.3": "0.0.3 0.0.3",
		"~20.1": "20.1 20.1", "~> 20.1.3": "20.1 20.1.3", "20": "20 20", "20.x": "20 20", "v20.1.x": "20.1 20.1", "=20.1.2": "20.1.2 20.1.2", "20.1.2": "20.1.2 20.1.2",
		"18 - 22": "18 18", "18.3.0 - 18.5": "18.3 18.3", ">=18.1.2 <18.1.5": "18.1.2 18.1.2", ">=18 <21": "18 18", ">=18.17 <19.5": "18 18.17",
		"18 || >=20": "20 18", ">=20 || 18": "20 18", "^16.4 || ^18 || >= 20.2": "20 16.4", "<21 >=20": "20 20", "<=20.1.0 >=20": "20.0 20",
		"*": " ", "": " ", "x": " ", "18 || *": " ",
		"<20": "no", "18 || <17": "no", ">=20 <18": "no", "latest": "no", ">=18-rc.1": "no", ">=": "no", ">*": "no", "18.1.2.3": "no", "99999999": "no",
	} {
		request, least, ok := nodeRange(text)
		got := request + " " + least
		if !ok {
			got = "no"
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
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
		".tool-versions":   "../b/.tool-versions:1: node@20|../b/.tool-versions:2: ruby 3: " + whyUnknown,
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

func TestBadOthers(t *testing.T) {
	for _, test := range []struct{ name, data, want string }{
		{".tool-versions", "golang 1.22\n\n  nodejs\n", `.tool-versions:3:3: no version follows "nodejs"`},
		{".tool-versions", "golang 1.22 1.x\n", `.tool-versions:1:13: "1.x" is not a version of Go`},
		{".tool-versions", "golang 1.22\njq 1\ngo 1.21\n", `.tool-versions:3:1: "go" is listed already, in line 1`},
		{"mise.toml", "[tools]\ngo = 1.22\n", `mise.toml:2:6: tool "go": a version is written in quotes, or in a table with the key "version"`},
		{"mise.toml", "[tools]\ngo = ['1.22', {os = 'linux'}]\nnode = '2 1'\n", `mise.toml:2:15: tool "go": the table has no "version"
mise.toml:3:8: tool "node": "2 1" is not a version of Node.js`},
		{"mise.toml", "[tools]\ngo = '1.22'\n'core:go' = '1.23'\n", `mise.toml:3:1: tool "go" is listed already, under another name`},
		{"mise.toml", "tools = ['go']\n", `mise.toml:1:1: "tools" must be a table, not an array`},
		{"mise.toml", "[tools\n", `mise.toml:1:7: expected ']' to close table name`},
		{".nvmrc", "\n20\n21\n", `.nvmrc:3:1: a second version "21": one is enough`},
		{".node-version", " ~20\n", `.node-version:1:2: "~20" is not a version of Node.js`},
		{"package.json", "{\n  \"volta\": {\"node\":\n   20}}\n", `package.json:3:4: volta.node must be a string`},
		{"package.json", "{\n  \"volta\": {\"node\": \"x.y\"}}\n", `package.json:2:21: volta.node: "x.y" is not a version of Node.js`},
		{"package.json", "{\n  \"engines\": {,}}\n", `package.json:2:15: invalid character ',' looking for beginning of object key string`},
		{"package.json", "{} x", `package.json:1:4: invalid character 'x' after top-level value`},
		{"package.json", "<<<<<<< HEAD\n{}\n", `package.json:1:1: unresolved merge conflict begins here`},
	} {
		dir := tree(t, "")
		if err := os.WriteFile(filepath.Join(dir, test.name), []byte(test.data), 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := Find(dir)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Asks()
		if err == nil || strings.ReplaceAll(err.Error(), dir+"/", "") != test.want {
			t.Errorf("%s %q:\n got %v\nwant %s", test.name, test.data, err, test.want)
		}
	}
}

func FuzzToolVersions(f *testing.F) {
	for _, s := range []string{"golang 1.22.6 1.21.13\nnodejs lts # x\n", "ruby 3.2.2\npython system\n", "golang ref:main path:/x\n", "npm:prettier 3\n", "go 1\ngolang 1\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, asdfName, parseToolVersions, data) })
}

func FuzzMise(f *testing.F) {
	for _, s := range []string{"[tools]\ngo = '1.22'\nnode = ['lts', {version = '20'}]\n", "tools.'npm:x' = 'latest'\n'aqua:a/b' = '1'\n", "[tools.go]\nref = 'x'\n", "tools = {go = 1}\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, "mise.toml", parseMise, data) })
}

func FuzzNodeVersion(f *testing.F) {
	for _, s := range []string{"v20.1.0\n", "lts/*", "lts/jod # x", "20.x\n", "system", "\ufeff20"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, nvmName, parseNodeVersion, data) })
}

func FuzzPackage(f *testing.F) {
	for _, s := range []string{`{"volta": {"node": "20.1.0", "npm": "10"}}`, `{"engines": {"node": ">=18 <21 || ^22.1"}}`, `{"devEngines": {"runtime": [{"name": "node", "version": "20"}]}}`,
		"\ufeff{\"engines\":\n{\"node\":\"18 - 20\"}}", `{"engines": ["node"]}`, `[]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, packageName, parsePackage, data) })
}
