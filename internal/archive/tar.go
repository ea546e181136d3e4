package archive

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"math"
	"strings"

	"golang.org/x/sync/errgroup"

	"gostore/internal/tree"
)

// tarBlock is the size of a header; contents are padded to a multiple of it.
const tarBlock = 512

// tarPadding is how many zeros may follow the end of a tar. Tapes had records of 10 KiB, some of up to 1 MiB.
const tarPadding = 1 << 20

// tarReader reads a tar and gives its files to writers.
type tarReader struct {
	src    *tarSource
	tar    *tar.Reader
	layout *layout
	out    *writers
	sink   Sink
	place  placing
}

// tar unpacks a tar that r reads.
func (u *unpacking) tar(ctx context.Context, r io.Reader) error {
	group, inner := errgroup.WithContext(ctx)
	src := &tarSource{r: r}
	t := &tarReader{
		src: src, tar: tar.NewReader(src), layout: newLayout(u.opt.Limits), sink: u.sink,
		out: newWriters(inner, group, u.sink, u.progress), place: placing{decided: u.opt.KeepTop},
	}
	group.Go(func() error {
		defer close(t.out.jobs)
		return t.run()
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return t.finish(ctx)
}

// run reads all entries and what is after them.
func (t *tarReader) run() error {
	for padding := int64(0); ; {
		at := t.src.n
		t.src.left = padding + t.layout.limits.Header + tarBlock
		h, err := t.tar.Next()
		if err == io.EOF && t.src.err == nil {
			return t.end(t.src.n - at - padding)
		}
		if err != nil {
			return t.failed("", err)
		}
		if err := t.layout.count(); err != nil {
			return err
		}
		t.src.left = math.MaxInt64
		if err := t.entry(h); err != nil {
			return err
		}
		padding = -h.Size & (tarBlock - 1)
	}
}

// end checks that the tar ended with a block of zeros, of which read bytes were seen, and that nothing but zeros follows.
func (t *tarReader) end(read int64) error {
	if read < tarBlock {
		return refuse("", "tar is cut off: its end is missing")
	}
	t.src.left = tarPadding + 1
	buf := make([]byte, 32<<10)
	for {
		n, err := t.src.Read(buf)
		if !zeros(buf[:n]) {
			return refuse("", "has other bytes after the end of the tar")
		}
		if err == io.EOF {
			return t.layout.finish()
		}
		if t.src.over {
			return refuse("", "has more than %d zeros after the end of the tar", tarPadding)
		}
		if err != nil {
			return err
		}
	}
}

// failed says what an error of reading the tar means.
func (t *tarReader) failed(entry string, err error) error {
	switch {
	case t.src.over:
		return refuse(entry, "has more than the %d bytes of headers that are allowed before an entry", t.layout.limits.Header)
	case t.src.err != nil:
		return t.src.err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return refuse(entry, "tar is cut off")
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong), errors.Is(err, tar.ErrWriteTooLong):
		return refuse(entry, "tar is damaged: %v", err)
	}
	return err
}

// entry takes the entry that h describes.
func (t *tarReader) entry(h *tar.Header) error {
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeDir, tar.TypeLink, tar.TypeSymlink:
	case tar.TypeXGlobalHeader:
		return nil // "git archive" states the commit so
	default:
		return refuse(h.Name, "is %s", tarType(h.Typeflag))
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return refuse(h.Name, "is a sparse file")
		}
	}
	isDir := h.Typeflag == tar.TypeDir
	path, err := t.layout.path(h.Name, isDir)
	if err != nil {
		return err
	}
	if h.Typeflag != tar.TypeReg && h.Size != 0 {
		return refuse(h.Name, "has a content of %d bytes, but is no file", h.Size)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return t.dir(h.Name, path)
	case tar.TypeSymlink:
		if err := t.layout.link(h.Name, path, h.Linkname); err != nil {
			return err
		}
		_, err := t.put(path, false)
		return err
	case tar.TypeLink:
		target, err := t.layout.path(h.Linkname, false)
		if err != nil {
			return refuse(h.Name, "is a hard link to %q, which cannot be a path in an archive", h.Linkname)
		}
		if err := t.layout.copyOf(h.Name, path, target); err != nil {
			return err
		}
		_, err = t.put(path, false)
		return err
	}
	return t.file(h, path)
}

