package listing

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Tags reads the names of the tags from what a git server answers to
//
//	GET <repository>/info/refs?service=git-upload-pack
//
// in version 0 of its protocol (gitprotocol-http(5), gitprotocol-pack(5)): a packet that names the service, a flush packet,
// a packet "<id> <ref>" for each reference, of which the first one lists capabilities after a NUL, and a flush packet at the
// end. Each packet begins with its length in four hexadecimal digits, which count themselves. An answer without the last
// flush packet was cut off.
func Tags(data []byte) ([]string, error) {
	switch {
	case len(data) == 0:
		return nil, errEmpty
	case isWebPage(data):
		return nil, errWebPage
	}
	p := packets{data: string(data)}
	if line, flush, err := p.next(); err != nil || flush || strings.TrimSuffix(line, "\n") != "# service=git-upload-pack" {
		return nil, errors.New("does not answer as a git repository does")
	}
	if _, flush, err := p.next(); err != nil || !flush {
		return nil, fmt.Errorf("byte %d: no flush packet after the service's name", p.pos)
	}
	var tags []string
	for first := true; ; first = false {
		at := p.pos
		line, flush, err := p.next()
		if err != nil {
			return nil, err
		}
		if flush {
			break
		}
		name, err := refName(line, first)
		if err != nil {
			return nil, fmt.Errorf("byte %d: %w", at, err)
		}
		tag, ok := strings.CutPrefix(name, "refs/tags/")
		if !ok || strings.HasSuffix(tag, "^{}") { // what an annotated tag points to is no other tag
			continue
		}
		if len(tags) == MaxVersions {
			return nil, errTooMany
		}
		tags = append(tags, tag)
	}
	if p.pos != len(data) {
		return nil, fmt.Errorf("byte %d: goes on after the last packet", p.pos)
	}
	return tags, nil
}

// refName returns the name in "<id> <name>".
func refName(line string, first bool) (string, error) {
	line = strings.TrimSuffix(line, "\n")
	if i := strings.IndexByte(line, 0); i >= 0 {
		if !first {
			return "", errors.New("capabilities in a packet that is not the first")
		}
		line = line[:i]
	}
	id, name, ok := strings.Cut(line, " ")
	if !ok || name == "" || len(id) != 40 && len(id) != 64 || !isHex(id) {
		return "", fmt.Errorf("%.60q is no reference", line)
	}
	return name, nil
}

// packets reads git's pkt-lines (gitprotocol-common(5)).
type packets struct {
	data string
	pos  int
}

// next returns the content of the next packet, or that it is a flush packet. The other special packets, of 1 to 3, do not
// belong to version 0.
func (p *packets) next() (line string, flush bool, err error) {
	rest := p.data[p.pos:]
	if len(rest) < 4 {
		return "", false, fmt.Errorf("byte %d: cut off", p.pos)
	}
	n, err := strconv.ParseUint(rest[:4], 16, 16)
	switch {
	case err != nil || n > 0 && n < 4 || n > 65520:
		return "", false, fmt.Errorf("byte %d: %q is not the length of a packet", p.pos, rest[:4])
	case n == 0:
		p.pos += 4
		return "", true, nil
	case int(n) > len(rest):
		return "", false, fmt.Errorf("byte %d: cut off", p.pos)
	}
	p.pos += int(n)
	return rest[4:n], false, nil
}

// isHex reports whether s consists of hexadecimal digits in lower case or upper case.
func isHex(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'f') && (r < 'A' || r > 'F')
	}) < 0
}
