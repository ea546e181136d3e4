package goproxy

import (
	"crypto/sha256"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/dirhash"

	"gostore/internal/digest"
	"gostore/internal/tree"
)

// toolchainTree is a tree as toolchains have them, by path.
var toolchainTree = map[string]string{
	"VERSION": "go1.22.6", "bin/go": "go", "pkg/tool/linux_amd64/compile": "compile", "src/go.mod": "module std", "src/cmd/go.mod": "module cmd",
	"src/a-b/x.go": "1", "src/a/x.go": "2", "lib/wasm/go_js_wasm_exec": "sh",
}

// hashManifest calls HashManifest for a tree of files, changed by change.
func hashManifest(t *testing.T, from, version string, change func(entries []tree.Entry) []tree.Entry) (digest.Archive, error) {
	t.Helper()
	sums := map[digest.Content][sha256.Size]byte{}
	dirs := map[string]bool{}
	var entries []tree.Entry
	for name, text := range toolchainTree {
		e := tree.Entry{Path: name, Kind: tree.File, Content: digest.Sum([]byte(text)), Size: int64(len(text))}
		if executable(name) {
			e.Kind = tree.Exec
		}
		entries = append(entries, e)
		sums[e.Content] = sha256.Sum256([]byte(text))
		for i, c := range name {
			if c == '/' && !dirs[name[:i]] {
				dirs[name[:i]] = true
				entries = append(entries, tree.Entry{Path: name[:i], Kind: tree.Dir})
			}
		}
	}
	if change != nil {
		entries = change(entries)
	}
	m, err := tree.New(entries)
	if err != nil {
		t.Fatal(err)
	}
	return HashManifest(from, version, m, func(c digest.Content) [sha256.Size]byte { return sums[c] })
}

const toolchainFrom = "golang.org/toolchain@v0.0.1-go1.22.6.linux-amd64"

func TestHashManifestIsThatOfTheZip(t *testing.T) {
	contents := map[string]string{}
	var names []string
	for name, text := range toolchainTree {
		name = toolchainFrom + "/" + strings.Replace(name, "go.mod", "_go.mod", 1)
		names, contents[name] = append(names, name), text
	}
	want, err := dirhash.Hash1(names, func(name string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(contents[name])), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := hashManifest(t, toolchainFrom, "1.22.6", nil); err != nil || got.String() != want {
		t.Errorf("%v, %v; want %s", got, err, want)
	}
}

// Trees with the same h1 that did not come from the zip.
func TestHashManifestOfAnotherTree(t *testing.T) {
	for what, change := range map[string]func([]tree.Entry) []tree.Entry{
		"a link": func(e []tree.Entry) []tree.Entry {
			return append(e, tree.Entry{Path: "l", Kind: tree.Link, Target: "bin"})
		},
		"an empty directory": func(e []tree.Entry) []tree.Entry { return append(e, tree.Entry{Path: "src/empty", Kind: tree.Dir}) },
		"not executable":     rekind("bin/go", tree.File),
		"executable":         rekind("VERSION", tree.Exec),
		"_go.mod":            renamed("src/go.mod", "src/_go.mod"),
	} {
		if got, err := hashManifest(t, toolchainFrom, "1.22.6", change); err == nil {
			t.Errorf("%s: %v", what, got)
		}
	}
	for _, from := range []string{
		"golang.org/toolchain@v0.0.1-go1.22.5.linux-amd64", "golang.org/toolchain@v0.0.1-go1.22.6", "golang.org/x/tools@v0.0.1-go1.22.6.linux-amd64",
		"golang.org/toolchain@v0.0.1-go1.22.6.linux", "golang.org/toolchain@v0.0.1-go1.22.6.1.linux-amd64", "golang.org/toolchain@v0.0.1-go1.22.6.linux-amd64/x", "",
	} {
		if got, err := hashManifest(t, from, "1.22.6", nil); err == nil {
			t.Errorf("%q: %v", from, got)
		}
	}
}

// rekind gives an entry another kind.
func rekind(path string, kind tree.Kind) func([]tree.Entry) []tree.Entry {
	return func(entries []tree.Entry) []tree.Entry {
		for i := range entries {
			if entries[i].Path == path {
				entries[i].Kind = kind
			}
		}
		return entries
	}
}

// renamed gives an entry another name.
func renamed(path, to string) func([]tree.Entry) []tree.Entry {
	return func(entries []tree.Entry) []tree.Entry {
		for i := range entries {
			if entries[i].Path == path {
				entries[i].Path = to
			}
		}
		return entries
	}
}

// A proof that was taken along is as good as one that was kept.
func TestProofTravels(t *testing.T) {
	s, data := realProof(t)
	got, ok := s.Proof(toolchainFrom)
	if !ok || string(got) != string(data) {
		t.Fatalf("%q, %v", got, ok)
	}
	other, err := New(Config{Dir: t.TempDir(), VerifierKey: s.key, Host: linux})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := other.Proof(toolchainFrom); ok {
		t.Error("a proof that nobody kept")
	}
	if err := other.KeepProof(toolchainFrom, data); err != nil {
		t.Fatal(err)
	}
	want, err := s.CheckProof(toolchainFrom, data)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := other.newSession(t.Context()).lookup(moduleVersion("1.22.6", linux)); err != nil || got != want {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	for _, from := range []string{"golang.org/toolchain@v0.0.1-go1.22.5.linux-amd64", "x", "golang.org/toolchain@../../x"} {
		if err := other.KeepProof(from, data); err == nil {
			t.Errorf("kept for %q", from)
		}
	}
	data[len(data)/2] ^= 1
	if err := other.KeepProof(toolchainFrom, data); err == nil {
		t.Error("a changed proof was kept")
	}
	if _, err := os.Stat(other.proofFile("v0.0.1-go1.22.6.linux-amd64")); err != nil {
		t.Error(err)
	}
}
