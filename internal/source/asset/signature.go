package asset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"aead.dev/minisign"

	"gostore/internal/archive"
	"gostore/internal/definition"
	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
)

// signatureLimit bounds signatures; they have about 300 bytes.
const signatureLimit = 16 << 10

// SignatureError says that an archive is not what the holder of a key signed, although it has the digest that the lock
// states: an integrity error, but not one that another download would change.
type SignatureError struct {
	URL string // of the signature, without user information and query
	Of  string // the archive's file name
	Err error  // what is wrong
}

func (e *SignatureError) Error() string {
	return fmt.Sprintf("signature %q of %q: %v", e.URL, e.Of, e.Err)
}

// Unwrap returns what is wrong.
func (e *SignatureError) Unwrap() error { return e.Err }

// checkSignature checks the signature of a downloaded archive. The file is read once, for its digest and the signature: a
// download that was damaged is a *digest.MismatchError.
func (s *Source) checkSignature(ctx context.Context, d definition.Definition, item release.Item, path string) error {
	from := item.Archive.From
	url, err := d.SignatureURL(item.Version, item.Platform, from)
	if err != nil {
		return err
	}
	wrong := func(err error) error { return &SignatureError{fetch.Redact(url), baseName(from), err} }
	var key minisign.PublicKey
	if err := key.UnmarshalText([]byte(d.Signature.Minisign)); err != nil {
		return fmt.Errorf("%s: key of %q: %w", d.Place, d.Name, err)
	}
	signature, err := s.client.Get(ctx, url, signatureLimit)
	if err != nil {
		return fmt.Errorf("checking the signature of %q: %w", baseName(from), err)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	hashed := minisign.NewReader(f)
	got, err := archive.Digest(ctx, hashed, item.Archive.Digest.Algorithm())
	if err != nil {
		return err
	}
	if got != item.Archive.Digest {
		return &digest.MismatchError{What: fetch.Redact(from), Want: item.Archive.Digest.String(), Got: got.String()}
	}
	comment, err := parseSignature(signature, key)
	switch {
	case err != nil:
		return wrong(err)
	case !hashed.Verify(key, signature):
		return wrong(errors.New("is not that of this file by this key"))
	}
	if err := checkComment(comment, baseName(from)); err != nil {
		return wrong(err)
	}
	return nil
}

// parseSignature returns the trusted comment of a signature by key, which has not been verified.
func parseSignature(text []byte, key minisign.PublicKey) (comment string, err error) {
	var signature minisign.Signature
	if err := signature.UnmarshalText(text); err != nil {
		return "", errors.New(strings.TrimPrefix(err.Error(), "minisign: "))
	}
	if signature.Algorithm != minisign.HashEdDSA {
		return "", errors.New("is of the old kind, which does not hash the file first")
	}
	if signature.KeyID != key.ID() {
		return "", fmt.Errorf("is by the key %016X, not by %016X", signature.KeyID, key.ID())
	}
	return signature.TrustedComment, nil
}

// checkComment checks the file name in a trusted comment, which is fields separated by tabs. The name is signed as the file is, so that one
// signed release cannot stand in for another.
func checkComment(comment, name string) error {
	for field := range strings.SplitSeq(comment, "\t") {
		if file, ok := strings.CutPrefix(field, "file:"); ok {
			if file == name {
				return nil
			}
			return fmt.Errorf("is for the file %.100q", file)
		}
	}
	return errors.New("does not say for which file it is")
}
