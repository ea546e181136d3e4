package asset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"gostore/internal/definition"
	"gostore/internal/release"
	"gostore/internal/source/listing"
	"gostore/internal/version"
)

// Resolve finds the version that a request means, and the archives of the wanted platforms with the digests that upstream
// states, without downloading them. A request is a channel that the tool's index knows (lts, jod, master), or what version.Select
// understands. A version with three numbers or more, or a pre-release, need not be listed.
//
// Where the newest version that a request can mean has no archives yet, up to three before it are tried. With platforms nil,
// all that the definition names are resolved; those of which upstream states no digest for this version are left out, but the host must be
// there; else each of the given must be there. What does not exist is a *release.NotFoundError; an upstream that serves
// something else than it should an *IndexError; a digest that nobody states an *UnstatedError. All other errors of any platform
// are errors of Resolve: a release never lacks a platform because of the weather.
func (s *Source) Resolve(ctx context.Context, req release.Request, platforms []release.Platform) (release.Release, error) {
	d, err := s.definition(req.Tool)
	if err != nil {
		return release.Release{}, err
	}
	w := wanted{d: d, platforms: platforms, must: platforms, all: platforms == nil}
	if w.all {
		w.must, w.platforms = []release.Platform{s.host}, served(d)
	}
	for _, p := range w.must {
		if !d.Serves(p) {
			return release.Release{}, &release.NotFoundError{Tool: req.Tool, Version: req.Version, Platform: &p, Have: platformNames(served(d))}
		}
	}
	v, ok := exact(req.Version)
	if !ok || d.Versions.Order == version.Natural || d.Versions.Format == definition.FormatZig {
		return s.search(ctx, w, req.Version, "", nil)
	}
	r, err := s.release(ctx, w, listing.Index{}, v)
	if errors.Is(err, errNoFiles) {
		return s.search(ctx, w, req.Version, v, err)
	}
	return r, err
}

// wanted is what a Resolve looks for.
type wanted struct {
	d         definition.Definition
	platforms []release.Platform
	must      []release.Platform // those of them that have to be there
	all       bool               // platforms are all that the definition has
}

// served returns the platforms of a definition.
func served(d definition.Definition) []release.Platform {
	if len(d.Platforms) == 0 {
		return definition.DefaultPlatforms()
	}
	return d.Platforms
}

// search resolves a request by the list of versions. tried is a version that has no archives, "" for none, and why says so.
func (s *Source) search(ctx context.Context, w wanted, request, tried string, why error) (release.Release, error) {
	x, err := s.list(ctx, w.d)
	if err != nil {
		if tried != "" && ctx.Err() == nil { // without a list nothing can be suggested, but the answer is the same
			err = fmt.Errorf("%w: %w", &release.NotFoundError{Tool: w.d.Name, Version: tried}, why)
		}
		return release.Release{}, err
	}
	var without []string
	for _, v := range candidates(request, x, w.d.Versions.Order) {
		if v != tried {
			r, err := s.release(ctx, w, x, v)
			if !errors.Is(err, errNoFiles) {
				return r, err
			}
			why = cmp.Or(why, err) // the newest one's
		}
		without = append(without, v)
	}
	missing := &release.NotFoundError{Tool: w.d.Name, Version: request}
	near := w.d.Versions.Order.Nearest(request, slices.DeleteFunc(x.Versions, func(v string) bool { return slices.Contains(without, v) }))
	missing.Have = near[:min(len(near), maxNearest)]
	if len(without) > 0 {
		return release.Release{}, fmt.Errorf("%w: %s: %w", missing, strings.Join(without, ", "), why)
	}
	return release.Release{}, missing
}

// release resolves one version. errNoFiles is in the error when upstream has nothing of it for any platform.
func (s *Source) release(ctx context.Context, w wanted, x listing.Index, v string) (release.Release, error) {
	r := release.Release{Tool: w.d.Name, Version: v, Source: s.Name(), Unlogged: true, FirstUse: w.d.FirstUse && x.Files == nil, Layout: w.d.LayoutFor(v)}
	var without map[release.Platform]error
	var err error
	if r.Archives, without, err = s.archives(ctx, w, x, v); err != nil {
		return release.Release{}, fmt.Errorf("%s@%s: %w", w.d.Name, v, err)
	}
	for _, p := range w.must {
		if _, ok := r.Archives[p]; !ok {
			return release.Release{}, s.missing(ctx, w, x, r, p, without[p])
		}
	}
	_ = s.sizes(ctx, r.Archives) // best effort
	return r, nil
}

// archives returns the archives of a version, and for platforms that are without one why, if there is more to say.
func (s *Source) archives(ctx context.Context, w wanted, x listing.Index, v string) (archives map[release.Platform]release.Archive, without map[release.Platform]error, err error) {
	switch {
	case x.Files != nil:
		archives, err = indexed(w, x, v)
	case w.d.FirstUse:
		archives, err = s.trusted(ctx, w, v)
	default:
		archives, without, err = s.stated(ctx, w, v)
	}
	return archives, without, err
}

// missing says that a version is not there for p, or, with errNoFiles, for no platform. why is more about p, or nil.
func (s *Source) missing(ctx context.Context, w wanted, x listing.Index, r release.Release, p release.Platform, why error) error {
	w.platforms = served(w.d)
	all := r.Archives
	if !w.all && !r.FirstUse { // with FirstUse all would be downloaded, to name them
		var err error
		if all, _, err = s.archives(ctx, w, x, r.Version); err != nil {
			return fmt.Errorf("%s@%s: %w", r.Tool, r.Version, err)
		}
	}
	var answer error = &release.NotFoundError{Tool: r.Tool, Version: r.Version, Platform: &p, Have: platformNames(slices.Collect(maps.Keys(all)))}
	if len(all) == 0 {
		answer = errNoFiles
	}
	if why != nil {
		answer = fmt.Errorf("%w: %w", answer, why)
	}
	return answer
}

// indexed returns the archives that an index states.
func indexed(w wanted, x listing.Index, v string) (map[release.Platform]release.Archive, error) {
	archives := map[release.Platform]release.Archive{}
	for _, p := range w.platforms {
		os, arch := w.d.Upstream(p)
		f, ok := x.Files[v][arch+"-"+os]
		if !ok {
			continue
		}
		if err := checkArchiveURL(f.URL); err != nil {
			return nil, indexError(w.d.Versions.Index, fmt.Errorf("states %q for %s: %w", f.URL, p, err))
		}
		archives[p] = release.Archive{From: f.URL, Digest: f.Digest, Size: f.Size}
	}
	return archives, nil
}

// isMissing reports whether an error says that something is not there, as opposed to that it could not be read.
func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
