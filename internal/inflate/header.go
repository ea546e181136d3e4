package inflate

import "io"

// maxHeader is more than the header of any block takes: 17 bits, 19 lengths of 3, and 316 times the 14 bits of
// the longest code with its repetition.
const maxHeader = 600

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