func (t *tarReader) dir(entry, path string) error {
	if path == "" {
		return nil
	}
	if err := t.layout.add(entry, path, tree.Dir); err != nil {
		return err
	}
	place, err := t.put(path, true)
	if err != nil || place == "" {
		return err
	}
	return t.sink.Dir(place)
}

func (t *tarReader) file(h *tar.Header, path string) error {
	exec := h.Mode&0o111 != 0
	if err := t.layout.file(h.Name, path, exec, h.Size); err != nil {
		return err
	}
	place, err := t.put(path, false)
	if err != nil {
		return err
	}
	r := &counted{r: t.tar, limit: math.MaxInt64, progress: func(int64) {}}
	err = t.out.file(place, exec, h.Size, r)
	if r.err != nil || err == io.EOF || err == io.ErrUnexpectedEOF {
		return t.failed(h.Name, cmpErr(r.err, err))
	}
	return err
}

// cmpErr returns the first error there is.
func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// put returns where in the sink path is, after it has moved what is there already if path is not below the directory that
// everything was in so far.
func (t *tarReader) put(path string, isDir bool) (string, error) {
	place, nest := t.place.put(path, isDir)
	if nest == "" {
		return place, nil
	}
	if err := t.out.drain(); err != nil {
		return "", err
	}
	return place, t.sink.Nest(nest)
}

// finish makes the hard links and then the links, when all files are there.
func (t *tarReader) finish(ctx context.Context) error {
	return t.layout.finishSink(ctx, t.sink, t.place.top)
}

// finishSink makes the hard links and then the links of the tree below top.
func (l *layout) finishSink(ctx context.Context, sink Sink, top string) error {
	if err := l.checkLinks(top); err != nil {
		return err
	}
	for _, n := range l.copies {
		if err := cmpErr(ctx.Err(), nil); err != nil {
			return err
		}
		if err := sink.Copy(below(top, n.path), below(top, n.target)); err != nil {
			return err
		}
	}
	for _, n := range l.links {
		if err := sink.Link(below(top, n.path), n.target); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// tarType names the types of entries that are refused.
func tarType(flag byte) string {
	switch flag {
	case tar.TypeChar, tar.TypeBlock:
		return "a device"
	case tar.TypeFifo:
		return "a pipe (FIFO)"
	case tar.TypeGNUSparse:
		return "a sparse file"
	case 'M':
		return "a part of a file on several volumes"
	}
	return "of the unknown type " + string(rune(flag))
}

// placing finds out while entries arrive whether one directory holds everything, by guessing so until an entry is
// outside of it.
type placing struct {
	decided bool   // not to be left out
	top     string // the directory that is left out
}

// put returns where the entry at path goes, "" for the directory that is left out. If nest is not empty, then what was put so far
// has to be moved into the directory nest before, because path is not in it.
func (p *placing) put(path string, isDir bool) (place, nest string) {
	top := topOf(path)
	switch {
	case p.decided:
		return path, ""
	case p.top == "" && (isDir || path != top):
		p.top = top
	case p.top == "":
		p.decided = true
		return path, ""
	case top != p.top:
		nest, p.top, p.decided = p.top, "", true
		return path, nest
	}
	if path == top {
		return "", ""
	}
	return below(top, path), ""
}

// tarSource reads a tar, at most left bytes of it.
type tarSource struct {
	r    io.Reader
	n    int64 // bytes so far
	left int64
	over bool  // more than left was wanted
	err  error // of r, other than io.EOF
}

func (s *tarSource) Read(p []byte) (int, error) {
	if s.left == 0 {
		s.over = true
		return 0, errors.New("too much")
	}
	n, err := s.r.Read(p[:min(int64(len(p)), s.left)])
	s.n += int64(n)
	s.left -= int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
