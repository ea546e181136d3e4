package store

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"

	"golang.org/x/sys/unix"
)

// Sharing. A file of a stage is made in the stage and then linked into files/, never the other way
// round: a link in files/ that nothing else uses may be collected at any moment.

// reuse makes staged another link of the shared file, if there is one and same confirms its bytes. One
// whose bytes are wrong is taken out of files/, so that the right ones take its place; the objects that use
// it are named by Verify. Whatever goes wrong is a miss.
func (s *Store) reuse(shared, staged string, same func(*os.File) bool) bool {
	f, err := s.root.Open(shared)
	if err != nil {
		return false
	}
	defer f.Close()
	if !same(f) {
		s.root.Remove(shared) // best effort: it is only ever a miss
		return false
	}
	if err := s.root.Link(shared, staged); err != nil {
		return false // too many links (65,000 on ext4), or collected meanwhile
	}
	// The name may have been replaced since it was opened: trust the bytes that were compared.
	was, err1 := f.Stat()
	is, err2 := s.root.Lstat(staged)
	if err1 != nil || err2 != nil || !os.SameFile(was, is) {
		s.root.Remove(staged)
		return false
	}
	return true
}

// share links a complete file of a stage into files/. It stays unshared where another of the same
// content was faster, or where the file system does not let it.
func (s *Store) share(shared, staged string) error {
	err := s.root.Link(staged, shared)
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.root.Mkdir(path.Dir(shared), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		err = s.root.Link(staged, shared)
	}
	if errors.Is(err, fs.ErrExist) || errors.Is(err, unix.EMLINK) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	return err
}

// compareBuffers hold what is read back from shared files.
var compareBuffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// sameBytes reports whether a file holds exactly data.
func sameBytes(f *os.File, data []byte) bool {
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() || fi.Size() != int64(len(data)) {
		return false
	}
	buf := compareBuffers.Get().(*[256 << 10]byte)
	defer compareBuffers.Put(buf)
	for len(data) > 0 {
		n, err := f.Read(buf[:])
		if n > len(data) || !bytes.Equal(buf[:n], data[:n]) {
			return false
		}
		data = data[n:]
		if err != nil && (err != io.EOF || len(data) > 0) {
			return false
		}
	}
	return true
}
