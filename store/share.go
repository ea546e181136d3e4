package store

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"sync"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
	"gostore/internal/tree"
)

// Sharing. A file of a stage is made in the stage and then linked into files/, never the other way
// round: a link in files/ that nothing else uses may be collected at any moment.

// sharedName returns where the link of a shared content stands in files/. Executable and plain files of
// equal content are different inodes, because the mode belongs to the inode.
func sharedName(e tree.Entry) string {
	hex := e.Content.Hex()
	name := path.Join(hex[:2], hex[2:])
	if e.Kind == tree.Exec {
		name += "x"
	}
	return name
}

// mayBeShared reports whether it is worth looking for a content in files/. In a bare one only what this stage itself put there can be
// found: what another process puts there meanwhile stays unshared. Looking for what is not there was 3 % of
// the first install.
func (g *Stage) mayBeShared(e tree.Entry) bool {
	if !g.bare {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	name := sharedName(e)
	known := g.shared[name]
	g.shared[name] = true
	return known
}

// reuse makes the place another link of the shared file of e, if there is one, it is sealed, and it holds exactly data. One
// that is wrong is taken out of files/, so that the right one takes its place; the objects that use one with wrong bytes
// are named by Verify. A power cut can leave the link without the bytes, the mode or the time of its file: of an object that was
// not complete nothing was synced. Whatever goes wrong is a miss.
func (g *Stage) reuse(e tree.Entry, p place, data []byte) bool {
	files, shared := int(g.files.Fd()), sharedName(e)
	fd, err := sys.Openat(files, shared, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var was unix.Stat_t
	if sys.Fstat(fd, &was) != nil || !isSealed(was, e) || !sameBytes(fd, data) {
		sys.Unlinkat(files, shared, 0) // best effort: it is only ever a miss
		return false
	}
	return g.linkShared(shared, p, was)
}

// linkShared makes the place another link of the shared file that was looked at.
func (g *Stage) linkShared(shared string, p place, was unix.Stat_t) bool {
	files := int(g.files.Fd())
	var is unix.Stat_t
	if sys.Linkat(files, shared, p.dir, p.base, 0) != nil {
		return false // too many links (65,000 on ext4), or collected meanwhile
	}
	// The name may have been replaced since it was opened: trust the bytes that were looked at.
	if sys.Fstatat(p.dir, p.base, &is, unix.AT_SYMLINK_NOFOLLOW) != nil || is.Ino != was.Ino || is.Dev != was.Dev {
		sys.Unlinkat(p.dir, p.base, 0)
		return false
	}
	return true
}

// share links a complete file of the stage into files/ if it is large enough. It stays unshared where another of
// the same content was faster, or where the file system does not let it.
func (g *Stage) share(e tree.Entry, p place) error {
	if e.Size < ShareSize {
		return nil
	}
	files, shared := int(g.files.Fd()), sharedName(e)
	err := sys.Linkat(p.dir, p.base, files, shared, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if err := sys.Mkdirat(files, path.Dir(shared), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return p.failed("sharing", err)
		}
		err = sys.Linkat(p.dir, p.base, files, shared, 0)
	}
	for _, harmless := range []error{fs.ErrExist, unix.EMLINK, unix.EPERM, unix.ENOTSUP} {
		if errors.Is(err, harmless) {
			return nil
		}
	}
	return p.failed("sharing", err)
}

// compareBuffers hold what is read back from shared files.
var compareBuffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// sameBytes reports whether an open file, which is as long as data, holds exactly that.
func sameBytes(fd int, data []byte) bool {
	buf := compareBuffers.Get().(*[256 << 10]byte)
	defer compareBuffers.Put(buf)
	for len(data) > 0 {
		n, err := sys.Read(fd, buf[:min(len(buf), len(data))])
		if err != nil || n == 0 || !bytes.Equal(buf[:n], data[:n]) {
			return false
		}
		data = data[n:]
	}
	return true
}
