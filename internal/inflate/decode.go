package inflate

import (
	"encoding/binary"
	"io"
)

const (
	window  = 32 << 10 // how far back a match may reach
	longest = 258      // bytes of a match

	// inMargin and outMargin are what the fast loop needs before it and behind it: two refills of the bits, and three literals and a match that
	// is written in whole words.
	inMargin  = 16
	outMargin = 3 + longest + 16

	// maxHeader is more than the description of any two codes takes: 14 bits, 19 lengths of 3, and 316 times the 14 bits of
	// the longest code with its repetition.
	maxHeader = 600
)

// status says why decode returned.
type status int

const (
	hungry status = iota // input has to be added
	enough               // as much content as was asked for
	ended                // the stream is at its end
)

// decoder is the state between two calls. Content is written to out, where the window of what came before has to be, and
// input is taken from in; neither moves during a call.
type decoder struct {
	in   []byte
	pos  int    // what of in is in bits or was used
	last bool   // nothing follows in
	bits uint64 // input, the lowest bit first; above have there may be bits of what follows in in
	have uint   // how many of bits count

	out []byte
	n   int // bytes of out so far

	inBlock bool
	final   bool // the block is the last one
	plain   bool // the block is stored
	left    int  // bytes of a stored block

	lengths [litSymbols + 32]uint8
	lit     [litSize]uint32
	dist    [distSize]uint32
}

func (d *decoder) reset() {
	d.in, d.pos, d.last, d.bits, d.have = nil, 0, false, 0, 0
	d.out, d.n, d.inBlock, d.final = nil, 0, false, false
}

// decode goes on until out has stop bytes or a few more. With stop at the end of out or beyond it goes on to the
// end of the stream, and more content than out has room for is ErrTooLong.
func (d *decoder) decode(stop int) (status, error) {
	for {
		if !d.inBlock {
			if d.final {
				return ended, nil
			}
			if len(d.in)-d.pos < maxHeader && !d.last {
				return hungry, nil
			}
			if err := d.header(); err != nil {
				return 0, err
			}
		}
		var s status
		var err error
		if d.plain {
			s, err = d.stored(stop)
		} else {
			s, err = d.coded(stop)
		}
		if err != nil || s != ended {
			return s, err
		}
		d.inBlock = false
	}
}

// unread gives the whole bytes in bits back to in.
func (d *decoder) unread() {
	d.pos -= int(d.have >> 3)
	d.have &= 7
	d.bits &= 1<<d.have - 1
}

// refill adds input to bits, until there are at least 56 of them, or all there are.
func (d *decoder) refill() {
	for d.have < 56 && d.pos < len(d.in) {
		d.bits |= uint64(d.in[d.pos]) << d.have
		d.pos++
		d.have += 8
	}
}

// take returns the next k bits, at most 16.
func (d *decoder) take(k uint) (uint64, error) {
	if d.have < k {
		if d.refill(); d.have < k {
			return 0, io.ErrUnexpectedEOF
		}
	}
	v := d.bits & (1<<k - 1)
	d.bits >>= k
	d.have -= k
	return v, nil
}

// header reads the beginning of a block.
func (d *decoder) header() error {
	h, err := d.take(3)
	if err != nil {
		return err
	}
	d.inBlock, d.final, d.plain = true, h&1 != 0, false
	switch h >> 1 {
	case 0:
		return d.storedHeader()
	case 1:
		for i := range d.lengths {
			d.lengths[i] = 5
		}
		copy(d.lengths[:], fixedLengths[:])
		build(d.lit[:], litRoot, d.lengths[:litSymbols], litMeanings[:])
		d.fixedDistances()
		return nil
	case 2:
		return d.codes()
	}
	return corrupt("has a block of no known kind")
}

// fixedDistances makes the code of distances that need not be stated: 32 symbols of 5 bits, of which the last two mean nothing.
func (d *decoder) fixedDistances() {
	meanings := [32]uint32{30: invalid, 31: invalid}
	copy(meanings[:], distMeanings[:])
	build(d.dist[:], distRoot, d.lengths[litSymbols:], meanings[:])
}

func (d *decoder) storedHeader() error {
	d.plain = true
	d.bits >>= d.have & 7
	d.have &^= 7
	size, err := d.take(16)
	if err != nil {
		return err
	}
	check, err := d.take(16)
	if err != nil {
		return err
	}
	if size != ^check&0xffff {
		return corrupt("has a stored block whose two sizes differ")
	}
	d.unread()
	d.left = int(size)
	return nil
}

