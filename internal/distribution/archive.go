package distribution

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"path"
	"slices"
	"strings"
	"time"
)

// file is a file of a package.
type file struct {
	name string // below the package's directory
	data []byte
	mode int64
}

// pack returns a tar.gz of files in one directory. Directories come before what is in them.
func pack(dir string, files []file, at time.Time) ([]byte, error) {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	var b bytes.Buffer
	z := gzip.NewWriter(&b) // the best compression takes five times as long, and saves three bytes of a thousand
	w := &writer{tar.NewWriter(z), map[string]bool{".": true}, at.UTC().Truncate(time.Second)}
	for _, f := range files {
		if err := w.file(path.Join(dir, f.name), f); err != nil {
			return nil, err
		}
	}
	if err := w.tar.Close(); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

type writer struct {
	tar  *tar.Writer
	made map[string]bool // directories
	at   time.Time
}

func (w *writer) file(name string, f file) error {
	if err := w.directory(path.Dir(name)); err != nil {
		return err
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(f.data)), Mode: f.mode, ModTime: w.at, Format: tar.FormatUSTAR}
	if err := w.tar.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.tar.Write(f.data)
	return err
}

func (w *writer) directory(name string) error {
	if w.made[name] {
		return nil
	}
	if err := w.directory(path.Dir(name)); err != nil {
		return err
	}
	w.made[name] = true
	return w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, ModTime: w.at, Format: tar.FormatUSTAR})
}
