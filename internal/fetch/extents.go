package fetch

import (
	"cmp"
	"slices"
)

// Range is the bytes of a file from offset Start to before End. In Options, a negative Start counts from the
// file's end, whose offset need not be known: {-100, 0} is the last 100 bytes, or all when there are fewer.
type Range struct{ Start, End int64 }

// extents are ranges in ascending order that neither overlap nor touch.
type extents []Range

// extentsOf returns the bytes that any of ranges has; gaps of up to gap bytes between them are filled.
func extentsOf(ranges []Range, gap int64) extents {
	sorted := slices.SortedFunc(slices.Values(ranges), func(a, b Range) int { return cmp.Compare(a.Start, b.Start) })
	var x extents
	for _, r := range sorted {
		switch last := len(x) - 1; {
		case r.End <= r.Start:
		case last >= 0 && r.Start-x[last].End <= gap:
			x[last].End = max(x[last].End, r.End)
		default:
			x = append(x, r)
		}
	}
	return x
}

// add returns x with r.
func (x extents) add(r Range) extents {
	if last := len(x) - 1; last >= 0 && x[last].Start <= r.Start && r.Start <= x[last].End { // bytes that continue what came last
		x[last].End = max(x[last].End, r.End)
		return x
	}
	return extentsOf(append(slices.Clone(x), r), 0)
}

// without returns what x has and y does not.
func (x extents) without(y extents) extents {
	var left extents
	for _, r := range x {
		for _, have := range y {
			if have.End <= r.Start || have.Start >= r.End {
				continue
			}
			if r.Start < have.Start {
				left = append(left, Range{r.Start, have.Start})
			}
			r.Start = min(have.End, r.End)
		}
		if r.Start < r.End {
			left = append(left, r)
		}
	}
	return left
}

// bytes is how many there are.
func (x extents) bytes() (n int64) {
	for _, r := range x {
		n += r.End - r.Start
	}
	return n
}

// prefix is up to where x has everything from the beginning.
func (x extents) prefix() int64 {
	if len(x) > 0 && x[0].Start == 0 {
		return x[0].End
	}
	return 0
}
