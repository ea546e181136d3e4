package goproxy

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb"

	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
	"gostore/tests/upstream"
)

// h1 returns some h1 digest.
func h1(seed byte) string {
	return "h1:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{seed}, 32))
}

// A record has to state exactly one digest for what was asked.
func TestRecords(t *testing.T) {
	mod := strings.Replace(upstream.From("1.22.6", linux), "@", " ", 1)
	for name, tt := range map[string]struct {
		record string
		ok     bool
	}{
		"one line":            {mod + " " + h1(1) + "\n", true},
		"with go.mod":         {mod + " " + h1(1) + "\n" + mod + "/go.mod " + h1(2) + "\n", true},
		"no line":             {mod + "/go.mod " + h1(2) + "\n", false},
		"about another":       {strings.Replace(mod, "1.22.6", "1.22.5", 1) + " " + h1(1) + "\n", false},
		"two lines":           {mod + " " + h1(1) + "\n" + mod + " " + h1(2) + "\n", false},
		"the same line twice": {mod + " " + h1(1) + "\n" + mod + " " + h1(1) + "\n", false},
		"not h1":              {mod + " sha256:" + strings.Repeat("0", 64) + "\n", false},
		"no digest":           {mod + " \n", false},
		"malformed":           {mod + " h1:abc\n", false},
		"more on the line":    {mod + " " + h1(1) + " x\n", false},
	} {
		f := newFixture(t, upstream.Config{})
		f.SetRecord("1.22.6", linux, tt.record)
		for range 2 { // the second time with a proof kept, if one is
			r, err := f.resolve("1.22.6", linux)
			if tt.ok && (err != nil || r.Archives[linux].Digest.String() != h1(1)) {
				t.Errorf("%s: %v, %v", name, r, err)
			}
			if !tt.ok && !errors.As(err, new(*SumDBError)) {
				t.Errorf("%s: %v, want a SumDBError", name, err)
			}
		}
	}
}

func TestLyingAnswers(t *testing.T) {
	forge := func(body []byte) []byte {
		return bytes.Replace(body, []byte(" h1:"), []byte(" h1:AAAA"), 1)
	}
	for name, fault := range map[string]upstream.Fault{
		"forged hash":       {Path: "/lookup/", Rewrite: forge},
		"forged tree":       {Path: "/lookup/", Rewrite: func(b []byte) []byte { return bytes.Replace(b, []byte("tree\n"), []byte("tree\n1"), 1) }},
		"unsigned":          {Path: "/lookup/", Rewrite: func(b []byte) []byte { return b[:bytes.LastIndex(b, []byte("—"))] }},
		"other number":      {Path: "/lookup/", Rewrite: func(b []byte) []byte { return append([]byte("7"), b[bytes.IndexByte(b, '\n'):]...) }},
		"number too high":   {Path: "/lookup/", Rewrite: func(b []byte) []byte { return append([]byte("9"), b...) }},
		"not a record":      {Path: "/lookup/", Body: []byte("hello")},
		"nothing":           {Path: "/lookup/", Body: []byte{}},
		"changed tile":      {Path: "/tile/", Rewrite: func(b []byte) []byte { b[0] ^= 1; return b }},
		"short tile":        {Path: "/tile/", Rewrite: func(b []byte) []byte { return b[:len(b)-1] }},
		"tiles are missing": {Path: "/tile/", Status: 404},
	} {
		f := newFixture(t, upstream.Config{})
		f.Fault(fault)
		r, err := f.resolve("1.22.6", linux)
		if !errors.As(err, new(*SumDBError)) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, %v", name, r, err)
		}
		f.ClearFaults()
		f.mustResolve("1.22.6", linux) // no lie was kept
	}
}

