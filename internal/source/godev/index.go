package godev

import (
	"fmt"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/source/goproxy"
	"gostore/internal/source/listing"
)

// index is what an index states: an archive for each platform of each version.
type index map[string]map[release.Platform]file

type file struct {
	name   string
	digest digest.Archive
	size   int64
}

// parseIndex reads an index in the format of https://go.dev/dl/?mode=json (documented in golang.org/x/website/internal/dl): an array of releases,
// each with a version and files. Files of other kinds than "archive" are left out, and so are old ones without a SHA-256, or for
// a version of a system only, which their names tell; so is Go 1.0. 32-bit ARM is called armv6l there.
func parseIndex(data []byte) (index, error) {
	var releases []struct {
		Version string
		Files   []struct {
			Filename, OS, Arch, SHA256, Kind string
			Size                             int64
		}
	}
	if err := listing.Decode(data, &releases); err != nil {
		return nil, err
	}
	if len(releases) == 0 {
		return nil, fmt.Errorf("lists no versions")
	}
	x := index{}
	for _, r := range releases {
		v, ok := strings.CutPrefix(r.Version, "go")
		if !ok {
			return nil, fmt.Errorf("has a version %.60q, which does not begin with \"go\"", r.Version)
		}
		if !goproxy.IsVersion(v) {
			continue
		}
		if x[v] != nil {
			return nil, fmt.Errorf("has the version %q twice", r.Version)
		}
		x[v] = map[release.Platform]file{}
		for _, f := range r.Files {
			stem := r.Version + "." + f.OS + "-" + f.Arch
			if f.Kind != "archive" || f.SHA256 == "" || f.Filename != stem+".tar.gz" && f.Filename != stem+".zip" {
				continue
			}
			if err := x.add(v, file{name: f.Filename, size: f.Size}, f.OS, f.Arch, f.SHA256); err != nil {
				return nil, fmt.Errorf("states of %.100q: %w", f.Filename, err)
			}
		}
	}
	return x, nil
}

// add enters an archive.
func (x index) add(v string, f file, os, arch, sum string) error {
	if arch == "armv6l" {
		arch = "arm"
	}
	p, err := release.ParsePlatform(os + "/" + arch)
	if err != nil {
		return err
	}
	if f.digest, err = listing.SHA256(sum); err != nil {
		return err
	}
	if f.size < 0 {
		return fmt.Errorf("size %d is negative", f.size)
	}
	if _, twice := x[v][p]; twice {
		return fmt.Errorf("a second archive for %s", p)
	}
	x[v][p] = f
	return nil
}

// versions returns the versions listed for p, newest last.
func (x index) versions(p release.Platform) []string {
	return x.list(func(platforms map[release.Platform]file) bool {
		_, ok := platforms[p]
		return ok
	})
}

// list returns the versions that are wanted, newest last.
func (x index) list(wanted func(map[release.Platform]file) bool) []string {
	var list []string
	for v, platforms := range x {
		if wanted(platforms) {
			list = append(list, v)
		}
	}
	goproxy.SortVersions(list)
	return list
}

// choose returns the version that a request means on the first of some platforms, and that all of them have.
func (x index) choose(request string, platforms []release.Platform) (string, error) {
	here := x.versions(platforms[0])
	v, err := goproxy.Select(request, here)
	if err != nil {
		everywhere := x.list(func(platforms map[release.Platform]file) bool { return len(platforms) > 0 })
		elsewhere, no := goproxy.Select(request, everywhere)
		if no != nil {
			return "", err
		}
		v = elsewhere
	}
	if len(x[v]) == 0 {
		return "", &release.NotFoundError{Tool: tool, Version: v, Have: goproxy.Nearest(v, here)}
	}
	for _, p := range platforms {
		if _, ok := x[v][p]; !ok {
			return "", &release.NotFoundError{Tool: tool, Version: v, Platform: &p, Have: platformNames(x[v])}
		}
	}
	return v, nil
}
