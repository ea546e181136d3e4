package tree

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/sys"
)

// bufferSize is what a worker reads at a time. Files below it, nearly all, are hashed from
// one buffer, which is fastest; larger buffers gain nothing more and cost memory.
const bufferSize = 1 << 20

// errChanged says that a name is not what it was when its directory was listed, or that a
// file is not as long as it was when it was opened.
var errChanged = errors.New("changed while it was being read")

// errSeal says that the kernel, which compares what it reads of a file with the tree of digests that the file was sealed with (fs-verity), refuses
// to hand a part of it out.
var errSeal = errors.New("has other contents than it was sealed with (fs-verity)")

// reader reads single names for one worker. It calls the kernel itself because os.Root follows
// links within the root, and an os.File for each file costs further system calls.
type reader struct {
	ctx   context.Context
	buf   []byte
	hash  digest.Hash
	read  func(fd int, p []byte) (int, error)
	aside bool
}

// buffers are those of readers that are done: whoever scans many small directories would otherwise spend more time on making
// them than on reading.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// done gives the buffer back.
func (r *reader) done() { buffers.Put((*[bufferSize]byte)(r.buf)) }

func (s *scan) reader() *reader {
	r := &reader{ctx: s.ctx, buf: buffers.Get().(*[bufferSize]byte)[:], hash: digest.NewHash(), read: s.read, aside: s.aside}
	if r.read == nil {
		r.read = sys.Read
	}
	return r
}

// file fills in what the file of this name has: executable bit, size and content.
func (r *reader) file(dir *os.File, name string, e *Entry, known Known) error {
	if known != nil {
		if ok, err := r.known(dir, name, e, known); ok || err != nil {
			return err
		}
	}
	// O_NONBLOCK: if the name became a named pipe meanwhile, opening it does not wait.
	fd, err := openat(dir, name, unix.O_NONBLOCK)
	if err != nil {
		return err
	}
	defer unix.Close(fd) // best effort: only read from
	var st unix.Stat_t
	if err := sys.Fstat(fd, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return errChanged
	}
	if st.Mode&unix.S_IXUSR != 0 {
		e.Kind = Exec
	}
	e.Size = st.Size
	fresh := r.aside && uncached(fd)
	e.Content, err = r.content(fd, st.Size)
	if errors.Is(err, unix.EIO) && sealed(fd) {
		err = errSeal
	}
	if fresh {
		dropCache(fd)
	}
	return err
}

// known fills in what a file has whose content is known, without opening it: that saves two system calls of three.
func (r *reader) known(dir *os.File, name string, e *Entry, known Known) (ok bool, err error) {
	var st unix.Stat_t
	err = sys.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return false, os.NewSyscallError("fstatat", err)
	}
	is := *e
	if is.Size = st.Size; st.Mode&unix.S_IXUSR != 0 {
		is.Kind = Exec
	}
	if is.Content, ok = known(is, &st); ok {
		*e = is
	}
	return ok, nil
}

// content returns the digest of an open file of the given size.
func (r *reader) content(fd int, size int64) (digest.Content, error) {
	n, err := r.fill(fd)
	if err != nil {
		return digest.Content{}, err
	}
	if n < len(r.buf) {
		if int64(n) != size {
			return digest.Content{}, errChanged
		}
		return digest.Sum(r.buf[:n]), nil
	}
	r.hash.Reset()
	var total int64
	for n > 0 {
		r.hash.Write(r.buf[:n])
		total += int64(n)
		if err := r.ctx.Err(); err != nil {
			return digest.Content{}, err
		}
		if n, err = r.fill(fd); err != nil {
			return digest.Content{}, err
		}
	}
	if total != size {
		return digest.Content{}, errChanged
	}
	return r.hash.Content(), nil
}

// fill reads until the buffer is full or the file ends.
func (r *reader) fill(fd int) (total int, err error) {
	for total < len(r.buf) {
		n, err := r.read(fd, r.buf[total:])
		if err != nil {
			return total, os.NewSyscallError("read", err)
		}
		if n == 0 {
			break
		}
		total += n
	}
	return total, nil
}

// link returns the target of a link.
func (r *reader) link(dir *os.File, name string) (string, error) {
	n, err := sys.Readlinkat(int(dir.Fd()), name, r.buf)
	if err != nil {
		return "", os.NewSyscallError("readlinkat", err)
	}
	if n == len(r.buf) {
		return "", io.ErrShortBuffer
	}
	return string(r.buf[:n]), nil
}

// openat opens a name in dir for reading. It does not follow links.
func openat(dir *os.File, name string, flags int) (fd int, err error) {
	flags |= unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err = sys.Openat(int(dir.Fd()), name, flags, 0)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return -1, errChanged
	}
	return fd, os.NewSyscallError("openat", err)
}
