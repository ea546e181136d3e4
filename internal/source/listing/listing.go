// Package listing reads what upstreams publish about their releases: lists of versions, indexes, and checksum files.
//
// Everything is a pure function of bytes that somebody on the network sent. What is not exactly what its format says is an
// error that names the place; nothing is guessed. Whether the answers are true is for the callers: a list says what may exist,
// a checksum what an archive has to be.
package listing

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// MaxVersions bounds how many versions a list may have. The longest that is known, of a repository with a tag for each of
// its packages' releases, has 40,000.
const MaxVersions = 200_000

var (
	errTooMany = fmt.Errorf("lists more than %d versions", MaxVersions)
	errEmpty   = errors.New("is empty")
	errWebPage = errors.New("is a web page")
)

// Lines reads a text with a version in each line. Empty lines, and spaces around a version, do not count.
func Lines(data []byte) ([]string, error) {
	if err := checkText(data); err != nil {
		return nil, err
	}
	var versions []string
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		v := strings.TrimSpace(line)
		switch {
		case v == "":
			continue
		case strings.ContainsAny(v, " \t\r") || len(v) > 200:
			return nil, fmt.Errorf("line %d: %.60q is no version", n, v)
		case len(versions) == MaxVersions:
			return nil, errTooMany
		}
		versions = append(versions, v)
	}
	return versions, nil
}

// checkText tells a text from other things that a server may send under its name.
func checkText(data []byte) error {
	start := bytes.TrimSpace(data)
	switch {
	case len(start) == 0:
		return errEmpty
	case isWebPage(start):
		return errWebPage
	case bytes.IndexByte(data, 0) >= 0:
		return errors.New("is no text")
	}
	return nil
}

// isWebPage reports whether data is HTML, which servers send under any content type.
func isWebPage(data []byte) bool {
	start := strings.ToLower(string(bytes.TrimSpace(data[:min(len(data), 512)])))
	return strings.HasPrefix(start, "<!doctype") || strings.HasPrefix(start, "<html") || strings.HasPrefix(start, "<?xml")
}
