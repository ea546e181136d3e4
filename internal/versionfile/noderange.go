package versionfile

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// numbers is a version of three numbers.
type numbers [3]int

func (n numbers) less(m numbers) bool {
	for i := range n {
		if n[i] != m[i] {
			return n[i] < m[i]
		}
	}
	return false
}

// next returns where the versions end that have the first count numbers in common with n.
func (n numbers) next(count int) numbers {
	var end numbers
	copy(end[:], n[:count])
	end[count-1]++
	return end
}

// text returns the first count numbers.
func (n numbers) text(count int) string {
	var parts []string
	for _, i := range n[:count] {
		parts = append(parts, strconv.Itoa(i))
	}
	return strings.Join(parts, ".")
}

// interval is the versions from low to below high, where there is an end.
type interval struct {
	low, high      numbers
	bounded, below bool // whether there is a low and a high
}

// nodeRange reads the ranges of npm that say what is enough for a package, as a go line does: >=18, ^18.12.0, ~20.1, 20.x, 18 || >=20, 18 - 22,
// >=18.17 <21. least is the lowest version. request is the widest beginning of a version, from that lowest one on, that the range holds all of:
// 18 for >=18.12, 18.12 for ~18.12.1. Of alternatives the one with the highest beginning is taken. A range for everything, such as *, has
// no request. ok is false for what has no lowest version, or has pre-releases in it.
func nodeRange(text string) (request, least string, ok bool) {
	var highest, lowest interval
	for i, alternative := range strings.Split(text, "||") {
		v, ok := readInterval(alternative)
		switch {
		case !ok:
			return "", "", false
		case !v.bounded && !v.below:
			return "", "", true
		case !v.bounded || v.below && !v.low.less(v.high):
			return "", "", false
		}
		if i == 0 || highest.low.less(v.low) {
			highest = v
		}
		if i == 0 || v.low.less(lowest.low) {
			lowest = v
		}
	}
	count := 1
	for count < 3 && highest.below && highest.high.less(highest.low.next(count)) {
		count++
	}
	least = strings.TrimSuffix(strings.TrimSuffix(lowest.low.text(3), ".0"), ".0")
	return highest.low.text(count), least, true
}

// comparator matches an operator and a version, or a beginning of one. Space may stand between them.
var comparator = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(<=|>=|~>|<|>|=|~|\^)?\s*[v=]*(\d{1,6}|[xX*])(?:\.(\d{1,6}|[xX*]))?(?:\.(\d{1,6}|[xX*]))?(?:\s+|$)`)
})

// readInterval reads one alternative of a range.
func readInterval(text string) (v interval, ok bool) {
	text = strings.TrimSpace(text)
	if low, high, hyphen := strings.Cut(text, " - "); hyphen {
		text = ">=" + low + " <=" + high
	}
	for text != "" {
		m := comparator().FindStringSubmatch(text)
		if m == nil {
			return v, false
		}
		text = text[len(m[0]):]
		var n numbers
		count := 0
		for count < 3 && m[count+2] != "" && !strings.ContainsAny(m[count+2], "xX*") {
			n[count], _ = strconv.Atoi(m[count+2])
			count++
		}
		if count > 0 {
			v.restrict(m[1], n, count)
		} else if m[1] == "<" || m[1] == ">" {
			return v, false
		}
	}
	return v, true
}

// restrict adds a condition: an operator, and a version of which count numbers are given.
func (v *interval) restrict(op string, n numbers, count int) {
	end := n.next(count)
	switch op {
	case ">=":
		v.from(n)
	case ">":
		v.from(end)
	case "<":
		v.to(n)
	case "<=":
		v.to(end)
	case "~", "~>":
		v.from(n)
		v.to(n.next(min(count, 2)))
	case "^":
		first := 1
		for first < count && n[first-1] == 0 {
			first++
		}
		v.from(n)
		v.to(n.next(first))
	default:
		v.from(n)
		v.to(end)
	}
}

func (v *interval) from(n numbers) {
	if !v.bounded || v.low.less(n) {
		v.low, v.bounded = n, true
	}
}

func (v *interval) to(n numbers) {
	if !v.below || n.less(v.high) {
		v.high, v.below = n, true
	}
}
