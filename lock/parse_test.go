package lock

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"gostore/internal/digest"
	"gostore/internal/release"
)

var update = flag.Bool("update", false, "write the errors of testdata/bad anew")

// same compares files; digests are compared by ==.
var same = cmp.Comparer(func(a, b digest.Archive) bool { return a == b })

// Each testdata/bad/*.txtar holds a file "lock" and the "errors" that Parse finds in it.
func TestParseBad(t *testing.T) {
	paths, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(paths) < 20 {
		t.Fatalf("found %d bad locks: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "lock" })
			_, err = Parse(Name, archive.Files[i].Data)
			if err == nil {
				t.Fatal("no error")
			}
			got := err.Error() + "\n"
			if *update {
				archive.Files = []txtar.File{archive.Files[i], {Name: "errors", Data: []byte(got)}}
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want := string(archive.Files[len(archive.Files)-1].Data)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			if canonicalForm(archive.Files[i].Data) {
				t.Error("canonical")
			}
		})
	}
}

func TestParseErrorTypes(t *testing.T) {
	_, err := Parse(Name, []byte("<<<<<<< HEAD\nversion = 1\n=======\nversion = 1\n>>>>>>> other\n"))
	var list ErrorList
	if !errors.Is(err, ErrConflict) || !errors.As(err, &list) || len(list) != 1 {
		t.Errorf("conflict: %v", err)
	}
	_, err = Parse(Name, []byte("version = 2\nshape = 'unknown'\n[[tool]]\n]]]"))
	var newer *VersionError
	if !errors.As(err, &newer) || newer.Version != 2 || newer.Line != 1 || newer.Column != 11 {
		t.Errorf("newer version: %v", err)
	}
	_, err = Parse(Name, []byte("version = 1\ncolour = 1\nshape = 2\n"))
	if !errors.As(err, &list) || len(list) != 2 || list[1].Line != 3 {
		t.Errorf("unknown keys: %v", err)
	}
}

// People merge locks and write them by hand: order, spelling and comments are free, and Format
// brings back the one form.
func TestParseAnyOrder(t *testing.T) {
	canonical, err := os.ReadFile("testdata/canonical.lock")
	if err != nil {
		t.Fatal(err)
	}
	want, err := Parse(Name, canonical)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := os.ReadFile("testdata/merged.lock")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"merged": merged,
		"crlf":   []byte(strings.ReplaceAll(string(merged), "\n", "\r\n")),
	} {
		f, err := Parse(Name, data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(string(canonical), string(f.Format())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if canonicalForm(data) {
			t.Errorf("%s: canonical", name)
		}
	}
	if !canonicalForm(canonical) {
		t.Error("canonical.lock is not canonical")
	}
	a := want.Find("go")[0].Platforms[release.Platform{OS: "linux", Arch: "amd64"}]
	if a.Size != 72841285 || a.Tree.IsZero() || a.Digest.Algorithm() != "h1" {
		t.Errorf("linux/amd64 of go: %+v", a)
	}
}

func TestExampleIsCanonical(t *testing.T) {
	data, err := os.ReadFile("../gostore.lock.example")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse("gostore.lock.example", data)
	if err != nil {
		t.Fatal(err)
	}
	if !canonicalForm(data) {
		t.Errorf("canonical form differs:\n%s", cmp.Diff(string(data), string(f.Format())))
	}
}

// The order of tools and platforms in memory has no influence, an empty lock is a lock.
func TestFormat(t *testing.T) {
	f := large(3, 5)
	want := string(f.Format())
	slices.Reverse(f.Tools)
	if got := string(f.Format()); got != want {
		t.Errorf("reversed tools (-want +got):\n%s", cmp.Diff(want, got))
	}
	if !canonicalForm(new(File).Format()) {
		t.Error("the empty lock is not canonical")
	}
	quoted := large(1, 1)
	for p, a := range quoted.Tools[0].Platforms {
		a.From = `https://example.org/"a"\b`
		quoted.Tools[0].Platforms[p] = a
	}
	back, err := Parse(Name, quoted.Format())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(quoted, back, same); diff != "" {
		t.Errorf("quoting (-want +got):\n%s", diff)
	}
}

// large returns a lock of a primary version and further extras, for some platforms each.
func large(tools, platforms int) *File {
	f := new(File)
	for i := range tools {
		t := Tool{Name: "go", Request: "1.22", Version: fmt.Sprintf("1.22.%d", i), Source: "goproxy", Extra: i > 0}
		t.Platforms = make(map[release.Platform]release.Archive)
		for j := range platforms {
			sum := digest.Sum(fmt.Append(nil, i, j))
			d, err := digest.ParseArchive("sha256:" + sum.Hex())
			if err != nil {
				panic(err)
			}
			p := release.Platform{OS: "linux", Arch: fmt.Sprintf("arch%d", j)}
			t.Platforms[p] = release.Archive{
				From:   fmt.Sprintf("golang.org/toolchain@v0.0.1-go%s.linux-arch%d", t.Version, j),
				Digest: d, Size: 70 << 20, Tree: digest.Tree(sum),
			}
		}
		f.Tools = append(f.Tools, t)
	}
	return f
}

// A lock of two tools for 41 platforms is read whenever a command starts in its project.
func BenchmarkParse(b *testing.B) {
	data := large(2, 41).Format()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(Name, data); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	paths, _ := filepath.Glob("testdata/bad/*.txtar")
	for _, path := range paths {
		if archive, err := txtar.ParseFile(path); err == nil {
			f.Add(archive.Files[0].Data)
		}
	}
	for _, path := range []string{"testdata/canonical.lock", "testdata/merged.lock", "testdata/making.lock", "testdata/vendor.lock", "../gostore.lock.example"} {
		if data, err := os.ReadFile(path); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := Parse(Name, data)
		if err != nil {
			var list ErrorList
			var newer *VersionError
			if !errors.As(err, &list) && !errors.As(err, &newer) {
				t.Fatalf("an error without a place: %v", err)
			}
			for _, e := range list {
				if e.Line < 1 || e.Column < 1 || e.Line > strings.Count(string(data), "\n")+1 || strings.Contains(e.Msg, "\n") {
					t.Fatalf("place of %q: %d:%d", e.Msg, e.Line, e.Column)
				}
			}
			return
		}
		text := first.Format()
		second, err := Parse(Name, text)
		if err != nil {
			t.Fatalf("canonical form: %v\n%s", err, text)
		}
		slices.SortFunc(first.Tools, Tool.compare)
		if diff := cmp.Diff(first, second, same); diff != "" {
			t.Fatalf("meaning changed (-first +second):\n%s", diff)
		}
		if again := second.Format(); string(again) != string(text) {
			t.Fatalf("form changed:\n%s", cmp.Diff(string(text), string(again)))
		}
	})
}

// canonicalForm reports whether data is what Format writes for its meaning.
func canonicalForm(data []byte) bool {
	f, err := Parse(Name, data)
	return err == nil && bytes.Equal(f.Format(), data)
}
