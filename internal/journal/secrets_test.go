package journal

import (
	"slices"
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	for text, want := range map[string]string{
		"https://proxy.example/,direct":                       "",
		"https://host:8080/a,https://h2/x":                    "",
		"https://eve@host/x":                                  "https://***@host/x",
		"https://eve:p@ss@host/x|http://bob:pw@h2":            "https://***@host/x|http://***@h2",
		"https://eve:a/b@host/x":                              "https://***@host/x",
		"see https://h/x?a=1&access_token=abc&b=2#f":          "see https://h/x?a=1&access_token=***&b=2#f",
		"https://h/x?X-Amz-Signature=ab&Key=1":                "https://h/x?X-Amz-Signature=***&Key=***",
		`curl -H "Authorization: Bearer abc.def"`:             `curl -H "Authorization: Bearer ***"`,
		"GET failed: ghp_abcdefghijklmnop0123 is no good":     "GET failed: *** is no good",
		"golang.org/x/tools@v1.2.3":                           "",
		"-ldflags=-X main.v=1 https://proxy.example/pkg@v1.2": "",
		"tokenizer=x": "",
		"git+ssh://git@host/x and postgres://a:b@localhost/db": "git+ssh://***@host/x and postgres://***@localhost/db",
	} {
		if want == "" {
			want = text
		}
		if got := Redact(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestValue(t *testing.T) {
	for _, c := range [][3]string{
		{"GOPROXY", "https://u:p@h", "https://***@h"}, {"NODE_AUTH_TOKEN", "x", hidden}, {"NPM_CONFIG__AUTH", "x", hidden}, {"npm_config_//h/:_authToken", "x", hidden},
		{"GOSTORE_TOKEN_EXAMPLE", "x", hidden}, {"GOAUTH", "netrc", "netrc"}, {"NODE_AUTH_TOKEN", "", ""}, {"PATH", "/bin:/x", "/bin:/x"},
	} {
		if got := Value(c[0], c[1]); got != c[2] {
			t.Errorf("%s=%s became %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

func TestArguments(t *testing.T) {
	for line, want := range map[string]string{
		"gostore lock go@1.22":                  "gostore lock go@1.22",
		"gostore x --token abc --name y":        "gostore x --token *** --name y",
		"gostore x --api-key=abc -q":            "gostore x --api-key=*** -q",
		"gostore env GITHUB_TOKEN=abc CC=gcc":   "gostore env GITHUB_TOKEN=*** CC=gcc",
		"gostore lock x --url https://a:b@h/x":  "gostore lock x --url https://***@h/x",
		"gostore x --token --json":              "gostore x --token --json",
		"gostore lock --trust-on-first-use x@1": "gostore lock --trust-on-first-use x@1",
	} {
		args := strings.Fields(line)
		before := slices.Clone(args)
		if got := strings.Join(Arguments(args), " "); got != want {
			t.Errorf("%q became %q, want %q", line, got, want)
		}
		if !slices.Equal(args, before) {
			t.Errorf("%q: the arguments themselves were changed", line)
		}
	}
}
