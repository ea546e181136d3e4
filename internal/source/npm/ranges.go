package npm

import (
	"fmt"
	"slices"
	"strings"
)

// maxRange bounds what is read as a range; real ones have less than 200 bytes.
const maxRange = 4096

// comparator is one condition on a version.
type comparator struct {
	op string // "<", "<=", ">", ">=" or "="
	semver
}

func (c comparator) admits(v semver) bool {
	order := v.compare(c.semver)
	switch c.op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	return order == 0
}

// versionRange is a range in the grammar that npm's documentation of package "semver" gives: alternatives, of which
// each is conditions that all have to hold. An alternative without conditions admits every release.
type versionRange [][]comparator

// admits reports whether v is in the range. A pre-release is only if some condition of the alternative names a
// pre-release of the same three numbers: who asks for ^1.2.3-beta.1 wants to try that one and not also 1.4.0-alpha.
func (r versionRange) admits(v semver) bool {
	for _, all := range r {
		if admitsAll(all, v) {
			return true
		}
	}
	return false
}

func admitsAll(all []comparator, v semver) bool {
	named := len(v.pre) == 0
	for _, c := range all {
		if !c.admits(v) {
			return false
		}
		named = named || len(c.pre) > 0 && c.num == v.num
	}
	return named
}

// parseRange reads a range: 1.2.3, ^1.2, ~1.2.3, >=1.2 <3, 1.x, 1.2 - 2.3, several of them separated by ||, or nothing for all.
func parseRange(s string) (versionRange, error) {
	if len(s) > maxRange {
		return nil, fmt.Errorf("range %.20q… is longer than %d bytes", s, maxRange)
	}
	var r versionRange
	for alternative := range strings.SplitSeq(s, "||") {
		all, ok := parseAll(strings.Fields(alternative))
		if !ok {
			return nil, fmt.Errorf("%q is no range of versions", s)
		}
		r = append(r, all)
	}
	return r, nil
}

// parseAll reads one alternative, split at its spaces.
func parseAll(fields []string) ([]comparator, bool) {
	if len(fields) == 3 && fields[1] == "-" {
		return parseHyphen(fields[0], fields[2])
	}
	var all []comparator
	op := ""
	for _, f := range fields {
		o, rest := cutOperator(f)
		if o == "" && rest == "" {
			return nil, false
		}
		if o != "=" || op == "" || op == "<" || op == ">" { // elsewhere "=" says nothing
			op += o
		}
		if rest == "" { // a space after the operator
			continue
		}
		if op == "~>" {
			op = "~"
		}
		p, ok := parsePartial(rest)
		if !ok || !slices.Contains(operators, op) {
			return nil, false
		}
		all = append(all, desugar(op, p)...)
		op = ""
	}
	return all, op == ""
}

// operators stand before versions in ranges; "~>" is another spelling of "~". Longer ones come before those they begin with.
var operators = []string{"<=", ">=", "~>", "<", ">", "=", "~", "^", ""}

// cutOperator takes the operator off the front of s, and the "v" or "=" that may stand before a version.
func cutOperator(s string) (op, rest string) {
	for _, op = range operators {
		if rest, ok := strings.CutPrefix(s, op); ok {
			return op, strings.TrimLeft(rest, "v=")
		}
	}
	return "", s
}

func parseHyphen(from, to string) ([]comparator, bool) {
	low, ok := parsePartial(strings.TrimLeft(from, "v="))
	high, ok2 := parsePartial(strings.TrimLeft(to, "v="))
	return append(desugar(">=", low), desugar("<=", high)...), ok && ok2
}

// desugar turns an operator and a version, which may be a part of one, into plain conditions.
func desugar(op string, p partial) []comparator {
	exact := semver{p.num, p.pre}
	if p.count == 0 {
		if op == "<" || op == ">" {
			return []comparator{{"<", semver{pre: []string{"0"}}}} // nothing is
		}
		return nil
	}
	switch op {
	case "^":
		return []comparator{{">=", exact}, {"<", caretEnd(p)}}
	case "~":
		return []comparator{{">=", exact}, {"<", p.end(min(p.count, 2))}}
	}
	if p.count == 3 {
		if op == "" {
			op = "="
		}
		return []comparator{{op, exact}}
	}
	switch op {
	case ">":
		return []comparator{{">=", semver{num: p.end(p.count).num}}}
	case "<=":
		return []comparator{{"<", p.end(p.count)}}
	case "<":
		return []comparator{{"<", semver{p.num, []string{"0"}}}}
	case ">=":
		return []comparator{{">=", exact}}
	}
	return []comparator{{">=", exact}, {"<", p.end(p.count)}}
}

// caretEnd returns where the versions end that are compatible with p: where the first number that is not 0 changes.
func caretEnd(p partial) semver {
	for i := range p.count {
		if p.num[i] != 0 {
			return p.end(i + 1)
		}
	}
	return p.end(p.count)
}

// end returns the end of the versions that have the first n numbers in common with p: the first pre-release there could be of the
// next.
func (p partial) end(n int) semver {
	var v semver
	copy(v.num[:], p.num[:n])
	v.num[n-1]++
	v.pre = []string{"0"}
	return v
}
