package archive

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gostore/store"
)

var update = flag.Bool("update", false, "write the outcomes of TestGoTestdata anew")

// corpora holds a line for each file: the beginning of its SHA-256, its path below GOROOT/src, and what unpacking it comes to.
// Another version of Go has some other files, so those that are not listed are not compared.
const corpora = "testdata/corpora.txt"

// TestGoTestdata unpacks, into a real store, the archives with which Go tests its own readers: what somebody else made hostile. What each
// comes to is known. None may leave anything outside of the object that it becomes, or lead to more than an error.
func TestGoTestdata(t *testing.T) {
	known := map[string]string{}
	if data, err := os.ReadFile(corpora); err == nil {
		for line := range strings.Lines(string(data)) {
			sum, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			known[sum] = rest
		}
	}
	var lines []string
	compared := 0
	for _, name := range goTestdata(t) {
		data, err := os.ReadFile(filepath.Join(goroot(t), "src", name))
		if err != nil {
			t.Fatal(err)
		}
		sum := fmt.Sprintf("%.8x", sha256.Sum256(data))
		got := fmt.Sprintf("%s: %s", name, outcome(t, data))
		lines = append(lines, sum+" "+got)
		if want, ok := known[sum]; ok {
			compared++
			if got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		}
	}
	if *update {
		slices.Sort(lines)
		if err := os.WriteFile(corpora, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Logf("%d archives, %d of them with a known outcome", len(lines), compared)
	if len(lines) == 0 {
		t.Skip("this Go has no test data")
	}
	if compared < 20 {
		t.Errorf("only %d of %d archives are those whose outcome is known: write it anew with -update, and read what changed", compared, len(lines))
	}
}

// goTestdata returns the paths of the files below GOROOT/src.
func goTestdata(t *testing.T) (names []string) {
	src := filepath.Join(goroot(t), "src")
	for _, dir := range []string{"archive/tar", "archive/zip", "compress/gzip", "compress/bzip2"} {
		found, err := filepath.Glob(filepath.Join(src, dir, "testdata", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				names = append(names, strings.TrimPrefix(path, src+"/"))
			}
		}
	}
	return names
}

// outcome says what unpacking data comes to, and checks that it is the same in memory and in a store, of which nothing but an
// object may be seen afterwards.
func outcome(t *testing.T, data []byte) string {
	t.Helper()
	if bytes.HasPrefix(data, []byte("PK")) {
		var refused *FormatError
		if _, err := (ModuleZip{}).hash(data); err != nil && !errors.As(err, &refused) {
			t.Errorf("as a module zip: %v", err)
		}
	}
	sink := &treeSink{}
	inMemory := unpackBytes(t, data, Options{}, sink)
	dir := t.TempDir()
	st, err := store.Open(filepath.Join(dir, "root"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	before := files(t, dir)
	lease, err := st.Add(t.Context(), store.Spec{Name: "tool", Version: "1"}, func(g *store.Stage) error {
		return unpackBytes(t, data, Options{}, g)
	})
	if err != nil {
		if after := files(t, dir); !slices.Equal(before, after) {
			t.Errorf("something is left: %q", after)
		}
		var refused *FormatError
		if !errors.As(err, &refused) || inMemory == nil {
			t.Errorf("in memory %v, in a store %v", inMemory, err)
		}
		return err.Error()
	}
	defer lease.Release()
	if err := st.Verify(t.Context(), lease.Object().Tree); err != nil {
		t.Error(err)
	}
	return fmt.Sprintf("%d entries, %s", len(sink.tree), lease.Object().Tree)
}
