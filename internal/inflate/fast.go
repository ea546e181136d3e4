package inflate

import "encoding/binary"

// fast decodes while out is before stop and there is room on all sides, and reports whether the block ended. It is symbol
// without its questions: with 56 bits at hand three literals, or two and a length, need no look at the input, and a distance needs
// one; up to inMargin bytes are read, and up to outMargin written. It is one function because its state has to stay in registers.
func (d *decoder) fast(stop int) (end bool, err error) {
	in, out := d.in, d.out
	pos, n, bits, have := d.pos, d.n, d.bits, d.have
	lit, dist := &d.lit, &d.dist
	inEnd := len(in) - inMargin
loop:
	for pos <= inEnd && n < stop {
		bits |= binary.LittleEndian.Uint64(in[pos:pos+8]) << (have & 63)
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

		bits |= binary.LittleEndian.Uint64(in[pos:pos+8]) << (have & 63)
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
		for from := n - distance; n < end; from, n = from+16, n+16 {
			src, dst := out[from:from+16], out[n:n+16]
			binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src))
			binary.LittleEndian.PutUint64(dst[8:], binary.LittleEndian.Uint64(src[8:]))
		}
		return
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
