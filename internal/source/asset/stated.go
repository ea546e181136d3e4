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

// stated returns the archives of a version with the digests that checksum files state. Platforms of which they state none,
// or whose checksum file does not exist, are left out.
func (s *Source) stated(ctx context.Context, w wanted, v string) (map[release.Platform]release.Archive, error) {
	archives, sums := map[release.Platform]release.Archive{}, map[release.Platform]string{}
	files := map[string][]byte{}
	for _, p := range w.platforms {
		from, err := w.d.Archive(v, p)
		if err != nil {
			return nil, err
		}
		if sums[p], err = w.d.ChecksumsURL(v, p); err != nil {
			return nil, err
		}
		if sums[p] == "" {
			return nil, &UnstatedError{w.d.Name, v, p, fetch.Redact(from)}
		}
		archives[p], files[sums[p]] = release.Archive{From: from}, nil
	}
	if err := s.getAll(ctx, files); err != nil {
		return nil, err
	}
	for _, p := range w.platforms {
		a := archives[p]
		delete(archives, p)
		data := files[sums[p]]
		if data == nil {
			continue
		}
		var err error
		if a.Digest, err = checksum(data, sums[p], a.From); isMissing(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		archives[p] = a
	}
	return archives, nil
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

// getAll reads the URLs that are the keys of files. One that does not exist stays nil.
func (s *Source) getAll(ctx context.Context, files map[string][]byte) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	var mu sync.Mutex
	for _, url := range slices.Sorted(maps.Keys(files)) {
		group.Go(func() error {
			data, err := s.client.Get(ctx, url, checksumLimit)
			if isMissing(err) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("asking for checksums: %w", err)
			}
			mu.Lock()
			defer mu.Unlock()
			files[url] = append([]byte{}, data...) // not nil: it exists
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
