package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/definition"
	"gostore/internal/fetch"
	"gostore/internal/textfile"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

const everything = `
trust = ["~/work", "/srv/src/", "here"]

[[mirror]]
prefix = "https://Go.dev/dl"
to = ["http://mirror.example/golang/", "FILE:///srv/go", "mirrors/a b", "~/mirrors/", "off"]

[[mirror]]
prefix = "https://nodejs.org/dist/"
to = ["https://mirror.example/node"]
[[mirror]]
prefix = "https://nodejs.org/dist/"
to = ["https://other.example/node/"]
source = "godev"

[sources]
go = "godev"
"golang.org/x/tools/gopls" = "gomodule"

[network]
ca = "corp.pem"
proxy = "http://me:secret@proxy.example:3128"
no-proxy = ["corp.example", "10.0.0.0/8"]
netrc = "~/netrc"

[npm]
registry = "https://registry.example/npm/"

[tool.mine]
about = "Mine"
home = "https://mine.example/"
url = "https://mine.example/{version}/mine-{os}-{arch}.tar.gz"
checksums = "https://mine.example/{version}/sums.txt"
versions = { git = "https://mine.example/mine.git" }
`

func TestLoad(t *testing.T) {
	got, err := Load("/etc/x/config.toml", []byte(everything), "/home/me")
	if err != nil {
		t.Fatal(err)
	}
	rule := func(prefix, source string, to ...string) Mirror {
		return Mirror{fetch.Mirror{Prefix: prefix, To: to}, source}
	}
	want := Config{
		Mirrors: []Mirror{
			rule("https://nodejs.org/dist/", "godev", "https://other.example/node/"),
			rule("https://go.dev/dl/", "", "http://mirror.example/golang/", "file:///srv/go/", "file:///etc/x/mirrors/a%20b/", "file:///home/me/mirrors/", "off"),
			rule("https://nodejs.org/dist/", "", "https://mirror.example/node/"),
		},
		Sources:  map[string]string{"go": "godev", "golang.org/x/tools/gopls": "gomodule"},
		Registry: "https://registry.example/npm",
		Trust:    []string{"/home/me/work", "/srv/src", "/etc/x/here"},
		CA:       "/etc/x/corp.pem", Netrc: "/home/me/netrc", NetrcNeeded: true,
		Proxies: fetch.Proxies{All: "http://me:secret@proxy.example:3128", No: "corp.example,10.0.0.0/8"},
	}
	before, _, _ := strings.Cut(everything, "[tool.mine]")
	place := fmt.Sprintf("/etc/x/config.toml:%d", strings.Count(before, "\n")+1)
	if len(got.Tools) != 1 || got.Tools[0].Name != "mine" || got.Tools[0].Place != place {
		t.Errorf("tools %+v", got.Tools)
	}
	got.Tools = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(got.MirrorsFor("npm")); n != 2 {
		t.Errorf("npm has %d rules", n)
	}
	if rules := got.MirrorsFor("godev"); len(rules) != 3 || rules[0].To[0] != "https://other.example/node/" {
		t.Errorf("godev has %v", rules)
	}
}

