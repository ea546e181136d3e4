package listing

import (
	"fmt"
	"io/fs"
	"strings"

	"gostore/internal/digest"
)

// githubRelease finds the digest of a file in what GitHub's interface says about a release
// (https://docs.github.com/en/rest/releases/releases, "Get a release by tag name"): an object whose "assets" have a "name" and, where
// they were uploaded since June 2025, a "digest" that GitHub computed then: "sha256:" and hexadecimal digits. It is for
// upstreams that publish no checksums of their own.
func githubRelease(data []byte, name string) (digest.Archive, error) {
	var r struct {
		Assets []struct {
			Name   string `json:"name"`
			Digest string `json:"digest"` // null for what is older
		} `json:"assets"`
	}
	if err := Decode(data, &r); err != nil {
		return digest.Archive{}, err
	}
	var found digest.Archive
	for _, a := range r.Assets {
		if a.Name != name {
			continue
		}
		sum, ok := strings.CutPrefix(a.Digest, "sha256:")
		switch {
		case a.Digest == "":
			return digest.Archive{}, fmt.Errorf("states no digest of %q, which is from before June 2025: %w", name, fs.ErrNotExist)
		case !ok:
			return digest.Archive{}, fmt.Errorf("states %.80q for %q, want a sha256 digest", a.Digest, name)
		}
		d, err := SHA256(sum)
		if err != nil {
			return digest.Archive{}, fmt.Errorf("%q: %w", name, err)
		}
		if found != (digest.Archive{}) && found != d {
			return digest.Archive{}, fmt.Errorf("states two digests of %q", name)
		}
		found = d
	}
	if found == (digest.Archive{}) {
		return digest.Archive{}, fmt.Errorf("has no asset %q: %w", name, fs.ErrNotExist)
	}
	return found, nil
}
