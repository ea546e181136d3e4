package tree

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"gostore/internal/digest"
)

// vector is one file of testdata/vectors.
type vector struct {
	digest   string
	entries  []Entry
	contents map[string]string // by path, of files
	manifest string
}

func readVectors(t *testing.T) map[string]vector {
	t.Helper()
	files, err := filepath.Glob("testdata/vectors/*.txt")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d test vectors, error %v", len(files), err)
	}
	vectors := make(map[string]vector)
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(archive.Files) != 2 || archive.Files[0].Name != "files" || archive.Files[1].Name != "manifest" {
			t.Fatalf("%s: does not have the parts files and manifest", file)
		}
		comment := strings.TrimSpace(string(archive.Comment))
		v := vector{
			digest:   comment[strings.LastIndexByte(comment, '\n')+1:],
			contents: make(map[string]string),
			manifest: string(archive.Files[1].Data),
		}
		for line := range strings.Lines(string(archive.Files[0].Data)) {
			if err := v.add(strings.TrimSuffix(line, "\n")); err != nil {
				t.Fatalf("%s: %q: %v", file, line, err)
			}
		}
		vectors[strings.TrimSuffix(filepath.Base(file), ".txt")] = v
	}
	return vectors
}

// add reads a line such as `file "a/b" "content\n" 3`.
func (v *vector) add(line string) error {
	kind, rest, _ := strings.Cut(line, " ")
	var words []string
	for strings.HasPrefix(rest, `"`) {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return err
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			return err
		}
		words, rest = append(words, word), strings.TrimPrefix(rest[len(quoted):], " ")
	}
	times := 1
	if rest != "" {
		var err error
		if times, err = strconv.Atoi(rest); err != nil {
			return err
		}
	}
	kinds := map[string]Kind{"dir": Dir, "file": File, "exec": Exec, "link": Link}
	e := Entry{Path: words[0], Kind: kinds[kind]}
	switch e.Kind {
	case File, Exec:
		content := strings.Repeat(words[1], times)
		v.contents[e.Path] = content
		e.Content, e.Size = digest.Sum([]byte(content)), int64(len(content))
	case Link:
		e.Target = words[1]
	case 0:
		return fmt.Errorf("unknown kind %q", kind)
	}
	v.entries = append(v.entries, e)
	return nil
}

// writeTree creates the entries, whose parents must be among them, in a new directory.
func writeTree(t *testing.T, entries []Entry, contents map[string]string) string {
	t.Helper()
	m, err := New(entries)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, e := range m.Entries() {
		path := filepath.Join(dir, e.Path)
		var err error
		switch e.Kind {
		case Dir:
			err = os.Mkdir(path, 0o755)
		case File:
			err = os.WriteFile(path, []byte(contents[e.Path]), 0o644)
		case Exec:
			err = os.WriteFile(path, []byte(contents[e.Path]), 0o755)
		case Link:
			err = os.Symlink(e.Target, path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestVectors(t *testing.T) {
	for name, v := range readVectors(t) {
		t.Run(name, func(t *testing.T) {
			made, err := New(v.entries)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v.manifest, string(made.Bytes())); diff != "" {
				t.Errorf("New makes another manifest (-want +got):\n%s", diff)
			}
			parsed, err := Parse([]byte(v.manifest))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(made.Entries(), parsed.Entries(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("Parse reads other entries (-New +Parse):\n%s", diff)
			}
			dir := writeTree(t, v.entries, v.contents)
			for workers := range 5 {
				scanned, err := Scan(context.Background(), dir, workers)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(v.manifest, string(scanned.Bytes())); diff != "" {
					t.Errorf("Scan with %d workers sees another manifest (-want +got):\n%s", workers, diff)
				}
				for _, m := range []Manifest{made, parsed, scanned} {
					if m.Digest().String() != v.digest {
						t.Errorf("tree digest %v, want %v", m.Digest(), v.digest)
					}
				}
			}
		})
	}
}

// TestScript runs the script of the package comment on every test vector.
func TestScript(t *testing.T) {
	if _, err := exec.LookPath("b3sum"); err != nil {
		t.Skip("b3sum is not installed")
	}
	script := filepath.Join(t.TempDir(), "treedigest")
	if err := os.WriteFile(script, []byte(scriptOfComment(t)), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, v := range readVectors(t) {
		t.Run(name, func(t *testing.T) {
			dir := writeTree(t, v.entries, v.contents)
			out, err := exec.Command("sh", script, dir).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if got := "b3:" + strings.TrimSpace(string(out)); got != v.digest {
				t.Errorf("the script says %s, want %s", got, v.digest)
			}
		})
	}
}

func scriptOfComment(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for line := range strings.Lines(string(doc)) {
		line, isCode := strings.CutPrefix(line, "//\t")
		if isCode && (script.Len() > 0 || strings.HasPrefix(line, "cd ")) {
			script.WriteString(line)
		}
	}
	if script.Len() == 0 {
		t.Fatal("the package comment holds no script")
	}
	return script.String()
}
