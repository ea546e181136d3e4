package gomodule

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/release"
)

// usual are the platforms that a release is locked for when none are given, and the host.
var usual = []release.Platform{{OS: "darwin", Arch: "amd64"}, {OS: "darwin", Arch: "arm64"}, {OS: "linux", Arch: "amd64"}, {OS: "linux", Arch: "arm64"}}

// Resolve finds the version that a request means, and the digests of all modules that the program is made of on the platforms, each of which
// the checksum database was asked for. It downloads these modules. Requests are:
//
//	v0.21, v1        the newest release that begins so; a pre-release where there are only those
//	v0.21.1          that one
//	latest, stable   the newest release; pre-releases and retracted versions as the go command has it
//
// The "v" may be left out. The module is the one with the longest path that has the package. What does not exist is a
// *release.NotFoundError, a module that needs a newer Go than Config.Toolchain gives a *ToolchainError, one that the
// database does not know an *UnloggedError.
//
// With platforms nil, those of linux, darwin and the host are resolved that the package has files for.
func (s *Source) Resolve(ctx context.Context, req release.Request, platforms []release.Platform) (release.Release, error) {
	pkg, err := s.packagePath(req.Tool)
	if err != nil {
		return release.Release{}, err
	}
	query, err := parseQuery(req.Version)
	if err != nil {
		return release.Release{}, err
	}
	flags, err := s.flags(req.Tool)
	if err != nil {
		return release.Release{}, err
	}
	dir, done, err := s.workDir()
	if err != nil {
		return release.Release{}, err
	}
	defer done()
	q := resolution{s, req.Tool, pkg, query, flags, platforms}
	for need := oldest; ; {
		r, err := q.with(ctx, dir, need)
		var old *ToolchainError
		if errors.As(err, &old) && newer(old.Need, need) {
			need = old.Need
			continue
		}
		return r, err
	}
}

// workDir makes a directory to work in, which done removes.
func (s *Source) workDir() (dir work, done func(), err error) {
	temp, err := s.temp()
	if err != nil {
		return "", nil, err
	}
	path, err := os.MkdirTemp(temp, "gostore-modules-")
	return work(path), func() { _ = os.RemoveAll(path) }, err // best effort: it is a temporary directory
}

// resolution is a request being resolved.
type resolution struct {
	*Source
	tool, pkg, query string
	flags            []string
	platforms        []release.Platform
}

// with resolves with a toolchain that is at least need where there is one.
func (q resolution) with(ctx context.Context, w work, need string) (release.Release, error) {
	t, done, err := q.config.Toolchain(ctx, need)
	if err != nil {
		return release.Release{}, err
	}
	defer done()
	if newer(oldest, t.Version) {
		return release.Release{}, &ToolchainError{What: "building modules", Need: oldest, Have: t.Version}
	}
	if q.config.Offline {
		return release.Release{}, q.offline(q.pkg + "@" + q.query)
	}
	d, err := q.newDownload(ctx, w, t, q.flags)
	if err != nil {
		return release.Release{}, err
	}
	list, err := d.candidates(ctx, q.tool, q.pkg, q.query)
	if err != nil {
		return release.Release{}, err
	}
	for _, m := range list {
		r, err := q.of(ctx, d, m)
		if !errors.Is(err, errElsewhere) {
			return r, err
		}
	}
	return release.Release{}, fmt.Errorf("module %s@%s has no package %s: %w", list[0].Path, list[0].Version, q.pkg,
		&release.NotFoundError{Tool: q.tool})
}

// of resolves with a module that may have the package.
func (q resolution) of(ctx context.Context, d *download, m listed) (release.Release, error) {
	if m.GoVersion != "" && newer(m.GoVersion, d.toolchain.Version) {
		return release.Release{}, &ToolchainError{What: m.Path + "@" + m.Version, Need: m.GoVersion, Have: d.toolchain.Version}
	}
	from := root{q.pkg, m.Path, m.Version}
	if err := d.require(from); err != nil {
		return release.Release{}, err
	}
	platforms, err := q.load(ctx, d, from)
	if errors.Is(err, errElsewhere) {
		return release.Release{}, err
	}
	// What the go.mod replaces may be why the package cannot be loaded.
	var inside *directiveError
	if bad := checkDirectives(m); errors.As(bad, &inside) || err == nil {
		err = bad
	}
	if err != nil {
		return release.Release{}, err
	}
	parts, err := d.sums()
	if err == nil {
		err = q.share(d.work, parts)
	}
	if err != nil {
		return release.Release{}, err
	}
	i, ok := slices.BinarySearchFunc(parts, m.Path+"@"+m.Version, func(p release.Part, name string) int { return strings.Compare(p.Name, name) })
	if !ok {
		return release.Release{}, fmt.Errorf("the go command states no digest of %s@%s", m.Path, m.Version)
	}
	r := release.Release{
		Tool: q.tool, Version: m.Version, Source: q.Name(), With: "go@" + d.toolchain.Version, Flags: q.flags, Parts: parts,
		Unlogged: slices.Contains(q.flags, flagUnlogged), Archives: map[release.Platform]release.Archive{},
	}
	for _, p := range platforms {
		r.Archives[p] = release.Archive{From: q.pkg + "@" + m.Version, Digest: parts[i].Digest, Size: d.work.zipBytes()}
	}
	return r, nil
}

// load downloads what the package is made of on all platforms, and returns those platforms. One that the package has no files for is
// left out, unless it is the host or was asked for.
func (q resolution) load(ctx context.Context, d *download, m root) ([]release.Platform, error) {
	platforms, must := q.platforms, q.platforms
	if platforms == nil {
		must = []release.Platform{d.host}
		platforms = usual
		if !slices.Contains(platforms, d.host) {
			platforms = append(slices.Clone(platforms), d.host)
		}
	}
	var list []release.Platform
	var missing *release.NotFoundError
	for _, p := range platforms {
		err := d.load(ctx, m, p)
		switch {
		case errors.As(err, &missing) && !slices.Contains(must, p):
		case errors.As(err, &missing):
			return nil, &release.NotFoundError{Tool: q.tool, Version: m.version, Platform: &p}
		case err != nil:
			return nil, err
		default:
			list = append(list, p)
		}
	}
	return list, nil
}

// split takes the package's path and the version from where an item comes from.
func split(item release.Item) (root, error) {
	pkg, version, _ := strings.Cut(item.Archive.From, "@")
	for _, p := range prefixes(pkg) {
		for _, part := range item.Parts {
			if part.Name == p+"@"+version && part.Digest == item.Archive.Digest {
				return root{pkg, p, version}, nil
			}
		}
	}
	return root{}, fmt.Errorf("no part of it is the module of package %q in version %q with the digest %s", pkg, version, item.Archive.Digest)
}

// partDigests returns the digests of parts by name.
func partDigests(parts []release.Part) map[string]digest.Archive {
	m := make(map[string]digest.Archive, len(parts))
	for _, p := range parts {
		m[p.Name] = p.Digest
	}
	return m
}
