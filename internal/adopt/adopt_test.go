package adopt

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/source/goproxy"
	"gostore/internal/tree"
	"gostore/store"
)

var linux = release.Platform{OS: "linux", Arch: "amd64"}

// toolchainFiles are the files of a toolchain of a version, as its tree has them.
func toolchainFiles(goVersion string) map[string]string {
	return map[string]string{
		"VERSION": "go" + goVersion + "\ntime 2024-08-01T00:00:00Z\n", "bin/go": "#!/bin/sh\necho go" + goVersion, "bin/gofmt": "#!/bin/sh\n",
		"pkg/include/textflag.h": "//\n", "pkg/tool/linux_amd64/compile": "#!/bin/sh\n# compile", "lib/wasm/go_js_wasm_exec": "#!/bin/sh\n",
		"src/go.mod": "module std\n", "src/cmd/go.mod": "module cmd\n", "src/runtime/proc.go": "package runtime\n" + strings.Repeat("// "+goVersion+"\n", 500),
	}
}

// lay writes files below a directory.
func lay(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// h1 returns the digest of a toolchain with these files.
func h1(t *testing.T, goVersion string, files map[string]string) digest.Archive {
	t.Helper()
	sums := map[string][sha256.Size]byte{}
	for name, text := range files {
		sums[name] = sha256.Sum256([]byte(text))
	}
	d, err := goproxy.HashTree(goproxy.Module(goVersion, linux), sums)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// newConfig returns a Config with an empty store and a database of one toolchain.
func newConfig(t *testing.T, goVersion string, files map[string]string) Config {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		filepath.WalkDir(dir, func(path string, e fs.DirEntry, _ error) error {
			if e.IsDir() {
				os.Chmod(path, 0o755)
			}
			return nil
		})
	})
	want := h1(t, goVersion, files)
	return Config{
		Store: st,
		Logged: func(_ context.Context, v string, _ release.Platform) (digest.Archive, error) {
			if v != goVersion {
				return digest.Archive{}, fs.ErrNotExist
			}
			return want, nil
		},
		Unpack: func(context.Context, release.Item, string, archive.Sink, func(int64)) error {
			return errors.New("no zip here")
		},
	}
}

// adoptOne lays files out and adopts them as a version.
func adoptOne(t *testing.T, c Config, goVersion string, files map[string]string) Result {
	t.Helper()
	dir := t.TempDir()
	lay(t, dir, files)
	return All(t.Context(), c, []Installed{{Tool: "go", Version: goVersion, Platform: linux, Dir: dir}})[0]
}

