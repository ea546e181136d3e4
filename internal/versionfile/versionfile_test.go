package versionfile

import (
	"errors"
	"testing"

	"gostore/internal/release"
	"gostore/internal/textfile"
)

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

func TestBadFiles(t *testing.T) {
	for _, test := range []struct{ name, data, want string }{
		{".go-version", "1.22\n\n  1.23 # two\n", `.go-version:3:3: a second version "1.23": one is enough`},
		{".go-version", "# our Go\n\tfoo\n", `.go-version:2:2: "foo" is not a version of Go`},
		{".go-version", "gov1.22\n", `.go-version:1:1: "gov1.22" is not a version of Go`},
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
	} {
		_, err := ParserOf(test.name)(test.name, []byte(test.data))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s %q:\n got %v\nwant %s", test.name, test.data, err, test.want)
		}
		var at *textfile.Error
		if !errors.As(err, &at) || at.Line == 0 {
			t.Errorf("%s %q: no place in %v", test.name, test.data, err)
		}
	}
}

// fuzz checks that what a parser accepts is a valid request or a remark, and that what it refuses has a place.
func fuzz(t *testing.T, name string, parse Parser, data []byte) {
	asks, err := parse(name, data)
	if err != nil {
		var at *textfile.Error
		if !errors.As(err, &at) || at.Line < 1 || at.File != name {
			t.Fatalf("no place in %v", err)
		}
		return
	}
	for _, a := range asks {
		if a.Line < 1 {
			t.Fatalf("ask %+v", a)
		}
		if a.Remark == "" && (release.CheckTool(a.Request.Tool) != nil || release.CheckVersion(a.Request.Version) != nil) {
			t.Fatalf("request %q", a.Request)
		}
	}
}

func FuzzGoVersion(f *testing.F) {
	for _, s := range []string{"1.22\n", "go1.22.6 # comment\n", "\n# x\nv1.22rc1", "system", "latest", "1.22\n1.23\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, GoVersion, parseGoVersion, data) })
}

func FuzzToolVersions(f *testing.F) {
	for _, s := range []string{"golang 1.22.6 1.21.13\nnodejs lts # x\n", "ruby 3.2.2\npython system\n", "golang ref:main path:/x\n", "npm:prettier 3\n", "go 1\ngolang 1\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, ToolVersions, parseToolVersions, data) })
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
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, NVM, parseNodeVersion, data) })
}

func FuzzPackage(f *testing.F) {
	for _, s := range []string{`{"volta": {"node": "20.1.0", "npm": "10"}}`, `{"engines": {"node": ">=18 <21 || ^22.1"}}`, `{"devEngines": {"runtime": [{"name": "node", "version": "20"}]}}`,
		"\ufeff{\"engines\":\n{\"node\":\"18 - 20\"}}", `{"engines": ["node"]}`, `[]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, Package, parsePackage, data) })
}
