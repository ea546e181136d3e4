package npm

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// maxVersion is how many bytes a version may have, and maxDigits how many digits each of its numbers: npm's own limits
// (the largest number that JavaScript knows exactly has 16).
const (
	maxVersion = 256
	maxDigits  = 16
)

// semver is a version as semver.org 2.0.0 has it, without its build metadata, which says nothing about order.
//
// The versions and ranges of npm packages are read here and not by a library: those for Go differ from npm's own rules
// just where it matters, in which pre-releases a range admits.
type semver struct {
	num [3]uint64
	pre []string // elements of the pre-release
}

// parseVersion reads a complete version, such as 1.2.3-beta.1+5.
func parseVersion(s string) (v semver, ok bool) {
	p, ok := parsePartial(s)
	return semver{p.num, p.pre}, ok && p.count == 3
}

// compare is the order of semver.org 2.0.0, section 11.
func (v semver) compare(w semver) int {
	if c := slices.Compare(v.num[:], w.num[:]); c != 0 {
		return c
	}
	if len(v.pre) == 0 || len(w.pre) == 0 {
		return cmp.Compare(len(w.pre), len(v.pre))
	}
	return slices.CompareFunc(v.pre, w.pre, comparePre)
}

// comparePre compares elements of pre-releases: numbers as numbers and before words.
func comparePre(a, b string) int {
	x, y := isNumber(a), isNumber(b)
	switch {
	case x && y:
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	case x:
		return -1
	case y:
		return 1
	}
	return cmp.Compare(a, b)
}

// partial is a version that may lack numbers at its end, or have an x in place of them: 1, 1.x, 1.2.3-beta.
type partial struct {
	num   [3]uint64
	count int // numbers that are there
	pre   []string
}

// parsePartial reads a version or a part of one.
func parsePartial(s string) (p partial, ok bool) {
	if len(s) > maxVersion {
		return p, false
	}
	core, rest := s, ""
	if i := strings.IndexAny(s, "-+"); i >= 0 {
		core, rest = s[:i], s[i:]
	}
	fields := strings.Split(core, ".")
	if len(fields) > 3 || rest != "" && len(fields) < 3 {
		return p, false
	}
	open := false
	for i, f := range fields {
		if f == "x" || f == "X" || f == "*" {
			open = true
			continue
		}
		n, ok := number(f)
		if !ok || open {
			return p, false
		}
		p.num[i], p.count = n, i+1
	}
	p.pre, ok = parseQualifier(rest)
	if p.count < 3 {
		p.pre = nil
	}
	return p, ok
}

// parseQualifier reads what follows the numbers: a pre-release, build metadata, both, or nothing.
func parseQualifier(s string) (pre []string, ok bool) {
	s, build, hasBuild := strings.Cut(s, "+")
	if hasBuild && !areIdentifiers(strings.Split(build, ".")) {
		return nil, false
	}
	s, hasPre := strings.CutPrefix(s, "-")
	if !hasPre {
		return nil, s == ""
	}
	pre = strings.Split(s, ".")
	for _, id := range pre {
		if len(id) > 1 && id[0] == '0' && isNumber(id) {
			return nil, false
		}
	}
	return pre, areIdentifiers(pre)
}

func areIdentifiers(list []string) bool {
	for _, id := range list {
		if id == "" || strings.Trim(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") != "" {
			return false
		}
	}
	return true
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// number reads a number without leading zeros.
func number(s string) (uint64, bool) {
	if !isNumber(s) || len(s) > 1 && s[0] == '0' || len(s) > maxDigits {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && n <= 1<<53-1
}