// What is left out, by version, and what is not.
func TestLeavings(t *testing.T) {
	for _, test := range []struct {
		name, version string
		own, added    []string // files more: of the distribution, and of others
		state         State
	}{
		{"nothing", "1.22.6", nil, nil, Adopted},
		{"programs", "1.22.6", nil, []string{"bin/gopls", "bin/linux_arm64/go", "bin/godoc"}, Adopted},
		{"godoc that belongs to it", "1.12.1", []string{"bin/godoc"}, []string{"bin/gopls"}, Adopted},
		{"godoc that does not", "1.13", nil, []string{"bin/godoc"}, Adopted},
		{"marks of managers", "1.22.6", nil, []string{".unpacked-success", "manifest", ".DS_Store", "src/runtime/.DS_Store"}, Adopted},
		{"a checkout", "1.22.6", nil, []string{".git/HEAD", ".gitignore", ".gitattributes", "pkg/obj/go-build/x", "src/cmd/dist/dist", "VERSION.cache"}, Adopted},
		{"gitattributes that belong to it", "1.9.2", []string{".gitattributes"}, []string{"bin/x"}, Adopted},
		{"a GOPATH", "1.22.6", nil, []string{"pkg/mod/cache/lock", "pkg/sumdb/x/latest"}, Adopted},
		{"archives since 1.20", "1.22.6", nil, []string{"pkg/linux_amd64/fmt.a", "pkg/linux_amd64_race/fmt.a"}, Adopted},
		{"archives before 1.20", "1.19.1", []string{"pkg/linux_amd64/fmt.a", "pkg/linux_amd64_race/fmt.a"}, []string{"pkg/js_wasm/fmt.a"}, Adopted},
		{"archives of the race detector that were made", "1.19.1", []string{"pkg/linux_amd64/fmt.a"}, []string{"pkg/linux_amd64_race/fmt.a"}, Adopted},
		{"archives of another platform", "1.19.1", nil, []string{"pkg/linux_amd64/fmt.a", "pkg/linux_arm64/fmt.a"}, Adopted},
		{"not part of the module zip", "1.22.6", nil, []string{"api/go1.txt", "doc/x", "misc/x", "test/x.go", ".github/x"}, Adopted},
		{"a source file", "1.22.6", nil, []string{"src/runtime/mine.go"}, Differs},
		{"a tool", "1.22.6", nil, []string{"pkg/tool/linux_amd64/mine"}, Differs},
		{"something at the top", "1.22.6", nil, []string{"notes.txt"}, Differs},
		{"deeper than where managers leave it", "1.22.6", nil, []string{"src/manifest"}, Differs},
	} {
		files := toolchainFiles(test.version)
		for _, name := range test.own {
			files[name] = "own"
		}
		c := newConfig(t, test.version, files)
		all := maps.Clone(files)
		for _, name := range test.added {
			all[name] = "added"
		}
		r := adoptOne(t, c, test.version, all)
		if r.State != test.state {
			t.Errorf("%s: %+v", test.name, r)
			continue
		}
		if r.State == Differs {
			if r.Got.IsZero() || r.Got == r.Want || !r.Tree.IsZero() {
				t.Errorf("%s: %+v", test.name, r)
			}
			continue
		}
		added := slices.DeleteFunc(slices.Clone(test.added), func(name string) bool { return !goproxy.InZip(name) })
		slices.Sort(added)
		if diff := cmp.Diff(append([]string{}, added...), append([]string{}, r.Left...)); diff != "" {
			t.Errorf("%s: left out (-want +got):\n%s", test.name, diff)
		}
		m, err := c.Store.Manifest(r.Tree)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range m.Entries() {
			if _, ok := files[e.Path]; e.Kind != tree.Dir && (!ok || (e.Kind == tree.Exec) != goproxy.Executable(e.Path)) {
				t.Errorf("%s: the object has %q, %v", test.name, e.Path, e.Kind)
			}
		}
	}
}

// The module cache has go.mod files as the zip calls them, and after the first use both.
func TestModuleCache(t *testing.T) {
	files := toolchainFiles("1.22.6")
	both := maps.Clone(files)
	both["src/_go.mod"], both["src/cmd/_go.mod"] = files["src/go.mod"], files["src/cmd/go.mod"]
	one := maps.Clone(both)
	delete(one, "src/go.mod")
	delete(one, "src/cmd/go.mod")
	var trees []digest.Tree
	for _, laid := range []map[string]string{files, both, one} {
		r := adoptOne(t, newConfig(t, "1.22.6", files), "1.22.6", laid)
		if r.State != Adopted || len(r.Left) > 0 {
			t.Errorf("%+v", r)
		}
		trees = append(trees, r.Tree)
	}
	if trees[0] != trees[1] || trees[0] != trees[2] {
		t.Errorf("trees %v", trees)
	}
}

// What was changed, is missing, or is no file makes another toolchain.
func TestDiffers(t *testing.T) {
	files := toolchainFiles("1.22.6")
	for name, change := range map[string]func(dir string) error{
		"changed": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "src/runtime/proc.go"), []byte("x"), 0o644)
		},
		"missing":          func(dir string) error { return os.Remove(filepath.Join(dir, "lib/wasm/go_js_wasm_exec")) },
		"link":             func(dir string) error { return os.Symlink("go.mod", filepath.Join(dir, "src/link")) },
		"link to the same": func(dir string) error { return replaceByLink(t, filepath.Join(dir, "bin/gofmt")) },
		"changed go.mod": func(dir string) error {
			lay(t, dir, map[string]string{"src/_go.mod": files["src/go.mod"], "src/go.mod": "module mine\n"})
			return nil
		},
	} {
		c := newConfig(t, "1.22.6", files)
		dir := t.TempDir()
		lay(t, dir, files)
		if err := change(dir); err != nil {
			t.Fatal(err)
		}
		r := All(t.Context(), c, []Installed{{Tool: "go", Version: "1.22.6", Platform: linux, Dir: dir}})[0]
		if r.State != Differs {
			t.Errorf("%s: %+v", name, r)
		}
		if objects, err := c.Store.Objects(); err != nil || len(objects) > 0 {
			t.Errorf("%s: the store has %v, %v", name, objects, err)
		}
	}
}

