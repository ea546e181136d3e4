package definition

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/release"
)

var (
	linux  = release.Platform{OS: "linux", Arch: "amd64"}
	linARM = release.Platform{OS: "linux", Arch: "arm64"}
	mac    = release.Platform{OS: "darwin", Arch: "arm64"}
)

func TestURLsOfAPlatform(t *testing.T) {
	list, err := parse(t, everything)
	if err != nil {
		t.Fatal(err)
	}
	d := list[0]
	for _, test := range []struct {
		version               string
		p                     release.Platform
		archive, sums, signed string
	}{
		{"1.2.3", linux, "https://x.example/1.2.3/x-linux-amd64.tar.gz", "https://x.example/1.2.3/x-linux-amd64.tar.gz.sha256",
			"https://x.example/sig/x-linux-amd64.tar.gz.minisig"},
		{"1.2.3", linARM, "https://x.example/1.2.3/x-gnu-aarch64.tar.gz", "https://x.example/1.2.3/x-gnu-aarch64.tar.gz.sha256",
			"https://x.example/sig/x-gnu-aarch64.tar.gz.minisig"},
		{"1.2.3", mac, "https://x.example/1.2.3/x-macos-aarch64.zip", "https://x.example/1.2.3/x-macos-aarch64.zip.sha256",
			"https://x.example/sig/x-macos-aarch64.zip.minisig"},
		{"1.2.3+k1", linux, "https://x.example/1.2.3%2Bk1/x-linux-amd64.tar.gz", "https://x.example/1.2.3%2Bk1/x-linux-amd64.tar.gz.sha256",
			"https://x.example/sig/x-linux-amd64.tar.gz.minisig"},
	} {
		archive, err := d.Archive(test.version, test.p)
		if err != nil || archive != test.archive {
			t.Errorf("archive of %s for %s is %q, %v", test.version, test.p, archive, err)
		}
		if sums, err := d.ChecksumsURL(test.version, test.p); err != nil || sums != test.sums {
			t.Errorf("checksums of %s for %s are %q, %v", test.version, test.p, sums, err)
		}
		if signed, err := d.SignatureURL(test.version, test.p, archive); err != nil || signed != test.signed {
			t.Errorf("signature of %s for %s is %q, %v", test.version, test.p, signed, err)
		}
	}
	if name, err := d.Package(mac); err != nil || name != "@x/x-macos-aarch64" || !d.PerPlatform() {
		t.Errorf("package %q, %v", name, err)
	}
	if d.Serves(release.Platform{OS: "darwin", Arch: "amd64"}) || !d.Serves(mac) || !(Definition{}).Serves(mac) {
		t.Error("serves other platforms than it says")
	}
}

func TestNothingToExpand(t *testing.T) {
	var d Definition
	if s, err := d.SignatureURL("1", linux, "https://x/y"); s != "" || err != nil {
		t.Errorf("signature %q, %v", s, err)
	}
	if s, err := d.ChecksumsURL("1", linux); s != "" || err != nil {
		t.Errorf("checksums %q, %v", s, err)
	}
}

func TestExpand(t *testing.T) {
	for _, test := range []struct{ template, version, want string }{
		{"", "1", ""},
		{"{version}", "1.2.3-rc1", "1.2.3-rc1"},
		{"{major}.{minor}|{os}-{arch}", "v1.22.3", "1.22|linux-amd64"},
		{"{major}", "20240101", "20240101"},
		{"{major}.{minor}", "1.9rc2", "1.9"},
		{"{minor}", "3", "{minor} has no value here"},
		{"{ext}", "3", "{ext} has no value here"},
		{"{x}", "3", "{x} has no value here"},
		{"a{", "3", `a "{" without its "}"`},
		{"a}", "3", `a "}" without a "{"`},
		{"{}", "3", "{} has no value here"},
	} {
		got, err := Definition{}.Expand(test.template, test.version, linux)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, test.want) || err == nil && got != test.want {
			t.Errorf("%q of %s is %q, want %q", test.template, test.version, got, test.want)
		}
	}
}

