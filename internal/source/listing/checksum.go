package listing

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"sync"

	"gostore/internal/digest"
)

// algorithms are the digests that count, by the number of their hexadecimal digits. The others are known in order to say so.
var algorithms = map[int]string{32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}

// tagged is a line of "sha256sum --tag" and of BSD, and of "openssl dgst": SHA256 (name) = hex, SHA2-256(name)= hex.
var tagged = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([A-Z0-9-]+) ?\((.*)\) ?= ?([0-9A-Fa-f]+)$`) })

// Checksum finds the digest of the file name in a checksum file. Its lines are one of
//
//	hex  name            sha256sum and sha512sum; also with "*" before the name, and with "./"
//	SHA256 (name) = hex
//
// or, where alone is set, the file may be nothing but one digest, in hexadecimal; or it is what GitHub says about a release. Lines about other files, and text between
// them, do not count. SHA-256 is taken where there is one, else SHA-512; weaker digests are none.
//
// A file that has no line for name is an error for which errors.Is(err, fs.ErrNotExist) holds. Two lines that contradict each
// other are an error, and so is a line for name whose digest is none.
func Checksum(data []byte, name string, alone bool) (digest.Archive, error) {
	if err := checkText(data); err != nil {
		return digest.Archive{}, err
	}
	text := strings.TrimPrefix(string(data), "\ufeff")
	if strings.HasPrefix(strings.TrimSpace(text), "{") && strings.Contains(text, `"assets"`) {
		return githubRelease(data, name)
	}
	if word := strings.TrimSpace(text); alone && !strings.ContainsAny(word, " \t\r\n()=") {
		return bare(word)
	}
	found, weak, err := find(text, name)
	if err != nil {
		return digest.Archive{}, err
	}
	for _, algorithm := range []string{"sha256", "sha512"} {
		if d, ok := found[algorithm]; ok {
			return d, nil
		}
	}
	if weak != "" {
		return digest.Archive{}, fmt.Errorf("has only a %s digest of %q, want sha256 or sha512", weak, name)
	}
	return digest.Archive{}, fmt.Errorf("has no line for %q: %w", name, fs.ErrNotExist)
}

// find returns the digests that the lines of a text state for a file, by algorithm, and the name of an algorithm that does not count, if
// there are such digests.
func find(text, name string) (found map[string]digest.Archive, weak string, err error) {
	found = map[string]digest.Archive{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		file, algorithm, sum := parseLine(strings.TrimRight(line, " \t\r\n"))
		switch {
		case file == "" || strings.TrimPrefix(file, "./") != name:
			continue
		case algorithm == "":
			return nil, "", fmt.Errorf("line %d: %.140q is no digest of %q: want 64 or 128 hexadecimal digits", n, sum, name)
		case algorithm != "sha256" && algorithm != "sha512":
			weak = algorithm
			continue
		}
		d, err := hexDigest(sum, algorithm)
		if err != nil {
			return nil, "", fmt.Errorf("line %d: %w", n, err)
		}
		if had, ok := found[algorithm]; ok && had != d {
			return nil, "", fmt.Errorf("line %d: contradicts another line about %q", n, name)
		}
		found[algorithm] = d
	}
	return found, weak, nil
}

// parseLine takes a line apart. file is "" when it is not about any; algorithm is "" when it cannot be told.
func parseLine(line string) (file, algorithm, sum string) {
	if m := tagged().FindStringSubmatch(line); m != nil {
		algorithm = strings.ToLower(m[1])
		if bits, ok := strings.CutPrefix(algorithm, "sha2-"); ok {
			algorithm = "sha" + bits
		}
		return m[2], algorithm, m[3]
	}
	sum, rest, ok := strings.Cut(line, " ")
	if !ok {
		sum, rest, ok = strings.Cut(line, "\t")
	}
	if !ok {
		return "", "", ""
	}
	if !isHex(sum) {
		return strings.TrimSpace(rest), "", sum
	}
	return strings.TrimPrefix(strings.TrimLeft(rest, " \t"), "*"), algorithms[len(sum)], sum
}

// bare reads a file that is one digest.
func bare(word string) (digest.Archive, error) {
	algorithm := algorithms[len(word)]
	switch {
	case !isHex(word) || algorithm == "":
		return digest.Archive{}, fmt.Errorf("%.140q is no digest: want 64 or 128 hexadecimal digits", word)
	case algorithm != "sha256" && algorithm != "sha512":
		return digest.Archive{}, fmt.Errorf("has only a %s digest, want sha256 or sha512", algorithm)
	}
	return hexDigest(word, algorithm)
}

// fromBytes returns a digest of the right length in gostore's notation.
func fromBytes(algorithm string, b []byte) digest.Archive {
	text := "sha256:" + hex.EncodeToString(b)
	if algorithm == "sha512" {
		text = "sha512-" + base64.StdEncoding.EncodeToString(b)
	}
	d, err := digest.ParseArchive(text)
	if err != nil {
		panic(errors.Join(errors.New("listing: a digest of the wrong length"), err)) // hexDigest has checked it
	}
	return d
}
