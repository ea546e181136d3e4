package godev

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/source/goproxy"
	"gostore/internal/tree"
)

func TestResolve(t *testing.T) {
	f := start(t)
	s := f.loggedSource(t)
	for request, want := range map[string]string{
		"": "1.26.8", "latest": "1.26.8", "stable": "1.26.8", "1.26": "1.26.8", "go1.22": "1.22.6", "1.26.7": "1.26.7",
		"1.20": "1.20.14", "1.20.0": "1.20", "1.27rc1": "1.27rc1",
	} {
		if r, err := resolve(t, s, request, linux); err != nil || r.Version != want {
			t.Errorf("go@%s is %s, %v; want %s", request, r.Version, err, want)
		}
	}
	r, err := s.Resolve(t.Context(), release.Request{Tool: "go", Version: "1.22"}, nil)
	if err != nil || len(r.Archives) != 3 || r.Source != "godev" || r.Unlogged {
		t.Fatalf("%+v, %v", r, err)
	}
	data := f.files["/dl/go1.22.6.linux-armv6l.tar.gz"]
	want := release.Archive{
		From: f.URL + "/dl/go1.22.6.linux-armv6l.tar.gz", Digest: digest.SHA256(data), Size: int64(len(data)), Logged: f.logged["1.22.6 linux/arm"],
	}
	if r.Archives[arm] != want || want.Logged.IsZero() {
		t.Errorf("%+v, want %+v", r.Archives[arm], want)
	}
	if diff := cmp.Diff(goproxy.Layout("1.22.6"), s.Layout(r)); diff != "" {
		t.Error(diff)
	}
	versions, err := s.Versions(t.Context())
	if diff := cmp.Diff([]string{"1.9", "1.20", "1.20.14", "1.22.6", "1.26.7", "1.26.8", "1.27rc1"}, versions); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestResolveNotFound(t *testing.T) {
	f := start(t)
	s := f.source(t)
	var missing *release.NotFoundError
	for request, have := range map[string]string{"1.22.7": "1.22.6", "1.23": "1.26.8", "1.27": "1.27rc1"} {
		if r, err := resolve(t, s, request, linux); !errors.As(err, &missing) || missing.Platform != nil || !slices.Contains(missing.Have, have) {
			t.Errorf("go@%s is %s, %v, have %v", request, r.Version, err, missing)
		}
	}
	for _, request := range []string{"1.20.14", "1.27rc1"} {
		if _, err := resolve(t, s, request, release.Platform{OS: "plan9", Arch: "mips"}); !errors.As(err, &missing) || missing.Platform == nil {
			t.Errorf("%v", err)
		}
	}
	if _, err := resolve(t, s, "1.20.14", linux, windows); !errors.As(err, &missing) || missing.Platform == nil || !slices.Equal(missing.Have, []string{"linux/amd64", "linux/arm"}) {
		t.Errorf("%v, have %v", err, missing)
	}
	if _, err := resolve(t, s, "v1.22"); !errors.As(err, new(*goproxy.RequestError)) {
		t.Errorf("%v", err)
	}
	if _, err := s.Resolve(t.Context(), release.Request{Tool: "node"}, nil); !errors.As(err, &missing) || missing.Tool != "node" {
		t.Errorf("%v", err)
	}
}

func TestResolveBadIndex(t *testing.T) {
	f := start(t)
	sum := strings.Repeat("ab", 32)
	file := func(name, os, arch, sum string, size string) string {
		return fmt.Sprintf(`{"filename":%q,"os":%q,"arch":%q,"sha256":%q,"size":%s,"kind":"archive"}`, name, os, arch, sum, size)
	}
	one := func(files ...string) string {
		return `[{"version":"go1.22.6","files":[` + strings.Join(files, ",") + `]}]`
	}
	good := file("go1.22.6.linux-amd64.tar.gz", "linux", "amd64", sum, "1")
	for index, want := range map[string]string{
		"":                     "is empty",
		"<!doctype html>":      "is a web page",
		"[":                    "cut off",
		"{}":                   "is not the JSON that it should be",
		"[]":                   "lists no versions",
		"[] []":                "goes on at byte",
		`[{"version":"1.22"}]`: `does not begin with "go"`,
		one(good, good):        "a second archive for linux/amd64",
		one() + "":             "does not exist",
		one(good)[:60]:         "cut off",
		one(strings.Replace(good, sum, sum[2:], 1)):                             "has 31 bytes, want 32",
		one(strings.Replace(good, sum, "x"+sum[1:], 1)):                         "is not hexadecimal",
		one(strings.Replace(good, `"size":1`, `"size":-1`, 1)):                  "is negative",
		one(strings.Replace(good, `"size":1`, `"size":1.5`, 1)):                 "is not the JSON that it should be",
		one(file("go1.22.6.Linux-amd64.tar.gz", "Linux", "amd64", sum, "1")):    "platform",
		one(file("../go1.22.6.linux-amd64.tar.gz", "linux", "amd64", sum, "1")): "does not exist",
		one(file("go1.22.6.linux-amd64.tar.gz", "linux", "amd64", "", "1")):     "does not exist",
		one(good)[:len(one(good))-1] + `,{"version":"go1.22.6"}]`:               `has the version "go1.22.6" twice`,
	} {
		f.files["/dl/"] = []byte(index)
		_, err := resolve(t, f.source(t), "1.22.6", linux)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want an error with %q", index, err, want)
		}
		if want != "does not exist" && !strings.Contains(err.Error(), f.URL+"/dl/") {
			t.Errorf("%v does not name the index", err)
		}
	}
}

