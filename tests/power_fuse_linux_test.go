package tests

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// blockEvent is a write to a disk, or a flush where Data is nil: what was written before it is durable.
type blockEvent struct {
	Offset int64
	Data   []byte
}

// recorder is a file system of one file, "disk", which stands for a disk: it notes every write and every fsync, which is what a loop
// device makes of a flush. It speaks the kernel's protocol itself (linux/fuse.h), as it needs a tenth of it.
type recorder struct {
	fd      int
	dir     string
	disk    *os.File
	size    int64
	stopped chan error

	mu     sync.Mutex
	events []blockEvent
}

// serveDisk mounts a recorder of a file.
func serveDisk(t *testing.T, disk string) *recorder {
	t.Helper()
	f, err := os.OpenFile(disk, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	fi, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("needs /dev/fuse: %v", err)
	}
	r := &recorder{fd: fd, dir: t.TempDir(), disk: f, size: fi.Size(), stopped: make(chan error, 1)}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd)
	if err := unix.Mount("recorder", r.dir, "fuse", unix.MS_NODEV|unix.MS_NOSUID, options); err != nil {
		t.Skipf("needs to mount a FUSE file system: %v", err)
	}
	go func() { r.stopped <- r.serve() }()
	t.Cleanup(func() {
		if err := errors.Join(unix.Unmount(r.dir, unix.MNT_DETACH), <-r.stopped, unix.Close(fd), f.Close()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// path returns the path of the disk.
func (r *recorder) path() string { return filepath.Join(r.dir, "disk") }

// recorded returns what was noted so far.
func (r *recorder) recorded() []blockEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[:len(r.events):len(r.events)]
}

func (r *recorder) note(e blockEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// serve answers until the file system is unmounted.
func (r *recorder) serve() error {
	buf := make([]byte, 1<<20)
	for {
		n, err := unix.Read(r.fd, buf)
		switch {
		case err == unix.ENODEV:
			return nil
		case err == unix.EINTR, err == unix.ENOENT, err == unix.EAGAIN:
			continue
		case err != nil:
			return err
		}
		const header = 40
		opcode, unique := binary.LittleEndian.Uint32(buf[4:]), binary.LittleEndian.Uint64(buf[8:])
		node := binary.LittleEndian.Uint64(buf[16:])
		answer, errno, silent := r.answer(opcode, node, buf[header:n])
		if silent {
			continue
		}
		var out bytes.Buffer
		put(&out, uint32(16+len(answer)), -int32(errno), unique)
		out.Write(answer)
		if _, err := unix.Write(r.fd, out.Bytes()); err != nil && err != unix.ENOENT {
			return err
		}
	}
}

func put(b *bytes.Buffer, values ...any) {
	for _, v := range values {
		binary.Write(b, binary.LittleEndian, v) // a buffer takes everything
	}
}

// Operations, and the nodes that there are.
const (
	fuseLookup, fuseForget, fuseGetattr, fuseSetattr, fuseOpen          = 1, 2, 3, 4, 14
	fuseRead, fuseWrite, fuseStatfs, fuseRelease, fuseFsync             = 15, 16, 17, 18, 20
	fuseFlush, fuseInit, fuseInterrupt, fuseDestroy, fuseForgets        = 25, 26, 36, 38, 42
	theRoot, theDisk                                             uint64 = 1, 2
)

// answer carries an operation out.
func (r *recorder) answer(opcode uint32, node uint64, in []byte) (answer []byte, errno unix.Errno, silent bool) {
	var out bytes.Buffer
	switch opcode {
	case fuseForget, fuseForgets, fuseInterrupt:
		return nil, 0, true
	case fuseInit:
		// Version 7.31; writes of up to 128 KiB (FUSE_BIG_WRITES, FUSE_MAX_PAGES).
		put(&out, uint32(7), uint32(31), uint32(0), uint32(1<<5|1<<22), uint16(16), uint16(12), uint32(128<<10), uint32(1), uint16(32), uint16(0), [8]uint32{})
	case fuseLookup:
		if node != theRoot || string(bytes.TrimRight(in, "\x00")) != "disk" {
			return nil, unix.ENOENT, false
		}
		put(&out, theDisk, uint64(1), uint64(3600), uint64(3600), uint32(0), uint32(0))
		r.attributes(&out, theDisk)
	case fuseGetattr, fuseSetattr:
		put(&out, uint64(3600), uint32(0), uint32(0))
		r.attributes(&out, node)
	case fuseOpen:
		put(&out, uint64(0), uint32(1), uint32(0)) // FOPEN_DIRECT_IO: nothing waits in a cache between the loop device and this
	case fuseRead:
		data := make([]byte, binary.LittleEndian.Uint32(in[16:]))
		n, _ := r.disk.ReadAt(data, int64(binary.LittleEndian.Uint64(in[8:]))) // beyond its end is nothing
		out.Write(data[:n])
	case fuseWrite:
		offset, data := int64(binary.LittleEndian.Uint64(in[8:])), bytes.Clone(in[40:40+binary.LittleEndian.Uint32(in[16:])])
		if _, err := r.disk.WriteAt(data, offset); err != nil {
			return nil, unix.EIO, false
		}
		r.note(blockEvent{offset, data})
		put(&out, uint32(len(data)), uint32(0))
	case fuseFsync:
		r.note(blockEvent{})
	case fuseStatfs:
		put(&out, [10]uint64{})
	case fuseFlush, fuseRelease, fuseDestroy:
	default:
		return nil, unix.ENOSYS, false
	}
	return out.Bytes(), 0, false
}

// attributes are struct fuse_attr.
func (r *recorder) attributes(out *bytes.Buffer, node uint64) {
	mode, size := uint32(unix.S_IFDIR|0o755), uint64(0)
	if node == theDisk {
		mode, size = unix.S_IFREG|0o600, uint64(r.size)
	}
	put(out, node, size, size/512, [3]uint64{}, [3]uint32{}, mode, uint32(1), uint32(0), uint32(0), uint32(0), uint32(4096), uint32(0))
}
