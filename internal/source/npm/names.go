package npm

import (
	"cmp"
	"fmt"
	"strings"

	"gostore/internal/tree"
)

// maxPackage is npm's limit on the length of a package's name.
const maxPackage = 214

// checkPackage reports whether name can be a package's: NAME or @SCOPE/NAME, of letters, digits and ". _ ~ -". Names
// become directories and parts of URLs, so nothing else is let through, although npm knows a few older names with other
// characters.
func checkPackage(name string) error {
	bad := func(reason string) error { return fmt.Errorf("package name %.80q: %s", name, reason) }
	if len(name) > maxPackage {
		return bad(fmt.Sprintf("is longer than %d bytes", maxPackage))
	}
	rest := name
	if scoped, ok := strings.CutPrefix(name, "@"); ok {
		scope, inner, ok := strings.Cut(scoped, "/")
		if !ok || !isPackageWord(scope) {
			return bad("want @SCOPE/NAME")
		}
		rest = inner
	}
	if !isPackageWord(rest) || rest == "node_modules" {
		return bad("want letters, digits and \". _ ~ -\", not beginning with \".\" or \"-\"")
	}
	if err := tree.CheckPath(name); err != nil {
		return err
	}
	return nil
}

func isPackageWord(s string) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-"
	return s != "" && s[0] != '.' && s[0] != '-' && strings.Trim(s, allowed) == ""
}

// unscoped returns a package's name without its scope.
func unscoped(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// spec is what a package says of a dependency: which package, in which versions.
type spec struct {
	pkg    string
	text   string // as it is written
	accept versionRange
	tag    string // a dist-tag instead of a range
}

// parseSpec reads the specifier of the dependency name. Those that name anything other than a package of the registry, such as
// a git repository, a URL or a directory, are errors.
func parseSpec(name, text string) (spec, error) {
	s := spec{pkg: name, text: text}
	rest := strings.TrimSpace(text)
	if alias, ok := strings.CutPrefix(rest, "npm:"); ok {
		s.pkg, rest = cutVersion(alias)
	}
	if err := checkPackage(s.pkg); err != nil {
		return spec{}, err
	}
	if strings.ContainsAny(rest, ":/") {
		return spec{}, fmt.Errorf("%q is not a version in the registry, and nothing else is fetched", text)
	}
	var err error
	if s.accept, err = parseRange(rest); err == nil {
		return s, nil
	}
	if !isPackageWord(rest) {
		return spec{}, err
	}
	s.tag = rest
	return s, nil
}

// cutVersion splits NAME@VERSION, where NAME may begin with "@" itself.
func cutVersion(s string) (name, version string) {
	if s == "" {
		return "", ""
	}
	name, version, _ = strings.Cut(s[1:], "@")
	return s[:1] + name, version
}

// any reports whether every version will do, pre-releases included.
func (s spec) any() bool {
	rest := s.text
	if alias, ok := strings.CutPrefix(rest, "npm:"); ok {
		_, rest = cutVersion(alias)
	}
	return cmp.Or(strings.TrimSpace(rest), "*") == "*"
}

// fits reports whether a package that is there already is what s asks for. A dist-tag was resolved by whoever came first.
func (s spec) fits(m *manifest) bool {
	return m.Name == s.pkg && (s.tag != "" || s.any() || s.accept.admits(m.version))
}
