package dirent

import (
	"bytes"
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

// Where the fields of a linux_dirent64 are (getdents64(2)): d_ino and d_off, 8 bytes each, come before.
const (
	direntLength = 16 // of the whole entry, 2 bytes
	direntType   = 18
	direntName   = 19 // ends in NUL
)

// Dir is an open directory whose names are read.
type Dir struct{ fd int }

// Of returns the directory that a file is, which stays the owner of the descriptor.
func Of(f *os.File) Dir { return Dir{int(f.Fd())} }

// Fd returns the descriptor.
func (d Dir) Fd() int { return d.fd }

// New returns the directory that a descriptor is of, and takes that over.
func New(fd int, _ string) Dir { return Dir{fd} }

// Close closes the descriptor.
func (d Dir) Close() error { return unix.Close(d.fd) }

// Rewind makes Next begin anew.
func (d Dir) Rewind() error {
	_, err := unix.Seek(d.fd, 0, unix.SEEK_SET)
	return err
}

// Next reads as many names as go into buf, in no order, and calls do with each and with whether it is a directory where that is known
// without looking. The name is good until do returns. It returns how many bytes of buf were filled, none at the end. It may be few before that: the kernel
// stops after a name when a signal is there, and the Go runtime sends itself signals.
func (d Dir) Next(buf []byte, do func(name []byte, isDir, known bool)) (filled int, err error) {
	n, err := sys.ReadDirent(d.fd, buf)
	if err != nil || n <= 0 {
		return 0, err
	}
	for entries := buf[:n]; len(entries) >= direntName; {
		length := int(binary.NativeEndian.Uint16(entries[direntLength:]))
		if length < direntName || length > len(entries) {
			break
		}
		name, _, _ := bytes.Cut(entries[direntName:length], []byte{0})
		kind := entries[direntType]
		if s := string(name); s != "." && s != ".." {
			do(name, kind == unix.DT_DIR, kind != unix.DT_UNKNOWN)
		}
		entries = entries[length:]
	}
	return n, nil
}
