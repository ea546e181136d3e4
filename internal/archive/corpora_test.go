package archive

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"gostore/store"
)

var update = flag.Bool("update", false, "write the outcomes of TestCorpora anew")

// corpora holds a line for each archive: the beginning of its SHA-256, where it is, and what unpacking it comes to.
// Another version of Go or of a module has some others, so those that are not listed are not compared.
const corpora = "testdata/corpora.txt"

// theirs is an archive of somebody else's test data.
type theirs struct {
	name string // for people: the path below the tree or the module that has it, after "!" the member of a zip of samples
	data []byte
}

// TestCorpora unpacks, into a real store, the archives with which others test their readers, and which they made hostile: Go's own tests and
// those of the modules that gostore is built from. What each comes to is known. None may leave anything outside of the object that it becomes, lead to more
// than an error, or take memory without bounds.
func TestCorpora(t *testing.T) {
	known := readCorpora(t)
	samples := slices.Concat(goSamples(t), moduleSamples(t))
	var lines []string
	compared := 0
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(180 << 20)) // as cmd/gostore does
	peakMemory(t)
	held := peakMemory(t) // what there is now
	for _, s := range samples {
		sum := fmt.Sprintf("%.8x", sha256.Sum256(s.data))
		got := fmt.Sprintf("%s: %s", s.name, outcome(t, s.data))
		lines = append(lines, sum+" "+got)
		if want, ok := known[sum+" "+s.name]; ok {
			compared++
			if got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		}
	}
	if most := peakMemory(t); most-held > memoryMost && !detectingRaces {
		t.Errorf("the process needed %d bytes for them, at most %d are allowed", most-held, memoryMost)
	}
	if *update {
		slices.Sort(lines)
		if err := os.WriteFile(corpora, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Logf("%d archives, %d of them with a known outcome", len(lines), compared)
	if compared < len(known)/2 {
		t.Errorf("only %d of %d archives are those whose outcome is known: write it anew with -update, and read what changed", compared, len(lines))
	}
}

// readCorpora returns the known outcomes, by digest and name.
func readCorpora(t *testing.T) map[string]string {
	data, err := os.ReadFile(corpora)
	if err != nil && !*update {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		sum, rest, _ := strings.Cut(line, " ")
		name, _, _ := strings.Cut(rest, ": ")
		known[sum+" "+name] = rest
	}
	return known
}

// peakMemory returns the most memory, in bytes, that the process had since it was last asked, 0 where the system does not tell.
func peakMemory(t *testing.T) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Logf("memory is not looked at: %v", err)
		return 0
	}
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // see proc_pid_clear_refs(5)
		t.Logf("memory is not looked at: %v", err)
		return 0
	}
	return highWater(string(status)) << 10
}

// goSamples returns the test data of Go's readers of archives. Go keeps in base64 what would alarm scanners.
func goSamples(t *testing.T) (samples []theirs) {
	src := filepath.Join(goroot(t), "src")
	for _, dir := range []string{"archive/tar", "archive/zip", "compress/gzip", "compress/bzip2"} {
		for _, s := range readSamples(t, src, dir+"/testdata/*") {
			if name, encoded := strings.CutSuffix(s.name, ".base64"); encoded {
				data, err := base64.StdEncoding.DecodeString(string(s.data))
				if err != nil {
					t.Fatalf("%s: %v", s.name, err)
				}
				s = theirs{name, data}
			}
			samples = append(samples, s)
		}
	}
	return samples
}

// moduleSamples returns the test data of modules that the module cache has because gostore is built from them.
func moduleSamples(t *testing.T) (samples []theirs) {
	compress := moduleDir(t, "github.com/klauspost/compress")
	for _, pattern := range []string{"gzip/testdata/*.gz", "zstd/testdata/*.zst"} {
		samples = append(samples, readSamples(t, compress, pattern)...)
	}
	for _, pattern := range []string{"zstd/testdata/bad.zip", "zstd/testdata/good.zip", "zstd/testdata/regression.zip", "zstd/testdata/decode-regression.zip",
		"zstd/testdata/fuzz/decode-oss.zip"} {
		for _, s := range readSamples(t, compress, pattern) {
			samples = append(samples, s)
			samples = append(samples, members(t, s)...)
		}
	}
	samples = append(samples, readSamples(t, moduleDir(t, "github.com/ulikunitz/xz"), "*.xz")...)
	mod := moduleDir(t, "golang.org/x/mod")
	for _, pattern := range []string{"zip/testdata/unzip/*.txt", "zip/testdata/check_zip/*.txt"} {
		for _, s := range readSamples(t, mod, pattern) {
			samples = append(samples, theirs{s.name, zipOf(t, s.data)})
		}
	}
	return samples
}

// moduleDir returns where the module cache has a module; the go command that runs the tests needs no network to tell.
func moduleDir(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Skipf("cannot tell where the test data of %s are: %v", module, err)
	}
	return strings.TrimSpace(string(out))
}

// readSamples returns the files that match a pattern below a directory.
func readSamples(t *testing.T, dir, pattern string) (samples []theirs) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, theirs{filepath.ToSlash(strings.TrimPrefix(path, dir+string(filepath.Separator))), data})
	}
	return samples
}

// members returns the files in a zip of samples.
func members(t *testing.T, in theirs) (samples []theirs) {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(in.data), int64(len(in.data)))
	if err != nil {
		t.Fatalf("%s: %v", in.name, err)
	}
	for _, f := range r.File {
		if f.FileInfo().IsDir() {
			continue
		}
		member, err := f.Open()
		if err != nil {
			t.Fatalf("%s: %v", in.name, err)
		}
		data, err := io.ReadAll(member)
		if err != nil {
			t.Fatalf("%s: %q: %v", in.name, f.Name, err)
		}
		samples = append(samples, theirs{in.name + "!" + f.Name, data})
	}
	return samples
}

// zipOf returns a zip of the files of a txtar archive, whatever their names are.
func zipOf(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range txtar.Parse(data).Files {
		member, err := w.Create(f.Name)
		if err == nil {
			_, err = member.Write(f.Data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
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
	dir := quickDir(t)
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