// replaceByLink moves a file out of its tree and leaves a link to it.
func replaceByLink(t *testing.T, path string) error {
	to := filepath.Join(t.TempDir(), "x")
	if err := os.Rename(path, to); err != nil {
		return err
	}
	return os.Symlink(to, path)
}

// The names of a distribution that is here tell what was added to another one, whatever it is called.
func TestAlike(t *testing.T) {
	files := toolchainFiles("1.22.6")
	c := newConfig(t, "1.22.6", files)
	entries := []tree.Entry{{Path: "api/go1.txt", Kind: tree.File}}
	for name := range files {
		entries = append(entries, tree.Entry{Path: name, Kind: tree.File})
	}
	c.Alike = func(v string, p release.Platform) (tree.Manifest, bool) {
		m, err := tree.New(withParents(entries))
		if err != nil {
			t.Error(err)
		}
		return m, v == "1.22.6" && p == linux
	}
	all := maps.Clone(files)
	all["notes.txt"] = "mine"
	if r := adoptOne(t, c, "1.22.6", all); r.State != Adopted || !slices.Equal(r.Left, []string{"notes.txt"}) {
		t.Errorf("%+v", r)
	}
}

// withParents adds the directories of entries.
func withParents(entries []tree.Entry) []tree.Entry {
	seen := map[string]bool{}
	all := slices.Clone(entries)
	for _, e := range entries {
		for dir := filepath.Dir(e.Path); dir != "." && !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			all = append(all, tree.Entry{Path: dir, Kind: tree.Dir})
		}
	}
	return all
}

// A file that changes between being hashed and being copied is noticed, and an interruption leaves nothing.
func TestChangedMeanwhile(t *testing.T) {
	files := toolchainFiles("1.22.6")
	for name, meanwhile := range map[string]func(dir string, cancel func()){
		"changed":     func(dir string, _ func()) { lay(t, dir, map[string]string{"src/runtime/proc.go": "package evil\n"}) },
		"interrupted": func(_ string, cancel func()) { cancel() },
	} {
		c := newConfig(t, "1.22.6", files)
		dir := t.TempDir()
		lay(t, dir, files)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var once sync.Once
		c.Progress = func(Installed) func(done, total int64) {
			return func(int64, int64) { once.Do(func() { meanwhile(dir, cancel) }) }
		}
		r := All(ctx, c, []Installed{{Tool: "go", Version: "1.22.6", Platform: linux, Dir: dir}})[0]
		if r.State != Failed || r.Err == nil || name == "changed" && !strings.Contains(r.Reason, "changed while it was read") {
			t.Errorf("%s: %+v", name, r)
		}
		if left, err := os.ReadDir(filepath.Join(c.Store.Dir(), "store")); err != nil || len(left) > 0 {
			t.Errorf("%s: the store has %v, %v", name, left, err)
		}
	}
}

// Whoever adopts the same at the same time comes to the same object.
func TestAtOnce(t *testing.T) {
	files := toolchainFiles("1.22.6")
	c := newConfig(t, "1.22.6", files)
	dir := t.TempDir()
	lay(t, dir, files)
	in := Installed{Tool: "go", Version: "1.22.6", Platform: linux, Dir: dir}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, r := range All(t.Context(), c, []Installed{in, in}) {
				if r.State != Adopted && r.State != Present || r.Tree.IsZero() {
					t.Errorf("%+v", r)
				}
			}
		})
	}
	wg.Wait()
	if objects, err := c.Store.Objects(); err != nil || len(objects) != 1 {
		t.Errorf("the store has %v, %v", objects, err)
	}
	if left, err := os.ReadDir(filepath.Join(c.Store.Dir(), "store")); err != nil || len(left) != 1 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// What cannot be asked is not the same as what is not known.
