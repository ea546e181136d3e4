package goproxy

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"gostore/internal/digest"
)

// The functions below let toolchains travel with the proof that the checksum database knows them. A toolchain is named as
// release.Archive.From names it: golang.org/toolchain@v0.0.1-go1.22.6.linux-amd64.

// Proof returns the text of the proof that is kept for a toolchain, and whether there is one.
func (s *Source) Proof(from string) ([]byte, bool) {
	v, ok := strings.CutPrefix(from, modulePath+"@")
	if !ok {
		return nil, false
	}
	p, ok := s.keptProof(v)
	return formatProof(p), ok
}

// CheckProof returns the h1 that a proof states for a toolchain. A proof that is malformed, that another database signed, or that is about
// something else is an error.
func (s *Source) CheckProof(from string, data []byte) (digest.Archive, error) {
	v, ok := strings.CutPrefix(from, modulePath+"@")
	if !ok {
		return digest.Archive{}, fmt.Errorf("%q is no toolchain of a module proxy", from)
	}
	p, err := parseProof(data)
	if err == nil {
		err = p.check(s.verifier)
	}
	if err != nil {
		return digest.Archive{}, s.dbError(v, err)
	}
	return s.digestIn(p.text, v)
}

// KeepProof keeps a proof that CheckProof accepts, so that the toolchain is verified without a network from now on.
func (s *Source) KeepProof(from string, data []byte) error {
	if _, err := s.CheckProof(from, data); err != nil {
		return err
	}
	return writeAtomic(s.proofFile(strings.TrimPrefix(from, modulePath+"@")), data)
}

// HashTree returns the h1 of the module zip that a toolchain's tree came from. files are the SHA-256 of its files by path.
func HashTree(from string, files map[string][sha256.Size]byte) (digest.Archive, error) {
	lines := make([]string, 0, len(files))
	for name, sum := range files {
		if dir, base := path.Split(name); base == "go.mod" {
			name = dir + "_go.mod"
		}
		name = from + "/" + name
		if strings.Contains(name, "\n") {
			return digest.Archive{}, errors.New("a file name holds a newline")
		}
		lines = append(lines, fmt.Sprintf("%s\x00%x  %s\n", name, sum, name))
	}
	slices.Sort(lines)
	h := sha256.New()
	for _, line := range lines {
		_, text, _ := strings.Cut(line, "\x00")
		h.Write([]byte(text))
	}
	return digest.ParseArchive("h1:" + base64.StdEncoding.EncodeToString(h.Sum(nil)))
}
