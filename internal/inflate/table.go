package inflate

import "math/bits"

// Sizes of the two codes. The first so many bits of what is to come lead to an entry of the root, or from there to a second
// table for the longer codes that begin alike. A second table has room for the longest code; each is for two symbols at
// least, because a code is complete.
const (
	maxCode = 15 // bits of the longest code

	litRoot, litSymbols = 11, 288
	litSize             = 1<<litRoot + litSymbols/2<<(maxCode-litRoot)
	litMask             = 1<<litRoot - 1

	distRoot, distSymbols = 9, 30
	distSize              = 1<<distRoot + distSymbols/2<<(maxCode-distRoot)
	distMask              = 1<<distRoot - 1

	orderRoot, orderSymbols = 7, 19 // of the code in which the lengths of the others are written
)

// An entry of a table:
//
//	bits 0–5   how many bits it takes: of the code, or what is left of it in a second table, and after it
//	bits 6–9   how many of these are of the code; for a second table: the bits that choose in it
//	bits 10–12 flags
//	bits 16–30 a literal; the least length or distance; where a second table begins
//	bit  31    it is a literal
const (
	takeMask  = 63
	codeShift = 6
	codeMask  = 15
	valueAt   = 16

	special = 1 << 10 // neither a literal nor a length or distance
	second  = 1 << 11 // with special: leads to a second table
	endMark = 1 << 12 // with special: the block ends
	literal = 1 << 31

	invalid = special // no code
)

// meanings are the entries of symbols without their codes.
var (
	litMeanings   = literalsAndLengths()
	distMeanings  = distances()
	orderMeanings = orders()
	fixedLengths  = fixed()
)

func literalsAndLengths() (m [litSymbols]uint32) {
	for i := range 256 {
		m[i] = literal | uint32(i)<<valueAt
	}
	m[256] = special | endMark
	base := uint32(3)
	for i := uint32(0); i < 28; i++ {
		extra := uint32(0)
		if i >= 8 {
			extra = i/4 - 1
		}
		m[257+i] = base<<valueAt | extra
		base += 1 << extra
	}
	m[285] = 258 << valueAt
	m[286], m[287] = invalid, invalid
	return m
}

func distances() (m [distSymbols]uint32) {
	base := uint32(1)
	for i := range uint32(distSymbols) {
		extra := uint32(0)
		if i >= 4 {
			extra = i/2 - 1
		}
		m[i] = base<<valueAt | extra
		base += 1 << extra
	}
	return m
}

func orders() (m [orderSymbols]uint32) {
	for i := range m {
		m[i] = uint32(i) << valueAt
	}
	return m
}

// fixed returns the lengths of the codes for literals and lengths that need not be stated.
func fixed() (l [litSymbols]uint8) {
	for i := range l {
		switch {
		case i < 144 || i >= 280:
			l[i] = 8
		case i < 256:
			l[i] = 9
		default:
			l[i] = 7
		}
	}
	return l
}

// build makes the table of a code whose symbols have codes of the given lengths, 0 for none. It reports false for lengths that
// no code has: too many, or too few. One code alone may leave the other half unused, and no codes at all are a code that
// cannot be used.
func build(table []uint32, root int, lengths []uint8, meanings []uint32) bool {
	var count, next [maxCode + 2]int
	for _, l := range lengths {
		count[l]++
	}
	count[0] = 0
	longest, left := 0, 1
	for l := 1; l <= maxCode; l++ {
		left = left<<1 - count[l]
		if left < 0 {
			return false
		}
		if count[l] > 0 {
			longest = l
		}
		next[l+1] = next[l] + count[l]
	}
	if left > 0 {
		if longest > 1 {
			return false
		}
		for i := range table[:1<<root] {
			table[i] = invalid
		}
	}
	var order [litSymbols]uint16 // symbols by the length of their codes
	for s, l := range lengths {
		if l > 0 {
			order[next[l]] = uint16(s)
			next[l]++
		}
	}
	t := tableMaker{table: table, root: root, longest: longest, end: 1 << root}
	t.fill(order[:], count[:maxCode+1], lengths, meanings)
	return true
}

// tableMaker fills a table with codes, the shortest first.
type tableMaker struct {
	table         []uint32
	root, longest int
	end           int // of the second tables so far
}

// fill enters all codes. As they come by length, the part of the root that has entries doubles with each bit: a copy
// serves all that a short code stands for.
func (t *tableMaker) fill(order []uint16, count []int, lengths []uint8, meanings []uint32) {
	code, i := 0, 0
	for l := 1; l <= t.longest; l++ {
		if code <<= 1; l <= t.root {
			copy(t.table[1<<(l-1):1<<l], t.table[:1<<(l-1)])
		}
		for range count[l] {
			at := int(bits.Reverse16(uint16(code))) >> (16 - l)
			if m := meanings[order[i]]; l <= t.root {
				t.table[at] = entry(m, l)
			} else {
				t.enter(at, l, m)
			}
			code++
			i++
		}
	}
	for l := t.longest + 1; l <= t.root && t.longest > 0; l++ {
		copy(t.table[1<<(l-1):1<<l], t.table[:1<<(l-1)])
	}
}

// enter puts a code that is longer than the root into its second table, which is made for the first one. Until
// then the root has there a copy of its first entry, of this code or of an earlier one. That belongs to the shortest code, which is
// never longer than the root: there are too few symbols for it.
func (t *tableMaker) enter(at, l int, meaning uint32) {
	width := t.longest - t.root
	first := at & (1<<t.root - 1)
	if t.table[first]&second == 0 {
		t.table[first] = uint32(t.end)<<valueAt | special | second | uint32(width)<<codeShift | uint32(t.root)
		t.end += 1 << width
	}
	start := int(t.table[first] >> valueAt)
	for i := at >> t.root; i < 1<<width; i += 1 << (l - t.root) {
		t.table[start+i] = entry(meaning, l-t.root)
	}
}

// entry returns a symbol's entry for a code of l bits.
func entry(meaning uint32, l int) uint32 { return meaning + uint32(l) | uint32(l)<<codeShift }
