package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"gostore/internal/digest"
)

// split reads frames into the row until the bundle ends. What goes wrong stands in the row as the last
// frame, so that whoever reads the contents meets it where it is.
func split(ctx context.Context, r io.Reader, l line) error {
	s := splitter{r: r, hash: digest.NewHash()}
	for {
		f, err := l.empty(ctx)
		if err != nil {
			return err
		}
		f.offset = s.offset
		f.in, err = s.next(f.in)
		switch {
		case err == io.EOF:
			l.close()
			return nil
		case err != nil:
			if about := (*formatError)(nil); !errors.As(err, &about) {
				err = &readError{err}
			}
			f.err = err
			l.ordered <- f
			f.done <- struct{}{}
			return nil
		}
		l.add(f)
	}
}

// readError is an error of the reader that a bundle comes from.
type readError struct{ err error }

func (e *readError) Error() string { return "reading the bundle: " + e.err.Error() }

func (e *readError) Unwrap() error { return e.err }

// decompress decompresses frames until there are no more.
func decompress(ctx context.Context, l line) error {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(frameSize),
		zstd.WithDecoderMaxWindow(2*frameSize))
	if err != nil {
		return err
	}
	defer decoder.Close()
	return l.each(ctx, func(f *frame) {
		if f.out, err = decoder.DecodeAll(f.in, f.out); err != nil {
			f.err = &formatError{f.offset, fmt.Sprintf("the frame is damaged (%v)", err)}
		}
	})
}

// stream is the tar archive.
type stream struct {
	ctx  context.Context // ends with the call that made the stream
	line line
	cur  *frame
	rest []byte // of cur.out
	size int64  // of all frames until now
}

// A bundle whose contents have more than freeSize bytes has at most maxRatio of them for each of its own: it must not fill a
// disk with zeros. Go toolchains have a ratio of 3.
const (
	freeSize = 1 << 30
	maxRatio = 1000
)

// errShort says that the tar archive ends too early, with a bundle that is whole.
var errShort = errors.New("the contents end too early")

// Read returns io.EOF after the last frame of a bundle whose end was found right.
func (s *stream) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		if s.cur != nil {
			s.line.free <- s.cur
			s.cur = nil
		}
		f, err := s.line.next(s.ctx)
		if err != nil {
			return 0, err
		}
		if f == nil {
			return 0, io.EOF
		}
		s.cur, s.rest = f, f.out
		s.size += int64(len(f.out))
		if s.size > freeSize && s.size/maxRatio > f.offset+int64(len(f.in)) {
			return 0, &formatError{f.offset, fmt.Sprintf("the contents are more than %d times as large as the bundle", maxRatio)}
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// fault returns what an error of a stream, or one about what it gave, is for the caller of Read: a *DamagedError, unless
// it is not the bundle's fault.
func (s *stream) fault(member, of string, err error) error {
	var read *readError
	if err == nil || errors.As(err, &read) || s.ctx.Err() != nil && errors.Is(err, context.Cause(s.ctx)) {
		return err
	}
	return &DamagedError{member, of, err}
}

// full fills buf.
func (s *stream) full(buf []byte) error {
	_, err := io.ReadFull(s, buf)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errShort
	}
	return err
}

// header reads the header of the member that has to come next.
func (s *stream) header(name string, size int64) error {
	want, err := memberHeader(name, size)
	if err != nil {
		return err
	}
	got := make([]byte, len(want))
	if err := s.full(got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return errors.New("another header stands in its place")
	}
	return nil
}

// padding reads what follows the contents of a member.
func (s *stream) padding(size int64) error {
	got := make([]byte, padding(size))
	if err := s.full(got); err != nil {
		return err
	}
	if !bytes.Equal(got, zeros[:len(got)]) {
		return errors.New("is not filled up with zero bytes")
	}
	return nil
}

// member reads the member that has to come next. Its size is one that memory has room for.
func (s *stream) member(name string, size int64) ([]byte, error) {
	if err := s.header(name, size); err != nil {
		return nil, err
	}
	data := make([]byte, size)
	if err := s.full(data); err != nil {
		return nil, err
	}
	return data, s.padding(size)
}

// head reads the first member, the only one whose size is not known before.
func (s *stream) head() ([]byte, error) {
	got := make([]byte, blockSize)
	if err := s.full(got); err != nil {
		return nil, err
	}
	size, err := headSize(got)
	if err != nil {
		return nil, err
	}
	data := make([]byte, size)
	if err := s.full(data); err != nil {
		return nil, err
	}
	return data, s.padding(size)
}

// headSize reads the header of the first member.
func headSize(header []byte) (int64, error) {
	size := int64(0)
	for _, c := range header[124:135] { // where USTAR has the size, in octal digits
		if c < '0' || c > '7' {
			return 0, errors.New("the contents do not begin as those of a bundle do")
		}
		size = size<<3 | int64(c-'0')
	}
	if size > maxHead {
		return 0, fmt.Errorf("has %d bytes, more than %d", size, maxHead)
	}
	if want, err := memberHeader(headName, size); err != nil || !bytes.Equal(header, want) {
		return 0, errors.New("the contents do not begin as those of a bundle do")
	}
	return size, nil
}

// end reads the end of the archive, which has to be the end of the bundle.
func (s *stream) end() error {
	got := make([]byte, endSize)
	if err := s.full(got); err != nil {
		return err
	}
	if !bytes.Equal(got, zeros[:]) {
		return errors.New("something follows the last member")
	}
	switch _, err := io.ReadFull(s, got[:1]); err {
	case io.EOF:
		return nil
	case nil:
		return errors.New("something follows the last member")
	default:
		return err
	}
}

// limited reads the contents of one member. It remembers an error, so that it can be told from one of who it is
// copied to.
type limited struct {
	s    *stream
	left int64
	err  error
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left == 0 {
		return 0, io.EOF
	}
	n, err := l.s.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	if err == io.EOF {
		err = errShort
	}
	l.err = err
	return n, err
}
