package release

import (
	"cmp"
	"fmt"
	"runtime"
	"strings"
)

// Platform is an operating system and a processor architecture, in Go's names for them.
type Platform struct{ OS, Arch string }

// Host returns the platform that this program was built for.
func Host() Platform { return Platform{runtime.GOOS, runtime.GOARCH} }

// ParsePlatform reads OS/ARCH, such as linux/amd64.
func ParsePlatform(s string) (Platform, error) {
	os, arch, ok := strings.Cut(s, "/")
	if !ok || !isWord(os) || !isWord(arch) {
		return Platform{}, fmt.Errorf("platform %q: want OS/ARCH, such as linux/amd64", s)
	}
	return Platform{os, arch}, nil
}

// isWord reports whether s is a non-empty run of lower-case letters and digits.
func isWord(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// String returns OS/ARCH.
func (p Platform) String() string { return p.OS + "/" + p.Arch }

// Compare orders platforms by system, then by architecture.
func (p Platform) Compare(q Platform) int {
	return cmp.Or(cmp.Compare(p.OS, q.OS), cmp.Compare(p.Arch, q.Arch))
}

// MarshalText returns OS/ARCH.
func (p Platform) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads OS/ARCH.
func (p *Platform) UnmarshalText(text []byte) error {
	var err error
	*p, err = ParsePlatform(string(text))
	return err
}
