// Package digest names things by their contents.
//
// Two families of digests exist and never mix, so each has its own type. Tree and
// Content are gostore's own: BLAKE3-256, of a tree's manifest and of one file's bytes.
// Archive is what an upstream states for the bytes it serves, kept in that upstream's
// own notation so that people can compare it with what upstream publishes.
//
// The package computes and compares; it reads no files and keeps no state.
package digest

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/zeebo/blake3"
)

// treePrefix marks a tree digest in text, so that it cannot be mistaken for the digest
// of an archive.
const treePrefix = "b3:"

// Tree is the digest of a directory tree: the BLAKE3-256 of its manifest, as package tree
// defines it. The zero value means "not known".
type Tree [32]byte

// ParseTree reads the text form, "b3:" and 64 lower-case hexadecimal digits.
func ParseTree(s string) (Tree, error) {
	rest, ok := strings.CutPrefix(s, treePrefix)
	if !ok {
		return Tree{}, fmt.Errorf("tree digest %q: want %q and 64 hexadecimal digits", s, treePrefix)
	}
	return ParseTreeHex(rest)
}

// ParseTreeHex reads 64 lower-case hexadecimal digits, the form used in file names.
func ParseTreeHex(s string) (Tree, error) {
	b, err := parseHex(s)
	if err != nil {
		return Tree{}, fmt.Errorf("tree digest %q: %w", s, err)
	}
	return Tree(b), nil
}

// TreeFromHex reads 64 hexadecimal digits, as Hex returns them, without saying what is wrong with anything else.
func TreeFromHex(s []byte) (Tree, bool) {
	b, err := parseHex(s)
	return b, err == nil
}

// String returns the text form that ParseTree reads.
func (t Tree) String() string { return treePrefix + t.Hex() }

// Hex returns the digest as 64 lower-case hexadecimal digits.
func (t Tree) Hex() string { return hex.EncodeToString(t[:]) }

// IsZero reports whether the digest is absent.
func (t Tree) IsZero() bool { return t == Tree{} }

// MarshalText returns the text form, and nothing for an absent digest.
func (t Tree) MarshalText() ([]byte, error) {
	if t.IsZero() {
		return nil, nil
	}
	return []byte(t.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (t *Tree) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*t = Tree{}
		return nil
	}
	var err error
	*t, err = ParseTree(string(text))
	return err
}

// Content is the BLAKE3-256 of one file's bytes.
type Content [32]byte

// ParseContent reads 64 lower-case hexadecimal digits.
func ParseContent(s string) (Content, error) {
	b, err := parseHex(s)
	if err != nil {
		return Content{}, fmt.Errorf("content digest %q: %w", s, err)
	}
	return Content(b), nil
}

// Hex returns the digest as 64 lower-case hexadecimal digits.
func (c Content) Hex() string { return hex.EncodeToString(c[:]) }

// Sum returns the digest of data.
func Sum(data []byte) Content { return blake3.Sum256(data) }

// Hash computes a Content or a Tree from a stream. It is an io.Writer whose Write never fails.
type Hash struct{ h *blake3.Hasher }

// NewHash returns a Hash that has seen no bytes.
func NewHash() Hash { return Hash{blake3.New()} }

// Write adds p.
func (h Hash) Write(p []byte) (int, error) { return h.h.Write(p) }

// Reset forgets what was written, so that the Hash can be used again.
func (h Hash) Reset() { h.h.Reset() }

// Content returns the digest of what was written so far.
func (h Hash) Content() (c Content) {
	h.h.Sum(c[:0])
	return c
}

// Packed names the content of a member of an archive by what stands in the archive: the digest of its deflated bytes, from
// which alone the content follows, and what is stated about the content, which has to be right.
type Packed struct {
	Digest Content // of the deflated bytes
	Size   int64   // bytes of content
	CRC    uint32  // of the content
}

// MismatchError says that something does not have the digest that was promised for it.
type MismatchError struct {
	What string // what was checked, as a user would call it
	Want string // the digest that was promised
	Got  string // the digest that it has
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("digest of %s is %s, expected %s", e.What, e.Got, e.Want)
}

// parseHex reads exactly 32 bytes in canonical (lower-case) hexadecimal, so that one digest
// has one spelling. It allocates nothing where s is right: a collector reads the names of all objects.
func parseHex[T string | []byte](s T) (b [32]byte, err error) {
	if len(s) != 64 {
		return b, fmt.Errorf("has %d characters, want 64 hexadecimal digits", len(s))
	}
	wrong := byte(0)
	for i := range b {
		high, low := nibbles[s[2*i]], nibbles[s[2*i+1]]
		wrong |= high | low
		b[i] = high<<4 | low
	}
	if wrong > 0xf {
		return [32]byte{}, badHex(string(s))
	}
	return b, nil
}

// nibbles has the value of each lower-case hexadecimal digit, and 0xff for every other byte.
var nibbles = func() (table [256]byte) {
	for i := range table {
		table[i] = 0xff
	}
	for i, c := range "0123456789abcdef" {
		table[c] = byte(i)
	}
	return table
}()

// badHex says what is wrong with 64 bytes that are no canonical hexadecimal.
func badHex(s string) error {
	if strings.ContainsAny(s, "ABCDEF") {
		return fmt.Errorf("hexadecimal digits must be lower case")
	}
	_, err := hex.DecodeString(s)
	return err
}