// lengthOrder is the order in which the lengths of the first code are written.
var lengthOrder = [orderSymbols]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// codes reads the two codes of a block, which are written in a third one.
func (d *decoder) codes() error {
	h, err := d.take(14)
	if err != nil {
		return err
	}
	nlit, ndist, n := int(h&31)+257, int(h>>5&31)+1, int(h>>10)+4
	if nlit > 286 || ndist > distSymbols {
		return corrupt("has a block with too many symbols")
	}
	var lengths [orderSymbols]uint8
	for _, i := range lengthOrder[:n] {
		v, err := d.take(3)
		if err != nil {
			return err
		}
		lengths[i] = uint8(v)
	}
	var table [1 << orderRoot]uint32
	if !build(table[:], orderRoot, lengths[:], orderMeanings[:]) {
		return corrupt("has a code for lengths that is none")
	}
	if err := d.readLengths(&table, nlit+ndist); err != nil {
		return err
	}
	if !build(d.lit[:], litRoot, d.lengths[:nlit], litMeanings[:nlit]) ||
		!build(d.dist[:], distRoot, d.lengths[nlit:nlit+ndist], distMeanings[:ndist]) {
		return corrupt("has a code that is none")
	}
	return nil
}

// readLengths reads n lengths of codes, of which several that are alike are written as one with a number.
func (d *decoder) readLengths(table *[1 << orderRoot]uint32, n int) error {
	for i := 0; i < n; {
		d.refill()
		e := table[d.bits&(1<<orderRoot-1)]
		k := uint(e & takeMask)
		switch {
		case e&special != 0:
			return corrupt("has a length in no code")
		case k > d.have:
			return io.ErrUnexpectedEOF
		}
		d.bits >>= k
		d.have -= k
		symbol := uint8(e >> valueAt)
		if symbol < 16 {
			d.lengths[i] = symbol
			i++
			continue
		}
		value, again, err := d.repetition(symbol, i)
		if err != nil {
			return err
		}
		if i+again > n {
			return corrupt("has more lengths than symbols")
		}
		for range again {
			d.lengths[i] = value
			i++
		}
	}
	return nil
}

// repetition reads how often a length stands from i on.
func (d *decoder) repetition(symbol uint8, i int) (value uint8, again int, err error) {
	least, extra := 3, uint(2)
	switch symbol {
	case 16:
		if i == 0 {
			return 0, 0, corrupt("repeats a length before the first")
		}
		value = d.lengths[i-1]
	case 17:
		extra = 3
	case 18:
		least, extra = 11, 7
	}
	v, err := d.take(extra)
	return value, least + int(v), err
}

// stored copies a stored block.
func (d *decoder) stored(stop int) (status, error) {
	for d.left > 0 {
		if d.n >= stop && stop < len(d.out) {
			return enough, nil
		}
		n := copy(d.out[d.n:], d.in[d.pos:min(len(d.in), d.pos+d.left)])
		d.n, d.pos, d.left = d.n+n, d.pos+n, d.left-n
		switch {
		case n > 0:
		case d.pos < len(d.in):
			return 0, ErrTooLong
		case d.last:
			return 0, io.ErrUnexpectedEOF
		default:
			return hungry, nil
		}
	}
	return ended, nil
}

// coded decodes a block in two codes: as long as there is room on all sides by the fast loop, then symbol by symbol.
func (d *decoder) coded(stop int) (status, error) {
	for {
		if end, err := d.fast(min(stop, len(d.out)-outMargin)); end || err != nil {
			return ended, err
		}
		switch {
		case d.n >= stop && stop < len(d.out):
			return enough, nil
		case len(d.in)-d.pos < inMargin && !d.last:
			return hungry, nil
		}
		if end, err := d.symbol(); end || err != nil {
			return ended, err
		}
	}
}

// symbol decodes one literal or match, and reports whether it was the end of the block.
func (d *decoder) symbol() (end bool, err error) {
	d.refill()
	e := d.lit[d.bits&litMask]
	if e&second != 0 {
		e = d.follow(e, d.lit[:])
	}
	length, err := d.value(e)
	switch {
	case err != nil:
		return false, err
	case e&literal != 0:
		if d.n == len(d.out) {
			return false, ErrTooLong
		}
		d.out[d.n] = byte(length)
		d.n++
		return false, nil
	case e&special != 0:
		return true, nil
	}
	e = d.dist[d.bits&distMask]
	if e&second != 0 {
		e = d.follow(e, d.dist[:])
	}
	distance, err := d.value(e)
	switch {
	case err != nil:
		return false, err
	case distance > d.n:
		return false, corrupt("refers to what is before its beginning")
	case length > len(d.out)-d.n:
		return false, ErrTooLong
	}
	for range length {
		d.out[d.n] = d.out[d.n-distance]
		d.n++
	}
	return false, nil
}

