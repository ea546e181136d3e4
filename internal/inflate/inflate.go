// Package inflate decompresses what deflate (RFC 1951) and gzip (RFC 1952) packed.
//
// It exists because unpacking is what an install takes its time for, and two thirds of that are inflating: it takes about half
// the time of the libraries that there are, by decoding from words of input into one large buffer instead
// of byte by byte into a ring.
//
// It promises to accept exactly the streams that package compress/flate accepts, with the same content; that is what it is
// fuzzed against. Memory is bounded whatever the stream is: the buffers named here and 26 KiB of tables. A stream that is
// wrong is a CorruptError, or io.ErrUnexpectedEOF where it is cut off; what was returned before is no proof of anything.
//
// It does not compress, knows no preset dictionaries and no zlib header, and checks no sum but gzip's own.
package inflate

import (
	"errors"
	"fmt"
	"io"
)

const (
	inSize  = 128 << 10        // input that is read at once
	outSize = window + 256<<10 // content that Read prepares at once, behind the window that may be referred to
)

// CorruptError says what is wrong with a stream.
type CorruptError struct{ Reason string }

func (e *CorruptError) Error() string { return e.Reason }

func corrupt(format string, args ...any) error { return &CorruptError{fmt.Sprintf(format, args...)} }

// ErrTooLong is the error of Fill for a stream with more content than there is room for.
var ErrTooLong = errors.New("has more content than there is room for")

// Spare is the room behind the content with which Fill works at its full speed to the end.
const Spare = outMargin

// Reader inflates one stream after the other. It is not safe for concurrent use. Use either Read or Fill for a stream.
type Reader struct {
	r   io.Reader
	d   decoder
	in  []byte
	err error // of the stream; io.EOF at its end
	buf []byte
	at  int // what of buf Read has returned
}

// NewReader returns a Reader for the stream that begins at r's next byte. It reads more of r than the stream has; Rest has
// what that is.
func NewReader(r io.Reader) *Reader {
	z := &Reader{}
	z.Reset(r)
	return z
}

// Reset makes z as NewReader would, with the same buffers.
func (z *Reader) Reset(r io.Reader) {
	z.r, z.err, z.at = r, nil, 0
	z.d.reset()
	z.d.in = z.in[:0]
}

// ResetBytes is Reset for a stream that is all in memory, where data has to stay as it is until the stream ends.
func (z *Reader) ResetBytes(data []byte) {
	z.Reset(nil)
	z.d.in, z.d.last = data, true
}

// Fill writes content to buf behind the first n bytes, which have to be all that came before. It returns
// how many bytes buf has then: at least stop, unless there is an error, and io.EOF at the end of the stream. With stop at len(buf) or beyond
// the stream has to end there: more content than buf has room for is ErrTooLong.
//
// What is behind the bytes that Fill says are there may have been written to.
func (z *Reader) Fill(buf []byte, n, stop int) (int, error) {
	if z.err != nil {
		return n, z.err
	}
	z.d.out, z.d.n = buf, n
	z.err = z.decode(stop)
	return z.d.n, z.err
}

// Read reads content, with io.EOF at the end of the stream.
func (z *Reader) Read(p []byte) (int, error) {
	if z.at == z.d.n {
		if z.err != nil {
			return 0, z.err
		}
		z.slide()
		if z.err = z.decode(outSize); z.at == z.d.n {
			return 0, z.err
		}
	}
	n := copy(p, z.buf[z.at:z.d.n])
	z.at += n
	return n, nil
}

// slide makes room in z.buf, leaving the window.
func (z *Reader) slide() {
	if z.buf == nil {
		z.buf = make([]byte, outSize+outMargin)
	}
	if keep := min(z.d.n, window); z.d.n > window {
		copy(z.buf, z.buf[z.d.n-keep:z.d.n])
		z.d.n, z.at = keep, keep
	}
	z.d.out = z.buf
}

// decode decodes until there are stop bytes, and returns io.EOF at the end.
func (z *Reader) decode(stop int) error {
	for {
		s, err := z.d.decode(stop)
		switch {
		case err != nil:
			return err
		case s == enough:
			return nil
		case s == ended:
			z.d.unread()
			return io.EOF
		}
		if err := z.more(); err != nil {
			return err
		}
	}
}

// more reads input. What was not used of the last one moves to the beginning.
func (z *Reader) more() error {
	if z.in == nil {
		z.in = make([]byte, inSize)
	}
	z.d.unread()
	n := copy(z.in, z.d.in[z.d.pos:])
	z.d.pos = 0
	for n < len(z.in) && !z.d.last {
		k, err := z.r.Read(z.in[n:])
		n += k
		if z.d.last = err == io.EOF; err != nil && err != io.EOF {
			return err
		}
	}
	z.d.in = z.in[:n]
	return nil
}

// Rest returns the bytes that were read from below behind the end of the stream, until the next Reset.
func (z *Reader) Rest() []byte { return z.d.in[z.d.pos:] }
