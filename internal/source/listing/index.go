package listing

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gostore/internal/digest"
)

// Index is what an index of a known format states.
type Index struct {
	Versions []string
	Channels map[string][]string        // versions by the name that stands for the newest of them: "lts", "jod", "master"
	Files    map[string]map[string]File // by version, then by upstream's name for the platform: "x86_64-linux"; nil when the index states none
}

// File is an archive that an index states.
type File struct {
	URL    string
	Digest digest.Archive
	Size   int64 // 0 when not stated
}

// Node reads the index of nodejs.org, an array of {"version": "v22.1.0", "lts": false or "Jod", …}. Versions are returned
// without their "v". The channel "lts" has those of all long-term lines, and each line's code name, in lower case, its own.
func Node(data []byte) (Index, error) {
	var entries []struct {
		Version string          `json:"version"`
		LTS     json.RawMessage `json:"lts"`
	}
	if err := Decode(data, &entries); err != nil {
		return Index{}, err
	}
	if len(entries) > MaxVersions {
		return Index{}, errTooMany
	}
	x := Index{Channels: map[string][]string{}}
	for i, e := range entries {
		v, ok := strings.CutPrefix(e.Version, "v")
		if !ok {
			return Index{}, fmt.Errorf("element %d: version %.60q does not begin with a v", i, e.Version)
		}
		x.Versions = append(x.Versions, v)
		if string(e.LTS) == "false" {
			continue
		}
		var name string
		if err := json.Unmarshal(e.LTS, &name); err != nil || name == "" {
			return Index{}, fmt.Errorf("element %d: lts is neither false nor a name", i)
		}
		for _, channel := range slices.Compact([]string{"lts", strings.ToLower(name)}) {
			x.Channels[channel] = append(x.Channels[channel], v)
		}
	}
	return x, nil
}

// zigFile is an archive in Zig's index. All its values are strings.
type zigFile struct {
	Tarball string `json:"tarball"`
	Shasum  string `json:"shasum"`
	Size    string `json:"size"`
}

// Zig reads the index of ziglang.org: an object of releases by version, in which "master" is the newest development version
// and states its own "version". A release's members that are objects with a tarball are archives, by platform; the others describe
// it. The source and bootstrap archives are left out.
func Zig(data []byte) (Index, error) {
	var releases map[string]map[string]json.RawMessage
	if err := Decode(data, &releases); err != nil {
		return Index{}, err
	}
	if len(releases) > MaxVersions {
		return Index{}, errTooMany
	}
	x := Index{Channels: map[string][]string{}, Files: map[string]map[string]File{}}
	for _, key := range slices.Sorted(maps.Keys(releases)) {
		version := key
		if own, ok := releases[key]["version"]; ok {
			if json.Unmarshal(own, &version) != nil || version == "" {
				return Index{}, fmt.Errorf("%q: its version is not a string", key)
			}
		}
		files, err := zigFiles(releases[key])
		if err != nil {
			return Index{}, fmt.Errorf("%q: %w", key, err)
		}
		if _, twice := x.Files[version]; twice {
			return Index{}, fmt.Errorf("%q: version %.60q occurs twice", key, version)
		}
		x.Versions = append(x.Versions, version)
		x.Files[version] = files
		if version != key {
			x.Channels[key] = []string{version}
		}
	}
	return x, nil
}

func zigFiles(release map[string]json.RawMessage) (map[string]File, error) {
	files := map[string]File{}
	for platform, raw := range release {
		if platform == "src" || platform == "bootstrap" || !strings.HasPrefix(string(raw), "{") {
			continue
		}
		var f zigFile
		if err := json.Unmarshal(raw, &f); err != nil || f.Tarball == "" {
			return nil, fmt.Errorf("%q: states no tarball", platform)
		}
		d, err := SHA256(f.Shasum)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", platform, err)
		}
		size, err := strconv.ParseInt(f.Size, 10, 64)
		if f.Size != "" && (err != nil || size < 0) {
			return nil, fmt.Errorf("%q: size %.60q is no number of bytes", platform, f.Size)
		}
		files[platform] = File{f.Tarball, d, size}
	}
	return files, nil
}

// SHA256 returns the digest that 64 hexadecimal digits, in either case, are.
func SHA256(s string) (digest.Archive, error) { return hexDigest(s, "sha256") }

// hexDigest returns a digest in gostore's notation for the algorithm "sha256" or "sha512".
func hexDigest(s, algorithm string) (digest.Archive, error) {
	want := map[string]int{"sha256": 32, "sha512": 64}[algorithm]
	b, err := hex.DecodeString(s)
	switch {
	case err != nil:
		return digest.Archive{}, fmt.Errorf("%s digest %.140q is not hexadecimal", algorithm, s)
	case len(b) != want:
		return digest.Archive{}, fmt.Errorf("%s digest %.140q has %d bytes, want %d", algorithm, s, len(b), want)
	}
	return fromBytes(algorithm, b), nil
}
