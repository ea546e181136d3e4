package godev

import (
	"context"

	"gostore/internal/fetch"
	"gostore/internal/release"
)

// Ranges brings single ranges of an item's archive into part, and returns the file that has them and how many bytes the whole has. They
// are not compared with anything.
func (s *Source) Ranges(ctx context.Context, item release.Item, part string, ranges []fetch.Range, progress func(done, total int64)) (file string, total int64, err error) {
	return s.c.Client.Ranges(ctx, item.Archive.From, part, fetch.Options{Ranges: ranges, Progress: progress})
}
