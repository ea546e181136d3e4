package bundle

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"gostore/internal/digest"
)

// The parts of a Zstandard frame that have to be known to find its end (RFC 8878, section 3.1).
const (
	dataMagic    = 0xFD2FB528
	trailerMagic = 0x184D2A5B // one of the sixteen of skippable frames

	checksumSize = 4
	maxBlock     = 128 << 10
	// maxPacked is more than a compressor makes of frameSize: each block of content can be stored as it is, behind 3 bytes.
	maxPacked = frameSize + frameSize/1024 + 64
)

// trailerText begins the contents of the trailer.
const trailerText = "gostore bundle ends; BLAKE3-256:"

const trailerSize = 4 + 4 + len(trailerText) + len(digest.Content{})

// trailer returns the last frame of a bundle.
func trailer(sum digest.Content) []byte {
	b := binary.LittleEndian.AppendUint32(nil, trailerMagic)
	b = binary.LittleEndian.AppendUint32(b, uint32(trailerSize-8))
	b = append(b, trailerText...)
	return append(b, sum[:]...)
}

// sealer writes frames and the trailer.
type sealer struct {
	w    io.Writer
	hash digest.Hash
	size int64
}

func (s *sealer) frames(ctx context.Context, l line) error {
	for {
		f, err := l.next(ctx)
		if err != nil {
			return err
		}
		if f == nil {
			break
		}
		s.hash.Write(f.out) // never fails
		if err := s.write(f.out); err != nil {
			return err
		}
		l.free <- f
	}
	return s.write(trailer(s.hash.Content()))
}

func (s *sealer) write(data []byte) error {
	n, err := s.w.Write(data)
	s.size += int64(n)
	return err
}

// errCut says that a bundle ends before its trailer does.
var errCut = errors.New("the bundle is cut off")

// splitter finds the frames of a bundle. What it hands out has the outward form of a data frame; whether its
// blocks are sound is for the decompressor.
type splitter struct {
	r      io.Reader
	hash   digest.Hash
	offset int64 // of what is read next
}

// next appends the next data frame to buf. It returns io.EOF when the trailer was found right and nothing follows it. An
// error of r is returned as it is, everything else is about the bundle.
func (s *splitter) next(buf []byte) ([]byte, error) {
	buf, err := s.more(buf, 4)
	if err != nil {
		return nil, err
	}
	switch magic := binary.LittleEndian.Uint32(buf); {
	case magic == trailerMagic && s.offset > 4:
		return nil, s.end(buf)
	case magic != dataMagic && s.offset == 4:
		return nil, &formatError{0, "the file is no bundle"}
	case magic != dataMagic:
		return nil, s.damaged("no frame begins here")
	}
	buf, err = s.header(buf)
	for last := false; err == nil && !last; {
		buf, last, err = s.block(buf)
	}
	if err == nil {
		buf, err = s.more(buf, checksumSize)
	}
	if err != nil {
		return nil, err
	}
	s.hash.Write(buf) // never fails
	return buf, nil
}

// more appends n bytes to buf.
func (s *splitter) more(buf []byte, n int) ([]byte, error) {
	had := len(buf)
	if had+n > maxPacked {
		return nil, s.damaged("a frame is too large")
	}
	if cap(buf) < had+n {
		buf = append(make([]byte, 0, max(2*cap(buf), had+n, 64<<10)), buf...)
	}
	buf = buf[:had+n]
	k, err := io.ReadFull(s.r, buf[had:])
	s.offset += int64(k)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil, &formatError{s.offset, errCut.Error()}
	}
	return buf, err
}

// header appends a frame's header, behind its magic number.
func (s *splitter) header(buf []byte) ([]byte, error) {
	buf, err := s.more(buf, 1)
	if err != nil {
		return nil, err
	}
	descriptor := buf[len(buf)-1]
	single, sizeFlag := descriptor>>5&1, descriptor>>6
	size := 1 << sizeFlag
	if sizeFlag == 0 && single == 0 || descriptor&0b1_1011 != 0 || descriptor>>2&1 == 0 {
		return nil, s.damaged("a frame is not of the form that a bundle has")
	}
	if buf, err = s.more(buf, int(1-single)); err != nil { // the window, which the decompressor checks
		return nil, err
	}
	if buf, err = s.more(buf, size); err != nil {
		return nil, err
	}
	if n := contentSize(buf[len(buf)-size:]); n == 0 || n > frameSize {
		return nil, s.damaged("a frame states %d bytes of content", n)
	}
	return buf, nil
}

// contentSize reads the field of a frame that states its content size.
func contentSize(field []byte) uint64 {
	switch len(field) {
	case 1:
		return uint64(field[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(field)) + 256
	case 4:
		return uint64(binary.LittleEndian.Uint32(field))
	default:
		return binary.LittleEndian.Uint64(field)
	}
}

// block appends a block and reports whether it is the frame's last.
func (s *splitter) block(buf []byte) (_ []byte, last bool, err error) {
	if buf, err = s.more(buf, 3); err != nil {
		return nil, false, err
	}
	h := buf[len(buf)-3:]
	word := int(h[0]) | int(h[1])<<8 | int(h[2])<<16
	last, kind, size := word&1 == 1, word>>1&3, word>>3
	switch {
	case kind == 3 || size > maxBlock:
		return nil, false, s.damaged("a block is not of the form that a frame has")
	case kind == 1:
		size = 1 // a byte to repeat
	}
	buf, err = s.more(buf, size)
	return buf, last, err
}

// end checks the trailer, of which the magic number was read, and that nothing follows it.
func (s *splitter) end(buf []byte) error {
	buf, err := s.more(buf, trailerSize-4)
	if err != nil {
		return err
	}
	if string(buf) != string(trailer(s.hash.Content())) {
		return s.damaged("the digest at the end is not that of the bundle")
	}
	var beyond [1]byte
	switch _, err := io.ReadFull(s.r, beyond[:]); err {
	case io.EOF:
		return io.EOF
	case nil:
		return s.damaged("something follows the end of the bundle")
	default:
		return err
	}
}

func (s *splitter) damaged(problem string, args ...any) error {
	return &formatError{s.offset, fmt.Sprintf(problem, args...)}
}

// formatError says what is wrong with the bytes of a bundle, before it is known what they mean.
type formatError struct {
	offset  int64
	problem string
}

func (e *formatError) Error() string { return fmt.Sprintf("%s at byte %d", e.problem, e.offset) }
