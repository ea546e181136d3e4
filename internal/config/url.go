package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"gostore/internal/fetch"
)

// parseURL reads a URL with a scheme and a path only; its host is in lower case.
func parseURL(s string, schemes ...string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("%q is not a URL", fetch.Redact(s)) // err would show a password
	}
	switch {
	case !slices.Contains(schemes, u.Scheme):
		return nil, fmt.Errorf("URL %q: want one that begins with %s://", fetch.Redact(s), strings.Join(schemes, ":// or "))
	case u.User != nil:
		return nil, fmt.Errorf("URL %q: names and passwords belong into a .netrc file", fetch.Redact(s))
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(s, "#") || u.Opaque != "":
		return nil, fmt.Errorf("URL %q: want scheme, host and path only", fetch.Redact(s))
	}
	if u.Scheme == "file" {
		if _, ok := fetch.Local(s); !ok {
			return nil, fmt.Errorf("URL %q: want an absolute path, such as file:///srv/mirror/", s)
		}
		return u, nil
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("URL %q: there is no host in it", s)
	}
	u.Host = strings.ToLower(u.Host)
	return u, nil
}

// prefix reads a beginning of URLs. It ends with "/", so that no other host or directory begins like it.
func prefix(s string) (string, error) { return directory(parseURL(s, "https", "http")) }

// target reads what takes a prefix's place.
func target(s string) (string, error) { return directory(parseURL(s, "https", "http", "file")) }

func directory(u *url.URL, err error) (string, error) {
	if err != nil {
		return "", err
	}
	s := u.String()
	if !strings.HasSuffix(s, "/") {
		s += "/"
	}
	return s, nil
}

// directoryURL returns the URL of the directory at path, which is made absolute.
func directoryURL(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	u := url.URL{Scheme: "file", Path: strings.TrimSuffix(filepath.ToSlash(path), "/") + "/"}
	return u.String()
}

// registry reads the URL of a registry of npm packages. Their digests come from it: only this machine's may be http.
func registry(s string) (string, error) {
	u, err := parseURL(s, "https", "http")
	if err != nil {
		return "", err
	}
	addr, aerr := netip.ParseAddr(u.Hostname())
	if u.Scheme == "http" && u.Hostname() != "localhost" && (aerr != nil || !addr.IsLoopback()) {
		return "", errors.New("npm registry: digests come from it, so it has to be https")
	}
	return strings.TrimRight(u.String(), "/"), nil
}
