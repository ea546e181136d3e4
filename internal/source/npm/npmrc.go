package npm

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// rc is what an .npmrc says about registries.
type rc struct {
	registry string            // without "/" at its end
	scopes   map[string]string // likewise, by "@scope"
	tokens   map[string]string // by "//host/path/"
}

// parseRC reads the lines registry=URL, @SCOPE:registry=URL and //HOST/PATH/:_authToken=TOKEN of an .npmrc, and leaves all others, and
// sections, alone. Of lines for the same the last counts. ${NAME} and ${NAME?} stand for a variable, which a value that is taken
// has to have; getenv nil refuses variables, and then tokens are not taken either.
//
// The format is an INI file; the page "npmrc" of npm's own manual describes it.
func parseRC(data []byte, getenv func(string) string) rc {
	r := rc{scopes: map[string]string{}, tokens: map[string]string{}}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			break // what follows belongs to a section
		}
		if line == "" || line[0] == ';' || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		if value, ok = expand(unquote(strings.TrimSpace(value)), getenv); ok {
			r.set(strings.TrimSpace(key), value, getenv != nil)
		}
	}
	return r
}

func (r *rc) set(key, value string, trusted bool) {
	switch {
	case key == "registry":
		r.registry = trimURL(value)
	case strings.HasPrefix(key, "@") && strings.HasSuffix(key, ":registry"):
		r.scopes[strings.TrimSuffix(key, ":registry")] = trimURL(value)
	case strings.HasPrefix(key, "//") && strings.HasSuffix(key, ":_authToken") && trusted && isToken(value):
		place := strings.TrimSuffix(key, ":_authToken")
		r.tokens[strings.TrimRight(place, "/")+"/"] = value
	}
}

// isToken lets through what can be sent in a header.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// unquote takes one pair of quotes off.
func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// expand replaces variables, and reports whether all of them are known.
func expand(s string, getenv func(string) string) (string, bool) {
	if !strings.Contains(s, "${") {
		return s, true
	}
	if getenv == nil {
		return "", false
	}
	known := true
	s = regexp.MustCompile(`\$\{[^${}]+\}`).ReplaceAllStringFunc(s, func(ref string) string {
		name, optional := strings.CutSuffix(ref[2:len(ref)-1], "?")
		value := getenv(name)
		known = known && (value != "" || optional)
		return value
	})
	return s, known
}

// trimURL takes the slashes off the end of a URL, as they are written or left out at will.
func trimURL(s string) string { return strings.TrimRight(strings.TrimSpace(s), "/") }

func scopeURLs(scopes map[string]string) []string {
	var list []string
	for _, scope := range slices.Sorted(maps.Keys(scopes)) {
		list = append(list, scopes[scope])
	}
	return list
}
