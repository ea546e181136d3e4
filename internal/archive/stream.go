package archive

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"golang.org/x/sync/errgroup"

	"gostore/internal/inflate"
)

// How far back a compressed stream may refer, which is memory that unpacking takes. "xz -9" and "zstd --ultra -22" need as
// much; the defaults of both need 8 MiB or less.
const (
	maxWindow     = 64 << 20  // of xz
	maxZstdWindow = 128 << 20 // of zstd, whose library uses the first one again for later frames
)

// streamFree is the content that a compressed stream may become whatever its ratio is.
const streamFree = 16 << 20

// packing is a way to compress a stream.
type packing struct {
	name  string
	magic string
	// check looks at a file before it is opened; nil looks at nothing.
	check func(ctx context.Context, u *unpacking) error
	// open returns a reader of the content, which ends with io.EOF only where r ends; and what frees its memory.
	open func(r io.Reader) (io.Reader, func(), error)
}

var packings = []packing{
	{name: "gzip", magic: "\x1f\x8b", open: openGzip},
	{name: "xz", magic: xzMagic, check: func(ctx context.Context, u *unpacking) error { return u.checkXZ(ctx) }, open: openXZ},
	{name: "zstd", magic: "\x28\xb5\x2f\xfd", open: openZstd},
	{name: "bzip2", magic: "BZh", open: openBzip2},
}

func openGzip(r io.Reader) (io.Reader, func(), error) {
	z, err := inflate.NewGzip(r)
	return z, func() {}, err
}

func openXZ(r io.Reader) (io.Reader, func(), error) {
	z, err := xz.NewReader(r)
	return z, func() {}, err
}

func openZstd(r io.Reader) (io.Reader, func(), error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
	if err != nil {
		return nil, nil, err
	}
	return z, z.Close, nil
}

func openBzip2(r io.Reader) (io.Reader, func(), error) {
	return bzip2.NewReader(r), func() {}, nil
}

// stream unpacks a file that is read from its beginning to its end: a goroutine reads and hashes it, one decompresses it,
// and this one takes it apart, each up to 4 MiB ahead of the next.
func (u *unpacking) stream(ctx context.Context, f format) error {
	if f.packing != nil && f.packing.check != nil {
		if err := f.packing.check(ctx, u); err != nil {
			return err
		}
	}
	src, err := u.newSource(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	packed := newAhead(ctx)
	group.Go(func() error { packed.run(src); return nil })
	plain := packed
	if f.packing != nil {
		plain = newAhead(ctx)
		group.Go(func() error {
			d := &decompressor{packing: f.packing, limits: u.opt.Limits, src: src, packed: failing{r: packed}}
			defer d.close()
			plain.run(d)
			return nil
		})
	}
	group.Go(func() error { return u.content(ctx, f, plain) })
	if err := group.Wait(); err != nil {
		return err
	}
	if u.opt.Want.IsZero() {
		return nil
	}
	return u.match(src.sum.digest())
}

// content takes apart what a stream holds.
func (u *unpacking) content(ctx context.Context, f format, plain io.Reader) error {
	head := make([]byte, headSize)
	n, err := fill(plain, head)
	if err != nil && err != io.EOF {
		return err
	}
	head = head[:n]
	r := io.MultiReader(bytes.NewReader(head), plain)
	k := f.kind
	if f.packing != nil {
		k = kindOf(head)
	}
	switch {
	case k == tarFile:
		return u.tar(ctx, r)
	case k == program:
		return u.program(r)
	case n == 0:
		return refuse("", "holds nothing but the end of its %s stream", f.packing.name)
	}
	return refuse("", "its %s stream holds neither a tar nor a program: begins with %s", f.packing.name, beginning(head))
}

// program unpacks a stream that is a program.
func (u *unpacking) program(r io.Reader) error {
	c := &counted{r: r, limit: u.opt.Limits.File, progress: u.progress}
	err := u.sink.Stream("program", true, c)
	if c.err != nil {
		return c.err
	}
	return err
}

// counted reads a content, reports its progress, and refuses more than limit bytes of it. It remembers its error, so that
// it can be told from one of the sink that reads it.
type counted struct {
	r        io.Reader
	limit    int64
	progress func(n int64)
	err      error // other than io.EOF
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.limit -= int64(n); c.limit < 0 {
		err = refuse("", "is a program of more bytes than are allowed")
	}
	if n > 0 {
		c.progress(int64(n))
	}
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// source reads the archive and hashes it, if its digest is to be compared.
type source struct {
	ctx  context.Context // ends with the call that made the source
	r    io.Reader
	sum  sum
	read atomic.Int64 // bytes so far
}

func (u *unpacking) newSource(ctx context.Context) (*source, error) {
	s := &source{ctx: ctx, r: io.NewSectionReader(u.r, 0, u.size)}
	var err error
	if a := u.opt.Want.Algorithm(); a != "" {
		s.sum, err = newSum(a)
	}
	return s, err
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.r.Read(p)
	if s.sum.Hash != nil {
		s.sum.Write(p[:n])
	}
	s.read.Add(int64(n))
	if err != nil && err != io.EOF {
		err = fmt.Errorf("reading an archive: %w", err)
	}
	return n, err
}

// failing remembers the error of a reader, so that it can be told from one of those that read it.
type failing struct {
	r   io.Reader
	err error // other than io.EOF
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// decompressor reads the content of a compressed stream. Its errors are those of Unpack, or io.EOF.
type decompressor struct {
	packing *packing
	limits  Limits
	src     *source
	packed  failing   // what src read
	r       io.Reader // reads packed; nil until the first Read
	free    func()
	n       int64 // bytes of content so far
}

func (d *decompressor) close() {
	if d.free != nil {
		d.free()
	}
}

func (d *decompressor) Read(p []byte) (int, error) {
	if d.r == nil {
		r, free, err := d.packing.open(bufio.NewReaderSize(&d.packed, aheadSize))
		if err != nil {
			return 0, d.reason(err)
		}
		d.r, d.free = r, free
	}
	n, err := d.r.Read(p)
	d.n += int64(n)
	if err == nil {
		err = d.checkRatio()
	}
	if err != nil && err != io.EOF {
		err = d.reason(err)
	}
	return n, err
}

// checkRatio compares the content so far with what was read for it, which is up to 4 MiB more than was
// decompressed.
func (d *decompressor) checkRatio() error {
	read := d.src.read.Load()
	if d.n > streamFree && d.n/d.limits.Ratio > read {
		return refuse("", "%d bytes of its %s stream became %d, more than %d times as many", read, d.packing.name, d.n, d.limits.Ratio)
	}
	return nil
}

// reason says what an error of the decompressing library means.
func (d *decompressor) reason(err error) error {
	var refused *FormatError
	name := d.packing.name
	switch {
	case d.packed.err != nil:
		return d.packed.err
	case errors.As(err, &refused):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse("", "%s stream is cut off", name)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return refuse("", "zstd stream needs more than the %d MiB of memory that are allowed", maxZstdWindow>>20)
	case d.r != nil && (errors.Is(err, inflate.ErrHeader) || errors.Is(err, zstd.ErrMagicMismatch)):
		return refuse("", "has other bytes after its %s stream", name)
	}
	return refuse("", "%s stream is damaged: %v", name, err)
}
