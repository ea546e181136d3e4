package definition

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/release"
	"gostore/internal/textfile"
)

// parse reads a text as gostore.toml has it.
func parse(t testing.TB, text string) ([]Definition, error) {
	t.Helper()
	doc, err := textfile.ParseTOML("t", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	list := Parse(doc, doc.May(&doc.Root, "tool", textfile.Table), "t")
	return list, doc.Err()
}

const everything = `
[tool.x]
about = "does this and that"
home = "https://x.example/"
url = "https://x.example/{version}/x-{os}-{arch}.{ext}"
checksums = "{url}.sha256"
signature = { minisign = "RWSGOq2NVecA2UPNdBUZykf1CCb147pkmdtYxgb3Ti+JO/wCYvhbAb/U", url = "https://x.example/sig/{file}.minisig" }
versions = { json = "https://x.example/all.json", path = "list.*.name", tag = "x-{version}" }
module = "x.example/cmd/x"
npm = "@x/x-{os}-{arch}"
platforms = ["linux/arm64", "darwin/arm64", "linux/amd64"]
os = { darwin = "macos", "linux/arm64" = "gnu" }
arch = { arm64 = "aarch64" }
ext = { default = "tar.gz", darwin = "zip" }
bin = [".", "x-{version}/bin"]
commands = { y = "tools/y{major}" }
env = { X_HOME = "{dir}/x-{version}" }
unset = ["X_OPTS"]
check = ["x", "version", "-o", "-o"]
says = "x {version}"
`

func TestParse(t *testing.T) {
	list, err := parse(t, everything)
	if err != nil {
		t.Fatal(err)
	}
	want := Definition{
		Name: "x", About: "does this and that", Home: "https://x.example/", Place: "t:2",
		Module: "x.example/cmd/x", NPM: "@x/x-{os}-{arch}",
		URL:       "https://x.example/{version}/x-{os}-{arch}.{ext}",
		Checksums: "{url}.sha256",
		Signature: &Signature{"RWSGOq2NVecA2UPNdBUZykf1CCb147pkmdtYxgb3Ti+JO/wCYvhbAb/U", "https://x.example/sig/{file}.minisig"},
		Versions:  Versions{JSON: "https://x.example/all.json", Path: "list.*.name", Tag: "x-{version}"},
		Platforms: []release.Platform{{OS: "darwin", Arch: "arm64"}, {OS: "linux", Arch: "amd64"}, {OS: "linux", Arch: "arm64"}},
		OS:        map[string]string{"darwin": "macos", "linux/arm64": "gnu"},
		Arch:      map[string]string{"arm64": "aarch64"},
		Ext:       map[string]string{"default": "tar.gz", "darwin": "zip"},
		Layout: release.Layout{
			Dirs:  []string{"", "x-{version}/bin"},
			Names: map[string]string{"y": "tools/y{major}"},
			Set:   map[string]string{"X_HOME": "{dir}/x-{version}"},
			Unset: []string{"X_OPTS"},
			Check: []string{"x", "version", "-o", "-o"}, CheckWant: "x {version}",
		},
	}
	if diff := cmp.Diff([]Definition{want}, list); diff != "" {
		t.Error(diff)
	}
}

func TestParseShort(t *testing.T) {
	list, err := parse(t, `
[tool.x]
url = "https://github.com/me/x/releases/download/release-{version}/x-{os}-{arch}.tar.gz"
first-use = true
[tool.y]
npm = "y"
[tool.z]
module = "z.example/z"
[tool.zig]
versions = { index = "https://z.example/index.json", format = "zig" }
`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range list {
		got = append(got, d.Name+" "+strings.Join(d.Sources(), " "))
	}
	if diff := cmp.Diff([]string{"x release", "y npm", "z gomodule", "zig release"}, got); diff != "" {
		t.Error(diff)
	}
	if want := (Versions{Git: "https://github.com/me/x", Tag: "release-{version}"}); list[0].Versions != want || !list[0].FirstUse {
		t.Errorf("x is %+v", list[0])
	}
}

func TestParseNothing(t *testing.T) {
	if list, err := parse(t, "other = 1\n"); list != nil || err != nil {
		t.Errorf("%v, %v", list, err)
	}
}

// TestComplaints has one definition in each line: what stands in its table, and every complaint about it.
func TestComplaints(t *testing.T) {
	const url, sums = `url = "https://x/{version}"`, `checksums = "{url}.sha256"`
	const good = url + "\n" + sums + "\nversions = { git = \"https://x/y\" }\n"
	const npm = "npm = \"x\"\n"
	for _, test := range []struct{ name, text, want string }{
		{"nothing", ``, `1:7: tool "x": nothing says where it comes from; want one of url, module, npm, or versions with an index that states URLs`},
		{"unknown key", npm + `urll = "u"`, `3:1: unknown key "urll"; known here: about, home, url, checksums, first-use, signature, versions, module, npm, platforms, os, arch, ext, bin, commands, env, unset, check, says`},
		{"kind", `npm = 1`, `2:7: "npm" must be a string, not an integer`},
		{"all kinds", npm + "about = 1\nbin = \"x\"\nenv = []\nos = \"x\"\nplatforms = {}\ncheck = [1]", `3:9: "about" must be a string, not an integer
4:7: "bin" must be an array, not a string
5:1: "env" must be a table, not an array
6:6: "os" must be a table, not a string
7:13: "platforms" must be an array, not a table
8:10: "check" must be a string, not an integer`},
		{"empty", npm + `about = ""`, `3:9: "about": is empty; leave the key out`},
		{"about", npm + `about = "a\nb"`, `3:9: "about": "a\nb": byte 2 is not printable`},
		{"home", npm + `home = "http://x/"`, `3:8: "home": "http://x/": want an https URL`},

		{"no checksums", `url = "https://x/{version}"` + "\nversions = { text = \"https://x/y\" }", `2:7: "url" needs "checksums": the URL at which upstream publishes them; "first-use = true" where it publishes none`},
		{"no versions", url + "\n" + sums, `2:7: "url" needs "versions": where they are listed cannot be told from the URL`},
		{"not a repository", "url = \"https://github.com/o/r/s/releases/download/{version}/x\"\n" + sums, `2:7: "url" needs "versions": where they are listed cannot be told from the URL`},
		{"no version in the tag", "url = \"https://github.com/o/r/releases/download/nightly/x\"\n" + sums, `2:7: "url" needs "versions": where they are listed cannot be told from the URL`},
		{"both", good + `first-use = true`, `5:1: "first-use" contradicts "checksums": it is for upstreams that publish none`},
		{"false", good + `first-use = false`, `5:13: "first-use" is false anyway; leave the key out`},
		{"for nothing", npm + sums + "\nfirst-use = true\nsignature = {}\nversions = {}\next = \"x\"", `3:1: "checksums" is for downloads: it needs "url"
4:1: "first-use" contradicts "checksums": it is for upstreams that publish none
4:1: "first-use" is for downloads: it needs "url"
5:1: "signature" is for downloads: it needs "url"
5:13: missing key "minisign"
5:13: missing key "url"
6:1: "versions" is for downloads: it needs "url"
6:12: "versions" has 0 of git, json, text and index: want one
7:1: "ext" is for templates of URLs: it needs "url"`},
		{"zig and url", good + `[tool.y]` + "\n" + url + "\n" + sums + "\nversions = { index = \"https://x/\", format = \"zig\" }", `6:1: "url" contradicts versions: the index states URLs and checksums
7:1: "checksums" contradicts versions: the index states URLs and checksums`},
		{"module with more", "module = \"x.example/x\"\nplatforms = [\"linux/amd64\"]\nos = { linux = \"l\" }\nbin = [\"b\"]\ncommands = { a = \"b\" }\nenv = { A = \"b\" }\nunset = [\"B\"]\ncheck = [\"a\"]\nsays = \"v\"", `3:1: "platforms" is not for Go packages: they are built for any platform, and are one command without settings
4:1: "os" is not for Go packages: they are built for any platform, and are one command without settings
5:1: "bin" is not for Go packages: they are built for any platform, and are one command without settings
6:1: "commands" is not for Go packages: they are built for any platform, and are one command without settings
7:1: "env" is not for Go packages: they are built for any platform, and are one command without settings
8:1: "unset" is not for Go packages: they are built for any platform, and are one command without settings
9:1: "check" is not for Go packages: they are built for any platform, and are one command without settings
10:1: "says" is not for Go packages: they are built for any platform, and are one command without settings`},

		{"variable", `url = "https://x/{vers}"` + "\nfirst-use = true\nversions = { text = \"https://x/y\" }", `2:18: template "https://x/{vers}": unknown variable {vers}; known here: {version}, {os}, {arch}, {ext}, {major}, {minor}`},
		{"opened", good + `env = { A = "a{dir" }`, `5:15: template "a{dir": a "{" without its "}"`},
		{"closed", good + `env = { A = '''a}''' }`, `5:17: template "a}": a "}" without a "{" before it`},
		{"nested", good + `env = { A = "a{d{ir}}" }`, `5:15: template "a{d{ir}}": a "{" without its "}"`},
		{"escapes", good + `env = { A = "\u0061}" }`, `5:13: template "a}": a "}" without a "{" before it`},
		{"no value", `url = "https://x/{version}.{ext}"` + "\n" + sums + "\nversions = { text = \"https://x/y\" }", `2:7: tool "x" 1.2.3 for darwin/amd64: template "https://x/{version}.{ext}": {ext} has no value here`},
		{"ext for some", `url = "https://x/{version}.{ext}"` + "\n" + sums + "\next = { linux = \"gz\" }\nversions = { text = \"https://x/y\" }", `2:7: tool "x" 1.2.3 for darwin/amd64: template "https://x/{version}.{ext}": {ext} has no value here`},
		{"url of itself", `url = "https://x/{url}"` + "\n" + sums + "\nversions = { text = \"https://x/y\" }", `2:18: template "https://x/{url}": unknown variable {url}; known here: {version}, {os}, {arch}, {ext}, {major}, {minor}`},

		{"http", `url = "http://x/{version}"` + "\n" + sums + "\nversions = { text = \"https://x/y\" }", `2:7: "http://x/1.2.3": want an https URL`},
		{"host", `url = "https://{version}.x/a"` + "\n" + sums + "\nversions = { text = \"https://x/y\" }", `2:7: template "https://{version}.x/a": the host of a URL may hold no variables`},
		{"password", good + `home = "https://me:pw@x/"`, `5:8: "home": URL of "x" has a user name or a password in it; those belong into .netrc`},
		{"dots", good + `home = "https://x/a/../b"`, `5:8: "home": "https://x/a/../b": has ".." as an element of its path`},
		{"fragment", good + `home = "https://x/#a"`, `5:8: "home": "https://x/#a": what follows "#" is never sent`},
		{"no host", good + `home = "https:///x"`, `5:8: "home": "https:///x" is no URL with a host`},
		{"space", good + `home = "https://x/a b"`, `5:8: "home": "https://x/a b" is no URL with a host`},
		{"file", good + `home = "file:///x"`, `5:8: "home": "file:///x": want an https URL`},
		{"no url", good + `home = "https://[::1"`, `5:8: "home": "https://[::1" is no URL`},

		{"order", url + "\n" + sums + "\nversions = { text = \"https://x/z\", order = \"newest\" }", `4:44: "order": "newest" is none: there is "natural", and the usual one without this key`},
		{"two versions", url + "\n" + sums + "\nversions = { git = \"https://x/y\", text = \"https://x/z\" }", `4:12: "versions" has 2 of git, json, text and index: want one`},
		{"no path", url + "\n" + sums + "\nversions = { json = \"https://x/y\" }", `4:14: "json" needs "path"`},
		{"no json", url + "\n" + sums + "\nversions = { git = \"https://x/y\", path = \"*\" }", `4:35: "path" needs "json"`},
		{"paths", url + "\n" + sums + "\nversions = { json = \"https://x/y\", path = \"a..b\" }", `4:43: "path": "a..b": has an empty element`},
		{"keys", url + "\n" + sums + "\nversions = { json = \"https://x/y\", path = \"@key.a\" }", `4:43: "path": @key can only be the last element`},
		{"ats", url + "\n" + sums + "\nversions = { json = \"https://x/y\", path = \"a.@keys\" }", `4:43: "path": "a.@keys": unknown element "@keys"; known are @key, * and names`},
		{"format", url + "\n" + sums + "\nversions = { index = \"https://x/y\", format = \"go\" }", `4:46: "format": unknown format "go"; known are node, zig`},
		{"tag", url + "\n" + sums + "\nversions = { git = \"https://x/y\", tag = \"v\" }", `4:41: tag "v": want {version} in it, once`},
		{"tag twice", url + "\n" + sums + "\nversions = { git = \"https://x/y\", tag = \"{version}{version}\" }", `4:41: tag "{version}{version}": want {version} in it, once`},
		{"tag of index", url + "\n" + sums + "\nversions = { index = \"https://x/y\", format = \"node\", tag = \"{version}\" }", `4:54: "tag" has no meaning for an index`},

		{"platform", npm + `platforms = ["linux", "linux/x86_64", "windows/amd64", "linux/amd46", "linux/arm", "linux/arm"]`, `3:14: platform "linux": want OS/ARCH, such as linux/amd64
3:23: platform "linux/x86_64": want OS/ARCH, such as linux/amd64
3:39: platform "windows/amd64": gostore runs on linux and darwin
3:56: platform "linux/amd46": no architecture of Go's; known are 386, amd64, arm, arm64, loong64, mips, mips64, mips64le, mipsle, ppc64, ppc64le, riscv64, s390x
3:84: platform linux/arm is listed twice`},
		{"no platform", npm + `platforms = []`, `3:1: no platform is listed; leave the key out for darwin/amd64, darwin/arm64, linux/amd64, linux/arm64`},
		{"os", npm + `os = { windows = "w", darwin = "a/b" }`, `3:8: os "windows" is none of the platforms' darwin/amd64, darwin/arm64, linux/amd64, linux/arm64
3:32: "darwin": "a/b": character '/' is not allowed; letters, digits and . _ - + are`},
		{"ext", good + `ext = { windows = "zip" }`, `5:9: ext "windows" is neither "default" nor one of the platforms' darwin/amd64, darwin/arm64, linux/amd64, linux/arm64`},
		{"ext kind", good + `ext = 1`, `5:7: "ext" must be a string or a table, not an integer`},

		{"minisign", good + `signature = { minisign = "RWSGOq2NVecA2UPN", url = "{url}.minisig" }`, `5:26: minisign key "RWSGOq2NVecA2UPN": want the 56 characters of a public key's second line, which begin with RW`},
		{"signature", good + `signature = { minisign = "RWSGOq2NVecA2UPNdBUZykf1CCb147pkmdtYxgb3Ti+JO/wCYvhbAb/U", url = "http://x/{file}", key = 1 }`, `5:92: "http://x/1.2.3": want an https URL
5:111: unknown key "key"; known here: minisign, url`},
		{"minisign's other algorithm", good + `signature = { minisign = "RUSGOq2NVecA2UPNdBUZykf1CCb147pkmdtYxgb3Ti+JO/wCYvhbAb/U", url = "{url}.minisig" }`, `5:26: minisign key "RUSGOq2NVecA2UPNdBUZykf1CCb147pkmdtYxgb3Ti+JO/wCYvhbAb/U": want the 56 characters of a public key's second line, which begin with RW`},
		{"module", `module = "fmt"`, `2:10: "module": "fmt": the first element of a Go package's path is a host`},
		{"module path", `module = "x.example/a b"`, `2:10: "module": malformed import path "x.example/a b": invalid char ' '`},
		{"npm", `npm = "a/b"`, `2:7: "npm": "a/b" is no name of an npm package: want NAME or @SCOPE/NAME`},
		{"npm variable", `npm = "a-{version}"`, `2:10: template "a-{version}": unknown variable {version}; known here: {os}, {arch}`},

		{"paths that escape", npm + `bin = ["../bin", "/bin", "a//b", "a\\b", ".", "a", "a"]`, `3:8: "bin": path "../bin": want a path inside the tree, with "/" between its elements
3:18: "bin": path "/bin": want a path inside the tree, with "/" between its elements
3:26: "bin": path "a//b": want a path inside the tree, with "/" between its elements
3:34: "bin": path "a\\b": want a path inside the tree, with "/" between its elements
3:52: "bin": "a" is listed twice`},
		{"commands", npm + `commands = { "a/b" = "x", "-a" = "x", ok = "../x", top = "." }`, `3:14: command "a/b": want letters, digits and . _ - +, not beginning with "." or "-"
3:27: command "-a": want letters, digits and . _ - +, not beginning with "." or "-"
3:44: "ok": path "../x": want a path inside the tree, with "/" between its elements
3:58: "top": path ".": want a path inside the tree, with "/" between its elements`},
		{"variables", npm + `env = { PATH = "{dir}", GOSTORE_ROOT = "x", "A-B" = "x", "1A" = "x", A1 = "x" }` + "\nunset = [\"PATH\", \"A1\"]", `3:9: variable "PATH" cannot be a tool's; directories of commands are for "bin"
3:25: variable "GOSTORE_ROOT" cannot be a tool's; directories of commands are for "bin"
3:45: "A-B" is no name of a variable: want letters, digits and "_"
3:58: "1A" is no name of a variable: want letters, digits and "_"
4:1: variable "A1" is both set and unset
4:10: "unset": variable "PATH" cannot be a tool's; directories of commands are for "bin"`},
		{"says", npm + `says = "x"`, `3:1: "says" needs "check": the command that says it`},
		{"check", npm + "commands = { a = \"a\", b = \"b\" }\ncheck = [\"x\"]", `4:1: check runs "x", which is none of the commands a, b`},
		{"empty tables", npm + "commands = {}\ncheck = []", `3:12: "commands": the table is empty; leave the key out
4:1: "check": nothing is listed; leave the key out`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(t, "[tool.x]\n"+test.text)
			if err == nil {
				t.Fatal("no complaint")
			}
			if diff := cmp.Diff(test.want, strings.ReplaceAll(err.Error(), "t:", "")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNames(t *testing.T) {
	_, err := parse(t, "[tool]\na = 1\n[tool.go]\nnpm = \"x\"\n[tool.\"a/b\"]\nnpm = \"x\"\n[tool.\"-\"]\nnpm = \"x\"\n")
	want := `t:2:5: "a" must be a table, not an integer
t:3:7: tool "go" needs no definition: which source it comes from is for [sources] in the configuration
t:5:7: tool name "a/b": a name with "/" is a Go package or an npm package, which needs no definition
t:7:7: tool name "-": element "-" begins with "-"`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestLoopback(t *testing.T) {
	for _, host := range []string{"127.0.0.1:80", "[::1]:80", "localhost"} {
		if err := checkURL("http://" + host + "/x"); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"127.0.0.1.example", "localhost.example", "10.0.0.1"} {
		if checkURL("http://"+host+"/x") == nil {
			t.Errorf("%s: http is let through", host)
		}
	}
}
