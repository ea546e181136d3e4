package archive

import (
	"context"
	"fmt"
	"io"
	"math"
)

// The xz format is that of "The .xz File Format", version 1.2.1, tukaani.org; the chunks of LZMA2 are described in
// the comments of liblzma.
const (
	xzMagic       = "\xfd7zXZ\x00"
	xzFooterMagic = "YZ"
	xzHeaderSize  = 12 // of a stream, the footer too
	xzLZMA2       = 0x21

	// xzBlocks is how many blocks a file may have, each of which takes memory until the end. "xz -T0" makes one of 24 MiB
	// content by default.
	xzBlocks = 50_000

	// xzAhead is read at once. What is wanted lies up to 64 KiB apart.
	xzAhead = 256
)

// xzWalk goes through a file from header to header without decompressing anything.
type xzWalk struct {
	ctx  context.Context // ends with the call that made the walk
	r    io.ReaderAt
	size int64
	pos  int64
	buf  [xzAhead]byte
	have []byte // what is at pos, part of buf

	check      int64 // bytes of the check of each block of the stream
	blocks     int   // of the stream
	allBlocks  int
	content    int64
	dictionary int64 // of all blocks together
}

// checkXZ refuses an xz file that would make the library take too much memory or time, which takes what the file says
// it needs, and one whose structure is not that of the format from the first byte to the last.
func (u *unpacking) checkXZ(ctx context.Context) error {
	_, err := u.walkXZ(ctx)
	return err
}

// walkXZ is checkXZ, and returns how many bytes of content there are.
func (u *unpacking) walkXZ(ctx context.Context) (int64, error) {
	w := &xzWalk{ctx: ctx, r: u.r, size: u.size}
	for w.pos < w.size {
		if err := w.stream(); err != nil {
			return 0, err
		}
	}
	l := u.opt.Limits
	if w.content > streamFree && w.content/l.Ratio > u.size {
		return 0, refuse("", "%d bytes of its xz stream would become %d, more than %d times as many", u.size, w.content, l.Ratio)
	}
	// A dictionary is made for each block, however small it is.
	if w.dictionary > 1<<30 && w.dictionary/64 > w.content {
		return 0, refuse("", "xz stream needs %d bytes of memory one after the other for %d bytes of content", w.dictionary, w.content)
	}
	return w.content, nil
}

// stream goes through one stream, and the padding after it.
func (w *xzWalk) stream() error {
	header, err := w.next(xzHeaderSize)
	if err != nil {
		return err
	}
	if string(header[:6]) != xzMagic {
		return refuse("", "has other bytes after its xz stream")
	}
	if header[6] != 0 || header[7]&0xf0 != 0 {
		return refuse("", "xz stream has unknown flags")
	}
	w.check, w.blocks = xzCheckSize(header[7]), 0
	for {
		b, err := w.next(1)
		if err != nil {
			return err
		}
		if b[0] == 0 {
			break
		}
		if err := w.block(int64(b[0])*4 + 3); err != nil {
			return err
		}
	}
	if err := w.index(); err != nil {
		return err
	}
	footer, err := w.next(xzHeaderSize)
	if err != nil {
		return err
	}
	if string(footer[10:]) != xzFooterMagic {
		return refuse("", "xz stream has no footer")
	}
	return w.padding()
}

// xzCheckSize is how many bytes a check has, by its type.
func xzCheckSize(flags byte) int64 {
	return [16]int64{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}[flags&15]
}

// block goes through a block whose header has n further bytes.
func (w *xzWalk) block(n int64) error {
	if w.blocks++; w.allBlocks+w.blocks > xzBlocks {
		return refuse("", "xz stream has more than %d blocks", xzBlocks)
	}
	begin := w.pos - 1
	flags, err := w.next(1)
	if err != nil {
		return err
	}
	if flags[0]&0x3f != 0 {
		return refuse("", "xz stream has a filter before its compression, which cannot be undone here")
	}
	for _, present := range [...]byte{0x40, 0x80} { // sizes, which the library checks
		if flags[0]&present != 0 {
			if _, err := w.number(); err != nil {
				return err
			}
		}
	}
	filter, err := w.next(3)
	if err != nil {
		return err
	}
	if filter[0] != xzLZMA2 || filter[1] != 1 {
		return refuse("", "xz stream is not compressed by LZMA2")
	}
	dictionary := xzDictionary(filter[2])
	if dictionary > maxWindow {
		return refuse("", "xz stream needs %d bytes of memory, at most %d are allowed", dictionary, maxWindow)
	}
	w.dictionary += dictionary
	if rest := begin + n + 1 - w.pos; rest < 4 { // the CRC
		return refuse("", "xz stream is damaged: header of a block is too short")
	} else if err := w.skip(rest); err != nil {
		return err
	}
	from := w.pos
	if err := w.chunks(); err != nil {
		return err
	}
	return w.skip((from-w.pos)&3 + w.check)
}