func TestLoadComplaints(t *testing.T) {
	for _, tt := range []struct{ data, want string }{
		{"x = 1", `c:1:1: unknown key "x"; known here: layers, mirror, network, npm, seal, sources, tool`},
		{"trust = '/a'", `c:1:9: "trust" must be an array, not a string`},
		{"trust = [1, '~other/x', '']", `c:1:10: "trust" must be a string, not an integer`},
		{"trust = ['~other/x']", `c:1:10: path "~other/x": only your own home directory is known, as ~/`},
		{"[tools]\ngo = '1'", `c:1:2: unknown key "tools"`},
		{"[mirror]", `c:1:2: "mirror" must be an array, not a table`},
		{"mirror = [1]", `"mirror" must be a table, not an integer`},
		{"[[mirror]]", `c:1:3: missing key "prefix"`},
		{"[[mirror]]\nprefix = 'https://a/'", `c:1:3: missing key "to"`},
		{"[[mirror]]\nprefix = 1\nto = ['https://b/']", `c:2:10: "prefix" must be a string, not an integer`},
		{"[[mirror]]\nprefix = 'https://a/'\nto = 'https://b/'", `c:3:6: "to" must be an array, not a string`},
		{"[[mirror]]\nprefix = 'https://a/'\nto = []", `c:3:1: "to" names no mirror`},
		{"[[mirror]]\nprefix = 'https://a/'\nto = ['off']", `c:3:1: "to" names no mirror`},
		{"[[mirror]]\nprefix = 'https://a/'\nto = ['https://b/', 'off', 'https://c/']", `c:3:21: "off" ends the list`},
		{"[[mirror]]\nprefix = 'https://a/'\nto = [1]", `"to" must be a string, not an integer`},
		{"[[mirror]]\nprefix = 'https://a/'\nto = ['ftp://b/']", `c:3:7: URL "ftp://b/": want one that begins with https:// or http:// or file://`},
		{"[[mirror]]\nprefix = 'https://a/'\nto = ['https://me:secret@b/']", `c:3:7: URL "https://b/": names and passwords belong into a .netrc file`},
		{"[[mirror]]\nprefix = 'https://a/'\nto = ['https://b/?x=secret']", `c:3:7: URL "https://b/": want scheme, host and path only`},
		{"[[mirror]]\nprefix = 'https://a/'\nto = ['https:///b/']", `c:3:7: URL "https:///b/": there is no host in it`},
		{"[[mirror]]\nprefix = 'https://a/'\nto = ['file://host/b/']", `want an absolute path, such as file:///srv/mirror/`},
		{"[[mirror]]\nprefix = 'https://a/'\nto = ['~you/b/']", `c:3:7: path "~you/b/": only your own home directory`},
		{"[[mirror]]\nprefix = 'https://a/'\nto = ['https://[b']", `c:3:7: "https:…" is not a URL`},
		{"[[mirror]]\nprefix = 'file:///a/'\nto = ['https://b/']", `c:2:10: URL "file:///a/": want one that begins with https:// or http://`},
		{"[[mirror]]\nprefix = 'https://a/'\nto = ['https://b/']\nsource = 'Go Dev'", `c:4:10: source "Go Dev"`},
		{"[[mirror]]\nprefix = 'https://a'\nto = ['https://b/']\n[[mirror]]\nprefix = 'https://A/'\nto = ['https://c/']", `c:5:10: a second mirror for "https://a/"`},
		{"[sources]\ngo = 1", `c:2:6: "go" must be a string, not an integer`},
		{"[sources]\ngo = 'G'", `c:2:6: source "G"`},
		{"[sources]\n'-x' = 'npm'", `c:2:1: tool name "-x"`},
		{"[network]\nverify = false", `c:2:1: unknown key "verify"; known here: ca, proxy, no-proxy, netrc`},
		{"[network]\nca = ''", `c:2:6: path is empty`},
		{"[network]\nproxy = ''", `c:2:9: proxy is empty`},
		{"[network]\nproxy = 'ftp://me:secret@x'", `c:2:9: proxy "ftp://x": scheme is none of`},
		{"[network]\nno-proxy = 'x'", `c:2:12: "no-proxy" must be an array`},
		{"[network]\nno-proxy = ['x', 'a,b']", `c:2:18: "a,b": want one host`},
		{"[npm]\nregistry = 'http://r.example/'", `c:2:12: npm registry: digests come from it`},
		{"[npm]\ntoken = 'secret'", `c:2:1: unknown key "token"`},
		{"[tool.x]\nnonsense = 1", `c:2:1: unknown key "nonsense"`},
		{"a = 'b", `c:1:`},
		{"<<<<<<< mine\n", `c:1:1: unresolved merge conflict`},
	} {
		_, err := Load("c", []byte(tt.data), "")
		var list textfile.ErrorList
		if !errors.As(err, &list) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q:\n got %v\nwant %s", tt.data, err, tt.want)
		}
	}
	_, err := Load("c", []byte("x = 1\n[network]\nproxy = 1\n[npm]\nregistry = 'x'\n"), "")
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not everything was reported: %v", err)
	}
	if _, err := Load("c", []byte("[network]\nca = '~/x'"), ""); err == nil || !strings.Contains(err.Error(), "HOME is not set") {
		t.Error(err)
	}
}

func TestProject(t *testing.T) {
	for _, tt := range []struct{ data, want string }{
		{"[[mirror]]\nprefix = 'https://a/'\nto = ['https://b/', 'off']\n[sources]\ngo = 'godev'\n[network]\nproxy = 1", ""},
		{"[[mirror]]\nprefix = 'https://a/'\nto = ['file:///b/']", `p:3:7: mirror "file:///b/": a project's mirrors are http or https`},
		{"[[mirror]]\nprefix = 'https://a/'\nto = ['b/']", `p:3:7: mirror`},
	} {
		doc, err := textfile.ParseTOML("p", []byte(tt.data))
		if err != nil {
			t.Fatal(err)
		}
		c := Project(doc, "p")
		if err := doc.Err(); tt.want != "" {
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q: %v", tt.data, err)
			}
			continue
		}
		want := Config{Mirrors: []Mirror{{Mirror: fetch.Mirror{Prefix: "https://a/", To: []string{"https://b/", "off"}, Foreign: true}}}, Sources: map[string]string{"go": "godev"}}
		if diff := cmp.Diff(want, c); diff != "" {
			t.Error(diff)
		}
	}
}

