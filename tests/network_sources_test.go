package tests

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"gostore/internal/release"
	"gostore/internal/source/npm"
)

// realRegistry adds the npm registry that this machine is configured with to a world.
func (w *world) realRegistry() {
	w.t.Helper()
	registry, err := npm.RegistryFromEnvironment(w.t.Context(), os.Getenv, "")
	if err != nil {
		w.t.Fatal(err)
	}
	w.environ = append(w.environ, "NPM_CONFIG_REGISTRY="+registry.URL)
}

// beside returns a world with the same project and upstreams and with a store and a home of its own.
func (w *world) beside(name string) *world {
	w.t.Helper()
	top := filepath.Dir(w.dir)
	home := filepath.Join(top, name)
	if err := os.Mkdir(home, 0o755); err != nil {
		w.t.Fatal(err)
	}
	other := *w
	other.environ = append(append([]string{}, w.environ...), "HOME="+home, "GOSTORE_ROOT="+filepath.Join(top, name+"-root"))
	return &other
}

// Node from npm runs, with its npm, and so does a tool in JavaScript.
func TestNetworkNode(t *testing.T) {
	w := realWorld(t)
	w.realRegistry()
	w.sh("gostore lock npm:node@22 npm:prettier@3")
	got := w.sh("echo '{\"a\":   1}' >x.json; gostore shell -q -- sh -c 'node --version && npm --version && npx --version && prettier x.json'")
	if !regexp.MustCompile(`^v22\.\d+\.\d+\n\d+\.\d+\.\d+\n\d+\.\d+\.\d+\n\{ "a": 1 \}\n$`).MatchString(got) {
		t.Errorf("they say %q", got)
	}
	w.sh("gostore verify -q")

	// Another store, from the lock alone, and nothing else than what it says.
	second := w.beside("second")
	if again := second.sh("gostore shell -q -- node --version"); !strings.HasPrefix(got, again) {
		t.Errorf("the second store has %q", again)
	}
	lock := filepath.Join(w.dir, "gostore.lock")
	text, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	wrong := regexp.MustCompile(`(npm@[0-9.]+" = "sha512-)..`).ReplaceAll(text, []byte("${1}AA"))
	if err := os.WriteFile(lock, wrong, 0o644); err != nil || string(wrong) == string(text) {
		t.Fatal(err, "nothing to change")
	}
	w.beside("third").fails(3, "gostore install")
}

// tool finds the tree digest of a locked tool.
func treeIn(t *testing.T, lock, tool string) string {
	t.Helper()
	data, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	_, entry, _ := strings.Cut(string(data), `name = "`+tool+`"`)
	entry, _, _ = strings.Cut(entry, "[[tool]]")
	line := regexp.MustCompile(`"` + release.Host().String() + `" = .*tree = "(b3:[0-9a-f]+)"`).FindStringSubmatch(entry)
	if line == nil {
		t.Fatalf("no tree of %s in\n%s", tool, entry)
	}
	return line[1]
}

// Programs of Go modules are built twice, in different places with different environments, to the same digest; the second build is
// held to what the first came to. Then they move, with the Go that made them, to a store without any network.
func TestNetworkGoToolsAndBundle(t *testing.T) {
	w := realWorld(t)
	w.sh("gostore lock go@1.27 gopls@v0.24 staticcheck@v0.8")
	lock := filepath.Join(w.dir, "gostore.lock")
	t.Run("editor", w.checkEditor) // here, as gopls takes minutes to build
	gopls, staticcheck := treeIn(t, lock, "gopls"), treeIn(t, lock, "staticcheck")

	second := w.beside("second")
	second.environ = append(second.environ, "GOFLAGS=-ldflags=-s", "CGO_ENABLED=1", "GOAMD64=v2", "GOEXPERIMENT=", "TZ=Asia/Tokyo")
	second.sh("gostore install")
	got := second.sh("gostore shell -q -- sh -c 'gopls version && staticcheck -version'")
	if !strings.Contains(got, "gopls v0.24.") || !strings.Contains(got, "(0.8.") {
		t.Errorf("they say %q", got)
	}
	second.sh("cp gostore.lock ../first.lock && gostore lock --update && cmp gostore.lock ../first.lock")
	if treeIn(t, lock, "gopls") != gopls || treeIn(t, lock, "staticcheck") != staticcheck {
		t.Error("another build came to another digest")
	}

	second.sh("gostore export -o tools.bundle")
	third := w.beside("third")
	third.environ = append(third.environ, "GOPROXY=off")
	out, err := withoutNetwork(third.command("gostore import tools.bundle && gostore shell -q -- sh -c 'go version && gopls version && staticcheck -version'")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "go@1.27") || !strings.Contains(string(out), "vouched for by the checksum database") ||
		!strings.Contains(string(out), "gopls v0.24.") {
		t.Errorf("without a network: %v\n%s", err, out)
	}
}

// A patch release is fetched by ranges: beside 1.22.5, 1.22.6 costs at most 60 % of its bytes.
func TestNetworkPatchUpgrade(t *testing.T) {
	w := realWorld(t)
	proxy := countingProxy(t, configuredProxy(t))
	w.environ = append(w.environ, "GOPROXY="+proxy.URL)
	w.sh("gostore install go@1.22.5")
	whole := proxy.bytes.Swap(0)
	w.sh("gostore install go@1.22.6 && gostore verify -q go@1.22.6 && gostore shell -q go@1.22.6 -- go version")
	part := proxy.bytes.Load()
	t.Logf("1.22.5: %d bytes; 1.22.6 beside it: %d", whole, part)
	if whole < 60<<20 || part > whole*60/100 {
		t.Errorf("1.22.6 took %d bytes, 1.22.5 %d", part, whole)
	}
}

// counting is a module proxy that hands on what another has, and counts the bytes of zips.
type counting struct {
	*httptest.Server
	bytes atomic.Int64
}

func countingProxy(t *testing.T, proxies string) *counting {
	t.Helper()
	base, _, _ := strings.Cut(strings.NewReplacer("|", ",").Replace(proxies), ",")
	c := &counting{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), r.Method, base+r.URL.Path, nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		for _, name := range []string{"Range", "If-Range"} {
			if value := r.Header.Get(name); value != "" {
				req.Header.Set(name, value)
			}
		}
		req.Header.Set("Accept-Encoding", "identity")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(resp.StatusCode)
		n, _ := io.Copy(w, resp.Body) // the client may have gone
		if strings.HasSuffix(r.URL.Path, ".zip") {
			c.bytes.Add(n)
		}
	}))
	t.Cleanup(c.Close)
	return c
}
