//go:build !linux

package dirent

import (
	"io"
	"os"
)

// Dir is an open directory whose names are read.
type Dir struct{ f *os.File }

// Of returns the directory that a file is, which stays its owner.
func Of(f *os.File) Dir { return Dir{f} }

// Fd returns the descriptor.
func (d Dir) Fd() int { return int(d.f.Fd()) }

// New returns the directory that a descriptor is of, and takes that over.
func New(fd int, path string) Dir { return Dir{os.NewFile(uintptr(fd), path)} }

// Close closes the descriptor.
func (d Dir) Close() error { return d.f.Close() }

// Rewind makes Next begin anew.
func (d Dir) Rewind() error {
	_, err := d.f.Seek(0, io.SeekStart)
	return err
}

// Next reads some names and calls do with each, and with whether it is a directory. The name is good until do returns. It
// returns how much of buf would have been filled, none at the end.
func (d Dir) Next(buf []byte, do func(name []byte, isDir, known bool)) (filled int, err error) {
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
