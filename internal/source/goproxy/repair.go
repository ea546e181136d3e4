package goproxy

import (
	"context"
	"fmt"

	"gostore/internal/fetch"
	"gostore/internal/release"
)

// Ranges brings single ranges of a toolchain's zip into part, and returns the file that has them and how many bytes the whole has. Nobody
// vouches for them: whoever asks knows what the members that lie there have to be.
func (s *Source) Ranges(ctx context.Context, item release.Item, part string, ranges []fetch.Range, progress func(done, total int64)) (file string, total int64, err error) {
	err = s.proxies.try(func(base string) error {
		var err error
		file, total, err = s.client.Ranges(ctx, join(base, zipPath(item.Version, item.Platform)), part, fetch.Options{Ranges: ranges, Progress: progress})
		return err
	})
	if err != nil {
		return "", 0, fmt.Errorf("reading of %q: %w", from(item.Version, item.Platform), err)
	}
	return file, total, nil
}