func TestDatabase(t *testing.T) {
	c := newConfig(t, "1.22.6", toolchainFiles("1.22.6"))
	if r := adoptOne(t, c, "1.99.1", toolchainFiles("1.99.1")); r.State != Unverified {
		t.Errorf("%+v", r)
	}
	down := errors.New("no network")
	c.Logged = func(context.Context, string, release.Platform) (digest.Archive, error) { return digest.Archive{}, down }
	if r := adoptOne(t, c, "1.22.6", toolchainFiles("1.22.6")); r.State != Failed || !errors.Is(r.Err, down) {
		t.Errorf("%+v", r)
	}
}

// summary writes what was found, relative to a directory.
func summary(list []Installed, dir string) string {
	var lines []string
	for _, in := range list {
		rel := func(path string) string { return strings.TrimPrefix(path, dir+"/") }
		line := fmt.Sprintf("%s@%s %s", in.Tool, in.Version, rel(in.Dir+in.Zip))
		if in.Problem != "" {
			line += " !"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestFind(t *testing.T) {
	goRoot := func(dir, version string) map[string]string {
		return map[string]string{dir + "/VERSION": version, dir + "/src/runtime/x.go": ""}
	}
	host := release.Host()
	key := host.OS + "-" + host.Arch
	for _, test := range []struct {
		manager string
		files   []map[string]string
		links   map[string]string
		want    string
	}{
		{"asdf", []map[string]string{goRoot("installs/golang/1.9.7/go", "go1.9.7"), goRoot("installs/golang/1.22.6/go", "go1.22.6\ntime x\n"),
			{"installs/golang/1.5/x": "", "installs/nodejs/20.1.0/bin/node": "", "plugins/x/y": ""}}, nil,
			"go@1.9.7 installs/golang/1.9.7/go\ngo@1.22.6 installs/golang/1.22.6/go\nnodejs@20.1.0 installs/nodejs/20.1.0 !"},
		{"mise", []map[string]string{goRoot("installs/go/1.22.6", "go1.22.6"), {"installs/go/.mise.backend": "x"}}, map[string]string{"installs/go/1.22": "1.22.6", "installs/go/gone": "x"},
			"go@1.22.6 installs/go/1.22.6"},
		{"mise", []map[string]string{goRoot("go/1.22.6", "go1.22.6"), {"node/20.1.0/bin/node": ""}}, nil, "go@1.22.6 go/1.22.6\nnode@20.1.0 node/20.1.0 !"},
		{"goenv", []map[string]string{goRoot("versions/1.22.6", "go1.22.6"), goRoot("versions/mine", "devel +abc"), goRoot("elsewhere/x", "go1.21.0")},
			map[string]string{"versions/system": "../elsewhere/x"}, "go@1.21.0 versions/system\ngo@1.22.6 versions/1.22.6\ngo@mine versions/mine !"},
		{"gvm", []map[string]string{goRoot("gos/go1.22", "go1.22"), goRoot("gos/go1.20", "go1.20")}, nil, "go@1.20 gos/go1.20\ngo@go1.22 gos/go1.22 !"},
		{"sdk", []map[string]string{goRoot("go1.22.6", "go1.22.6"), {"gotip/src/runtime/x.go": "", "other/x": ""}}, nil, "go@1.22.6 go1.22.6\ngo@gotip gotip !"},
		{"gotoolchain", []map[string]string{{
			"golang.org/toolchain@v0.0.1-go1.22.6." + key + "/x": "", "cache/download/golang.org/toolchain/@v/v0.0.1-go1.22.6." + key + ".zip": "",
			"cache/download/golang.org/toolchain/@v/v0.0.1-go1.9.7." + key + ".zip": "", "golang.org/x/y": "", "golang.org/toolchain@v0.0.1-go1.x/y": "",
		}}, nil, "go@1.9.7 cache/download/golang.org/toolchain/@v/v0.0.1-go1.9.7." + key + ".zip\ngo@1.22.6 golang.org/toolchain@v0.0.1-go1.22.6." + key + "+"},
	} {
		dir := t.TempDir()
		for _, files := range test.files {
			lay(t, dir, files)
		}
		for name, to := range test.links {
			if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		list, err := Find(test.manager, dir)
		if err != nil {
			t.Errorf("%s: %v", test.manager, err)
		}
		for i := range list {
			if list[i].Dir != "" && list[i].Zip != "" {
				list[i].Zip = "+"
			}
		}
		if diff := cmp.Diff(test.want, summary(list, dir)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.manager, diff)
		}
		if _, err := Find(test.manager, filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: no directory: %v", test.manager, err)
		}
		if list, err := Find(test.manager, t.TempDir()); len(list) > 0 || err != nil {
			t.Errorf("%s: empty directory: %v, %v", test.manager, list, err)
		}
	}
}

func TestPlace(t *testing.T) {
	goenv := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(goenv, []byte("GOPROXY=off\nGOMODCACHE=/file/mod\nGOPATH=/file/path\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ manager, environ, want string }{
		{"asdf", "HOME=/h", "/h/.asdf"}, {"asdf", "HOME=/h ASDF_DATA_DIR=/a", "/a"},
		{"goenv", "HOME=/h", "/h/.goenv"}, {"goenv", "HOME=/h GOENV_ROOT=/g", "/g"},
		{"gvm", "HOME=/h", "/h/.gvm"}, {"gvm", "HOME=/h GVM_ROOT=/g", "/g"},
		{"mise", "HOME=/h", "/h/.local/share/mise"}, {"mise", "HOME=/h XDG_DATA_HOME=/x", "/x/mise"}, {"mise", "HOME=/h XDG_DATA_HOME=x", "/h/.local/share/mise"},
		{"mise", "XDG_DATA_HOME=/x MISE_DATA_DIR=/m", "/m"}, {"mise", "MISE_DATA_DIR=/m MISE_INSTALLS_DIR=/i", "/i"},
		{"sdk", "HOME=/h", "/h/sdk"}, {"sdk", "", ""},
		{"gotoolchain", "HOME=/h GOENV=off", "/h/go/pkg/mod"}, {"gotoolchain", "HOME=/h GOENV=off GOPATH=/p:/q", "/p/pkg/mod"},
		{"gotoolchain", "HOME=/h GOENV=off GOPATH=/p GOMODCACHE=/c", "/c"},
		{"gotoolchain", "HOME=/h GOENV=" + goenv, "/file/mod"}, {"gotoolchain", "HOME=/h GOMODCACHE=/c GOENV=" + goenv, "/c"},
	} {
		getenv := func(name string) string {
			for _, setting := range strings.Fields(test.environ) {
				if value, ok := strings.CutPrefix(setting, name+"="); ok {
					return value
				}
			}
			return ""
		}
		if got := Place(test.manager, getenv); got != test.want {
			t.Errorf("%s with %s: %q, want %q", test.manager, test.environ, got, test.want)
		}
	}
}

// What may not be read is told, and not passed over as if it were nothing.
func TestUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("nothing is unreadable for root")
	}
	dir := t.TempDir()
	lay(t, filepath.Join(dir, "versions", "1.22.6"), toolchainFiles("1.22.6"))
	lay(t, filepath.Join(dir, "versions", "1.22.5"), toolchainFiles("1.22.5"))
	closed, file := filepath.Join(dir, "versions", "1.22.5"), filepath.Join(dir, "versions", "1.22.6", "src", "runtime", "proc.go")
	if err := errors.Join(os.Chmod(closed, 0), os.Chmod(file, 0)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(closed, 0o755) })
	list, err := Find("goenv", dir)
	if err != nil || len(list) != 2 || list[0].Problem == "" || list[1].Problem != "" {
		t.Fatalf("found %+v, %v", list, err)
	}
	list[1].Platform = linux
	if r := All(t.Context(), newConfig(t, "1.22.6", toolchainFiles("1.22.6")), list)[1]; r.State != Failed || !errors.Is(r.Err, fs.ErrPermission) {
		t.Errorf("%+v", r)
	}
}