// An unreachable database is the network's fault.
func TestUnreachable(t *testing.T) {
	for _, path := range []string{"/supported", "/lookup/", "/tile/"} {
		for _, fault := range []upstream.Fault{{Status: 500}, {Status: 403}, {CutAt: 5}, {Body: []byte("x"), Header: map[string]string{"Content-Type": "text/html"}}} {
			f := newFixture(t, upstream.Config{})
			fault.Path = path
			if path == "/supported" && fault.CutAt > 0 {
				fault.Body = make([]byte, 10)
			}
			f.Fault(fault)
			_, err := f.resolve("1.22.6", linux)
			var status *fetch.StatusError
			var network *fetch.Error
			if errors.As(err, new(*SumDBError)) || !errors.As(err, &status) && !errors.As(err, &network) {
				t.Errorf("%s with %+v: %v", path, fault, err)
			}
			if err == nil || !strings.Contains(err.Error(), upstream.Host) {
				t.Errorf("error does not name the database: %v", err)
			}
		}
	}
}

// Without a proxy that mirrors it, the database itself is asked.
func TestDirectDatabase(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	f.Fault(upstream.Fault{Path: "/supported", Status: 410})
	_, err := f.resolve("1.22.6", linux)
	var network *fetch.Error
	if !errors.As(err, &network) || !strings.HasPrefix(network.URL, "https://"+upstream.Host+"/lookup/") {
		t.Errorf("error is %v, want one about reaching %s", err, upstream.Host)
	}
}

func TestHistory(t *testing.T) {
	fork := func(f *fixture) { f.Fork() }
	for name, tt := range map[string]struct {
		change func(*fixture)
		ok     bool
	}{
		"grown":                 {func(f *fixture) { f.Grow(1000) }, true},
		"older head, same log":  {func(f *fixture) { f.Rollback(false) }, false}, // 1.22.5 gets the number that 1.22.6 had
		"rolled back":           {func(f *fixture) { f.Rollback(true) }, false},
		"rolled back and grown": {func(f *fixture) { f.Rollback(true); f.Grow(1000) }, false},
		"forked":                {fork, false},
		"forked and grown":      {func(f *fixture) { f.Fork(); f.Grow(1000) }, false},
	} {
		f := newFixture(t, upstream.Config{})
		f.mustResolve("1.22.6", linux)
		before := f.latest()
		tt.change(f)
		_, err := f.resolve("1.22.5", linux)
		if (err == nil) != tt.ok || !tt.ok && !errors.As(err, new(*SumDBError)) {
			t.Errorf("%s: %v", name, err)
		}
		if !tt.ok && f.latest() != before {
			t.Errorf("%s: the kept tree head was replaced", name)
		}
		if tt.ok && f.latest() == before {
			t.Errorf("%s: the newer tree head was not kept", name)
		}
	}
}

func (f *fixture) latest() string {
	f.t.Helper()
	data, err := os.ReadFile(filepath.Join(f.dir, upstream.Host, "latest"))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(data)
}

// The evidence of a fork is shown to the user.
func TestForkEvidence(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	f.mustResolve("1.22.6", linux)
	f.Fork()
	f.Grow(1000)
	if _, err := f.resolve("1.22.5", linux); err == nil || !strings.Contains(err.Error(), "proof of misbehavior") {
		t.Errorf("error is %v", err)
	}
}

// Several processes move the tree head forward at once.
func TestConcurrentSources(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	errs := make(chan error)
	for i := range len(upstream.Versions) - 1 {
		s := f.source(f.URL, f.dir)
		go func() {
			_, err := s.Resolve(t.Context(), release.Request{Tool: "go", Version: upstream.Versions[i+1]}, nil)
			errs <- err
		}()
	}
	for range len(upstream.Versions) - 1 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	f.mustResolve("1.26.8", linux)
}

// The newest tree head is replaced by who has seen it only.
func TestTreeHeadIsComparedAndSwapped(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	f.mustResolve("1.22.6", linux)
	d, before := f.newSession(t.Context()), f.latest()
	if err := d.WriteConfig(upstream.Host+"/latest", []byte("older"), []byte("newer")); err != sumdb.ErrWriteConflict {
		t.Errorf("error is %v", err)
	}
	if f.latest() != before {
		t.Error("it was replaced")
	}
	if err := d.WriteConfig(upstream.Host+"/latest", []byte(before), []byte("newer")); err != nil || f.latest() != "newer" {
		t.Errorf("it was not replaced: %v", err)
	}
}

