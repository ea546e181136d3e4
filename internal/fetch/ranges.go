package fetch

import (
	"context"
	"errors"
	"os"
)

// Ranges brings single ranges of the file at url into part, as Download does with Options.Ranges, and returns the file that has
// them, each at its offset, and how many bytes the whole has. That of a file:// URL is where it is.
func (c *Client) Ranges(ctx context.Context, url, part string, opt Options) (file string, total int64, err error) {
	if local, ok := Local(url); ok {
		info, err := os.Stat(local)
		if err == nil && !info.Mode().IsRegular() {
			err = &os.PathError{Op: "read", Path: local, Err: errors.New("is not a file")}
		}
		if err != nil {
			return "", 0, err
		}
		return local, info.Size(), nil
	}
	if err := c.Download(ctx, url, part, opt); err != nil {
		return "", 0, err
	}
	_, total, ok := Held(part)
	if !ok || total < 0 {
		return "", 0, ErrNoRanges
	}
	return part, total, nil
}

// Missing returns how many bytes Ranges would bring into part, which may not be there yet, to have ranges.
func Missing(part string, ranges []Range) int64 {
	held, _, _ := Held(part)
	return extentsOf(ranges, maxGap).without(held).bytes()
}
