package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/tree"
	"gostore/lock"
	"gostore/store"
)

// texts returns findings as lines, with their files as seen from /p.
func texts(found []Finding) string {
	var lines []string
	for _, f := range Relative(found, "/p") {
		lines = append(lines, f.Text())
	}
	return strings.Join(lines, "\n")
}

func goFile(t *testing.T, path, data string) GoFile {
	t.Helper()
	g, err := ParseGoFile(path, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGoLines(t *testing.T) {
	for _, test := range []struct{ data, locked, want string }{
		{"go 1.22\n", "1.22.6", ""},
		{"go 1.22.6\ntoolchain go1.22.6\n", "1.22.6", ""},
		{"go 1.22.7\n", "1.22.6", "go.mod:1: go 1.22.7 is needed, but 1.22.6 is locked [go-line]"},
		{"go 1.23rc1\n", "1.22.6", "go.mod:1: go 1.23rc1 is needed, but 1.22.6 is locked [go-line]"},
		{"go 1.23\n", "1.23rc1", ""},
		{"go 1.23.0\n", "1.23rc1", "go.mod:1: go 1.23.0 is needed, but 1.23rc1 is locked [go-line]"},
		{"module m\n", "1.4", ""},
		{"go 1.21\ntoolchain default\n", "1.21.0", ""},
		{"go 1.21\n\ntoolchain go1.22.1-custom\n", "1.21.0", "go.mod:3: toolchain go1.22.1-custom is asked for, but 1.21.0 is locked [go-line]"},
	} {
		if got := texts(GoLines([]GoFile{goFile(t, "/p/go.mod", test.data)}, test.locked)); got != test.want {
			t.Errorf("%q with %s: got %q, want %q", test.data, test.locked, got, test.want)
		}
	}
}

func TestParseGoFile(t *testing.T) {
	g := goFile(t, "/p/go.work", "go 1.22\nuse ./a\nuse (\n\t../b\n\t/c\n)\nreplace x.y/z => ./z\n")
	if want := []string{"/p/a", "/b", "/c"}; !slices.Equal(g.Use, want) || len(g.Swaps) != 1 || g.Go != (Line{"1.22", 1}) {
		t.Errorf("%+v", g)
	}
	for data, want := range map[string]string{
		"go one\n":                      "/p/go.mod:1:1: ",
		"module m\n<<<<<<< HEAD\n":      "/p/go.mod:2:1: unresolved merge conflict",
		"module m\n\nrequire a.b/c v\n": "/p/go.mod:3:",
	} {
		_, err := ParseGoFile("/p/go.mod", []byte(data))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", data, err)
		}
		if found := Places(RuleGoLine, err); len(found) == 0 || found[0].File != "/p/go.mod" || found[0].Line < 1 {
			t.Errorf("%q: %+v", data, found)
		}
	}
}

func TestPlacesOfOtherErrors(t *testing.T) {
	if found := Places(RuleLock, fs.ErrPermission); found != nil {
		t.Errorf("%+v", found)
	}
	_, err := lock.Parse("/p/gostore.lock", []byte("version = 9\n"))
	if got := texts(Places(RuleLock, err)); got != "gostore.lock:1:11: format version 9 was written by a newer gostore; this one reads version 1 [lock]" {
		t.Errorf("%s", got)
	}
}

func TestLockPlaces(t *testing.T) {
	f := new(lock.File)
	f.Set(lock.Tool{Name: "go", Request: "1.22", Version: "1.22.6", Source: "goproxy", Platforms: map[release.Platform]release.Archive{
		{OS: "linux", Arch: "amd64"}: {From: "golang.org/toolchain@v0.0.1-go1.22.6.linux-amd64", Digest: digest.SHA256(nil)},
	}})
	f.Vendor = map[string]digest.Tree{"vendor": digest.Tree(digest.Sum(nil))}
	data := f.Format()
	if line := ToolLine(data, "go"); !strings.HasPrefix(strings.Split(string(data), "\n")[line-1], "name = ") {
		t.Errorf("go is in line %d of\n%s", line, data)
	}
	if line := vendorLine(data, "vendor"); !strings.HasPrefix(strings.Split(string(data), "\n")[line-1], `"vendor" = `) {
		t.Errorf("vendor is in line %d of\n%s", line, data)
	}
	if ToolLine(data, "node") != 1 || ToolLine([]byte("]"), "go") != 1 || vendorLine(data, "x/vendor") != 1 || vendorLine([]byte("]"), "vendor") != 1 {
		t.Error("what is not there has a line")
	}
	f.Tools[0].Version = "1.22.7"
	if got := texts(Lock("/p", "/p/gostore.lock", f.Format(), f, nil)); got !=
		"gostore.lock:6: go is locked to 1.22.7, but fetched for linux/amd64 from golang.org/toolchain@v0.0.1-go1.22.6.linux-amd64 [lock]" {
		t.Errorf("%s", got)
	}
	f.Tools[0].Version = "1.22.6"
	changed := strings.Replace(string(data), "\n\n", "\n\n\n", 1)
	if got := texts(Lock("/p", "/p/gostore.lock", []byte(changed), f, nil)); got != "gostore.lock:5: not in the canonical form from here on [lock]" {
		t.Errorf("%s", got)
	}
}

func manifest(t *testing.T, files map[string]string) tree.Manifest {
	t.Helper()
	dirs := map[string]bool{}
	var entries []tree.Entry
	for path, data := range files {
		for dir := filepath.Dir(path); dir != "."; dir = filepath.Dir(dir) {
			if !dirs[dir] {
				dirs[dir] = true
				entries = append(entries, tree.Entry{Path: dir, Kind: tree.Dir})
			}
		}
		entries = append(entries, tree.Entry{Path: path, Kind: tree.File, Content: digest.Sum([]byte(data)), Size: int64(len(data))})
	}
	m, err := tree.New(entries)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestVendorNamesFiles(t *testing.T) {
	was := manifest(t, map[string]string{"a/x.go": "1", "a/y.go": "1", "b/z.go": "1"})
	is := manifest(t, map[string]string{"a/x.go": "2", "b/z.go": "1", "c/new.go": "1"})
	data := []byte("version = 1\n[vendor]\n\"vendor\" = \"" + was.Digest().String() + "\"\n")
	judge := func(d VendorDir) []Finding { return Vendor("/p", "/p/gostore.lock", data, []VendorDir{d}) }
	d := VendorDir{Path: "vendor", Want: was.Digest(), Is: is, Was: was, Known: true}
	want := "vendor/a/x.go:1: was changed since it was recorded [vendor]\nvendor/a/y.go:1: was removed since it was recorded [vendor]\nvendor/c/new.go:1: was added since it was recorded [vendor]"
	if diff := cmp.Diff(want, texts(judge(d))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	d.Is = was
	if found := judge(d); len(found) > 0 {
		t.Errorf("what is recorded: %+v", found)
	}
	d.Is, d.Known = is, false
	if found := judge(d); len(found) != 1 || found[0].Line != 3 || !strings.Contains(found[0].Message, is.Digest().String()) || found[0].Class != Integrity {
		t.Errorf("without a manifest: %+v", found)
	}
	many := map[string]string{}
	for i := range 60 {
		many[fmt.Sprintf("f%02d", i)] = ""
	}
	d.Is, d.Known = manifest(t, many), true
	if found := judge(d); len(found) != mostFiles+1 || found[mostFiles].Message != "vendor differs from what is recorded in 13 more files" {
		t.Errorf("%d findings, the last %+v", len(found), found[len(found)-1])
	}
	for err, want := range map[error]string{
		&tree.PathError{Path: "a/b?", Reason: "is odd"}: "vendor/a/b?:1: is odd, so the directory cannot be what is recorded [vendor]",
		fs.ErrPermission: "gostore.lock:3: vendor is recorded, but cannot be read: permission denied [vendor]",
	} {
		d.Err = fmt.Errorf("scanning: %w", err)
		if errors.Is(err, fs.ErrPermission) {
			d.Err = err
		}
		if got := texts(judge(d)); got != want {
			t.Errorf("%v: %s", err, got)
		}
	}
}

func TestVendored(t *testing.T) {
	mod := goFile(t, "/p/go.mod", "module m\nrequire a.b/c v1.2.0\nrequire a.b/d v1.0.0\nrequire a.b/e v1.0.0 // indirect\n")
	list, workspace := ParseModules([]byte("# a.b/c v1.3.0 => ./c\n## explicit; go 1.21\na.b/c/p\n# a.b/x v0.1.0\n## explicit\n# a.b/y\n"))
	if workspace || len(list) != 3 || list[0] != (VendoredModule{"a.b/c", "v1.3.0", true, "./c", 1}) || list[2].Version != "" {
		t.Errorf("%+v", list)
	}
	want := "go.mod:2: a.b/c v1.2.0 is required, but vendor/modules.txt:1 has v1.3.0 [vendor]\n" +
		"go.mod:3: a.b/d v1.0.0 is required, but vendor/modules.txt does not have it [vendor]\n" +
		"vendor/modules.txt:4: a.b/x v0.1.0 is vendored as required, but go.mod does not require it [vendor]"
	if diff := cmp.Diff(want, texts(Vendored(mod, "/p/vendor/modules.txt", list, false))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	list, workspace = ParseModules([]byte("## workspace\n# a.b/c v1.3.0\n## explicit\n# a.b/d v1.0.0\n"))
	if found := Vendored(mod, "/p/vendor/modules.txt", list, workspace); !workspace || len(found) > 0 {
		t.Errorf("of a workspace (%v): %+v", workspace, found)
	}
}

func TestObjects(t *testing.T) {
	damaged := &store.DamagedError{}
	for i := range mostFaults + 2 {
		damaged.Faults = append(damaged.Faults, tree.Fault{Path: fmt.Sprintf("f%d", i), Problem: "is missing"})
	}
	found := Objects("/p/gostore.lock", []Installed{
		{"go", "1.22.6", 3, nil}, {"jq", "1.7", 9, fs.ErrNotExist}, {"node", "22.1.0", 15, fmt.Errorf("x: %w", damaged)}, {"sdk", "1", 20, os.ErrPermission},
	})
	if len(found) != 1+mostFaults+1+1 || Worst(found) != Integrity {
		t.Errorf("%d findings", len(found))
	}
	got := texts([]Finding{found[0], found[1], found[mostFaults+1], found[mostFaults+2]})
	want := "gostore.lock:9: jq 1.7 is not installed [objects]\ngostore.lock:15: node 22.1.0: f0 is missing [objects]\n" +
		"gostore.lock:15: node 22.1.0: 2 more files are damaged [objects]\ngostore.lock:20: sdk 1 cannot be verified: permission denied [objects]"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCompiles(t *testing.T) {
	for _, test := range []struct {
		triplet, os, arch string
		want              bool
	}{
		{"x86_64-linux-gnu", "linux", "amd64", true}, {"x86_64-linux-gnu", "linux", "arm64", false}, {"x86_64-linux-gnu", "windows", "amd64", false},
		{"x86_64-linux-gnu", "linux", "386", true}, {"i686-linux-gnu", "linux", "386", true}, {"i686-linux-gnu", "linux", "amd64", false},
		{"aarch64-linux-musl", "linux", "arm64", true}, {"aarch64_be-linux-gnu", "linux", "arm64", false}, {"armv7l-unknown-linux-gnueabihf", "linux", "arm", true},
		{"aarch64-linux-gnu", "linux", "arm", false}, {"x86_64-w64-mingw32", "windows", "amd64", true}, {"arm64-apple-darwin23.1.0", "darwin", "arm64", true},
		{"arm64-apple-darwin23.1.0", "darwin", "amd64", true}, {"arm64-apple-darwin23.1.0", "linux", "arm64", false}, {"mips64el-linux-gnuabi64", "linux", "mips64le", true},
		{"mips64-linux-gnuabi64", "linux", "mips64le", false}, {"riscv64-unknown-freebsd14", "freebsd", "riscv64", true}, {"sparc64-linux-gnu", "linux", "sparc64", true},
	} {
		if got := Compiles(test.triplet, release.Platform{OS: test.os, Arch: test.arch}); got != test.want {
			t.Errorf("%s for %s/%s: %v", test.triplet, test.os, test.arch, got)
		}
	}
	// The names under which a compiler for a platform is looked for are of compilers for it.
	for arch := range cpus() {
		for _, os := range []string{"linux", "windows"} {
			p := release.Platform{OS: os, Arch: arch}
			for _, name := range CompilerNames(p) {
				if !Compiles(strings.TrimSuffix(name, "-gcc"), p) {
					t.Errorf("%s is not for %s", name, p)
				}
			}
			if z := ZigTarget(p); z != "" && arch != "386" && !Compiles(z, p) {
				t.Errorf("%s is not for %s", z, p)
			}
		}
	}
}

func TestSplitCommand(t *testing.T) {
	for in, want := range map[string]string{
		"gcc": "gcc", " zig  cc -target\tx ": "zig|cc|-target|x", `'/a b/cc' -m32 "x y"`: "/a b/cc|-m32|x y", "": "!", "  ": "!", "'gcc": "!",
	} {
		got, err := SplitCommand(in)
		if (err != nil) != (want == "!") || err == nil && strings.Join(got, "|") != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func FuzzParseModules(f *testing.F) {
	f.Add([]byte("## workspace\n# a.b/c v1.3.0 => ../c v1\n## explicit; go 1.21\na.b/c\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, _ := ParseModules(data)
		last := 0
		for _, v := range list {
			if v.Path == "" || v.Line <= last || v.Line > strings.Count(string(data), "\n")+1 {
				t.Errorf("%+v", v)
			}
			last = v.Line
		}
	})
}

func FuzzParseGoFile(f *testing.F) {
	f.Add("go.mod", []byte("module m\ngo 1.22\nrequire a.b/c v1.0.0 // indirect\nexclude a.b/c v1.1.0\nreplace a.b/c => ./c\n"))
	f.Add("go.work", []byte("go 1.22\nuse (\n./a\n)\n"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if name != "go.work" {
			name = "go.mod"
		}
		g, err := ParseGoFile("/p/"+name, data)
		if err != nil && len(Places(RuleGoLine, err)) == 0 {
			t.Errorf("an error without a place: %v", err)
		}
		for _, n := range g.Needs {
			if n.Line < 1 {
				t.Errorf("%+v", n)
			}
		}
	})
}

func FuzzSplitCommand(f *testing.F) {
	f.Add("'/a b/cc' -m32")
	f.Fuzz(func(t *testing.T, s string) {
		words, err := SplitCommand(s)
		if (err == nil) != (len(words) > 0) {
			t.Errorf("%q: %q, %v", s, words, err)
		}
	})
}