// Proofs are made from what the check has read, and are the only thing that is kept of a record.
func TestEachTileIsReadOnce(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	f.mustResolve("1.22.6", linux)
	seen := map[string]bool{}
	for _, r := range f.Requests() {
		if strings.Contains(r.Path, "/tile/") && seen[r.Path] {
			t.Errorf("%s was read twice", r.Path)
		}
		seen[r.Path] = true
	}
	f.ClearRequests()
	f.Source = f.source(f.URL, f.dir)
	f.mustResolve("1.22.5", linux)
	if n, _ := f.Count("/tile/8/0/000"); n != 0 {
		t.Error("a full tile was read again")
	}
	if _, err := os.Stat(filepath.Join(f.dir, upstream.Host, "lookup")); err == nil {
		t.Error("lookups are kept beside proofs")
	}
}

func TestDamagedFiles(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	want := f.mustResolve("1.22.6", linux)
	proof := f.proofFile(moduleVersion("1.22.6", linux))
	damage := func(name string) {
		t.Helper()
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tiles := 0
	err := filepath.WalkDir(filepath.Join(f.dir, upstream.Host, "tile"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			tiles++
			damage(path)
		}
		return err
	})
	if err != nil || tiles < 2 {
		t.Fatalf("%d tiles, %v", tiles, err)
	}
	damage(proof)
	f.ClearRequests()
	if got := f.mustResolve("1.22.6", linux); got.Archives[linux] != want.Archives[linux] {
		t.Errorf("resolved to %v, want %v", got, want)
	}
	if n, _ := f.Count("/tile/"); n == 0 {
		t.Error("damaged tiles were believed")
	}
	f.ClearRequests()
	f.mustResolve("1.22.6", linux)
	if n, _ := f.Count("/sumdb/"); n != 0 {
		t.Errorf("%d requests although the proof was made again", n)
	}

	damage(filepath.Join(f.dir, upstream.Host, "latest"))
	var damaged *SumDBError
	if _, err := f.resolve("1.22.5", linux); !errors.As(err, &damaged) || !strings.HasSuffix(damaged.What, "/latest") {
		t.Errorf("with a damaged tree head: %v", err)
	}
}

func TestUnwritableDirectory(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.Source = f.source(f.URL, filepath.Join(file, "sumdb"))
	var local *fs.PathError
	if _, err := f.resolve("1.22.6", linux); !errors.As(err, &local) {
		t.Errorf("error is %v", err)
	}
}

func TestFetchChecksTheDatabase(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	a := f.mustResolve("1.22.6", linux).Archives[linux]
	wrong := a
	wrong.Digest = f.mustResolve("1.22.5", linux).Archives[linux].Digest
	for name, s := range map[string]*Source{"proof": f.Source, "online": f.source(f.URL, t.TempDir())} {
		f.ClearRequests()
		if _, err := f.fetch(s, "1.22.6", wrong); !errors.As(err, new(*digest.MismatchError)) {
			t.Errorf("%s: wrong digest: %v", name, err)
		}
		if _, err := f.fetch(s, "1.22.66", a); !errors.As(err, new(*SumDBError)) {
			t.Errorf("%s: unknown version: %v", name, err)
		}
		if n, _ := f.Count(".zip"); n != 0 {
			t.Errorf("%s: something was downloaded", name)
		}
	}
}

// Nothing that switches the go command's verification off has a meaning here.
func TestNoWayAroundTheDatabase(t *testing.T) {
	for _, setting := range []string{"GOSUMDB=off", "GONOSUMDB=*", "GONOSUMCHECK=1", "GOFLAGS=-insecure", "GOPRIVATE=*", "GOINSECURE=*"} {
		name, value, _ := strings.Cut(setting, "=")
		t.Setenv(name, value)
	}
	f := newFixture(t, upstream.Config{})
	f.Fault(upstream.Fault{Path: "/lookup/", Status: 404})
	if r, err := f.resolve("1.22.6", linux); err == nil {
		t.Errorf("resolved to %v", r)
	}
}

