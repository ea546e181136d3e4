// Package godev gets Go toolchains from the download index of go.dev: archives as the Go project builds them, for every
// version and platform that it ever published.
//
// The digests are those of the index, for which only the server vouches. Where the same toolchain is also a module version, the
// checksum database states the h1 of its module zip, and what an archive unpacks to determines that h1: the zip has the same files
// without the directories api, doc, misc and test. So a release that was resolved with Config.Logged is tied to the database: its locked
// archives carry the h1, and what they unpack to is compared with it (0.16 s of processor time for Go 1.26.8, whose distribution for
// linux/amd64 was seen to have the h1 that the database states). It says nothing about the four directories and about which files
// are executable; for those the archive's SHA-256 in the lock decides.
package godev

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
	"gostore/internal/source/goproxy"
)

const (
	// DefaultIndex is the index of the Go project's own server. It has 3 MB.
	DefaultIndex = "https://go.dev/dl/?mode=json&include=all"

	// indexLimit bounds an index.
	indexLimit = 64 << 20

	// archiveLimit bounds downloads: the largest toolchain archive has 200 MB.
	archiveLimit = 1 << 30

	// parallel is how many lookups in the checksum database are on their way at once.
	parallel = 16

	// tool is the only tool that comes from here.
	tool = "go"
)

// Config says where toolchains come from.
type Config struct {
	Client *fetch.Client    // nil is a zero Client
	Index  string           // URL of an index in the format of go.dev; archives are beside it. "" is DefaultIndex
	Host   release.Platform // the platform that requests are resolved for; zero is this one's

	// Logged returns the h1 that the checksum database states for a toolchain's module zip, as goproxy.Source.Logged does. An error
	// for which errors.Is(err, fs.ErrNotExist) holds says that it has none. nil: the database cannot be asked.
	Logged func(ctx context.Context, goVersion string, p release.Platform) (digest.Archive, error)

	// Listed, unless nil, is told the versions for the host platform whenever the index was read, from any goroutine.
	Listed func(versions []string)
}

// Source gets Go toolchains. It is safe for concurrent use.
type Source struct {
	c    Config
	base *url.URL // the directory of the index
}

// New checks c. It reads nothing.
func New(c Config) (*Source, error) {
	if c.Client == nil {
		c.Client = new(fetch.Client)
	}
	if c.Index == "" {
		c.Index = DefaultIndex
	}
	if c.Host == (release.Platform{}) {
		c.Host = release.Host()
	}
	u, err := url.Parse(c.Index)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "file" {
		return nil, fmt.Errorf("index of Go toolchains %q: want an https, http or file URL", fetch.Redact(c.Index))
	}
	dir, _ := path.Split(u.Path)
	base := *u
	base.Path, base.RawPath, base.RawQuery, base.Fragment = "/"+trimSlash(dir), "", "", ""
	return &Source{c, &base}, nil
}

func trimSlash(s string) string {
	for len(s) > 0 && s[0] == '/' {
		s = s[1:]
	}
	return s
}

// Name returns "godev", which stands in locks.
func (s *Source) Name() string { return "godev" }

// Layout returns how a toolchain presents itself: the same wherever it came from.
func (s *Source) Layout(r release.Release) release.Layout { return goproxy.Layout(r.Version) }

// Versions returns the versions that the index lists for the host platform, newest last.
func (s *Source) Versions(ctx context.Context) ([]string, error) {
	x, err := s.index(ctx)
	if err != nil {
		return nil, err
	}
	return x.versions(s.c.Host), nil
}

// index reads the index.
func (s *Source) index(ctx context.Context) (index, error) {
	data, err := s.c.Client.Get(ctx, s.c.Index, indexLimit)
	if err != nil {
		return nil, fmt.Errorf("listing Go toolchains: %w", err)
	}
	x, err := parseIndex(data)
	if err != nil {
		return nil, fmt.Errorf("listing Go toolchains: what %q serves %w", fetch.Redact(s.c.Index), err)
	}
	if s.c.Listed != nil {
		s.c.Listed(x.versions(s.c.Host))
	}
	return x, nil
}

// Resolve finds the version that a request means, with the archives and digests that the index states, and what the checksum
// database states of them. Requests are those of goproxy.Source.Resolve, and so are its errors; an index that is not one
// is an error that names its URL. With platforms nil all that the index has are resolved, the host among them; else each of the
// given must be there.
func (s *Source) Resolve(ctx context.Context, req release.Request, platforms []release.Platform) (release.Release, error) {
	if req.Tool != tool {
		return release.Release{}, &release.NotFoundError{Tool: req.Tool}
	}
	must := platforms
	if platforms == nil {
		must = []release.Platform{s.c.Host}
	}
	if _, err := goproxy.Select(req.Version, nil); errors.As(err, new(*goproxy.RequestError)) {
		return release.Release{}, err // before anything is asked for
	}
	x, err := s.index(ctx)
	if err != nil {
		return release.Release{}, err
	}
	v, err := x.choose(req.Version, must)
	if err != nil {
		return release.Release{}, err
	}
	if platforms == nil {
		platforms = slices.Collect(maps.Keys(x[v]))
	}
	r := release.Release{Tool: tool, Version: v, Source: s.Name()}
	r.Archives, r.Unlogged, err = s.archives(ctx, x, v, platforms)
	return r, err
}

