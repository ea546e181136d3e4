package digest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// Archive is the digest that an upstream states for an archive, in one of these notations:
//
//	h1:<base64>       the hash of a Go module zip's names and contents (golang.org/x/mod/sumdb/dirhash)
//	sha256:<hex>      SHA-256 of the bytes, as checksum files state it
//	sha512-<base64>   SHA-512 of the bytes, as npm's Subresource Integrity states it
//
// Archive values are comparable; the zero value means "not known".
type Archive struct{ text string }

// notation describes one way to write a digest.
type notation struct {
	algorithm, prefix string
	size              int // bytes of the digest
	encode            func([]byte) string
	decode            func(string) ([]byte, error)
}

var notations = []notation{
	{"h1", "h1:", 32, base64.StdEncoding.EncodeToString, base64.StdEncoding.DecodeString},
	{"sha256", "sha256:", 32, hex.EncodeToString, hex.DecodeString},
	{"sha512", "sha512-", 64, base64.StdEncoding.EncodeToString, base64.StdEncoding.DecodeString},
}

// ParseArchive reads one of the notations. Only the canonical spelling of a digest is accepted.
func ParseArchive(s string) (Archive, error) {
	for _, n := range notations {
		rest, ok := strings.CutPrefix(s, n.prefix)
		if !ok {
			continue
		}
		b, err := n.decode(rest)
		if err != nil {
			return Archive{}, fmt.Errorf("archive digest %q: %w", s, err)
		}
		if len(b) != n.size {
			return Archive{}, fmt.Errorf("archive digest %q: has %d bytes, want %d", s, len(b), n.size)
		}
		if n.encode(b) != rest {
			return Archive{}, fmt.Errorf("archive digest %q: not in canonical form", s)
		}
		return Archive{s}, nil
	}
	return Archive{}, fmt.Errorf("archive digest %q: want h1:…, sha256:… or sha512-…", s)
}

// SHA256 returns the SHA-256 of data.
func SHA256(data []byte) Archive { return SHA256Sum(sha256.Sum256(data)) }

// SHA256Sum returns the digest that is sum.
func SHA256Sum(sum [sha256.Size]byte) Archive {
	return Archive{"sha256:" + hex.EncodeToString(sum[:])}
}

// String returns the digest as upstream writes it, "" for an absent one.
func (a Archive) String() string { return a.text }

// IsZero reports whether the digest is absent.
func (a Archive) IsZero() bool { return a.text == "" }

// Algorithm returns "h1", "sha256" or "sha512", and "" for an absent digest.
func (a Archive) Algorithm() string {
	n, _ := a.split()
	return n.algorithm
}

// Bytes returns the digest itself.
func (a Archive) Bytes() []byte {
	_, b := a.split()
	return b
}

// FileName returns a spelling that is safe as a file name on every system and the same for
// the same digest: the algorithm, "-", and the digest in lower-case hexadecimal.
func (a Archive) FileName() string {
	n, b := a.split()
	return n.algorithm + "-" + hex.EncodeToString(b)
}

// ParseArchiveFileName reads what FileName wrote.
func ParseArchiveFileName(s string) (Archive, error) {
	algorithm, rest, _ := strings.Cut(s, "-")
	for _, n := range notations {
		if n.algorithm != algorithm {
			continue
		}
		if b, err := hex.DecodeString(rest); err == nil && len(b) == n.size && hex.EncodeToString(b) == rest {
			return Archive{n.prefix + n.encode(b)}, nil
		}
	}
	return Archive{}, fmt.Errorf("archive digest in file name %q: want an algorithm, \"-\" and hexadecimal digits", s)
}

func (a Archive) split() (notation, []byte) {
	for _, n := range notations {
		if rest, ok := strings.CutPrefix(a.text, n.prefix); ok {
			b, _ := n.decode(rest) // ParseArchive let nothing else in
			return n, b
		}
	}
	return notation{}, nil
}

// MarshalText returns upstream's notation, and nothing for an absent digest.
func (a Archive) MarshalText() ([]byte, error) { return []byte(a.text), nil }

// UnmarshalText reads what MarshalText wrote.
func (a *Archive) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*a = Archive{}
		return nil
	}
	var err error
	*a, err = ParseArchive(string(text))
	return err
}
