package goproxy

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"gostore/internal/fetch"
)

// proxyList is a GOPROXY value, with the go command's meaning of its separators.
type proxyList struct {
	value   string
	proxies []proxy
	end     string // "direct" or "off" when the list ends with it
}

type proxy struct {
	base   string // URL without a slash at its end
	anyway bool   // after any error the next is tried ("|"), not only after 404 and 410 (",")
}

// NoProxyError says that no module proxy is left to ask.
type NoProxyError struct {
	Value string // the list of proxies, without secrets; "" when nothing names one
}

func (e *NoProxyError) Error() string {
	switch e.Value {
	case "":
		return "no module proxy is known: GOPROXY is not set, and no Go on PATH states one"
	case "off":
		return `GOPROXY is "off": it forbids downloads`
	case "direct":
		return `GOPROXY is "direct", but Go toolchains are served by module proxies only`
	}
	return fmt.Sprintf("GOPROXY %q names no module proxy", e.Value)
}

// parseProxies reads a GOPROXY value. An empty one is an empty list.
func parseProxies(value string) (proxyList, error) {
	l := proxyList{value: value}
	for value != "" {
		entry, rest := value, ""
		anyway := false
		if i := strings.IndexAny(value, ",|"); i >= 0 {
			entry, rest, anyway = value[:i], value[i+1:], value[i] == '|'
		}
		value = rest
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		if entry == "direct" || entry == "off" {
			l.end = entry
			break // whatever follows is never asked
		}
		base, err := parseProxy(entry)
		if err != nil {
			return proxyList{}, err
		}
		l.proxies = append(l.proxies, proxy{base, anyway})
	}
	return l, nil
}

// parseProxy checks one URL; a host without a scheme means https.
func parseProxy(entry string) (string, error) {
	bare := strings.ContainsAny(entry, ".:/") && !strings.Contains(entry, ":/")
	if bare && !filepath.IsAbs(entry) && !path.IsAbs(entry) {
		entry = "https://" + entry
	}
	u, err := url.Parse(entry)
	if err != nil {
		return "", fmt.Errorf("module proxy %q: not a URL", fetch.Redact(entry)) // err would show a password
	}
	switch u.Scheme {
	case "https", "http":
		if u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return "", fmt.Errorf("module proxy %q: want scheme, host and path only", fetch.Redact(entry))
		}
	case "file":
		if u.Path == "" || *u != (url.URL{Scheme: "file", Path: u.Path, RawPath: u.RawPath}) {
			return "", fmt.Errorf("module proxy %q: want a path only, such as file:///srv/mirror", fetch.Redact(entry))
		}
	default:
		return "", fmt.Errorf("module proxy %q: scheme is none of https, http, file", fetch.Redact(entry))
	}
	return strings.TrimRight(entry, "/"), nil
}

func join(base, rest string) string { return base + "/" + rest }

// try calls f for each proxy until one succeeds or fails in a way after which the next must
// not be asked. The error it returns is the most telling one: that something is missing
// counts less than any other.
func (l proxyList) try(f func(base string) error) error {
	if len(l.proxies) == 0 {
		return l.none()
	}
	var told error
	for _, p := range l.proxies {
		err := f(p.base)
		if err == nil {
			return nil
		}
		missing := errors.Is(err, fs.ErrNotExist)
		if told == nil || !missing {
			told = err
		}
		if !missing && !p.anyway {
			break
		}
	}
	return told
}

func (l proxyList) none() error {
	if l.end != "" {
		return &NoProxyError{l.end}
	}
	return &NoProxyError{fetch.Redact(strings.TrimSpace(l.value))}
}

// local reports whether all proxies are directories. A list that ends with "off" still is: nothing
// but its directories is ever read.
func (l proxyList) local() bool {
	for _, p := range l.proxies {
		if _, ok := fetch.Local(p.base); !ok {
			return false
		}
	}
	return len(l.proxies) > 0 && l.end != "direct"
}