// archives returns what x states of a version. unlogged says that the checksum database does not know all of it.
func (s *Source) archives(ctx context.Context, x index, v string, platforms []release.Platform) (archives map[release.Platform]release.Archive, unlogged bool, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	var mu sync.Mutex
	archives = map[release.Platform]release.Archive{}
	for _, p := range platforms {
		group.Go(func() error {
			f := x[v][p]
			a := release.Archive{From: s.base.JoinPath(f.name).String(), Digest: f.digest, Size: f.size}
			var err error
			if a.Logged, err = s.logged(ctx, v, p); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			unlogged = unlogged || a.Logged.IsZero()
			archives[p] = a
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, false, err
	}
	return archives, unlogged, nil
}

// logged returns the h1 that the checksum database states, zero when it has none or cannot be asked.
func (s *Source) logged(ctx context.Context, v string, p release.Platform) (digest.Archive, error) {
	if s.c.Logged == nil {
		return digest.Archive{}, nil
	}
	d, err := s.c.Logged(ctx, v, p)
	if errors.Is(err, fs.ErrNotExist) {
		return digest.Archive{}, nil
	}
	return d, err
}

// Fetch downloads an item's archive to the file part, through mirrors and going on where it stopped before, and returns its
// path; the file that a file:// URL names is used where it is.
//
// Where the lock states what the database logged, the database is asked again before anything is downloaded: another answer than the
// lock's is a *digest.MismatchError, a database that contradicts itself a *goproxy.SumDBError. If it cannot be reached the lock is
// believed; the archive has to fit it in any case.
func (s *Source) Fetch(ctx context.Context, item release.Item, part string, progress func(done, total int64)) (string, error) {
	if err := s.vouch(ctx, item); err != nil {
		return "", err
	}
	from := item.Archive.From
	if local, ok := fetch.Local(from); ok {
		_, err := os.Stat(local)
		return local, err
	}
	err := s.c.Client.Download(ctx, from, part, fetch.Options{MaxSize: max(archiveLimit, 2*item.Archive.Size), Progress: progress})
	if err != nil {
		return "", fmt.Errorf("downloading Go %s: %w", item.Version, err)
	}
	return part, nil
}

// vouch compares what the lock says is logged with what the checksum database says.
func (s *Source) vouch(ctx context.Context, item release.Item) error {
	want := item.Archive.Logged
	if want.IsZero() || s.c.Logged == nil {
		return nil
	}
	got, err := s.c.Logged(ctx, item.Version, item.Platform)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		got, err = digest.Archive{}, nil
	case err != nil && ctx.Err() == nil && !errors.As(err, new(*goproxy.SumDBError)):
		return nil
	}
	if err != nil || got == want {
		return err
	}
	found := got.String()
	if got.IsZero() {
		found = "not there"
	}
	return &digest.MismatchError{What: goproxy.Module(item.Version, item.Platform) + " in the checksum database", Want: want.String(), Got: found}
}

// Unpack unpacks what Fetch returned, and compares it with the archive's digest and with what the checksum database logged,
// where the lock has that. The sink must be dropped when there is an error: that something is wrong is known at the end only.
func (s *Source) Unpack(ctx context.Context, item release.Item, file string, sink archive.Sink, progress func(n int64)) error {
	from := fetch.Redact(item.Archive.From)
	if item.Archive.Digest.IsZero() {
		return fmt.Errorf("unpacking %q: no digest is known for it", from)
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	opt := archive.Options{Want: item.Archive.Digest}
	if item.Archive.Logged.IsZero() {
		err = archive.Unpack(ctx, f, info.Size(), opt, sink, progress)
	} else {
		l := &logger{Sink: sink}
		if err = archive.Unpack(ctx, f, info.Size(), opt, l, progress); err == nil {
			err = l.compare(item)
		}
	}
	if err != nil {
		return fmt.Errorf("unpacking %q: %w", from, err)
	}
	return nil
}

// Doubt is told that what was downloaded for an item is wrong. It reports whether go.dev itself may serve something else than the mirrors
// did.
func (s *Source) Doubt(item release.Item) bool { return s.c.Client.Distrust(item.Archive.From) }
