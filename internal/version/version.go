// Package version orders the versions of tools and finds the one that a request means.
//
// It is for all tools but Go, whose versions have their own rules. A version is numbers separated by dots, with or without
// a "v" before them, then perhaps a pre-release: what follows the first "-", or begins at the first letter, as in
// 1.9.0-beta1, 27.0-rc1 and 1.8rc1. What follows a "+" says nothing about order. The order is that of
// semver.org 2.0.0, section 11, for versions that follow it. Tools that count otherwise (2024a) have the natural order, which knows no
// pre-releases.
package version

import (
	"cmp"
	"slices"
	"strings"
)

// parts is a version taken apart.
type parts struct {
	numbers []string // runs of digits
	pre     []string // elements of the pre-release
}

func split(v string) parts {
	v = strings.TrimPrefix(v, "v")
	v, _, _ = strings.Cut(v, "+")
	end := strings.IndexFunc(v, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		end = len(v)
	}
	p := parts{numbers: strings.Split(strings.TrimSuffix(v[:end], "."), ".")}
	if rest := strings.TrimLeft(v[end:], "-."); rest != "" {
		p.pre = strings.FieldsFunc(rest, func(r rune) bool { return r == '.' || r == '-' })
	}
	return p
}

// Compare is the order of versions: negative when a is older than b. Versions that differ only in spelling are
// equal.
func Compare(a, b string) int {
	x, y := split(a), split(b)
	for i := range max(len(x.numbers), len(y.numbers)) {
		if c := compareNumbers(at(x.numbers, i), at(y.numbers, i)); c != 0 {
			return c
		}
	}
	switch {
	case len(x.pre) == 0 || len(y.pre) == 0:
		return cmp.Compare(len(y.pre), len(x.pre))
	}
	return slices.CompareFunc(x.pre, y.pre, compareElements)
}

// at returns the i-th number; what is not written is 0.
func at(numbers []string, i int) string {
	if i < len(numbers) {
		return numbers[i]
	}
	return "0"
}

func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// compareElements compares elements of pre-releases: numbers as numbers and before words; in words such as rc10 the number
// at the end counts as one.
func compareElements(a, b string) int {
	x, m := cutNumber(a)
	y, n := cutNumber(b)
	switch {
	case (x == "") != (y == ""):
		return cmp.Compare(len(x), len(y))
	case x != y:
		return cmp.Compare(x, y)
	}
	return compareNumbers(m, n)
}

// cutNumber takes the digits off the end of s.
func cutNumber(s string) (word, number string) {
	word = strings.TrimRight(s, "0123456789")
	return word, s[len(word):]
}

// IsPrerelease reports whether v is a pre-release, or no version at all, such as master.
func IsPrerelease(v string) bool {
	p := split(v)
	return len(p.pre) > 0 || p.numbers[0] == ""
}

// Order is a rule by which versions are ordered. The zero value is that of Compare.
type Order string

// Natural is the order of CompareNatural.
const Natural Order = "natural"

// Compare is the order of versions.
func (o Order) Compare(a, b string) int {
	if o == Natural {
		return CompareNatural(a, b)
	}
	return Compare(a, b)
}

// IsPrerelease reports whether v is a pre-release.
func (o Order) IsPrerelease(v string) bool { return o != Natural && IsPrerelease(v) }

// Select is Order.Select of the usual order.
func Select(request string, list []string) (string, bool) { return Order("").Select(request, list) }

// Select returns the version of list that a request means: itself, with or without a "v" before it; the newest of those that begin with
// its elements, so that 1.2 means 1.2.9 but not 1.20.0; for "latest" and "stable" the newest. Only a
// request that is one itself means a pre-release.
func (o Order) Select(request string, list []string) (string, bool) {
	any := request == "latest" || request == "stable"
	best, found := "", false
	for _, v := range list {
		if !any && strings.TrimPrefix(v, "v") == strings.TrimPrefix(request, "v") {
			return v, true
		}
		if o.IsPrerelease(v) || !any && !o.within(v, request) {
			continue
		}
		if !found || o.Compare(v, best) > 0 {
			best, found = v, true
		}
	}
	return best, found
}

// within reports whether v begins with the elements of request. In the natural order an element also ends where digits do.
func (o Order) within(v, request string) bool {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(v, "v"), strings.TrimPrefix(request, "v"))
	switch {
	case !ok || rest == "" || request == "":
		return false
	case o == Natural:
		return digits(rest) == 0 || digits(request[len(request)-1:]) == 0
	}
	return rest[0] == '.'
}

// CompareNatural compares runs of digits as numbers and everything else byte by byte, so that 1.9 comes before 1.10. It is
// total: only equal texts are equal.
func CompareNatural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		m, n := digits(x), digits(y)
		if m == 0 || n == 0 {
			if x[0] != y[0] {
				return cmp.Compare(x[0], y[0])
			}
			x, y = x[1:], y[1:]
			continue
		}
		if c := compareNumbers(x[:m], y[:n]); c != 0 {
			return c
		}
		x, y = x[m:], y[n:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(a, b))
}

// digits returns the length of the run of digits that s begins with.
func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

// Nearest returns the versions of list in the order in which somebody who asked for request wants to see them: those of the same
// first number first, each newest first, pre-releases last.
func Nearest(request string, list []string) []string { return Order("").Nearest(request, list) }

// Nearest is Nearest in an order.
func (o Order) Nearest(request string, list []string) []string {
	want := split(request).numbers[0]
	class := func(v string) int {
		switch {
		case o.IsPrerelease(v):
			return 2
		case split(v).numbers[0] != want:
			return 1
		}
		return 0
	}
	return slices.SortedFunc(slices.Values(list), func(a, b string) int {
		return cmp.Or(cmp.Compare(class(a), class(b)), o.Compare(b, a), strings.Compare(a, b))
	})
}
