package archive

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"gostore/internal/digest"
)

// Digest reads r to its end and returns the digest of its bytes: algorithm is "sha256" or "sha512". When ctx ends, its
// error is returned.
func Digest(ctx context.Context, r io.Reader, algorithm string) (digest.Archive, error) {
	h, err := newSum(algorithm)
	if err != nil {
		return digest.Archive{}, err
	}
	buf := make([]byte, aheadSize)
	for {
		if err := ctx.Err(); err != nil {
			return digest.Archive{}, err
		}
		n, err := r.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			return h.digest(), nil
		}
		if err != nil {
			return digest.Archive{}, fmt.Errorf("reading an archive: %w", err)
		}
	}
}

// sum computes the digest of an archive's bytes.
type sum struct {
	hash.Hash
	text func([]byte) string
}

func newSum(algorithm string) (sum, error) {
	switch algorithm {
	case "sha256":
		return sum{sha256.New(), func(b []byte) string { return "sha256:" + hex.EncodeToString(b) }}, nil
	case "sha512":
		return sum{sha512.New(), func(b []byte) string { return "sha512-" + base64.StdEncoding.EncodeToString(b) }}, nil
	}
	return sum{}, fmt.Errorf("digest of an archive: unknown algorithm %q, want sha256 or sha512", algorithm)
}

// digest returns the digest of what was written so far.
func (s sum) digest() digest.Archive {
	d, err := digest.ParseArchive(s.text(s.Sum(nil)))
	if err != nil {
		panic(err) // the text is the notation that package digest defines
	}
	return d
}