func TestFileProxies(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	want := f.mustResolve("1.22.6", linux).Archives[linux]
	for _, withDatabase := range []bool{false, true} {
		mirror := t.TempDir()
		if err := f.WriteMirror(mirror, []string{"1.22.6.linux-amd64", "1.22.6.darwin-arm64"}, withDatabase); err != nil {
			t.Fatal(err)
		}
		for _, list := range []string{"file://%s", "file:///nowhere,file://%s", "file://%s,off"} {
			s := f.source(fmt.Sprintf(list, mirror), t.TempDir())
			f.ClearRequests()
			r, err := s.Resolve(t.Context(), release.Request{Tool: "go", Version: "1.22"}, nil)
			if err != nil || len(r.Archives) != 2 || r.Archives[linux] != want || r.Unlogged != !withDatabase {
				t.Errorf("%s, database %v: %+v, %v", list, withDatabase, r, err)
				continue
			}
			file, err := f.fetch(s, "1.22.6", r.Archives[linux])
			if err != nil || !strings.HasPrefix(file, mirror) {
				t.Errorf("%s: fetched %q, %v", list, file, err)
			}
			unpack(t, s, r.Archives[linux], "1.22.6", linux, file)
			if n := len(f.Requests()); n != 0 {
				t.Errorf("%d requests", n)
			}
		}
	}
}

// A module cache can serve as a proxy. The digest that it keeps beside a zip saves reading the zip when it is
// resolved, and is believed no further: what is unpacked must have it.
func TestModuleCacheAsProxy(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	mirror := t.TempDir()
	if err := f.WriteMirror(mirror, []string{"1.22.6.linux-amd64"}, false); err != nil {
		t.Fatal(err)
	}
	// It also keeps what it read of the database, which is not a copy of it.
	if err := os.MkdirAll(filepath.Join(mirror, "sumdb", upstream.Host, "tile"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := f.source("file://"+mirror, t.TempDir())
	zip := filepath.Join(mirror, "golang.org/toolchain/@v/v0.0.1-go1.22.6.linux-amd64.zip")
	for beside, want := range map[string]string{h1(9): h1(9), "nonsense": upstream.HashZip(f.Zip("1.22.6", linux))} {
		if err := os.WriteFile(zip+"hash", []byte(beside), 0o644); err != nil {
			t.Fatal(err)
		}
		r, err := s.Resolve(t.Context(), release.Request{Tool: "go", Version: "1.22.6"}, []release.Platform{linux})
		if err != nil || r.Archives[linux].Digest.String() != want {
			t.Errorf("%s: %+v, %v; want %s", beside, r, err, want)
		}
	}
	a := release.Archive{}
	a.Digest, _ = digest.ParseArchive(h1(9))
	err := s.Unpack(t.Context(), item("1.22.6", linux, a), zip, &memory{files: map[string]bool{}}, nil)
	if !errors.As(err, new(*digest.MismatchError)) {
		t.Errorf("a wrong digest beside the zip was believed: %v", err)
	}
}

// With a proof kept, a directory without the database is as good as the network.
func TestKeptProofForAFileProxy(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	a := f.mustResolve("1.22.6", linux).Archives[linux]
	mirror := t.TempDir()
	if err := f.WriteMirror(mirror, []string{"1.22.6.linux-amd64"}, false); err != nil {
		t.Fatal(err)
	}
	s := f.source("file://"+mirror, f.dir)
	if _, err := f.fetch(s, "1.22.6", a); err != nil {
		t.Error(err)
	}
	wrong := a
	wrong.Digest, _ = digest.ParseArchive(h1(9))
	if _, err := f.fetch(s, "1.22.6", wrong); !errors.As(err, new(*digest.MismatchError)) {
		t.Errorf("wrong digest: %v", err)
	}
	if r, err := s.Resolve(t.Context(), release.Request{Tool: "go", Version: "1.22.6"}, []release.Platform{linux}); err != nil || r.Unlogged {
		t.Errorf("resolved to %+v, %v", r, err)
	}
	zip := filepath.Join(mirror, "golang.org/toolchain/@v/v0.0.1-go1.22.6.linux-amd64.zip")
	if err := os.WriteFile(zip, changed(), 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := f.fetch(s, "1.22.6", a)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Unpack(t.Context(), item("1.22.6", linux, a), file, &memory{files: map[string]bool{}}, nil)
	if !errors.As(err, new(*digest.MismatchError)) {
		t.Errorf("changed mirror: %v", err)
	}
}
