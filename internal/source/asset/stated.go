package asset

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
	"gostore/internal/source/listing"
)

// checksumLimit bounds checksum files. One with a line for each of 400 archives has 50 kB.
const checksumLimit = 4 << 20

// answer is what a server said to the request for a checksum file.
type answer struct {
	data []byte
	err  error // that the file does not exist
}

// stated returns the archives of a version with the digests that checksum files state. Platforms of which they state none,
// or whose checksum file does not exist, are left out; without says why.
func (s *Source) stated(ctx context.Context, w wanted, v string) (archives map[release.Platform]release.Archive, without map[release.Platform]error, err error) {
	from, sums := map[release.Platform]string{}, map[release.Platform]string{}
	files := map[string]answer{}
	for _, p := range w.platforms {
		if from[p], err = w.d.Archive(v, p); err != nil {
			return nil, nil, err
		}
		if sums[p], err = w.d.ChecksumsURL(v, p); err != nil {
			return nil, nil, err
		}
		if sums[p] == "" {
			return nil, nil, &UnstatedError{w.d.Name, v, p, fetch.Redact(from[p])}
		}
		files[sums[p]] = answer{}
	}
	if err := s.getAll(ctx, files); err != nil {
		return nil, nil, err
	}
	archives, without = map[release.Platform]release.Archive{}, map[release.Platform]error{}
	for p, url := range sums {
		file := files[url]
		a, err := release.Archive{From: from[p]}, file.err
		if err == nil {
			a.Digest, err = checksum(file.data, url, a.From)
		}
		switch {
		case isMissing(err):
			without[p] = err
		case err != nil:
			return nil, nil, err
		default:
			archives[p] = a
		}
	}
	return archives, without, nil
}

// checksum finds the digest of an archive in a checksum file. A file that is named after the archive, such as x.tar.gz.sha256,
// may be its digest alone.
func checksum(data []byte, url, archive string) (digest.Archive, error) {
	name := baseName(archive)
	d, err := listing.Checksum(data, name, strings.HasPrefix(baseName(url), name))
	if err != nil {
		return d, indexError(url, err)
	}
	return d, nil
}

// getAll reads the URLs that are the keys of files.
func (s *Source) getAll(ctx context.Context, files map[string]answer) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	var mu sync.Mutex
	for _, url := range slices.Sorted(maps.Keys(files)) {
		group.Go(func() error {
			data, err := s.client.Get(ctx, url, checksumLimit)
			if err != nil && !isMissing(err) {
				return fmt.Errorf("asking for checksums: %w", err)
			}
			mu.Lock()
			defer mu.Unlock()
			files[url] = answer{data, err}
			return nil
		})
	}
	return group.Wait()
}

// trusted downloads the archives of a version of which nobody states a digest. Those that do not exist are left out.
func (s *Source) trusted(ctx context.Context, w wanted, v string) (map[release.Platform]release.Archive, error) {
	urls := map[release.Platform]string{}
	for _, p := range w.platforms {
		from, err := w.d.Archive(v, p)
		if err != nil {
			return nil, err
		}
		if s.firstUse == "" {
			return nil, &UnstatedError{w.d.Name, v, p, fetch.Redact(from)}
		}
		urls[p] = from
	}
	return s.trustAll(ctx, urls)
}

// trustAll downloads archives of which nobody states a digest. Those that do not exist are left out.
func (g getter) trustAll(ctx context.Context, urls map[release.Platform]string) (map[release.Platform]release.Archive, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel / 2)
	var mu sync.Mutex
	byURL := map[string]release.Archive{}
	for _, url := range slices.Compact(slices.Sorted(maps.Values(urls))) {
		group.Go(func() error {
			a, err := g.trust(ctx, url)
			if isMissing(err) {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			byURL[url] = a
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	archives := map[release.Platform]release.Archive{}
	for p, url := range urls {
		if a, ok := byURL[url]; ok {
			archives[p] = a
		}
	}
	return archives, nil
}
