package npm

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/release"
)

// part is a package of a tool's dependency tree, as the name of a release.Part says it:
//
//	node_modules/chalk=chalk@5.3.0
//	node_modules/foo/node_modules/chalk=chalk@4.1.2
//	node_modules/@esbuild/linux-x64=@esbuild/linux-x64@0.25.0?os=linux&cpu=x64
//	node_modules/string-width-cjs=string-width@4.2.3
//
// that is, its place below lib in the tool's tree, the package, and the systems and processors that it is limited to, in
// npm's names for them.
type part struct {
	place   string
	pkg     string
	version string
	limits
	digest digest.Archive
}

// limits are the fields os and cpu of a package: words, or words with "!" before them for what is excluded. Empty lists limit nothing.
type limits struct{ os, cpu []string }

// name returns the text form.
func (p part) name() string {
	s := p.place + "=" + p.pkg + "@" + p.version
	sep := "?"
	for _, l := range []struct {
		key  string
		list []string
	}{{"os", p.os}, {"cpu", p.cpu}} {
		if len(l.list) > 0 {
			s += sep + l.key + "=" + strings.Join(l.list, ",")
			sep = "&"
		}
	}
	return s
}

// part returns p as a release has it.
func (p part) part() release.Part { return release.Part{Name: p.name(), Digest: p.digest} }

// parsePart reads what part wrote. Places that lead out of the tree are errors, whoever wrote them.
func parsePart(r release.Part) (p part, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("part %q: %w", r.Name, err)
		}
	}()
	if r.Digest.Algorithm() != "sha512" {
		return p, fmt.Errorf("digest %q: want sha512-…", r.Digest)
	}
	place, rest, ok := strings.Cut(r.Name, "=")
	if !ok {
		return p, errors.New("want PLACE=NAME@VERSION")
	}
	if err := checkPlace(place); err != nil {
		return p, err
	}
	rest, query, limited := strings.Cut(rest, "?")
	p = part{place: place, digest: r.Digest}
	if p.pkg, p.version, err = parsePackage(rest); err != nil {
		return p, err
	}
	if limited {
		p.limits, err = parseLimits(query)
	}
	return p, err
}

// parsePackage reads NAME@VERSION.
func parsePackage(s string) (name, version string, err error) {
	name, version = cutVersion(s)
	if err := checkPackage(name); err != nil {
		return "", "", err
	}
	if _, ok := parseVersion(version); !ok {
		return "", "", fmt.Errorf("package %q: %q is no version", s, version)
	}
	return name, version, nil
}

// checkPlace reports whether s is a place for a package: one or more of node_modules/NAME.
func checkPlace(s string) error {
	rest := s
	for {
		next, ok := strings.CutPrefix(rest, "node_modules/")
		if !ok {
			return fmt.Errorf("place %q: want node_modules/NAME", s)
		}
		name, after, deeper := strings.Cut(next, "/node_modules/")
		if err := checkPackage(name); err != nil {
			return fmt.Errorf("place %q: %w", s, err)
		}
		if !deeper {
			return nil
		}
		rest = "node_modules/" + after
	}
}

func parseLimits(query string) (l limits, err error) {
	for field := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(field, "=")
		list := strings.Split(value, ",")
		for _, word := range list {
			if !isLimit(word) {
				return l, fmt.Errorf("%q is no name of a system or processor", word)
			}
		}
		switch {
		case key == "os" && l.os == nil:
			l.os = list
		case key == "cpu" && l.cpu == nil:
			l.cpu = list
		default:
			return l, fmt.Errorf("%q: want os=… or cpu=…, each once", field)
		}
	}
	return l, nil
}

// isLimit lets through lower-case words, perhaps with a "!" before them.
func isLimit(word string) bool {
	word = strings.TrimPrefix(word, "!")
	return word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

// limitsOf returns what m is limited to. "any" is npm's word for no limit.
func limitsOf(m *manifest) (limits, error) {
	l := limits{os: limitList(m.OS), cpu: limitList(m.CPU)}
	for _, word := range slices.Concat(l.os, l.cpu) {
		if !isLimit(word) {
			return l, fmt.Errorf("package %s: %.40q is no name of a system or processor", m, word)
		}
	}
	return l, nil
}

func limitList(list words) []string {
	if slices.Contains(list, "any") {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

// admit reports whether a package that is limited to l is for p.
func (l limits) admit(p release.Platform) bool {
	os, cpu := nodeNames(p)
	return admitWord(l.os, os) && admitWord(l.cpu, cpu)
}

// none reports whether l limits nothing.
func (l limits) none() bool { return len(l.os) == 0 && len(l.cpu) == 0 }

// admitWord is npm's rule: nothing that excludes it may match, and if anything includes, something has to match.
func admitWord(list []string, word string) bool {
	includes, found := false, len(list) == 0
	for _, l := range list {
		if excluded, ok := strings.CutPrefix(l, "!"); ok {
			if excluded == word {
				return false
			}
			continue
		}
		includes = true
		found = found || l == word
	}
	return found || !includes
}

// forLibc reports whether m is for systems with glibc, which Node.js for Linux is built for: what is for musl alone is never used.
func forLibc(m *manifest) bool { return admitWord(m.Libc, "glibc") }

// nodeNames returns what Node.js calls a platform: its process.platform and process.arch.
func nodeNames(p release.Platform) (os, cpu string) {
	return cmp.Or(nodeOS[p.OS], p.OS), cmp.Or(nodeCPU[p.Arch], p.Arch)
}

var (
	nodeOS  = map[string]string{"windows": "win32", "solaris": "sunos", "illumos": "sunos"}
	nodeCPU = map[string]string{"amd64": "x64", "386": "ia32", "ppc64le": "ppc64", "mipsle": "mipsel", "mips64le": "mips64el"}
)