// xzDictionary is the size of a dictionary by the byte that states it.
func xzDictionary(b byte) int64 {
	switch {
	case b == 40:
		return math.MaxUint32
	case b > 40:
		return math.MaxInt64 // not in the format
	}
	return int64(2|b&1) << (b/2 + 11)
}

// chunks goes through the LZMA2 chunks of a block.
func (w *xzWalk) chunks() error {
	for {
		b, err := w.next(1)
		if err != nil {
			return err
		}
		control := b[0]
		switch {
		case control == 0:
			return nil
		case control == 1 || control == 2:
			b, err := w.next(2)
			if err != nil {
				return err
			}
			n := int64(b[0])<<8 + int64(b[1]) + 1
			w.content += n
			if err := w.skip(n); err != nil {
				return err
			}
		case control < 0x80:
			return refuse("", "xz stream is damaged: unknown chunk %#02x", control)
		default:
			b, err := w.next(4)
			if err != nil {
				return err
			}
			w.content += int64(control&0x1f)<<16 + int64(b[0])<<8 + int64(b[1]) + 1
			n := int64(b[2])<<8 + int64(b[3]) + 1
			if control >= 0xc0 {
				n++ // properties
			}
			if err := w.skip(n); err != nil {
				return err
			}
		}
	}
}

// index goes through the index of a stream, whose numbers the library checks.
func (w *xzWalk) index() error {
	from := w.pos - 1
	n, err := w.number()
	if err != nil {
		return err
	}
	if n != uint64(w.blocks) {
		return refuse("", "xz stream is damaged: its index has %d blocks, there are %d", n, w.blocks)
	}
	w.allBlocks += w.blocks
	for range 2 * n {
		if _, err := w.number(); err != nil {
			return err
		}
	}
	return w.skip((from-w.pos)&3 + 4)
}

// padding goes through zeros in groups of four.
func (w *xzWalk) padding() error {
	for w.pos < w.size {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		b, err := w.peek(1)
		if err != nil {
			return err
		}
		if b[0] != 0 {
			return nil
		}
		group, err := w.next(4)
		if err != nil {
			return err
		}
		if !zeros(group) {
			return refuse("", "has other bytes after its xz stream")
		}
	}
	return nil
}

// number reads a number of variable length.
func (w *xzWalk) number() (uint64, error) {
	var n uint64
	for i := range 9 {
		b, err := w.next(1)
		if err != nil {
			return 0, err
		}
		n |= uint64(b[0]&0x7f) << (7 * i)
		if b[0] < 0x80 {
			return n, nil
		}
	}
	return 0, refuse("", "xz stream is damaged: a number has more than 9 bytes")
}

// skip goes over n bytes.
func (w *xzWalk) skip(n int64) error {
	if n > w.size-w.pos {
		return refuse("", "xz stream is cut off")
	}
	w.pos += n
	w.have = w.have[min(n, int64(len(w.have))):]
	return nil
}

// next returns the next n bytes, at most xzAhead, and goes over them.
func (w *xzWalk) next(n int) ([]byte, error) {
	b, err := w.peek(n)
	if err != nil {
		return nil, err
	}
	return b, w.skip(int64(n))
}

// peek returns the next n bytes, at most xzAhead.
func (w *xzWalk) peek(n int) ([]byte, error) {
	if int64(n) > w.size-w.pos {
		return nil, refuse("", "xz stream is cut off")
	}
	if n > len(w.have) {
		if err := w.ctx.Err(); err != nil {
			return nil, err
		}
		w.have = w.buf[:min(xzAhead, w.size-w.pos)]
		if err := readAt(w.r, w.have, w.pos); err != nil {
			return nil, fmt.Errorf("reading an archive: %w", err)
		}
	}
	return w.have[:n], nil
}
