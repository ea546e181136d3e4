package tests

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"gostore/internal/release"
)

// withoutZips returns a module proxy that is the configured one but for zips, which it counts and does not have.
func withoutZips(t *testing.T) (proxy string, zips *atomic.Int64) {
	t.Helper()
	first, _, _ := strings.Cut(strings.ReplaceAll(configuredProxy(t), "|", ","), ",")
	to, err := url.Parse(first)
	if err != nil {
		t.Fatal(err)
	}
	zips = new(atomic.Int64)
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".zip") {
			zips.Add(1)
			http.NotFound(w, r)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, zips
}

// A real toolchain that the go command downloaded, before and after its first use, its zip alone, and the same as golang.org/dl lays it out are
// adopted without a download, as the object that an install makes.
func TestNetworkAdopt(t *testing.T) {
	const v = "1.22.6"
	w := realWorld(t)
	host := release.Host()
	module := "golang.org/toolchain@v0.0.1-go" + v + "." + host.OS + "-" + host.Arch
	cache, home := w.temp(), w.temp()
	inCache := "cd / && GOFLAGS= GOENV=off GOMODCACHE=" + cache + " "
	w.sh(inCache + "GOTOOLCHAIN=local go mod download " + module)
	objects := func(root string) string {
		t.Helper()
		dirs, err := filepath.Glob(filepath.Join(root, "store", "*-go-"+v))
		if err != nil || len(dirs) != 1 {
			t.Fatalf("%q, %v", dirs, err)
		}
		return filepath.Base(dirs[0])
	}
	install := w.temp()
	w.sh("GOSTORE_ROOT=" + install + " gostore install -q go@" + v)
	want := objects(install)

	proxy, zips := withoutZips(t)
	adopt := func(what, arguments string) {
		t.Helper()
		root := w.temp()
		out := w.sh("HOME=" + home + " GOPROXY=" + proxy + " GOSTORE_ROOT=" + root + " gostore import-from " + arguments)
		if !strings.Contains(out, "go@"+v+": adopted from ") {
			t.Errorf("%s: %s", what, out)
		}
		if got := objects(root); got != want {
			t.Errorf("%s: the object is %s, an install makes %s", what, got, want)
		}
		if got := w.sh("GOSTORE_ROOT=" + root + " gostore --offline shell go@" + v + " -- go version"); !strings.Contains(got, "go"+v+" ") {
			t.Errorf("%s: says %q", what, got)
		}
	}
	adopt("as downloaded", "gotoolchain --dir "+cache)

	w.sh(inCache + "GOTOOLCHAIN=go" + v + " go version")
	if _, err := os.Stat(filepath.Join(cache, module, "src", "go.mod")); err != nil {
		t.Error(err) // the go command has made it on its first use
	}
	adopt("after its first use", "gotoolchain --dir "+cache)

	sdk := filepath.Join(home, "sdk", "go"+v)
	w.sh("mkdir -p " + home + "/sdk && cp -r " + filepath.Join(cache, module) + " " + sdk + " && chmod -R u+w " + sdk)
	w.sh("cd " + sdk + " && find . -name _go.mod -exec rm {} + && touch .unpacked-success && mkdir -p api test && echo x >api/go1.txt && cp bin/gofmt bin/mine")
	adopt("as golang.org/dl lays it out", "sdk")

	w.sh("chmod -R u+w " + filepath.Join(cache, module) + " && rm -r " + filepath.Join(cache, module))
	adopt("the zip alone", "gotoolchain --dir "+cache)
	if n := zips.Load(); n != 0 {
		t.Errorf("%d zips were asked for", n)
	}
}
