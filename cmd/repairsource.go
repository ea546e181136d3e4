package cmd

import (
	"context"

	"gostore/internal/archive"
	"gostore/internal/fetch"
	"gostore/internal/release"
	"gostore/internal/source/npm"
)

// Holding is npm.Holding.
func (s *npmSource) Holding(item release.Item, paths []string) ([]string, error) {
	return npm.Holding(item, paths)
}

// FetchOnly is npm.Source.FetchOnly.
func (s *npmSource) FetchOnly(ctx context.Context, item release.Item, paths []string, part string, progress func(done, total int64)) (string, error) {
	online, err := s.connect(ctx)
	if err != nil {
		return "", err
	}
	return online.FetchOnly(ctx, item, paths, part, progress)
}

// UnpackOnly is npm.Source.UnpackOnly of the source that fetched.
func (s *npmSource) UnpackOnly(ctx context.Context, item release.Item, paths []string, path string, sink archive.Sink, progress func(n int64)) error {
	online, err := s.connect(ctx)
	if err != nil {
		return err
	}
	return online.UnpackOnly(ctx, item, paths, path, sink, progress)
}

// Ranges is goproxy.Source.Ranges.
func (s *proxySource) Ranges(ctx context.Context, item release.Item, part string, ranges []fetch.Range, progress func(done, total int64)) (string, int64, error) {
	online, err := s.connect(ctx)
	if err != nil {
		return "", 0, err
	}
	return online.Ranges(ctx, item, part, ranges, progress)
}