func TestCheckURL(t *testing.T) {
	for template, want := range map[string]string{
		"https://x/{version}/x-{os}-{arch}.tar.gz": "",
		"https://x/y":            "",
		"http://127.0.0.1/x":     "",
		"http://x/{version}":     "want an https URL",
		"https://{os}.x/":        "may hold no variables",
		"https://x/{ext}":        "unknown variable {ext}",
		"https://x/{version":     "without its",
		"https://x/../{version}": `has ".."`,
		"{url}":                  "unknown variable {url}",
		"":                       "want an https URL",
	} {
		err := CheckURL(template)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", template, err, want)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		v           Versions
		entry, want string
	}{
		{Versions{Git: "x"}, "v1.2.3", "1.2.3"},
		{Versions{Git: "x"}, "1.2.3", ""},
		{Versions{Git: "x"}, "vendor-1", ""},
		{Versions{Git: "x", Tag: "jq-{version}"}, "jq-1.7", "1.7"},
		{Versions{Git: "x", Tag: "{version}-release"}, "1.7-release", "1.7"},
		{Versions{Git: "x", Tag: "{version}-release"}, "1.7-rc1", ""},
		{Versions{Text: "x"}, "1.2.3", "1.2.3"},
		{Versions{Text: "x"}, "latest", ""},
		{Versions{JSON: "x", Tag: "v{version}"}, "v1.2.3", "1.2.3"},
		{Versions{Git: "x", Tag: "a{version}a"}, "a", ""},
		{Versions{Git: "x"}, "v1/../2", ""},
		{Versions{Git: "x"}, "v", ""},
	} {
		if got, ok := test.v.Match(test.entry); got != test.want || ok != (test.want != "") {
			t.Errorf("%+v: %q is version %q, %v; want %q", test.v, test.entry, got, ok, test.want)
		}
	}
}

func TestLayoutFor(t *testing.T) {
	d := Definition{Layout: release.Layout{
		Dirs:  []string{"x-{version}/bin"},
		Names: map[string]string{"x": "x{major}.{minor}"},
		Set:   map[string]string{"X": "{dir}/{version}"},
		Unset: []string{"Y"},
		Check: []string{"x", "--is={version}"},
	}}
	want := release.Layout{
		Dirs:  []string{"x-1.2.3/bin"},
		Names: map[string]string{"x": "x1.2"},
		Set:   map[string]string{"X": "{dir}/1.2.3"},
		Unset: []string{"Y"},
		Check: []string{"x", "--is=1.2.3"}, CheckWant: "1.2.3",
	}
	if diff := cmp.Diff(want, d.LayoutFor("1.2.3")); diff != "" {
		t.Error(diff)
	}
	if d.Layout.Dirs[0] != "x-{version}/bin" || d.Layout.Names["x"] != "x{major}.{minor}" {
		t.Error("the definition was changed")
	}
	d.Layout.CheckWant = "release {major}"
	if got := d.LayoutFor("4.5").CheckWant; got != "release 4" {
		t.Errorf("wants %q", got)
	}
	if diff := cmp.Diff(release.Layout{}, Definition{}.LayoutFor("1")); diff != "" {
		t.Error(diff)
	}
}

func TestSet(t *testing.T) {
	first := Set{}.With([]Definition{{Name: "jq", About: "old", Home: "https://x"}, {Name: "buf"}})
	set := first.With([]Definition{{Name: "jq", About: "new"}, {Name: "age"}})
	var names []string
	for _, d := range set.All() {
		names = append(names, d.Name)
	}
	if !slices.Equal(names, []string{"age", "buf", "jq"}) {
		t.Errorf("names are %q", names)
	}
	if d, ok := set.Find("jq"); !ok || d.About != "new" || d.Home != "" {
		t.Errorf("jq is %+v, %v: want the later one, whole", d, ok)
	}
	if d, _ := first.Find("jq"); d.About != "old" || len(first.All()) != 2 {
		t.Error("the first set was changed")
	}
	if _, ok := set.Find("jr"); ok {
		t.Error("jr is there")
	}
	if _, ok := (Set{}).Find("jq"); ok {
		t.Error("the empty set has jq")
	}
}

func TestNearest(t *testing.T) {
	for name, want := range map[string]string{
		"golangcilint": "golangci-lint", "kubctl": "kubectl", "protoc-gen-go-rpc": "protoc-gen-go-grpc", "Node": "node", "terrafrom": "terraform",
		"something": "", "": "", "nodejs": "node", "golangci": "golangci-lint",
	} {
		got := Builtin().Nearest(name)
		if (want == "") != (len(got) == 0) || want != "" && !slices.Contains(got, want) || len(got) > maxNearest {
			t.Errorf("near %q are %q, want %q", name, got, want)
		}
	}
}
