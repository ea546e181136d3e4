package goproxy

import (
	"cmp"
	"fmt"
	"go/version"
	"slices"
	"strings"

	"gostore/internal/release"
)

// RequestError says that a request for a Go version is not one.
type RequestError struct {
	Request string
}

func (e *RequestError) Error() string {
	return fmt.Sprintf("go version %q: want a language version (1.22), a release (1.22.6), a pre-release (1.27rc1), %q or %q",
		e.Request, release.Latest, stable)
}

// stable is another name for release.Latest: the newest release, never a pre-release.
const stable = "stable"

// query is what a request asks for: exactly one version, or the newest of a series.
type query struct {
	exact  string // "1.22.6", "1.27rc1"; "1.20" is the first release of Go 1.20
	series string // "1.22", or "1" for all of Go 1; "" unless exact is ""
}

// parseQuery reads a request's version. "go" may precede a number. Before Go 1.21 the first
// release of a series has two numbers only; to tell it from the series it is asked for with a zero:
// 1.20.0 is the release 1.20.
func parseQuery(request string) (query, error) {
	bad := &RequestError{request}
	v := request
	if rest, ok := strings.CutPrefix(v, "go"); ok && rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		v = rest
	}
	switch v {
	case "", release.Latest, stable, "1":
		return query{series: "1"}, nil
	}
	if !plainVersion(v) {
		return query{}, bad
	}
	if isSeries(v) {
		return query{series: v}, nil
	}
	if first, ok := strings.CutSuffix(v, ".0"); ok && version.Compare("go"+first, "go1.21") < 0 {
		v = first
	}
	return query{exact: v}, nil
}

// plainVersion reports whether v has the form of a Go version, without the suffixes that
// package version allows: numbers, and behind "rc" or "beta" one more. Go 1.0, of which no
// module was ever made, is none: its releases share the series "1" with all others.
func plainVersion(v string) bool {
	return version.IsValid("go"+v) && !strings.ContainsAny(v, "-+ ") && version.Lang("go"+v) != "go1" &&
		strings.Contains(v, ".") && v[len(v)-1] >= '0' && v[len(v)-1] <= '9'
}

// isSeries reports whether v has two numbers, such as 1.22.
func isSeries(v string) bool { return version.Lang("go"+v) == "go"+v }

// isRelease reports whether v can be the version of a toolchain: the first of a series is
// 1.21.0 since Go 1.21, and 1.20 before.
func isRelease(v string) bool {
	if version.Compare("go"+v, "go1.21") < 0 {
		return plainVersion(v) && (isSeries(v) || !strings.HasSuffix(v, ".0"))
	}
	return plainVersion(v) && !isSeries(v)
}

// isPre reports whether v is a beta or a release candidate.
func isPre(v string) bool { return strings.Contains(v, "rc") || strings.Contains(v, "beta") }

func (q query) matches(v string) bool {
	switch {
	case q.exact != "":
		return v == q.exact
	case q.series == "1":
		return true
	}
	return version.Lang("go"+v) == "go"+q.series
}

// listing is what a proxy's list states: platforms by version.
type listing map[string][]release.Platform

// parseList reads the lines of an @v/list. Lines that are no toolchain are skipped: the
// list is not authenticated, and the checksum database decides what exists.
func parseList(data []byte) listing {
	l := listing{}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		v, p, ok := parseModuleVersion(fields[0])
		if ok && !slices.Contains(l[v], p) {
			l[v] = append(l[v], p)
		}
	}
	return l
}

// parseModuleVersion undoes moduleVersion.
func parseModuleVersion(s string) (goVersion string, p release.Platform, ok bool) {
	s, ok = strings.CutPrefix(s, "v0.0.1-go")
	i := strings.LastIndexByte(s, '.')
	if !ok || i < 0 {
		return "", p, false
	}
	system, arch, ok := strings.Cut(s[i+1:], "-")
	p, err := release.ParsePlatform(system + "/" + arch)
	if !ok || err != nil || !isRelease(s[:i]) {
		return "", p, false
	}
	return s[:i], p, true
}

// versions returns the versions listed for p, newest last.
func (l listing) versions(p release.Platform) []string {
	var list []string
	for v, platforms := range l {
		if slices.Contains(platforms, p) {
			list = append(list, v)
		}
	}
	sortVersions(list)
	return list
}

// all returns all versions listed, newest last.
func (l listing) all() []string {
	var list []string
	for v := range l {
		list = append(list, v)
	}
	sortVersions(list)
	return list
}

func sortVersions(list []string) {
	slices.SortFunc(list, func(a, b string) int {
		return cmp.Or(version.Compare("go"+a, "go"+b), cmp.Compare(a, b))
	})
}

// newest returns the newest of the versions that q asks for, leaving out pre-releases, and
// those that were left out.
func (q query) newest(versions []string) (v string, pre []string) {
	for _, candidate := range versions {
		switch {
		case !q.matches(candidate):
		case isPre(candidate):
			pre = append(pre, candidate)
		default:
			v = candidate
		}
	}
	return v, pre
}

// nearest returns up to five of versions (newest last) that are close to what q asks for, the
// closest first: those of the same series, then those released next to it. Where
// a series was asked for, only the newest version of each series is named.
func nearest(versions []string, q query) []string {
	want := cmp.Or(q.exact, q.series)
	series := version.Lang("go" + want)
	var list []string
	for i, v := range versions {
		lang := version.Lang("go" + v)
		superseded := i+1 < len(versions) && version.Lang("go"+versions[i+1]) == lang && !isPre(versions[i+1])
		if lang != series && (isPre(v) || q.exact == "" && superseded) {
			continue
		}
		list = append(list, v)
	}
	at, _ := slices.BinarySearchFunc(list, want, func(v, want string) int { return version.Compare("go"+v, "go"+want) })
	rank := map[string]int{}
	for i, v := range list {
		rank[v] = 2*abs(i-at) + 1
		if i < at {
			rank[v] = 2 * (at - 1 - i)
		}
		if version.Lang("go"+v) != series {
			rank[v] += 1 << 20
		}
	}
	slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(rank[a], rank[b]) })
	return list[:min(len(list), 5)]
}

func abs(n int) int { return max(n, -n) }
