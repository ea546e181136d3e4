package godev

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/install"
	"gostore/internal/release"
	"gostore/internal/tree"
	"gostore/store"
	"gostore/tests/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	linux   = release.Platform{OS: "linux", Arch: "amd64"}
	arm     = release.Platform{OS: "linux", Arch: "arm"}
	windows = release.Platform{OS: "windows", Arch: "amd64"}
)

// distribution returns the files of a toolchain's archive, as the Go project makes it: those of its module zip, with
// go.mod as it is called and the directories that the zip is without.
func distribution(version string, p release.Platform) map[string][]byte {
	files := map[string][]byte{
		"api/go1.txt": []byte("pkg fmt\n"), "doc/go_mem.html": []byte("<html>"), "misc/editors": []byte("x"),
		"test/go.mod": []byte("module test\n"), ".github/x": []byte("x"), "README.md": []byte("read me\n"), "src/test/x.go": []byte("package test\n"),
	}
	for name, data := range upstream.Files(version+"."+p.OS+"-"+p.Arch, 8<<10) {
		files[strings.ReplaceAll(name, "_go.mod", "go.mod")] = data
	}
	return files
}

// logged returns the h1 of the module zip of a distribution, computed from a zip by other means.
func logged(version string, p release.Platform, files map[string][]byte) digest.Archive {
	in := map[string][]byte{}
	for name, data := range files {
		switch top, _, _ := strings.Cut(name, "/"); top {
		case "api", "doc", "misc", "test", ".github":
			continue
		}
		in[strings.ReplaceAll(name, "go.mod", "_go.mod")] = data
	}
	prefix := "golang.org/toolchain@v0.0.1-go" + version + "." + p.OS + "-" + p.Arch + "/"
	d, err := digest.ParseArchive(upstream.HashZip(upstream.ZipFiles(prefix, in)))
	if err != nil {
		panic(err)
	}
	return d
}

// packed returns the archive of files below "go", a zip for Windows.
func packed(p release.Platform, files map[string][]byte) []byte {
	if p.OS == "windows" {
		return upstream.ZipFiles("go/", files)
	}
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		mode := int64(0o644)
		if strings.HasPrefix(name, "bin/") || strings.HasPrefix(name, "pkg/tool/") {
			mode = 0o755
		}
		err := w.WriteHeader(&tar.Header{Name: "go/" + name, Mode: mode, Size: int64(len(files[name]))})
		if err == nil {
			_, err = w.Write(files[name])
		}
		if err != nil {
			panic(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// server serves an index and archives, and plays the checksum database.
type server struct {
	*httptest.Server
	files  map[string][]byte // by path
	logged map[string]digest.Archive
	err    error // of the database
	asked  int   // how often the database was asked
}

func start(t *testing.T) *server {
	s := &server{files: map[string][]byte{}, logged: map[string]digest.Archive{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := s.files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	t.Cleanup(s.Close)
	all := published()
	maps.Copy(s.files, all.files)
	maps.Copy(s.logged, all.logged)
	return s
}

// published returns the files of the server and what is logged, made once: packing takes longer than all tests.
var published = sync.OnceValue(func() *server {
	s := &server{files: map[string][]byte{}, logged: map[string]digest.Archive{}}
	var releases []string
	for _, v := range []string{"1.27rc1", "1.26.8", "1.26.7", "1.22.6", "1.20.14", "1.20", "1.9"} {
		var files []string
		for _, p := range []release.Platform{linux, arm, windows} {
			if v == "1.20.14" && p == windows {
				continue
			}
			files = append(files, s.publish(v, p))
		}
		files = append(files, fmt.Sprintf(`{"filename":"go%s.src.tar.gz","os":"","arch":"","version":"go%s","sha256":"x","size":1,"kind":"source"}`, v, v))
		releases = append(releases, fmt.Sprintf(`{"version":"go%s","stable":%t,"files":[%s]}`, v, !strings.Contains(v, "rc"), strings.Join(files, ",")))
	}
	releases = append(releases, `{"version":"go1","stable":true,"files":[]}`)
	s.files["/dl/"] = []byte("[" + strings.Join(releases, ",") + "]")
	return s
})

// publish makes an archive and returns its entry in the index.
func (s *server) publish(v string, p release.Platform) string {
	files := distribution(v, p)
	data := packed(p, files)
	arch, ext := p.Arch, ".tar.gz"
	if arch == "arm" {
		arch = "armv6l"
	}
	if p.OS == "windows" {
		ext = ".zip"
	}
	name := "go" + v + "." + p.OS + "-" + arch + ext
	s.files["/dl/"+name] = data
	if v != "1.9" {
		s.logged[v+" "+p.String()] = logged(v, p, files)
	}
	return fmt.Sprintf(`{"filename":%q,"os":%q,"arch":%q,"version":"go%s","sha256":"%x","size":%d,"kind":"archive"}`, name, p.OS, arch, v, sha256.Sum256(data), len(data))
}

func (s *server) log(_ context.Context, v string, p release.Platform) (digest.Archive, error) {
	s.asked++
	if s.err != nil {
		return digest.Archive{}, s.err
	}
	d, ok := s.logged[v+" "+p.String()]
	if !ok {
		return d, fs.ErrNotExist
	}
	return d, nil
}

// source returns a Source that asks one lookup at a time, without pauses.
func (s *server) source(t *testing.T) *Source {
	t.Helper()
	client := &fetch.Client{Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	t.Cleanup(client.CloseIdle)
	source, err := New(Config{Client: client, Index: s.URL + "/dl/?mode=json&include=all", Host: linux})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func (s *server) loggedSource(t *testing.T) *Source {
	source := s.source(t)
	locked := make(chan struct{}, 1)
	source.c.Logged = func(ctx context.Context, v string, p release.Platform) (digest.Archive, error) {
		locked <- struct{}{}
		defer func() { <-locked }()
		return s.log(ctx, v, p)
	}
	return source
}

func resolve(t *testing.T, s *Source, version string, platforms ...release.Platform) (release.Release, error) {
	return s.Resolve(t.Context(), release.Request{Tool: "go", Version: version}, platforms)
}

// installed installs a release in a new store and returns its manifest.
func installed(t *testing.T, s install.Source, r release.Release, p release.Platform) (tree.Manifest, error) {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	item, ok := r.Item(p)
	if !ok {
		t.Fatalf("%v is not there for %v", r, p)
	}
	lease, err := install.One(t.Context(), st, install.Job{Source: s, Item: item})
	if err != nil {
		if objects, _ := st.Objects(); len(objects) > 0 {
			t.Errorf("an object is there after %v", err)
		}
		return tree.Manifest{}, err
	}
	defer lease.Release()
	return st.Manifest(lease.Object().Tree)
}
