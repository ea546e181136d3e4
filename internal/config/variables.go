package config

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"gostore/internal/fetch"
	"gostore/internal/layers"
	"gostore/internal/release"
)

// VariableError says that a variable of the environment holds something that it cannot.
type VariableError struct {
	Name string
	Err  error
}

func (e *VariableError) Error() string { return fmt.Sprintf("%s: %v", e.Name, e.Err) }

// Unwrap returns what is wrong with it.
func (e *VariableError) Unwrap() error { return e.Err }

// FromEnvironment reads the variables of the environment, all but GOSTORE_CONFIG. An empty one is one that is not set. Everything that
// is wrong is reported at once, a *VariableError each.
func FromEnvironment(getenv func(string) string) (Config, error) {
	var c Config
	var errs []error
	for _, v := range []struct {
		name string
		read func(value string) error
	}{
		{"GOSTORE_MIRRORS", func(s string) (err error) { c.Mirrors, err = parseMirrors(s); return err }},
		{"GOSTORE_SOURCES", func(s string) (err error) { c.Sources, err = parseSources(s); return err }},
		{"GOSTORE_TRUST", func(s string) (err error) { c.Trust, err = parseFolders(s, getenv("HOME")); return err }},
		{"GOSTORE_SEAL", func(s string) error { c.Seal = s; return checkSeal(s) }},
		{"GOSTORE_OFFLINE", func(s string) (err error) { c.Offline, err = parseTruth(s); return err }},
	} {
		if s := getenv(v.name); s != "" {
			errs = append(errs, about(v.name, v.read(s))...)
		}
	}
	if value := getenv(layers.Variable); value != "" {
		c.Layers = filepath.SplitList(value)
	}
	c.CA = getenv("GOSTORE_CA_FILE")
	c.Netrc = getenv("NETRC")
	proxies := map[string]*string{"HTTPS_PROXY": &c.Proxies.HTTPS, "HTTP_PROXY": &c.Proxies.HTTP, "ALL_PROXY": &c.Proxies.All, "NO_PROXY": &c.Proxies.No}
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"} {
		value := cmp.Or(getenv(name), getenv(strings.ToLower(name)))
		if name == "HTTP_PROXY" && getenv("REQUEST_METHOD") != "" {
			value = getenv("http_proxy") // for a CGI program the other is a header that any visitor sets
		}
		*proxies[name] = value
		if name == "NO_PROXY" {
			continue
		}
		errs = append(errs, about(name, fetch.CheckProxy(value))...)
	}
	if err := errors.Join(errs...); err != nil {
		return Config{}, err
	}
	return c, nil
}

// about names a variable in each of the errors that err joins.
func about(name string, err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{&VariableError{name, err}}
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		errs = append(errs, about(name, e)...)
	}
	return errs
}

// parseMirrors reads PREFIX=URL,URL;PREFIX=URL. White space around each and empty rules do not count.
func parseMirrors(s string) ([]Mirror, error) {
	var rules []Mirror
	var errs []error
	for rule := range strings.SplitSeq(s, ";") {
		if rule = strings.TrimSpace(rule); rule == "" {
			continue
		}
		m, err := parseMirror(rule)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, other := range rules {
			if other.Prefix == m.Prefix {
				errs = append(errs, fmt.Errorf("a second rule for %q: list all URLs in one", m.Prefix))
			}
		}
		rules = append(rules, m)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return rules, nil
}

func parseMirror(rule string) (Mirror, error) {
	from, list, ok := strings.Cut(rule, "=")
	if !ok {
		return Mirror{}, fmt.Errorf("rule %q: want PREFIX=URL,URL", fetch.Redact(rule))
	}
	var m Mirror
	var errs []error
	var err error
	if m.Prefix, err = prefix(strings.TrimSpace(from)); err != nil {
		errs = append(errs, err)
	}
	words := strings.Split(list, ",")
	for i, word := range words {
		word = strings.TrimSpace(word)
		switch {
		case word == fetch.MirrorOff && i > 0 && i == len(words)-1:
			m.To = append(m.To, word)
			continue
		case word == fetch.MirrorOff:
			errs = append(errs, fmt.Errorf(`rule for %q: "off" ends a list of URLs`, m.Prefix))
			continue
		}
		to, err := target(word)
		if err != nil {
			errs = append(errs, err)
		}
		m.To = append(m.To, to)
	}
	return m, errors.Join(errs...)
}

// parseSources reads TOOL=SOURCE,TOOL=SOURCE.
func parseSources(s string) (map[string]string, error) {
	sources := map[string]string{}
	var errs []error
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		tool, source, ok := strings.Cut(word, "=")
		if !ok {
			errs = append(errs, fmt.Errorf("%q: want TOOL=SOURCE", word))
			continue
		}
		tool, source = strings.TrimSpace(tool), strings.TrimSpace(source)
		if err := cmp.Or(release.CheckTool(tool), checkSource(source)); err != nil {
			errs = append(errs, err)
		}
		if sources[tool] != "" {
			errs = append(errs, fmt.Errorf("tool %q is there twice", tool))
		}
		sources[tool] = source
	}
	return sources, errors.Join(errs...)
}

// parseFolders reads DIR:DIR. Empty ones do not count; "~/" is home, "" where there is none.
func parseFolders(s, home string) ([]string, error) {
	var folders []string
	var errs []error
	for _, word := range filepath.SplitList(s) {
		if rest, ok := strings.CutPrefix(word, "~/"); ok && home != "" {
			word = filepath.Join(home, rest)
		}
		switch {
		case word == "":
		case !filepath.IsAbs(word):
			errs = append(errs, fmt.Errorf("%q is no absolute path", word))
		default:
			folders = append(folders, filepath.Clean(word))
		}
	}
	return folders, errors.Join(errs...)
}

func parseTruth(s string) (bool, error) {
	switch s {
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	}
	return false, errors.New(strconv.Quote(s) + " is none of 1, true, 0, false")
}
