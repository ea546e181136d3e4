package inflate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// ErrHeader says that what should be the header of a gzip member is none.
var ErrHeader = errors.New("has no gzip header")

// Flags of a gzip member.
const (
	headerSum = 1 << 1
	extra     = 1 << 2
	name      = 1 << 3
	comment   = 1 << 4

	headerSize  = 10
	trailerSize = 8
	maxText     = 512 // bytes of a name or comment, as package compress/gzip has it
)

// Gzip reads a gzip stream, which may have several members: their contents one after the other.
type Gzip struct {
	z    *Reader
	sum  uint32 // CRC-32 of the member so far
	size uint32 // of its content, modulo 2^32
	err  error
}

// NewGzip reads the first header from r. Errors are io.EOF where there is nothing, io.ErrUnexpectedEOF, ErrHeader, a
// *CorruptError, or those of r.
func NewGzip(r io.Reader) (*Gzip, error) {
	g := &Gzip{z: NewReader(r)}
	if err := g.header(); err != nil {
		return nil, err
	}
	return g, nil
}

// Read reads content. It returns io.EOF only where r ends right behind a member; other bytes there are ErrHeader.
func (g *Gzip) Read(p []byte) (int, error) {
	for g.err == nil {
		n, err := g.z.Read(p)
		g.sum = crc32.Update(g.sum, crc32.IEEETable, p[:n])
		g.size += uint32(n)
		if err == io.EOF {
			err = g.next()
		}
		g.err = err
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return 0, g.err
}

// next checks the end of a member and begins the one behind it.
func (g *Gzip) next() error {
	t, err := g.z.peek(trailerSize)
	if err != nil {
		return cutOff(err)
	}
	if binary.LittleEndian.Uint32(t) != g.sum || binary.LittleEndian.Uint32(t[4:]) != g.size {
		return corrupt("has another checksum or size than its end states")
	}
	g.z.d.pos += trailerSize
	g.sum, g.size = 0, 0
	g.z.again()
	return g.header()
}

// header reads the header of a member.
func (g *Gzip) header() error {
	h, err := g.z.peek(headerSize)
	if err != nil {
		return err
	}
	if h[0] != 0x1f || h[1] != 0x8b || h[2] != 8 {
		return ErrHeader
	}
	flags, sum := h[3], crc32.ChecksumIEEE(h)
	g.z.d.pos += headerSize
	skip := func(n int) error {
		b, err := g.z.peek(n)
		sum = crc32.Update(sum, crc32.IEEETable, b)
		g.z.d.pos += len(b)
		return cutOff(err)
	}
	if flags&extra != 0 {
		size, err := g.z.peek(2)
		if err != nil {
			return cutOff(err)
		}
		if err := skip(2 + int(binary.LittleEndian.Uint16(size))); err != nil {
			return err
		}
	}
	for _, text := range []byte{name, comment} {
		if flags&text == 0 {
			continue
		}
		n, err := g.textSize()
		if err != nil {
			return err
		}
		if err := skip(n); err != nil {
			return err
		}
	}
	if flags&headerSum == 0 {
		return nil
	}
	b, err := g.z.peek(2)
	if err != nil {
		return cutOff(err)
	}
	if binary.LittleEndian.Uint16(b) != uint16(sum) {
		return ErrHeader
	}
	g.z.d.pos += 2
	return nil
}

// textSize returns how many bytes a text has with the zero at its end.
func (g *Gzip) textSize() (int, error) {
	b, err := g.z.peek(maxText)
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return i + 1, nil
	}
	if err != nil {
		return 0, cutOff(err)
	}
	return 0, ErrHeader
}

// cutOff makes the end of the input an error.
func cutOff(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// peek returns the next n bytes of the input, which are not a part of a stream. Where there are fewer it returns those and
// io.ErrUnexpectedEOF, or io.EOF where there are none.
func (z *Reader) peek(n int) ([]byte, error) {
	for len(z.Rest()) < n && !z.d.last {
		if err := z.more(); err != nil {
			return nil, err
		}
	}
	rest := z.Rest()
	switch {
	case len(rest) >= n:
		return rest[:n], nil
	case len(rest) == 0:
		return nil, io.EOF
	}
	return rest, io.ErrUnexpectedEOF
}

// again begins another stream with the rest of the input.
func (z *Reader) again() {
	in, pos, last := z.d.in, z.d.pos, z.d.last
	z.d.reset()
	z.d.in, z.d.pos, z.d.last = in, pos, last
	z.err, z.at = nil, 0
}
