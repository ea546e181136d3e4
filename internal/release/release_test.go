package release

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

func TestParseRequest(t *testing.T) {
	for text, want := range map[string]Request{
		"go":                               {"", "go", Latest},
		"go@1.22":                          {"", "go", "1.22"},
		"go@1.27rc1":                       {"", "go", "1.27rc1"},
		"golang.org/x/tools/gopls@v0.1":    {"", "golang.org/x/tools/gopls", "v0.1"},
		"go:golang.org/x/tools/gopls@v0.1": {"gomodule", "golang.org/x/tools/gopls", "v0.1"},
		"npm:prettier":                     {"npm", "prettier", Latest},
		"npm:@biomejs/biome":               {"npm", "@biomejs/biome", Latest},
		"npm:@biomejs/biome@2":             {"npm", "@biomejs/biome", "2"},
	} {
		if got, err := ParseRequest(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                               "tool name is empty",
		"@1":                             "tool name is empty",
		"go@":                            `nothing follows the "@"`,
		"../go@1":                        `element ".." begins with "."`,
		"a/../b":                         `element ".." begins with "."`,
		"/go":                            "empty element",
		"go/":                            "empty element",
		"-go":                            `begins with "-"`,
		"go stuff":                       `character ' ' is not allowed`,
		"gö":                             `character 'ö' is not allowed`,
		"go@../1":                        `begins with "."`,
		"go@1/2":                         `character '/' is not allowed`,
		"go@1@2":                         `character '@' is not allowed`,
		"go@1\n":                         `character '\n' is not allowed`,
		"Npm:x@1":                        "is no source",
		":x@1":                           "is no source",
		"npm:":                           "tool name is empty",
		"npm:@x":                         "tool name is empty",
		"a/@b@1":                         "empty element",
		"a:b:c@1":                        "character ':' is not allowed",
		"go@ 1":                          `character ' ' is not allowed`,
		"a\\b":                           `is not allowed`,
		"go@" + strings.Repeat("1", 101): "longer than 100 bytes",
		strings.Repeat("g", 201):         "longer than 200 bytes",
	} {
		if r, err := ParseRequest(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want an error with %q", text, r, err, want)
		}
	}
}

func TestParsePlatform(t *testing.T) {
	p, err := ParsePlatform("linux/amd64")
	if err != nil || p != (Platform{"linux", "amd64"}) || p.String() != "linux/amd64" {
		t.Errorf("%v, %v", p, err)
	}
	for _, bad := range []string{"", "linux", "/amd64", "linux/", "Linux/amd64", "linux/amd64/v1", "linux-amd64", "linux/am d64"} {
		if p, err := ParsePlatform(bad); err == nil {
			t.Errorf("%q: %v", bad, p)
		}
	}
	if (Platform{"darwin", "arm64"}).Compare(Platform{"linux", "amd64"}) >= 0 || p.Compare(p) != 0 {
		t.Error("platforms are not ordered by system")
	}
}

func TestNotFoundError(t *testing.T) {
	for want, e := range map[string]*NotFoundError{
		`tool "goo" is not known`:                {Tool: "goo"},
		"go@1.99 does not exist":                 {Tool: "go", Version: "1.99"},
		"go@1.22.6 is not served for plan9/mips": {Tool: "go", Version: "1.22.6", Platform: &Platform{"plan9", "mips"}},
	} {
		if e.Error() != want || !errors.Is(e, fs.ErrNotExist) {
			t.Errorf("%v, want %s", e, want)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, s := range []string{"go@1.22", "golang.org/x/tools/gopls@latest", "../x", "a@b@c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRequest(s)
		if err != nil {
			return
		}
		if again, err := ParseRequest(r.String()); err != nil || again != r {
			t.Fatalf("%q: %v became %v, %v", s, r, again, err)
		}
		if strings.Contains(r.Tool, "..") && strings.HasPrefix(r.Tool, ".") || strings.ContainsAny(r.Version, "/\\") {
			t.Fatalf("%q let %v through", s, r)
		}
	})
}