// follow goes from the root of a table to a second one.
func (d *decoder) follow(e uint32, table []uint32) uint32 {
	k := min(uint(e&takeMask), d.have)
	d.bits >>= k
	d.have -= k
	return table[e>>valueAt+uint32(d.bits&(1<<(e>>codeShift&codeMask)-1))]
}

// value takes an entry's bits and returns what they stand for.
func (d *decoder) value(e uint32) (int, error) {
	k := uint(e & takeMask)
	switch {
	case e&special != 0 && e&endMark == 0:
		return 0, corrupt("has a symbol in no code")
	case k > d.have:
		return 0, io.ErrUnexpectedEOF
	}
	v := int(e&^literal>>valueAt) + int(d.bits&(1<<k-1)>>(e>>codeShift&codeMask))
	d.bits >>= k
	d.have -= k
	return v, nil
}

// fast decodes while out is before stop and there is room on all sides, and reports whether the block ended. It is symbol
// without its questions: with 56 bits at hand three literals, or two and a length, need no look at the input, and a distance needs
// one; up to inMargin bytes are read, and up to outMargin written.
func (d *decoder) fast(stop int) (end bool, err error) {
	in, out := d.in, d.out
	pos, n, bits, have := d.pos, d.n, d.bits, d.have
	lit, dist := &d.lit, &d.dist
	inEnd := len(in) - inMargin
loop:
	for pos <= inEnd && n < stop {
		bits |= binary.LittleEndian.Uint64(in[pos:]) << (have & 63)
		pos += int((63 - have) >> 3)
		have |= 56
		e := lit[bits&litMask]
		if e&literal != 0 {
			bits >>= e & takeMask
			have -= uint(e & takeMask)
			out[n] = byte(e >> valueAt)
			n++
			if e = lit[bits&litMask]; e&literal != 0 {
				bits >>= e & takeMask
				have -= uint(e & takeMask)
				out[n] = byte(e >> valueAt)
				n++
				if e = lit[bits&litMask]; e&literal != 0 {
					bits >>= e & takeMask
					have -= uint(e & takeMask)
					out[n] = byte(e >> valueAt)
					n++
					continue
				}
			}
		}
		if e&special != 0 {
			if e&second != 0 {
				bits >>= e & takeMask
				have -= uint(e & takeMask)
				e = lit[e>>valueAt+uint32(bits)&(1<<(e>>codeShift&codeMask)-1)]
			}
			if e&literal != 0 {
				bits >>= e & takeMask
				have -= uint(e & takeMask)
				out[n] = byte(e >> valueAt)
				n++
				continue
			}
			if e&special != 0 {
				bits >>= e & takeMask
				have -= uint(e & takeMask)
				if end = e&endMark != 0; !end {
					err = corrupt("has a symbol in no code")
				}
				break loop
			}
		}
		length := int(e>>valueAt) + int(bits&(1<<(e&takeMask)-1)>>(e>>codeShift&codeMask))
		bits >>= e & takeMask
		have -= uint(e & takeMask)

		bits |= binary.LittleEndian.Uint64(in[pos:]) << (have & 63)
		pos += int((63 - have) >> 3)
		have |= 56
		e = dist[bits&distMask]
		if e&special != 0 {
			if e&second != 0 {
				bits >>= e & takeMask
				have -= uint(e & takeMask)
				e = dist[e>>valueAt+uint32(bits)&(1<<(e>>codeShift&codeMask)-1)]
			}
			if e&special != 0 {
				err = corrupt("has a symbol in no code")
				break loop
			}
		}
		distance := int(e>>valueAt) + int(bits&(1<<(e&takeMask)-1)>>(e>>codeShift&codeMask))
		bits >>= e & takeMask
		have -= uint(e & takeMask)
		if distance > n {
			err = corrupt("refers to what is before its beginning")
			break loop
		}
		match(out, n, distance, length)
		n += length
	}
	d.pos, d.n, d.bits, d.have = pos, n, bits, have
	return end, err
}

// match repeats length bytes from distance before n. It writes up to 15 bytes more.
func match(out []byte, n, distance, length int) {
	end := n + length
	if distance >= 8 {
		from := n - distance
		for {
			binary.LittleEndian.PutUint64(out[n:], binary.LittleEndian.Uint64(out[from:]))
			binary.LittleEndian.PutUint64(out[n+8:], binary.LittleEndian.Uint64(out[from+8:]))
			if n += 16; n >= end {
				return
			}
			from += 16
		}
	}
	if distance == 1 {
		word := uint64(out[n-1]) * 0x0101010101010101
		for ; n < end; n += 8 {
			binary.LittleEndian.PutUint64(out[n:], word)
		}
		return
	}
	for ; n < end; n++ {
		out[n] = out[n-distance]
	}
}
