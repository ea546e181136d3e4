package gomodule

import (
	"errors"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/digest"
	"gostore/internal/release"
)

func TestProgram(t *testing.T) {
	for pkg, want := range map[string]string{
		"golang.org/x/tools/gopls":                               "gopls",
		"github.com/golangci/golangci-lint/v2/cmd/golangci-lint": "golangci-lint",
		"example.com/tool/v2":                                    "tool",
		"example.com/tool/v12":                                   "tool",
		"example.com/tool/v1":                                    "v1",
		"example.com/tool/v0":                                    "v0",
		"example.com/tool/vet":                                   "vet",
		"gopkg.in/tool.v2":                                       "tool.v2",
	} {
		if got := program(pkg); got != want {
			t.Errorf("program(%q) = %q, want %q", pkg, got, want)
		}
	}
}

func TestParseQuery(t *testing.T) {
	for request, want := range map[string]string{
		"latest": "latest", "stable": "latest", "": "latest",
		"v0.21": "v0.21", "0.21": "v0.21", "1": "v1", "v1.2.3": "v1.2.3", "1.2.3-rc.1": "v1.2.3-rc.1", "v2.0.0+incompatible": "v2.0.0+incompatible",
		"v0.0.0-20231108232855-2478ac86f678": "v0.0.0-20231108232855-2478ac86f678",
		"master":                             "", "abcdef1": "", "v1.2.3.4": "", "upgrade": "", "patch": "", "none": "", "v1.2-rc1": "", ">=v1": "",
	} {
		got, err := parseQuery(request)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("parseQuery(%q) = %q, %v, want %q", request, got, err, want)
		}
	}
}

