package gomodule_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// database is the name of the test's checksum database. It does not resolve.
const database = "sum.test.invalid"

// files are a module's, by name.
type files map[string]string

// proxy is a module proxy with its checksum database.
type proxy struct {
	url, key string
	secret   string // key that signs

	mu       sync.Mutex
	modules  map[string]files  // by MODULE@VERSION
	served   map[string]files  // what is served instead, without the database knowing
	unlogged map[string]bool   // what the database does not know
	requests []string          // paths that were asked for
	hook     func(path string) // called before a request is answered
}

// startProxy serves modules, given by MODULE@VERSION.
func startProxy(t *testing.T, modules map[string]files) *proxy {
	t.Helper()
	secret, key, err := note.GenerateKey(nil, database)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{key: key, secret: secret, modules: modules, served: map[string]files{}, unlogged: map[string]bool{}}
	db := sumdb.NewServer(sumdb.NewTestServer(secret, p.record))
	mux := http.NewServeMux()
	mux.HandleFunc("/", p.serve)
	mux.HandleFunc("/sumdb/"+database+"/supported", func(http.ResponseWriter, *http.Request) {})
	for _, path := range sumdb.ServerPaths {
		mux.Handle("/sumdb/"+database+path, http.StripPrefix("/sumdb/"+database, db))
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.requests = append(p.requests, r.URL.Path)
		hook := p.hook
		p.mu.Unlock()
		if hook != nil {
			hook(r.URL.Path)
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// foreignHead returns the signed head of a tree with one record, which is none of the database's.
func (p *proxy) foreignHead(t *testing.T) []byte {
	t.Helper()
	signer, err := note.NewSigner(p.secret)
	if err != nil {
		t.Fatal(err)
	}
	head := tlog.FormatTree(tlog.Tree{N: 1, Hash: tlog.RecordHash([]byte("example.com/other v1.0.0 h1:none\n"))})
	data, err := note.Sign(&note.Note{Text: string(head)}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// record is what the database says of a module version.
func (p *proxy) record(path, version string) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f, ok := p.modules[path+"@"+version]
	if !ok || p.unlogged[path+"@"+version] {
		return nil, &fs.PathError{Op: "lookup", Path: path, Err: fs.ErrNotExist}
	}
	mod := hash(files{"go.mod": f["go.mod"]})
	return fmt.Appendf(nil, "%s %s %s\n%s %s/go.mod %s\n", path, version, hashModule(path, version, f), path, version, mod), nil
}

// set replaces what is served of a module version. The database is not told.
func (p *proxy) set(moduleVersion string, f files) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.served[moduleVersion] = f
}

// count returns how many requests had part in their path.
func (p *proxy) count(part string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, r := range p.requests {
		if strings.Contains(r, part) {
			n++
		}
	}
	return n
}

// intercept calls f before each request is answered.
func (p *proxy) intercept(f func(path string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hook = f
}

func (p *proxy) serve(w http.ResponseWriter, r *http.Request) {
	path, name, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/@v/")
	path, err := module.UnescapePath(path)
	if !ok || err != nil {
		http.NotFound(w, r)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if name == "list" {
		if list := p.versions(path); list != nil {
			fmt.Fprintln(w, strings.Join(list, "\n"))
			return
		}
	}
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		http.NotFound(w, r)
		return
	}
	version := name[:i]
	f, ok := p.served[path+"@"+version]
	if !ok {
		f, ok = p.modules[path+"@"+version]
	}
	switch {
	case ok && name[i:] == ".info":
		fmt.Fprintf(w, `{"Version":%q}`, version)
	case ok && name[i:] == ".mod":
		io.WriteString(w, f["go.mod"])
	case ok && name[i:] == ".zip":
		w.Write(zipModule(path, version, f))
	default:
		http.NotFound(w, r)
	}
}

// versions returns the versions of a module, nil when there is none.
func (p *proxy) versions(path string) []string {
	var list []string
	for key := range p.modules {
		if m, v, _ := strings.Cut(key, "@"); m == path && !module.IsPseudoVersion(v) {
			list = append(list, v)
		}
	}
	semver.Sort(list)
	return list
}

func zipModule(path, version string, f files) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(f)) {
		w, err := z.Create(path + "@" + version + "/" + name)
		if err == nil {
			_, err = io.WriteString(w, f[name])
		}
		if err != nil {
			panic(err) // writing to memory does not fail
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func hashModule(path, version string, f files) string {
	all := files{}
	for name, content := range f {
		all[path+"@"+version+"/"+name] = content
	}
	return hash(all)
}

func hash(f files) string {
	h, err := dirhash.Hash1(slices.Collect(maps.Keys(f)), func(name string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(f[name])), nil
	})
	if err != nil {
		panic(err) // contents in memory can be read
	}
	return h
}