func TestFromEnvironment(t *testing.T) {
	got, err := FromEnvironment(env(
		"GOSTORE_MIRRORS", " https://go.dev/dl = https://a/go/ , https://b/ ;; https://nodejs.org/=file:///srv/node, off; ",
		"GOSTORE_SOURCES", "go=godev, node = npm,", "GOSTORE_OFFLINE", "true", "GOSTORE_TRUST", ":/a/:~/b", "HOME", "/h", "GOSTORE_CA_FILE", "ca.pem", "NETRC", "n",
		"https_proxy", "s:1", "HTTP_PROXY", "http://h:2", "http_proxy", "http://ignored:2", "all_proxy", "socks5://x", "NO_PROXY", "a,b",
	))
	want := Config{
		Mirrors: []Mirror{
			{Mirror: fetch.Mirror{Prefix: "https://go.dev/dl/", To: []string{"https://a/go/", "https://b/"}}},
			{Mirror: fetch.Mirror{Prefix: "https://nodejs.org/", To: []string{"file:///srv/node/", "off"}}},
		},
		Sources: map[string]string{"go": "godev", "node": "npm"},
		Offline: true, CA: "ca.pem", Netrc: "n", Trust: []string{"/a", "/h/b"},
		Proxies: fetch.Proxies{HTTPS: "s:1", HTTP: "http://h:2", All: "socks5://x", No: "a,b"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if got, err := FromEnvironment(env("REQUEST_METHOD", "GET", "HTTP_PROXY", "http://visitor")); err != nil || got.Proxies.HTTP != "" {
		t.Errorf("in a CGI program: %+v, %v", got.Proxies, err)
	}
	for value, want := range map[string]bool{"": false, "0": false, "false": false, "1": true, "true": true} {
		if got, err := FromEnvironment(env("GOSTORE_OFFLINE", value)); err != nil || got.Offline != want {
			t.Errorf("GOSTORE_OFFLINE=%s: %v, %v", value, got.Offline, err)
		}
	}
}

func TestFromEnvironmentErrors(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"GOSTORE_MIRRORS", "https://a/", `rule "https://a/": want PREFIX=URL,URL`},
		{"GOSTORE_MIRRORS", "https://a/=", `"": want one that begins with`},
		{"GOSTORE_MIRRORS", "https://a/=off", `rule for "https://a/": "off" ends a list of URLs`},
		{"GOSTORE_MIRRORS", "https://a/=https://b/,off,https://c/", `"off" ends a list`},
		{"GOSTORE_MIRRORS", "a/=https://b/", `URL "a/": want one that begins with https://`},
		{"GOSTORE_MIRRORS", "https://a/=https://me:secret@b/", `names and passwords belong`},
		{"GOSTORE_MIRRORS", "https://a/=https://b/;https://a=https://c/", `a second rule for "https://a/"`},
		{"GOSTORE_MIRRORS", "https://a/=/srv/mirror", `"/srv/mirror": want one that begins with`},
		{"GOSTORE_SOURCES", "go", `"go": want TOOL=SOURCE`},
		{"GOSTORE_SOURCES", "go=GO", `source "GO"`},
		{"GOSTORE_SOURCES", "=npm", `tool name is empty`},
		{"GOSTORE_SOURCES", "go=npm,go=godev", `tool "go" is there twice`},
		{"GOSTORE_TRUST", "/a:b", `"b" is no absolute path`},
		{"GOSTORE_TRUST", "~/a", `"~/a" is no absolute path`},
		{"GOSTORE_OFFLINE", "yes", `"yes" is none of 1, true, 0, false`},
		{"HTTPS_PROXY", "ftp://me:secret@x", `scheme is none of`},
		{"ALL_PROXY", "http://me:secret@[", `not a URL`},
	} {
		_, err := FromEnvironment(env(tt.name, tt.value))
		var v *VariableError
		if !errors.As(err, &v) || v.Name != tt.name || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s=%s: %v, want %s", tt.name, tt.value, err, tt.want)
		}
	}
	_, err := FromEnvironment(env("GOSTORE_OFFLINE", "x", "GOSTORE_MIRRORS", "x;y", "HTTP_PROXY", "%"))
	if err == nil || strings.Count(err.Error(), "\n") != 3 || strings.Count(err.Error(), "GOSTORE_MIRRORS: ") != 2 {
		t.Errorf("not everything was reported: %v", err)
	}
}

