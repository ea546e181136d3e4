package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/dirhash"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/removal"
	"gostore/store"
)

// sources returns files of the running Go's library: some 1,000, with 12 MB.
func sources(b *testing.B) map[string][]byte {
	b.Helper()
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Skip("no go command: ", err)
	}
	root := filepath.Join(strings.TrimSpace(string(goroot)), "src")
	files := map[string][]byte{}
	for _, dir := range []string{"crypto", "encoding", "go", "net", "strconv", "image"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			rel, _ := filepath.Rel(root, path) // both are absolute
			files[filepath.ToSlash(rel)], err = os.ReadFile(path)
			return err
		})
		if err != nil {
			b.Skip("no sources of Go: ", err)
		}
	}
	return files
}

const benchPrefix = "example.com/m@v1.0.0/"

// benchZip returns a module zip of files and its h1.
func benchZip(b *testing.B, files map[string][]byte) ([]byte, digest.Archive) {
	b.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for name, data := range files {
		m, err := w.Create(benchPrefix + name)
		if err == nil {
			_, err = m.Write(data)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	file := filepath.Join(b.TempDir(), "m.zip")
	err := errors.Join(w.Close(), os.WriteFile(file, buf.Bytes(), 0o644))
	h1, hashErr := dirhash.HashZip(file, dirhash.Hash1)
	want, parseErr := digest.ParseArchive(h1)
	if err := errors.Join(err, hashErr, parseErr); err != nil {
		b.Fatal(err)
	}
	return buf.Bytes(), want
}

// benchTarGz returns a tar.gz of files.
func benchTarGz(b *testing.B, files map[string][]byte) []byte {
	b.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	for name, data := range files {
		err := w.WriteHeader(&tar.Header{Name: "m/" + name, Mode: 0o644, Size: int64(len(data))})
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		b.Fatal(err)
	}
	return buf.Bytes()
}

// emptyStore returns a store that is removed at the end.
func emptyStore(b *testing.B) *store.Store {
	b.Helper()
	dir := b.TempDir()
	s, err := store.Open(filepath.Join(dir, "root"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { removal.Tree(dir) })
	return s
}

// add makes an object, verified and synced.
func add(b *testing.B, s *store.Store, version string, fill func(*store.Stage) error) {
	b.Helper()
	lease, err := s.Add(b.Context(), store.Spec{Name: "m", Version: version}, fill)
	if err == nil {
		err = lease.Release()
	}
	if err != nil {
		b.Fatal(err)
	}
}

func unzip(b *testing.B, data []byte, want digest.Archive) func(*store.Stage) error {
	return func(g *store.Stage) error {
		m := archive.ModuleZip{Prefix: benchPrefix, Want: want}
		return m.Unpack(b.Context(), bytes.NewReader(data), int64(len(data)), g, nil)
	}
}

func size(files map[string][]byte) (n int64) {
	for _, data := range files {
		n += int64(len(data))
	}
	return n
}

func BenchmarkModuleZip(b *testing.B) {
	files := sources(b)
	data, want := benchZip(b, files)
	b.SetBytes(size(files))
	for b.Loop() {
		b.StopTimer()
		s := emptyStore(b)
		b.StartTimer()
		add(b, s, "1", unzip(b, data, want))
	}
}

// BenchmarkNeighbour unpacks a module zip of which one file in twenty is not in the store.
func BenchmarkNeighbour(b *testing.B) {
	files := sources(b)
	s := emptyStore(b)
	data, want := benchZip(b, files)
	add(b, s, "0", unzip(b, data, want))
	b.SetBytes(size(files))
	for n := 1; b.Loop(); n++ {
		b.StopTimer()
		k := 0
		for name, content := range files {
			if k++; k%20 == 0 {
				files[name] = append(bytes.Clone(content), fmt.Sprintf("// %x\n", sha256.Sum256(fmt.Append(nil, n, k)))...)
			}
		}
		data, want := benchZip(b, files)
		b.StartTimer()
		add(b, s, fmt.Sprint(n), unzip(b, data, want))
	}
}

func BenchmarkTarGz(b *testing.B) {
	files := sources(b)
	data := benchTarGz(b, files)
	opt := archive.Options{Want: digest.SHA256(data)}
	b.SetBytes(size(files))
	for b.Loop() {
		b.StopTimer()
		s := emptyStore(b)
		b.StartTimer()
		add(b, s, "1", func(g *store.Stage) error {
			return archive.Unpack(b.Context(), bytes.NewReader(data), int64(len(data)), opt, g, nil)
		})
	}
}
