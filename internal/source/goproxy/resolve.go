package goproxy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
)

const (
	// parallel is how many requests are on their way at once: 41 lookups through a public
	// proxy then take 0.5 to 3 s.
	parallel = 16

	// sizePatience bounds how long a Resolve waits for sizes, which are mere hints.
	sizePatience = 10 * time.Second

	// listLimit bounds an @v/list. One with all that exists has about 400 kB.
	listLimit = 16 << 20
)

// Versions returns the versions that the proxy lists for the host platform, newest last.
func (s *Source) Versions(ctx context.Context) ([]string, error) {
	l, err := s.list(ctx)
	if err != nil {
		return nil, err
	}
	return l.versions(s.host), nil
}

// list reads the list of the first proxy that has one.
func (s *Source) list(ctx context.Context) (listing, error) {
	var l listing
	err := s.proxies.try(func(base string) error {
		data, err := s.client.Get(ctx, join(base, modulePath+"/@v/list"), listLimit)
		l = parseList(data)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing Go toolchains: %w", err)
	}
	if s.listed != nil {
		s.listed(l.versions(s.host))
	}
	return l, nil
}

// Resolve finds the version that a request means, and the archives of the wanted platforms with their
// digests, without downloading them. Requests are:
//
//	1.22             the newest release of Go 1.22
//	1.22.6, 1.27rc1  that one, whether listed or not
//	1.20.0           the release named 1.20, the first of its series (before Go 1.21)
//	1                the newest release of Go 1
//	latest, stable   the newest release, never a pre-release; so is the empty request
//
// Each may begin with "go"; anything else is a *RequestError. The newest is the newest
// that the proxy lists for the first of the wanted platforms, or for the host.
//
// With platforms nil, all platforms are resolved that the checksum database knows, which
// must include the host; else each of the given must be known. A version or platform that does not
// exist is a *release.NotFoundError. All other errors of any platform are errors of Resolve: a
// Release never lacks a platform because of the weather.
func (s *Source) Resolve(ctx context.Context, req release.Request, platforms []release.Platform) (release.Release, error) {
	if req.Tool != tool {
		return release.Release{}, &release.NotFoundError{Tool: req.Tool}
	}
	q, err := parseQuery(req.Version)
	if err != nil {
		return release.Release{}, err
	}
	must, wanted := platforms, platforms
	if platforms == nil {
		must, wanted = []release.Platform{s.host}, s.allPlatforms()
	}
	v := q.exact
	if v == "" {
		if v, err = s.newest(ctx, q, must[0]); err != nil {
			return release.Release{}, err
		}
	}
	r := release.Release{Tool: req.Tool, Version: v, Source: s.Name()}
	r.Archives, r.Unlogged, err = s.archives(ctx, v, wanted)
	if err != nil {
		return release.Release{}, err
	}
	for _, p := range must {
		if _, ok := r.Archives[p]; !ok {
			return release.Release{}, s.missing(ctx, v, p, r.Archives)
		}
	}
	s.sizes(ctx, v, r.Archives)
	return r, nil
}

// allPlatforms returns all ports, and the host even if it is none.
func (s *Source) allPlatforms() []release.Platform {
	all := platforms()
	if !slices.Contains(all, s.host) {
		all = append(all, s.host)
	}
	return all
}

// newest resolves the request for a series.
func (s *Source) newest(ctx context.Context, q query, p release.Platform) (string, error) {
	l, err := s.list(ctx)
	if err != nil {
		return "", err
	}
	if len(l) == 0 {
		return "", fmt.Errorf("go@%s: the module proxy lists no Go toolchains; an exact version, such as go@1.22.6, needs no list", q.series)
	}
	here := l.versions(p)
	v, pre := q.newest(here)
	if v != "" {
		return v, nil
	}
	if elsewhere, _ := q.newest(l.all()); elsewhere != "" {
		return "", &release.NotFoundError{Tool: tool, Version: elsewhere, Platform: &p, Have: platformNames(l[elsewhere])}
	}
	missing := &release.NotFoundError{Tool: tool, Version: q.series, Have: nearest(here, q)}
	if len(pre) > 0 {
		slices.Reverse(pre)
		missing.Have = pre
		return "", fmt.Errorf("%w: there are pre-releases only, %s", missing, strings.Join(pre, ", "))
	}
	return "", missing
}

// archives looks up a version's digest for each platform. Platforms that the database does
// not know are left out. unlogged says that the database was not consulted.
func (s *Source) archives(ctx context.Context, v string, platforms []release.Platform) (archives map[release.Platform]release.Archive, unlogged bool, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	session := s.newSession(ctx)
	var mu sync.Mutex
	archives = map[release.Platform]release.Archive{}
	for _, p := range platforms {
		g.Go(func() error {
			d, err := session.lookup(moduleVersion(v, p))
			alone := errors.Is(err, errNotConsulted)
			if alone {
				d, err = s.hashLocal(ctx, v, p)
			}
			if errors.Is(err, errNotLogged) {
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			unlogged = unlogged || alone
			archives[p] = release.Archive{From: from(v, p), Digest: d}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, false, err
	}
	return archives, unlogged, nil
}

// hashLocal returns the digest of a zip in a directory of which there is no other account;
// errNotLogged when no directory has it. A module cache keeps the digest beside the zip, in a .ziphash; that
// is as good as the zip itself, which must have that digest when it is unpacked.
func (s *Source) hashLocal(ctx context.Context, v string, p release.Platform) (d digest.Archive, err error) {
	err = s.proxies.try(func(base string) error {
		file, ok := fetch.Local(join(base, zipPath(v, p)))
		if !ok {
			return fs.ErrNotExist
		}
		if text, readErr := os.ReadFile(file + "hash"); readErr == nil {
			if d, err = digest.ParseArchive(strings.TrimSpace(string(text))); err == nil && d.Algorithm() == "h1" {
				return nil
			}
		}
		return withZip(file, func(f *os.File, size int64) (err error) {
			d, err = moduleZip(v, p).Hash(ctx, f, size)
			return err
		})
	})
	if errors.Is(err, fs.ErrNotExist) {
		return d, errNotLogged
	}
	return d, err
}

// sizes asks how large the archives are, of the first proxy that has each. A size is a hint:
// what cannot be learnt stays 0.
func (s *Source) sizes(ctx context.Context, v string, archives map[release.Platform]release.Archive) {
	ctx, cancel := context.WithTimeout(ctx, sizePatience)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(parallel)
	var mu sync.Mutex
	for _, p := range slices.Collect(maps.Keys(archives)) { // the map changes below
		g.Go(func() error {
			size := int64(-1)
			_ = s.proxies.try(func(base string) (err error) { // best effort
				size, err = s.client.Size(ctx, join(base, zipPath(v, p)))
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			a := archives[p]
			a.Size = max(size, 0)
			archives[p] = a
			return nil
		})
	}
	_ = g.Wait() // no size is not an error
}

// missing explains that v does not exist for p: does it exist at all? What a proxy lists does; then a database
// without it is in error, or is kept from saying so.
func (s *Source) missing(ctx context.Context, v string, p release.Platform, found map[release.Platform]release.Archive) error {
	l, err := s.list(ctx) // without a list nothing can be suggested, but the answer is the same
	if err != nil && ctx.Err() != nil {
		return err
	}
	if slices.Contains(l[v], p) {
		return s.dbError(moduleVersion(v, p), errors.New("it has no record of this, although the module proxy lists it"))
	}
	served := slices.Clone(l[v])
	for q := range found {
		served = append(served, q)
	}
	if len(served) == 0 {
		if all, _, err := s.archives(ctx, v, platforms()); err == nil {
			for q := range all {
				served = append(served, q)
			}
		}
	}
	served = slices.DeleteFunc(served, func(q release.Platform) bool { return q == p })
	if len(served) > 0 {
		return &release.NotFoundError{Tool: tool, Version: v, Platform: &p, Have: platformNames(served)}
	}
	return &release.NotFoundError{Tool: tool, Version: v, Have: nearest(l.versions(p), query{exact: v})}
}

func platformNames(list []release.Platform) []string {
	list = slices.Clone(list)
	slices.SortFunc(list, release.Platform.Compare)
	var names []string
	for _, p := range slices.Compact(list) {
		names = append(names, p.String())
	}
	return names
}
