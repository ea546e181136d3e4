package asset

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gostore/internal/archive"
	"gostore/internal/definition"
	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
)

// URLConfig says what a URL that somebody gives stands for. Fetch and Unpack need the client only.
type URLConfig struct {
	Client *fetch.Client    // nil is a zero Client
	Host   release.Platform // what is resolved when no platforms are given; zero is this one

	// Template is the archive's URL, with {version}, {os}, {arch}, {major} and {minor} (Go's names of systems and
	// architectures) wherever they belong, behind the host. It becomes the release's Origin.
	Template string
	// Digests are those of the archives, which somebody has seen stated, by platform; Digest is that of the only one
	// there is, for a Template without {os} and {arch}, or when one platform is asked for. A release of another version
	// has other digests: they have to be given again when a lock is updated.
	Digests map[release.Platform]digest.Archive
	Digest  digest.Archive
	// FirstUse is as in Config: archives without a digest are downloaded to it, and have the digest that they have then. "" trusts
	// nobody.
	FirstUse string

	Layout release.Layout // zero where the tree decides
}

// URL gets releases from a URL that somebody gives. It is safe for concurrent use.
type URL struct {
	getter
	c URLConfig
}

// NewURL returns a source of what c describes. It reads nothing.
func NewURL(c URLConfig) *URL {
	s := &URL{newGetter(c.Client, c.Host, c.FirstUse), c}
	s.plain = true
	return s
}

// Name returns "url", which stands in locks.
func (s *URL) Name() string { return "url" }

// Layout returns the one that was given when the release was resolved.
func (s *URL) Layout(r release.Release) release.Layout { return r.Layout }

// Resolve returns the release whose version is the request's, whatever tool it is for: behind a URL there is no list to look anything
// up in, so "latest" is an error. With platforms nil, the release has those of which the digests are given, else the host.
//
// An archive of which no digest is given is an *UnstatedError, or, with FirstUse, downloaded: then the release says so. One
// that the server says does not exist is a *release.NotFoundError. Plain http is allowed for archives whose digest is given, else only on
// this machine itself.
func (s *URL) Resolve(ctx context.Context, req release.Request, platforms []release.Platform) (release.Release, error) {
	if req.Version == release.Latest {
		return release.Release{}, fmt.Errorf("%q: a URL lists no versions: the request has to name one", req.Tool)
	}
	urls, err := s.expand(req.Version, s.platforms(platforms))
	if err != nil {
		return release.Release{}, fmt.Errorf("%s: %w", req, err)
	}
	r := release.Release{
		Tool: req.Tool, Version: req.Version, Source: s.Name(), Unlogged: true,
		Origin: s.c.Template, Layout: s.c.Layout, Archives: map[release.Platform]release.Archive{},
	}
	first := map[release.Platform]string{}
	for _, p := range slices.SortedFunc(maps.Keys(urls), release.Platform.Compare) {
		d, err := s.stated(p, len(urls))
		switch {
		case err != nil:
			return release.Release{}, fmt.Errorf("%s: %w", req, err)
		case !d.IsZero():
			r.Archives[p] = release.Archive{From: urls[p], Digest: d}
		case s.firstUse == "":
			return release.Release{}, &UnstatedError{req.Tool, req.Version, p, fetch.Redact(urls[p])}
		default:
			first[p] = urls[p]
		}
	}
	if err := s.sizes(ctx, r.Archives); err != nil {
		return release.Release{}, fmt.Errorf("%w: %w", &release.NotFoundError{Tool: req.Tool, Version: req.Version}, err)
	}
	if err := s.trustFirst(ctx, &r, first); err != nil {
		return release.Release{}, err
	}
	return r, nil
}

// trustFirst adds archives of which no digest is given.
func (s *URL) trustFirst(ctx context.Context, r *release.Release, urls map[release.Platform]string) error {
	for _, u := range urls {
		if err := checkArchiveURL(u); err != nil {
			return fmt.Errorf("%s@%s: trusting %q on first use: %w", r.Tool, r.Version, fetch.Redact(u), err)
		}
		r.FirstUse = true
	}
	found, err := s.trustAll(ctx, urls)
	if err != nil {
		return err
	}
	for p, u := range urls {
		a, ok := found[p]
		if !ok {
			return fmt.Errorf("%w: %q does not exist", &release.NotFoundError{Tool: r.Tool, Version: r.Version, Platform: &p}, fetch.Redact(u))
		}
		r.Archives[p] = a
	}
	return nil
}

// platforms returns what to resolve.
func (s *URL) platforms(asked []release.Platform) []release.Platform {
	switch {
	case asked != nil:
		return asked
	case len(s.c.Digests) > 0:
		return slices.Collect(maps.Keys(s.c.Digests))
	}
	return []release.Platform{s.host}
}

// expand returns the URL of each platform's archive.
func (s *URL) expand(version string, platforms []release.Platform) (map[release.Platform]string, error) {
	template := s.c.Template
	if rest, ok := strings.CutPrefix(template, "http://"); ok {
		template = "https://" + rest // trustFirst is stricter about this; what else is wrong?
	}
	if err := definition.CheckURL(template); err != nil {
		return nil, err
	}
	urls := map[release.Platform]string{}
	for _, p := range platforms {
		u, err := definition.Definition{Name: "url", URL: s.c.Template}.Archive(version, p)
		if err != nil {
			return nil, err
		}
		urls[p] = u
	}
	return urls, nil
}

// stated returns the digest that is given for a platform, if there is one.
func (s *URL) stated(p release.Platform, platforms int) (digest.Archive, error) {
	if d, ok := s.c.Digests[p]; ok {
		return d, usable(d)
	}
	if s.c.Digest.IsZero() {
		return digest.Archive{}, nil
	}
	if platforms > 1 && (strings.Contains(s.c.Template, "{os}") || strings.Contains(s.c.Template, "{arch}")) {
		return digest.Archive{}, fmt.Errorf("one digest cannot be that of %d platforms' archives", platforms)
	}
	return s.c.Digest, usable(s.c.Digest)
}

// usable reports whether d can be the digest of any archive: h1 is for Go's modules only.
func usable(d digest.Archive) error {
	if a := d.Algorithm(); a != "sha256" && a != "sha512" {
		return fmt.Errorf("digest %q: want sha256:… or sha512-…", d)
	}
	return nil
}

// Fetch downloads an item's archive to the file part, through mirrors and going on where it stopped before, and returns its
// path. What Resolve downloaded to FirstUse is used where it is.
func (s *URL) Fetch(ctx context.Context, item release.Item, part string, progress func(done, total int64)) (string, error) {
	return s.download(ctx, item, part, progress)
}

// Unpack unpacks what Fetch returned. The sink must be dropped when there is an error: that the digest is wrong is known at the
// end only.
func (s *URL) Unpack(ctx context.Context, item release.Item, path string, sink archive.Sink, progress func(n int64)) error {
	return unpack(ctx, item, path, sink, progress)
}

// Versions returns an error: behind a URL there is no list.
func (s *URL) Versions(context.Context, string) ([]string, error) {
	return nil, errors.New("a URL lists no versions")
}
