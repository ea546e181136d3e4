package toolchains

import (
	"archive/tar"
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

func (c *Cache) archives() string { return filepath.Join(c.dir, "archives") }

// compressors are the commands that make an archive of each kind from standard input.
var compressors = map[string][]string{
	"tar.gz":  {"gzip", "-6", "-n"},
	"tar.xz":  {"xz", "-6", "-T1"},
	"tar.zst": {"zstd", "-q", "-3"},
}

// Archive returns the path and the SHA-256 of an archive of a version as go.dev names it, such as go1.22.6.linux-amd64.tar.gz, with
// everything below "go". It is made from the module zip when it is first asked for, and its digest stands beside it in a file with the
// further extension ".sha256".
func (c *Cache) Archive(ctx context.Context, version, ext string) (name, sum string, err error) {
	return c.made(ctx, fmt.Sprintf("%s.%s-%s.%s", version, runtime.GOOS, runtime.GOARCH, ext), compressors[ext], func(w io.Writer) error {
		z, err := zip.OpenReader(c.Zip(version))
		if err != nil {
			return err
		}
		defer z.Close()
		return pack(w, z.File)
	})
}

// Generated returns the same of a tar.gz of a generated tree with so many small files, a hundred in each directory.
func (c *Cache) Generated(ctx context.Context, files int) (name, sum string, err error) {
	return c.made(ctx, fmt.Sprintf("generated-%d.tar.gz", files), []string{"gzip", "-1", "-n"}, func(w io.Writer) error { return generate(w, files) })
}

// made returns an archive that was made before, or makes it of what write writes and a command compresses.
func (c *Cache) made(ctx context.Context, name string, command []string, write func(io.Writer) error) (path, sum string, err error) {
	path = filepath.Join(c.archives(), name)
	if data, err := os.ReadFile(path + ".sha256"); err == nil {
		return path, string(data), nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", "", err
	}
	file, err := os.Create(path)
	if err != nil {
		return "", "", err
	}
	defer file.Close()
	r, w := io.Pipe()
	defer r.Close() // ends write, should the command fail
	go func() { w.CloseWithError(write(w)) }()
	hash := sha256.New()
	compress := exec.CommandContext(ctx, command[0], command[1:]...)
	compress.Stdin, compress.Stdout = r, io.MultiWriter(file, hash)
	if err := compress.Run(); err != nil {
		return "", "", fmt.Errorf("making %q: %w", name, err)
	}
	sum = hex.EncodeToString(hash.Sum(nil))
	return path, sum, keep(path+".sha256", strings.NewReader(sum)) // last: it says that the archive is whole
}

// pack writes the members of a toolchain's module zip as a tar.
func pack(w io.Writer, members []*zip.File) error {
	t := tar.NewWriter(w)
	for _, m := range members {
		_, versioned, _ := strings.Cut(m.Name, "@") // golang.org/toolchain@v0.0.1-go1.22.6.linux-amd64/bin/go
		_, name, ok := strings.Cut(versioned, "/")
		if !ok {
			return fmt.Errorf("member %q: not one of a module zip", m.Name)
		}
		mode := int64(0o644)
		if executable(name) {
			mode = 0o755
		}
		header := tar.Header{Name: "go/" + name, Mode: mode, Size: int64(m.UncompressedSize64)}
		if err := t.WriteHeader(&header); err != nil {
			return err
		}
		if err := copyMember(t, m); err != nil {
			return err
		}
	}
	return t.Close()
}

// executable is cmd/go's rule.
func executable(name string) bool {
	return strings.HasPrefix(name, "bin/") || strings.HasPrefix(name, "pkg/tool/")
}

func copyMember(w io.Writer, m *zip.File) error {
	r, err := m.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return err
}

func generate(w io.Writer, files int) error {
	t := tar.NewWriter(w)
	for i := range files {
		content := fmt.Sprintf("file %d of %d\n", i, files)
		header := tar.Header{Name: fmt.Sprintf("tree/d%d/d%d/f%d", i/10000, i/100%100, i), Mode: 0o644, Size: int64(len(content))}
		if err := t.WriteHeader(&header); err != nil {
			return err
		}
		if _, err := io.WriteString(t, content); err != nil {
			return err
		}
	}
	return t.Close()
}
