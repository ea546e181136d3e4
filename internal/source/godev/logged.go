package godev

import (
	"crypto/sha256"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/source/goproxy"
)

// logger is a sink that also computes the h1 of the module zip that has the same files.
type logger struct {
	archive.Sink

	mu   sync.Mutex
	sums map[string][sha256.Size]byte // by path in the tree
}

// File adds the SHA-256 of data.
func (l *logger) File(path string, exec bool, data []byte) error {
	l.add(path, sha256.Sum256(data))
	return l.Sink.File(path, exec, data)
}

// Stream adds the SHA-256 of what was read from r.
func (l *logger) Stream(path string, exec bool, r io.Reader) error {
	h := sha256.New()
	if err := l.Sink.Stream(path, exec, io.TeeReader(r, h)); err != nil {
		return err
	}
	l.add(path, [sha256.Size]byte(h.Sum(nil)))
	return nil
}

// Link refuses: a module zip has no links, so the database says nothing about one.
func (l *logger) Link(path, _ string) error {
	return &archive.FormatError{Entry: path, Reason: "is a link, of which the checksum database knows nothing"}
}

// Copy adds the SHA-256 of the file from.
func (l *logger) Copy(path, from string) error {
	l.mu.Lock()
	sum := l.sums[from]
	l.mu.Unlock()
	l.add(path, sum)
	return l.Sink.Copy(path, from)
}

// Nest moves what it has along with the tree.
func (l *logger) Nest(dir string) error {
	if err := l.Sink.Nest(dir); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	parent := path.Dir(dir) + "/"
	moved := make(map[string][sha256.Size]byte, len(l.sums))
	for name, sum := range l.sums {
		rest, below := strings.CutPrefix(name, parent)
		if below || parent == "./" {
			name = dir + "/" + rest
		}
		moved[name] = sum
	}
	l.sums = moved
	return nil
}

func (l *logger) add(path string, sum [sha256.Size]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sums == nil {
		l.sums = map[string][sha256.Size]byte{}
	}
	l.sums[path] = sum
}

// compare compares the h1 with what the lock says is logged.
func (l *logger) compare(item release.Item) error {
	module := goproxy.Module(item.Version, item.Platform)
	got, err := hash1(module, l.sums)
	if err != nil {
		return err
	}
	if got != item.Archive.Logged {
		return &digest.MismatchError{What: "the toolchain, as " + module + ",", Want: item.Archive.Logged.String(), Got: got.String()}
	}
	return nil
}

// hash1 returns the h1 of the module zip of a toolchain, given the SHA-256 of each file of its tree. In the zip, go.mod files are called
// _go.mod; no distribution has a file of that name.
func hash1(module string, sums map[string][sha256.Size]byte) (digest.Archive, error) {
	files := make(map[string][sha256.Size]byte, len(sums))
	for name, sum := range sums {
		if !goproxy.InZip(name) {
			continue
		}
		if path.Base(name) == "_go.mod" { // it would pass for the go.mod beside it
			return digest.Archive{}, &archive.FormatError{Entry: name, Reason: "has the name that go.mod files have in module zips"}
		}
		files[name] = sum
	}
	return goproxy.HashTree(module, files)
}

// platformNames returns the names of platforms, sorted as platforms are.
func platformNames(platforms map[release.Platform]file) []string {
	var names []string
	for _, p := range slices.SortedFunc(maps.Keys(platforms), release.Platform.Compare) {
		names = append(names, p.String())
	}
	return names
}
