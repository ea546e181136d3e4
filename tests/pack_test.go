package tests

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/ulikunitz/xz"
)

// pack makes an archive with a directory's name as its only one at the top. Files that begin with "#!" are executable.
func pack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pack FILE DIR")
	}
	out, dir := ts.MkAbs(args[0]), ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(filepath.Dir(out), 0o755))
	data, err := packed(filepath.Base(out), dir)
	ts.Check(err)
	ts.Check(os.WriteFile(out, data, 0o644))
}

func packed(name, dir string) ([]byte, error) {
	if info, err := os.Stat(dir); err == nil && info.Mode().IsRegular() {
		return os.ReadFile(dir)
	}
	var b bytes.Buffer
	if strings.HasSuffix(name, ".zip") {
		err := zipDir(&b, dir)
		return b.Bytes(), err
	}
	w, err := compressor(name, &b)
	if err != nil {
		return nil, err
	}
	if err := tarDir(w, dir); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

func compressor(name string, w io.Writer) (io.WriteCloser, error) {
	switch filepath.Ext(name) {
	case ".gz", ".tgz":
		return gzip.NewWriter(w), nil
	case ".xz":
		return xz.NewWriter(w)
	case ".zst":
		return zstd.NewWriter(w)
	}
	return plain{w}, nil
}

type plain struct{ io.Writer }

func (plain) Close() error { return nil }

// members calls do for each file, link and directory of dir, with its name in the archive.
func members(dir string, do func(name string, info fs.FileInfo, data []byte) error) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(filepath.Dir(dir), path)
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		var data []byte
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			return errorsOr(err, func() error { return do(filepath.ToSlash(rel), info, []byte(to)) })
		case info.Mode().IsRegular():
			if data, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		return do(filepath.ToSlash(rel), info, data)
	})
}

func errorsOr(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}

func mode(info fs.FileInfo, data []byte) fs.FileMode {
	if info.IsDir() || bytes.HasPrefix(data, []byte("#!")) {
		return 0o755
	}
	return 0o644
}

func tarDir(w io.Writer, dir string) error {
	tw := tar.NewWriter(w)
	err := members(dir, func(name string, info fs.FileInfo, data []byte) error {
		h := &tar.Header{Name: name, Mode: int64(mode(info, data)), Size: int64(len(data)), Typeflag: tar.TypeReg}
		switch {
		case info.IsDir():
			h.Name, h.Typeflag = name+"/", tar.TypeDir
		case info.Mode()&fs.ModeSymlink != 0:
			h.Typeflag, h.Linkname, h.Size, data = tar.TypeSymlink, string(data), 0, nil
		}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		_, err := tw.Write(data)
		return err
	})
	return errorsOr(err, tw.Close)
}

func zipDir(w io.Writer, dir string) error {
	zw := zip.NewWriter(w)
	err := members(dir, func(name string, info fs.FileInfo, data []byte) error {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(mode(info, data))
		switch {
		case info.IsDir():
			h.Name, h.Method = name+"/", zip.Store
			h.SetMode(fs.ModeDir | 0o755)
		case info.Mode()&fs.ModeSymlink != 0:
			h.SetMode(fs.ModeSymlink | 0o777)
		}
		f, err := zw.CreateHeader(h)
		if err == nil {
			_, err = f.Write(data)
		}
		return err
	})
	return errorsOr(err, zw.Close)
}

func sums(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: sums FILE PATTERN...")
	}
	var b strings.Builder
	for _, pattern := range args[1:] {
		found, err := filepath.Glob(ts.MkAbs(pattern))
		ts.Check(err)
		for _, file := range found {
			data, err := os.ReadFile(file)
			ts.Check(err)
			fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(data), filepath.Base(file))
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o644))
}

func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: expand FILE")
	}
	path := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(path, []byte(os.Expand(ts.ReadFile(path), ts.Getenv)), 0o644))
}
