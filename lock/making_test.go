package lock

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/digest"
	"gostore/internal/release"
)

// writtenAgain reads a canonical lock and checks that writing it gives the same bytes.
func writtenAgain(t *testing.T, path string) ([]byte, *File) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(Name, data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(data), string(f.Format())); diff != "" {
		t.Errorf("written again (-want +got):\n%s", diff)
	}
	return data, f
}

// making.lock has every key that says how a tool is made and presented.
func TestMakingIsReadAndWritten(t *testing.T) {
	_, f := writtenAgain(t, "testdata/making.lock")
	sdk, gopls, formatter := f.Find("mysdk")[0], f.Find("golang.org/x/tools/gopls")[0], f.Find("@scope/formatter")[0]
	layout := release.Layout{
		Dirs: []string{"bin", "sbin"}, Set: map[string]string{"SDK_HOME": "{dir}", "SDK_OPTS": `say "hi"`},
		Unset: []string{"SDK_OLD"}, Check: []string{"sdk", "--version"}, CheckWant: "1.2",
	}
	if diff := cmp.Diff(layout, sdk.Layout); diff != "" || !sdk.FirstUse || sdk.Origin != "https://example.org/{version}/sdk-{os}-{arch}.tar.gz" {
		t.Errorf("mysdk is %+v, layout (-want +got):\n%s", sdk, diff)
	}
	if gopls.With != "go@1.26.10" || !slices.Equal(gopls.Flags, []string{"cgo"}) || len(gopls.Parts) != 2 || gopls.Parts[1].Name != "golang.org/x/mod@v0.30.0/go.mod" {
		t.Errorf("gopls is %+v", gopls)
	}
	if formatter.Layout.Runner != "node" || len(formatter.Layout.Names) != 1 {
		t.Errorf("formatter is %+v", formatter)
	}
	if logged := f.Find("go")[0].Platforms[release.Platform{OS: "linux", Arch: "amd64"}].Logged; logged.Algorithm() != "h1" {
		t.Errorf("go's archive is logged as %q", logged)
	}
	again := f.Find("mysdk")[0].Release()
	if diff := cmp.Diff(sdk, Of(again, "1.2", false), cmp.Comparer(func(a, b digest.Archive) bool { return a == b })); diff != "" {
		t.Errorf("through a release (-want +got):\n%s", diff)
	}
}

func TestDiffShowsTheMaking(t *testing.T) {
	data, err := os.ReadFile("testdata/making.lock")
	if err != nil {
		t.Fatal(err)
	}
	was, _ := Parse(Name, data)
	is, _ := Parse(Name, data)
	for i := range is.Tools {
		switch u := &is.Tools[i]; u.Name {
		case "mysdk":
			u.FirstUse, u.Layout.Dirs = false, []string{"bin"}
		case "golang.org/x/tools/gopls":
			u.With, u.Parts = "go@1.26.11", u.Parts[:1]
		}
	}
	var got []string
	for _, c := range Diff(was, is) {
		got = append(got, c.String())
	}
	want := []string{
		"golang.org/x/tools/gopls: part golang.org/x/mod@v0.30.0/go.mod: removed h1:bNlzYVDdz3HI0dMPvwv7Fxx9i4gPk9afUcR+fLwLB64=",
		`golang.org/x/tools/gopls: with: "go@1.26.10" -> "go@1.26.11"`,
		`mysdk: bin: ["bin", "sbin"] -> ["bin"]`,
		"mysdk: first-use: removed true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
