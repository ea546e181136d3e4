package goproxy

import (
	"fmt"
	"slices"
	"strings"

	"gostore/internal/release"
)

// Select returns the version of list, in any order, that a request means, as Source.Resolve has it: for sources that list Go toolchains
// elsewhere. A request for exactly one version is that version, whether listed or not. Errors are a *RequestError and a
// *release.NotFoundError.
func Select(request string, list []string) (string, error) {
	q, err := parseQuery(request)
	if err != nil || q.exact != "" {
		return q.exact, err
	}
	sorted := slices.Clone(list)
	SortVersions(sorted)
	return q.choose(sorted)
}

// choose returns the newest version that q asks for, of versions (newest last).
func (q query) choose(versions []string) (string, error) {
	v, pre := q.newest(versions)
	if v != "" {
		return v, nil
	}
	missing := &release.NotFoundError{Tool: tool, Version: q.series, Have: nearest(versions, q)}
	if len(pre) == 0 {
		return "", missing
	}
	slices.Reverse(pre)
	missing.Have = pre
	return "", fmt.Errorf("%w: there are pre-releases only, %s", missing, strings.Join(pre, ", "))
}

// Nearest returns up to five of list, in any order, that are close to the version v, the closest first.
func Nearest(v string, list []string) []string {
	sorted := slices.Clone(list)
	SortVersions(sorted)
	return nearest(sorted, query{exact: v})
}

// IsVersion reports whether v, without "go" before it, can be the version of a toolchain: a release or pre-release. Go 1.0 is none
// here, because its releases cannot be told from the series 1.
func IsVersion(v string) bool { return isRelease(v) }

// SortVersions sorts Go versions, newest last.
func SortVersions(list []string) { sortVersions(list) }

// Module returns the module version that is a toolchain, as golang.org/toolchain@v0.0.1-go1.22.6.linux-amd64.
func Module(goVersion string, p release.Platform) string { return from(goVersion, p) }
