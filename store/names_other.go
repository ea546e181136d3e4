//go:build !linux

package store

import (
	"io"
	"os"
)

// directory is an open directory whose names are read.
type directory struct{ f *os.File }

// directoryOf is the directory that a file is, which stays its owner.
func directoryOf(f *os.File) directory { return directory{f} }

// handle is the descriptor.
func (d directory) handle() int { return int(d.f.Fd()) }

// newDirectory takes the descriptor over.
func newDirectory(fd int, path string) directory { return directory{os.NewFile(uintptr(fd), path)} }

func (d directory) close() error { return d.f.Close() }

// rewind makes next begin anew.
func (d directory) rewind() error {
	_, err := d.f.Seek(0, io.SeekStart)
	return err
}

// next reads some names and calls do with each, and with whether it is a directory. The name is good until do returns. It
// returns how much of buf would have been filled, none at the end.
func (d directory) next(buf []byte, do func(name []byte, isDir, known bool)) (filled int, err error) {
	const each = 64 // bytes that a name takes
	entries, err := d.f.ReadDir(len(buf) / each)
	for _, e := range entries {
		do([]byte(e.Name()), e.IsDir(), true)
	}
	if err == io.EOF {
		err = nil
	}
	return each * len(entries), err
}
