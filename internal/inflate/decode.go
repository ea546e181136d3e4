package inflate

import "io"

const (
	window  = 32 << 10 // how far back a match may reach
	longest = 258      // bytes of a match

	// inMargin and outMargin are what the fast loop needs before it and behind it: two refills of the bits, and three literals and a match that
	// is written in whole words.
	inMargin  = 16
	outMargin = 3 + longest + 16
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
