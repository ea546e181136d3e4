package archive

import (
	"context"
	"io"
)

// ListZip is ReadDirectory for the zips that Unpack takes as well as for module zips: directories, links and names without a
// mark are accepted, comments are not.
func ListZip(ctx context.Context, r io.ReaderAt, size int64, l Limits) ([]Entry, error) {
	z, err := openZipRules(ctx, r, size, l.withDefaults(), zipRules{general: true})
	if err != nil {
		return nil, err
	}
	_, entries, err := z.directory(ctx, size)
	return entries, err
}

// PickZip gives the contents of those members of a zip to use that want asks for, one after the other in their order, checked against the
// sizes and CRCs of the directory while they are read. Of r it reads nothing but the directory and these members, which may be all that is
// there. Errors about the zip are those of Unpack.
func PickZip(ctx context.Context, r io.ReaderAt, size int64, l Limits, want func(Entry) bool, use func(Entry, io.Reader) error) error {
	z, err := openZipRules(ctx, r, size, l.withDefaults(), zipRules{general: true})
	if err != nil {
		return err
	}
	headers, entries, err := z.directory(ctx, size)
	if err != nil {
		return err
	}
	for i, e := range entries {
		if !want(e) {
			continue
		}
		z.pos = e.Offset
		m, err := z.local(e.Name, headers[i].header)
		if err != nil {
			return err
		}
		c := newContent(ctx, r, m)
		err = use(e, c)
		if c.err != nil {
			return c.err
		}
		if err != nil {
			return err
		}
	}
	return nil
}