func TestInstall(t *testing.T) {
	f := start(t)
	s := f.loggedSource(t)
	for _, p := range []release.Platform{linux, windows} {
		r, err := resolve(t, s, "1.22.6", p)
		if err != nil {
			t.Fatal(err)
		}
		m, err := installed(t, s, r, p)
		if err != nil {
			t.Errorf("%v: %v", p, err)
			continue
		}
		if got, want := len(filesOf(m)), len(distribution("1.22.6", p)); got != want {
			t.Errorf("%v: %d files, want %d", p, got, want)
		}
		if _, ok := m.Find("src/go.mod"); !ok {
			t.Errorf("%v: no src/go.mod", p)
		}
	}
	r, err := resolve(t, s, "1.9", linux)
	if err != nil || !r.Unlogged || !r.Archives[linux].Logged.IsZero() {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := installed(t, s, r, linux); err != nil {
		t.Errorf("what is not logged: %v", err)
	}
}

func filesOf(m tree.Manifest) (files []string) {
	for _, e := range m.Entries() {
		if e.Kind == tree.File || e.Kind == tree.Exec {
			files = append(files, e.Path)
		}
	}
	return files
}

// Whoever controls the download server controls index and archives, but not the checksum database.
func TestInstallComparesWithTheDatabase(t *testing.T) {
	for name, spoil := range map[string]func(files map[string][]byte){
		"changed": func(files map[string][]byte) { files["src/fmt/print.go"] = []byte("package evil\n") },
		"new":     func(files map[string][]byte) { files["src/fmt/evil.go"] = []byte("package fmt\n") },
		"gone":    func(files map[string][]byte) { delete(files, "VERSION") },
		"go.mod replaced": func(files map[string][]byte) {
			files["src/_go.mod"] = files["src/go.mod"]
			files["src/go.mod"] = []byte("module evil\n")
		},
		"go.mod renamed": func(files map[string][]byte) {
			files["src/_go.mod"] = files["src/go.mod"]
			delete(files, "src/go.mod")
		},
	} {
		f := start(t)
		s := f.loggedSource(t)
		files := distribution("1.22.6", linux)
		spoil(files)
		data := packed(linux, files)
		f.files["/dl/go1.22.6.linux-amd64.tar.gz"] = data
		was := f.logged["1.22.6 linux/amd64"]
		r := release.Release{Tool: "go", Version: "1.22.6", Source: "godev", Archives: map[release.Platform]release.Archive{
			linux: {From: f.URL + "/dl/go1.22.6.linux-amd64.tar.gz", Digest: digest.SHA256(data), Logged: was},
		}}
		var mismatch *digest.MismatchError
		var refused *archive.FormatError
		switch _, err := installed(t, s, r, linux); {
		case strings.HasPrefix(name, "go.mod") && (!errors.As(err, &refused) || refused.Entry != "src/_go.mod"):
			t.Errorf("%s: %v", name, err)
		case !strings.HasPrefix(name, "go.mod") && (!errors.As(err, &mismatch) || mismatch.Want != was.String()):
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInstallComparesTheDigest(t *testing.T) {
	f := start(t)
	s := f.loggedSource(t)
	r, err := resolve(t, s, "1.22.6", linux)
	if err != nil {
		t.Fatal(err)
	}
	f.files["/dl/go1.22.6.linux-amd64.tar.gz"] = f.files["/dl/go1.26.8.linux-amd64.tar.gz"]
	var mismatch *digest.MismatchError
	if _, err := installed(t, s, r, linux); !errors.As(err, &mismatch) || mismatch.Want != r.Archives[linux].Digest.String() {
		t.Errorf("%v", err)
	}
}

func TestFetchAsksTheDatabase(t *testing.T) {
	f := start(t)
	s := f.loggedSource(t)
	r, err := resolve(t, s, "1.22.6", linux)
	if err != nil {
		t.Fatal(err)
	}
	item, _ := r.Item(linux)
	fetched := func() error {
		_, err := s.Fetch(t.Context(), item, filepath.Join(t.TempDir(), "part"), nil)
		return err
	}
	f.asked = 0
	if err := fetched(); err != nil || f.asked != 1 {
		t.Errorf("%v, asked %d times", err, f.asked)
	}
	f.err = errors.New("the network is down")
	if err := fetched(); err != nil {
		t.Errorf("without a network: %v", err)
	}
	f.err = &goproxy.SumDBError{Database: "log", What: "go", Err: errors.New("it has forked")}
	if err := fetched(); !errors.Is(err, f.err) {
		t.Errorf("contradiction: %v", err)
	}
	f.err = nil
	var mismatch *digest.MismatchError
	f.logged["1.22.6 linux/amd64"] = f.logged["1.26.8 linux/amd64"]
	if err := fetched(); !errors.As(err, &mismatch) {
		t.Errorf("another digest: %v", err)
	}
	delete(f.logged, "1.22.6 linux/amd64")
	if err := fetched(); !errors.As(err, &mismatch) || mismatch.Got != "not there" {
		t.Errorf("no digest any more: %v", err)
	}
}

func TestResolveNeedsTheDatabase(t *testing.T) {
	f := start(t)
	s := f.loggedSource(t)
	f.err = errors.New("the network is down")
	if r, err := resolve(t, s, "1.22.6", linux); !errors.Is(err, f.err) {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := resolve(t, f.source(t), "1.22.6", linux); err != nil || !r.Unlogged {
		t.Errorf("without a database: %+v, %v", r, err)
	}
}

func TestIndexFromDirectory(t *testing.T) {
	f := start(t)
	dir := t.TempDir()
	for name, data := range f.files {
		name = strings.TrimPrefix(name, "/dl/")
		if name == "" {
			name = "index.json"
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := New(Config{Index: "file://" + dir + "/index.json", Host: linux})
	if err != nil {
		t.Fatal(err)
	}
	r, err := resolve(t, s, "1.22", linux)
	if err != nil || r.Archives[linux].From != "file://"+dir+"/go1.22.6.linux-amd64.tar.gz" {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := installed(t, s, r, linux); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"dl", "ftp://h/", "https://[::1"} {
		if _, err := New(Config{Index: bad}); err == nil {
			t.Errorf("index %q is accepted", bad)
		}
	}
}

func TestDefaultIndex(t *testing.T) {
	s, err := New(Config{})
	if err != nil || s.base.String() != "https://go.dev/dl/" {
		t.Errorf("archives are at %v, %v", s.base, err)
	}
}

// What is beside the top directory makes the archive keep it: then the tree is another one.
func TestInstallSecondTopDirectory(t *testing.T) {
	f := start(t)
	s := f.loggedSource(t)
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	files := distribution("1.22.6", windows)
	for _, name := range append(slices.Sorted(maps.Keys(files)), "../zzz") {
		name = strings.TrimPrefix("go/"+name, "go/../")
		part, err := w.Create(name)
		if err == nil {
			_, err = part.Write(files[strings.TrimPrefix(name, "go/")])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f.files["/dl/x.zip"] = buf.Bytes()
	r := release.Release{Tool: "go", Version: "1.22.6", Source: "godev", Archives: map[release.Platform]release.Archive{
		windows: {From: f.URL + "/dl/x.zip", Digest: digest.SHA256(buf.Bytes()), Logged: f.logged["1.22.6 windows/amd64"]},
	}}
	if _, err := installed(t, s, r, windows); !errors.As(err, new(*digest.MismatchError)) {
		t.Errorf("%v", err)
	}
}

func FuzzIndex(f *testing.F) {
	sum := strings.Repeat("ab", 32)
	f.Add([]byte(`[{"version":"go1.22.6","stable":true,"files":[{"filename":"go1.22.6.linux-armv6l.tar.gz","os":"linux","arch":"armv6l","sha256":"` + sum + `","size":1,"kind":"archive"}]}]`))
	f.Add([]byte(`[{"version":"go1.27rc1","files":[{"filename":"go1.27rc1.windows-amd64.zip","os":"windows","arch":"amd64","sha256":"` + sum + `","kind":"archive"}]},{"version":"go1"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := parseIndex(data)
		if err != nil {
			return
		}
		for v, platforms := range x {
			if !goproxy.IsVersion(v) {
				t.Errorf("version %q", v)
			}
			for p, file := range platforms {
				if file.digest.Algorithm() != "sha256" || file.size < 0 || strings.ContainsAny(file.name, "/\\") || !strings.HasPrefix(file.name, "go"+v+"."+p.OS+"-") {
					t.Errorf("%s for %s is %+v", v, p, file)
				}
			}
		}
		for _, request := range []string{"latest", "1.22", "1.22.6"} {
			if v, err := x.choose(request, []release.Platform{linux}); err == nil && x[v][linux].name == "" {
				t.Errorf("%s is %s, which is not there", request, v)
			}
		}
	})
}
