package store

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

// directory is an open directory whose names are read. It costs a third of what an os.File does: collecting is little but this.
type directory struct{ fd int }

// directoryOf is the directory that a file is, which stays the owner of the descriptor.
func directoryOf(f *os.File) directory { return directory{int(f.Fd())} }

// handle is the descriptor.
func (d directory) handle() int { return d.fd }

// newDirectory takes the descriptor over.
func newDirectory(fd int, _ string) directory { return directory{fd} }

func (d directory) close() error { return unix.Close(d.fd) }

// rewind makes next begin anew.
func (d directory) rewind() error {
	_, err := unix.Seek(d.fd, 0, unix.SEEK_SET)
	return err
}

// next reads as many names as go into buf, in no order, and calls do with each and with whether it is a directory where that is known
// without looking. The name is good until do returns. It returns how many bytes of buf were filled, none at the end. It may be few before that: the kernel
// stops after a name when a signal is there, and the Go runtime sends itself signals.
func (d directory) next(buf []byte, do func(name []byte, isDir, known bool)) (filled int, err error) {
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