func TestMerge(t *testing.T) {
	mirror := func(to string) []Mirror {
		return []Mirror{{Mirror: fetch.Mirror{Prefix: "https://a/", To: []string{to}}}}
	}
	strong := Config{Mirrors: mirror("1"), Sources: map[string]string{"go": "1", "a": "1"}, Tools: []definition.Definition{{Name: "x", Home: "1"}},
		CA: "1", Netrc: "1", Trust: []string{"/1"}, Proxies: fetch.Proxies{HTTPS: "1"}}
	weak := Config{Mirrors: mirror("2"), Sources: map[string]string{"go": "2", "b": "2"}, Tools: []definition.Definition{{Name: "x", Home: "2"}, {Name: "y"}},
		CA: "2", Netrc: "2", NetrcNeeded: true, Registry: "2", Offline: true, Trust: []string{"/2"}, Proxies: fetch.Proxies{HTTPS: "2", All: "2", No: "2"}}
	want := Config{Mirrors: append(mirror("1"), mirror("2")...), Sources: map[string]string{"go": "1", "a": "1", "b": "2"},
		Tools: []definition.Definition{{Name: "x", Home: "2"}, {Name: "y"}}, CA: "1", Netrc: "1", Registry: "2", Offline: true, Trust: []string{"/1", "/2"},
		Proxies: fetch.Proxies{HTTPS: "1", All: "2", No: "2"}}
	if diff := cmp.Diff(want, Merge(strong, weak)); diff != "" {
		t.Error(diff)
	}
}

func TestRead(t *testing.T) {
	home := t.TempDir()
	if c, err := Read(env("HOME", home)); err != nil || c.Netrc != filepath.Join(home, ".netrc") || c.NetrcNeeded {
		t.Errorf("no file: %+v, %v", c, err)
	}
	if _, err := Read(env()); err != nil {
		t.Errorf("no home: %v", err)
	}
	path := filepath.Join(home, ".config", "gostore", "config.toml")
	if _, err := Read(env("GOSTORE_CONFIG", path)); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "GOSTORE_CONFIG") {
		t.Errorf("the file that was named is not there: %v", err)
	}
	write(t, path, "[network]\nca = 'a'\nnetrc = 'b'\n[sources]\ngo = 'file'\nnode = 'file'\n")
	c, err := Read(env("HOME", home, "GOSTORE_CA_FILE", "/env", "GOSTORE_SOURCES", "go=env"))
	if err != nil || c.CA != "/env" || c.Netrc != filepath.Join(filepath.Dir(path), "b") || c.Sources["go"] != "env" || c.Sources["node"] != "file" {
		t.Errorf("%+v, %v", c, err)
	}
	write(t, path, "x = 1")
	_, err = Read(env("HOME", home, "GOSTORE_OFFLINE", "x"))
	if err == nil || !strings.Contains(err.Error(), "config.toml:1:1") || !strings.Contains(err.Error(), "GOSTORE_OFFLINE") {
		t.Errorf("both are wrong: %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestClient(t *testing.T) {
	dir := t.TempDir()
	netrc, none := filepath.Join(dir, "netrc"), filepath.Join(dir, "none")
	write(t, netrc, "machine a login b password c")
	general := fetch.Mirror{Prefix: "https://a/", To: []string{"https://b/"}}
	c := Config{Offline: true, Netrc: netrc, Mirrors: []Mirror{{Mirror: general}, {general, "npm"}}}
	client, warnings, err := c.Client()
	if err != nil || warnings != nil || !client.Offline || len(client.Mirrors) != 1 {
		t.Fatalf("%+v, %v, %v", client, warnings, err)
	}
	if user, password, ok := client.Credentials("a"); user != "b" || password != "c" || !ok {
		t.Error(user, password, ok)
	}
	if err := os.Chmod(netrc, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, warnings, err := c.Client(); err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], netrc) {
		t.Errorf("readable by others: %q, %v", warnings, err)
	}
	if client, _, err := (Config{Netrc: none}).Client(); err != nil || client.Credentials != nil {
		t.Errorf("no .netrc: %v", err)
	}
	bad := filepath.Join(dir, "bad")
	write(t, bad, "nonsense")
	for name, c := range map[string]Config{
		"a .netrc that must be there": {Netrc: none, NetrcNeeded: true}, "a bad .netrc": {Netrc: bad}, "no CA": {CA: none}, "a bad CA": {CA: bad},
	} {
		if _, _, err := c.Client(); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := (Config{Proxies: fetch.Proxies{All: "ftp://x"}}).Client(); err == nil {
		t.Error("a bad proxy is taken")
	}
}
