package npm

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRC(t *testing.T) {
	const text = `
; a comment
# another
registry = https://r.example/npm/
registry=https://later.example//
@x:registry="https://x.example/"
@y:registry='https://${HOST}/y'
@z:registry=https://${UNKNOWN}/z
//r.example/npm/:_authToken=${TOKEN}
//x.example/:_authToken = abc
//y.example/:_authToken=${UNKNOWN}
//o.example/:_authToken=a${UNKNOWN?}b
//n.example/:_authToken=two words
//r.example/:_password=cGFzcw==
_authToken=for-everybody
email=me@example.com
always-auth
=x
[section]
registry=https://section.example
`
	env := map[string]string{"TOKEN": "t0ken", "HOST": "y.example"}
	got := parseRC([]byte(text), func(name string) string { return env[name] })
	want := rc{
		registry: "https://later.example",
		scopes:   map[string]string{"@x": "https://x.example", "@y": "https://y.example/y"},
		tokens:   map[string]string{"//r.example/npm/": "t0ken", "//x.example/": "abc", "//o.example/": "ab"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(rc{})); diff != "" {
		t.Error(diff)
	}
	got = parseRC([]byte(text), nil)
	want = rc{registry: "https://later.example", scopes: map[string]string{"@x": "https://x.example"}, tokens: map[string]string{}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(rc{})); diff != "" {
		t.Errorf("a project's file: %s", diff)
	}
}

func TestRegistryFromEnvironment(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	user := write("home/.npmrc", "registry=https://user.example/\n@x:registry=https://ux.example\n//user.example/:_authToken=u\n", 0o600)
	custom := write("custom/npmrc", "registry=https://custom.example/", 0o600)
	project := write("project/.npmrc", "registry=https://project.example/${SECRET}\n@x:registry=https://px.example/\n@y:registry=https://py.example\n//user.example/:_authToken=p", 0o600)
	scoped := write("scoped/.npmrc", "registry=https://scoped.example/\n", 0o600)
	npm := write("bin/npm", "#!/bin/sh\ntest \"$*\" = 'config get registry' && test \"$PWD\" = / && test -z \"$SECRET\" && echo https://npm.example/\n", 0o755)
	write("undefined/npm", "#!/bin/sh\necho undefined\n", 0o755)
	write("broken/npm", "#!/bin/sh\nexit 3\n", 0o755)
	for _, c := range []struct {
		name         string
		env          map[string]string
		project      string
		want, origin string
		err          string
	}{
		{"variable", map[string]string{"NPM_CONFIG_REGISTRY": "https://env.example//", "HOME": "home"}, "scoped", "https://env.example", "environment variable NPM_CONFIG_REGISTRY", ""},
		{"variable of npm run", map[string]string{"npm_config_registry": "https://env.example"}, "", "https://env.example", "environment variable NPM_CONFIG_REGISTRY", ""},
		{"project", map[string]string{"HOME": "home"}, "scoped", "https://scoped.example", "file " + scoped, ""},
		{"project with a variable", map[string]string{"HOME": "home", "SECRET": "s"}, "project", "https://user.example", "file " + user, ""},
		{"user", map[string]string{"HOME": "home", "PATH": "bin"}, "", "https://user.example", "file " + user, ""},
		{"user's file elsewhere", map[string]string{"HOME": "home", "NPM_CONFIG_USERCONFIG": "custom/npmrc"}, "", "https://custom.example", "file " + custom, ""},
		{"npm", map[string]string{"HOME": "nobody", "PATH": "bin", "SECRET": "s"}, "", "https://npm.example", "npm config get registry of " + npm, ""},
		{"npm without", map[string]string{"PATH": "undefined"}, "", "", "", "no npm registry is configured"},
		{"npm fails", map[string]string{"PATH": "broken"}, "", "", "", "exit status 3"},
		{"nothing", map[string]string{"PATH": "none"}, "", "", "", "set NPM_CONFIG_REGISTRY"},
		{"file is a directory", map[string]string{"NPM_CONFIG_USERCONFIG": "home"}, "", "", "", "looking for the npm registry"},
	} {
		t.Run(c.name, func(t *testing.T) {
			getenv := func(name string) string {
				v := c.env[name]
				if v == "" || strings.Contains(v, ":") || name == "SECRET" {
					return v
				}
				return filepath.Join(dir, v)
			}
			in := ""
			if c.project != "" {
				in = filepath.Join(dir, c.project)
			}
			r, err := RegistryFromEnvironment(t.Context(), getenv, in)
			if r.URL != c.want || r.Origin != c.origin || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q from %q, %v; want %q from %q, %q", r.URL, r.Origin, err, c.want, c.origin, c.err)
			}
			var none *NoRegistryError
			if strings.Contains(c.err, "NPM_CONFIG_REGISTRY") && !errors.As(err, &none) {
				t.Errorf("error %T", err)
			}
		})
	}
	r, err := RegistryFromEnvironment(t.Context(), func(name string) string {
		return map[string]string{"HOME": filepath.Join(dir, "home")}[name]
	}, filepath.Dir(project))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"@x": "https://px.example", "@y": "https://py.example"}, r.Scopes); diff != "" {
		t.Error(diff)
	}
	if token, _ := r.Token("user.example"); token != "u" {
		t.Errorf("token %q, want the user's own", token)
	}
}

func TestToken(t *testing.T) {
	r := Registry{
		URL: "https://r.example/npm", Scopes: map[string]string{"@x": "https://x.example:8443/a/b"},
		tokens: map[string]string{"//r.example/npm/": "r", "//r.example/other/": "o", "//x.example:8443/a/": "x", "//z.example/": "z"},
	}
	for host, want := range map[string]string{"r.example": "r", "R.example": "r", "x.example:8443": "x", "x.example": "", "z.example": "", "": ""} {
		if got, ok := r.Token(host); got != want || ok != (want != "") {
			t.Errorf("token for %q is %q, want %q", host, got, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for url, good := range map[string]bool{
		"": true, "https://r.example": true, "https://r.example:8443/npm": true, "http://127.0.0.1:80": true, "http://localhost": true, "http://[::1]:4873": true,
		"file:///srv/npm": true, "http://r.example": false, "http://127.0.0.1.example": false, "ftp://r.example": false, "r.example": false, "https://": false, "https://r.example?x=1": false,
		"file:": false, "https://[": false, "https:r.example": false,
	} {
		for _, r := range []Registry{{URL: url}, {Scopes: map[string]string{"@x": url}}} {
			if _, err := New(Config{Registry: r}); (err == nil) != good {
				t.Errorf("registry %q: %v", url, err)
			}
		}
	}
	if _, err := New(Config{Registry: Registry{URL: "http://me:secret@r.example"}}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}