func TestPrefixes(t *testing.T) {
	want := []string{"golang.org/x/tools/gopls", "golang.org/x/tools", "golang.org/x", "golang.org"}
	if diff := cmp.Diff(want, prefixes("golang.org/x/tools/gopls")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWithoutDirect(t *testing.T) {
	for list, want := range map[string]string{
		"https://a.example,direct": "https://a.example", "https://a.example|direct": "https://a.example", "https://a.example,https://b.example, direct ": "https://a.example,https://b.example",
		"direct": "direct", "off": "off", "https://a.example,off": "https://a.example,off",
	} {
		if got := withoutDirect(list); got != want {
			t.Errorf("withoutDirect(%q) = %q, want %q", list, got, want)
		}
	}
}

func TestNetworkEnviron(t *testing.T) {
	got := networkEnviron([]string{"HOME=/home/me", "https_proxy=http://p.example", "GOFLAGS=-x", "NO_PROXY=a", "PATH=/bin", "SSL_CERT_FILE=/ca"})
	want := []string{"https_proxy=http://p.example", "NO_PROXY=a", "SSL_CERT_FILE=/ca", "NETRC=/home/me/.netrc"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRelevant(t *testing.T) {
	output := "go: downloading example.com/a v1.0.0\n" +
		"../m/a.go:1:2: no required module\n../m/b.go:7:2: no required module\n\n" +
		"reading https://me:secret@proxy.example/x: \x1b[31m404\n" + strings.Repeat("x", 400) + "\n"
	for i := range 8 {
		output += "reason " + string(rune('a'+i)) + "\n"
	}
	want := []string{"../m/a.go:1:2: no required module", "reading https://proxy.example/x: [31m404", strings.Repeat("x", 300) + "…",
		"reason a", "reason b", "reason c", "reason d", "reason e", "… and 3 more lines"}
	if diff := cmp.Diff(want, relevant(output)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func h1(c byte) digest.Archive {
	var d digest.Archive
	if err := d.UnmarshalText([]byte("h1:" + strings.Repeat(string(c), 43) + "=")); err != nil {
		panic(err)
	}
	return d
}

func TestParseSums(t *testing.T) {
	a, b := h1('A').String(), h1('E').String()
	for _, test := range []struct{ text, want string }{
		{"example.com/b v1.0.0 " + a + "\nexample.com/a v1.0.0/go.mod " + b + "\n\n", ""},
		{"example.com/b v1.0.0\n", "go.sum:1: has 2 words, want 3"},
		{"\nexample.com/b v1.0.0 h1:AAAA\n", `go.sum:2: archive digest "h1:AAAA": has 3 bytes, want 32`},
		{"../b v1.0.0 " + a + "\n", `go.sum:1: part "../b@v1.0.0": malformed module path "../b": invalid path element ".."`},
		{"example.com/b 1.0.0 " + a + "\n", `go.sum:1: part "example.com/b@1.0.0": example.com/b@1.0.0: invalid version: not a semantic version`},
		{"example.com/b v1.0.0 sha256:" + strings.Repeat("0", 64) + "\n", `go.sum:1: digest "sha256:` + strings.Repeat("0", 64) + `" is no h1 digest`},
		{"example.com/b v1.0.0 " + a + "\nexample.com/b v1.0.0 " + b + "\n", `go.sum: has two lines about "example.com/b@v1.0.0"`},
	} {
		parts, err := parseSums(test.text)
		if test.want != "" {
			if err == nil || err.Error() != test.want {
				t.Errorf("parseSums(%q): %v, want %s", test.text, err, test.want)
			}
			continue
		}
		want := []release.Part{{Name: "example.com/a@v1.0.0/go.mod", Digest: h1('E')}, {Name: "example.com/b@v1.0.0", Digest: h1('A')}}
		if diff := cmp.Diff(want, parts, cmp.Comparer(func(a, b digest.Archive) bool { return a == b })); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
}

func FuzzParseSums(f *testing.F) {
	f.Add("example.com/b v1.0.0 " + h1('A').String() + "\nexample.com/a v1.0.0/go.mod " + h1('E').String() + "\n")
	f.Add("../b v1.0.0 h1:AAAA\n")
	f.Add("example.com/!b v1.0.0-pre+incompatible x\n")
	f.Fuzz(func(t *testing.T, text string) {
		parts, err := parseSums(text)
		if err != nil {
			return
		}
		for _, p := range parts {
			part, err := parsePart(p.Name)
			if err != nil {
				t.Fatalf("%q is not a part: %v", p.Name, err)
			}
			file, err := part.file("")
			if err != nil || strings.Contains("/"+file+"/", "/../") || strings.HasPrefix(file, "/") {
				t.Fatalf("%q has the file %q, %v", p.Name, file, err)
			}
		}
	})
}

func TestDifferences(t *testing.T) {
	item := release.Item{
		With: "go@1.26.10", Platform: release.Platform{OS: "linux", Arch: "amd64"},
		Parts:   []release.Part{{Name: "example.com/a@v1.0.0", Digest: h1('A')}, {Name: "example.com/b@v1.0.0", Digest: h1('E')}},
		Archive: release.Archive{From: "example.com/a/cmd/x@v1.0.0", Digest: h1('A')},
	}
	m := root{"example.com/a/cmd/x", "example.com/a", "v1.0.0"}
	good := func() *debug.BuildInfo {
		return &debug.BuildInfo{
			GoVersion: "go1.26.10", Path: m.pkg, Main: debug.Module{Path: m.module, Version: m.version, Sum: h1('A').String()},
			Deps:     []*debug.Module{{Path: "example.com/b", Version: "v1.0.0", Sum: h1('E').String()}},
			Settings: []debug.BuildSetting{{Key: "CGO_ENABLED", Value: "0"}, {Key: "GOAMD64", Value: "v1"}, {Key: "-trimpath", Value: "true"}},
		}
	}
	for _, test := range []struct {
		name   string
		change func(*debug.BuildInfo)
		want   string
	}{
		{"same", func(*debug.BuildInfo) {}, ""},
		{"go", func(i *debug.BuildInfo) { i.GoVersion = "go1.26.9" }, "go\tgo1.26.9, the lock says go1.26.10"},
		{"path", func(i *debug.BuildInfo) { i.Path = "x" }, "path\tx, the lock says example.com/a/cmd/x"},
		{"version", func(i *debug.BuildInfo) { i.Main.Version = "(devel)" }, "mod\texample.com/a (devel) " + h1('A').String() + ", the lock says example.com/a v1.0.0 " + h1('A').String()},
		{"sum", func(i *debug.BuildInfo) { i.Deps[0].Sum = "" }, "dep\texample.com/b v1.0.0 , the lock says example.com/b v1.0.0 " + h1('E').String()},
		{"dep", func(i *debug.BuildInfo) { i.Deps[0].Version = "v2.0.0" }, "dep\texample.com/b v2.0.0 " + h1('E').String() + ", the lock says nothing of it"},
		{"replaced", func(i *debug.BuildInfo) { i.Deps[0].Replace = &debug.Module{Path: "../b"} }, "dep\texample.com/b v1.0.0 is replaced by ../b "},
		{"cgo", func(i *debug.BuildInfo) { i.Settings[0].Value = "1" }, "build\tCGO_ENABLED=1, the lock says CGO_ENABLED=0"},
	} {
		info := good()
		test.change(info)
		if got := strings.Join(differences(item, m, info), "\n"); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// The outputs are what go1.26.8 said.
func TestExplain(t *testing.T) {
	var (
		old      *ToolchainError
		unlogged *UnloggedError
		refuted  *DatabaseError
		failed   *CommandError
	)
	c := command{database: "sum.test.invalid", toolchain: Toolchain{Version: "1.26.8"}, args: []string{"list", "-f", "{{.Name}}", "x"}}
	for _, test := range []struct {
		output, want string
		as           any
		network      bool
	}{
		{"go: example.com/a@v0.24.0: example.com/a@v0.24.0 requires go >= 1.27.0 (running go 1.26.8; GOTOOLCHAIN=local)\n",
			"example.com/a@v0.24.0 needs Go 1.27.0 or newer, but is to be built with Go 1.26.8", &old, false},
		{"../m/a.go:34:2: example.com/a@v0.44.1: verifying module: example.com/a@v0.44.1: reading http://127.0.0.1:1/sumdb/sum.test.invalid/lookup/example.com/a@v0.44.1: 404 Not Found\n",
			`example.com/a@v0.44.1 is not in the checksum database "sum.test.invalid": either the module is private, or the database cannot be asked for it`, &unlogged, false},
		{"go: example.com/a@v1.0.0: verifying go.mod: example.com/a@v1.0.0/go.mod: reading http://127.0.0.1:1/sumdb/sum.test.invalid/tile/8/0/000: 500 Internal Server Error\n",
			`running "go list -f '{{.Name}}' x": go: example.com/a@v1.0.0: verifying go.mod: example.com/a@v1.0.0/go.mod: reading http://127.0.0.1:1/sumdb/sum.test.invalid/tile/8/0/000: 500 Internal Server Error`, &failed, true},
		{"verifying example.com/a@v1.0.0: checksum mismatch\n\tdownloaded: h1:x\n\tsum.test.invalid: h1:y\n\nSECURITY ERROR\n",
			"checksum database \"sum.test.invalid\": verifying example.com/a@v1.0.0: checksum mismatch\n\t downloaded: h1:x\n\t sum.test.invalid: h1:y\n\tSECURITY ERROR", &refuted, false},
		{"go: example.com/a@v1.0.0: verifying go.mod: example.com/a@v1.0.0/go.mod: malformed record data\n",
			`checksum database "sum.test.invalid": go: example.com/a@v1.0.0: verifying go.mod: example.com/a@v1.0.0/go.mod: malformed record data`, &refuted, false},
		{"go: Get \"https://proxy.example/x\": dial tcp: lookup proxy.example: no such host\n",
			`running "go list -f '{{.Name}}' x": go: Get "https://proxy.example/x": dial tcp: lookup proxy.example: no such host`, &failed, true},
		{"", `running "go list -f '{{.Name}}' x": exit status 1`, &failed, false},
	} {
		err := c.explain(t.Context(), test.output, errors.New("exit status 1"))
		if err.Error() != test.want || !errors.As(err, test.as) {
			t.Errorf("%T: %v\nwant %s", err, err, test.want)
		}
		if errors.As(err, &failed) && failed.Network != test.network {
			t.Errorf("%v: network is %t", err, failed.Network)
		}
	}
}
