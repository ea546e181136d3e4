package asset

import (
	"context"
	"errors"
	"fmt"
	"os"

	"gostore/internal/fetch"
	"gostore/internal/release"
)

// Ranges brings single ranges of an item's archive into part, and returns the file that has them and how many bytes the whole has. They
// are not compared with anything.
func (g getter) Ranges(ctx context.Context, item release.Item, part string, ranges []fetch.Range, progress func(done, total int64)) (file string, total int64, err error) {
	from := item.Archive.From
	if _, local := fetch.Local(from); !local {
		if err := checkArchiveURL(from); err != nil && !(g.plain && errors.Is(err, errPlain)) {
			return "", 0, fmt.Errorf("reading of %q: %w", fetch.Redact(from), err)
		}
	}
	return g.client.Ranges(ctx, from, part, fetch.Options{Ranges: ranges, Progress: progress})
}

// Ranges returns the item's file, if it is one, and its size.
func (s *Path) Ranges(_ context.Context, item release.Item, _ string, _ []fetch.Range, _ func(done, total int64)) (file string, total int64, err error) {
	file = s.local(item.Archive.From)
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("path %q: is no archive", item.Archive.From)
	}
	if err != nil {
		return "", 0, err
	}
	return file, info.Size(), nil
}
