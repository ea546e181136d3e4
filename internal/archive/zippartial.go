package archive

import (
	"context"
	"io"
	"math"
)

// Entry is what a zip's directory says about one of its members.
type Entry struct {
	Name        string // as it stands in the zip
	Size        int64  // bytes of content
	CRC         uint32 // CRC-32 (IEEE) of the content
	Offset, End int64  // where in the zip the member lies, with its header and whatever follows its content
}

// DirectoryStart returns at which offset the directory of a zip of size bytes begins. It reads nothing of r but the last
// DirectoryTail bytes. Errors are those of Unpack.
func DirectoryStart(r io.ReaderAt, size int64, l Limits) (int64, error) {
	d, err := findDirectory(r, size, l.withDefaults())
	return d.offset, err
}

// DirectoryTail is how much of a zip's end says where its directory is.
const DirectoryTail = endSize + locatorSize + end64Size

// ReadDirectory returns the entries of a zip of size bytes, in their order. Of r it reads nothing but the directory and the
// records behind it.
//
// Members have to lie one behind the other without gaps, from the first byte to the directory, each with room for what
// its entry states and no more than an extra field besides. The entries are judged as strictly as when the members are
// there; whether the members agree with them remains to be seen. Errors are those of Unpack.
func ReadDirectory(ctx context.Context, r io.ReaderAt, size int64, l Limits) ([]Entry, error) {
	z, err := openZip(ctx, r, size, l.withDefaults())
	if err != nil {
		return nil, err
	}
	_, entries, err := z.directory(ctx, size)
	return entries, err
}

// directory reads all entries.
func (z *zipReader) directory(ctx context.Context, size int64) ([]central, []Entry, error) {
	headers := make([]central, 0, z.dir.entries)
	entries := make([]Entry, 0, z.dir.entries)
	for range z.dir.entries {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		c, err := z.entry()
		if err != nil {
			return nil, nil, err
		}
		headers = append(headers, c)
		entries = append(entries, Entry{Name: c.name, Size: int64(c.size), CRC: c.crc, Offset: c.offset})
	}
	end := z.dir.offset
	for i := len(entries) - 1; i >= 0; i-- {
		e := &entries[i]
		e.End, end = end, e.Offset
		least := headers[i].least()
		if e.End-e.Offset < least || e.End-e.Offset > least+math.MaxUint16 {
			return nil, nil, refuse(e.Name, "needs at least %d bytes, but lies from %d to %d", least, e.Offset, e.End)
		}
	}
	if len(entries) > 0 && end != 0 {
		return nil, nil, refuse(entries[0].Name, "begins at %d, but nothing is before it", end)
	}
	return headers, entries, z.end(z.dir.offset-end, size)
}

// least is how many bytes a member has without the extra field of its local header.
func (c central) least() int64 {
	n := localSize + int64(len(c.name)) + int64(c.packed)
	if c.flags&flagDescriptor != 0 {
		n += descriptorSize
	}
	return n
}

// readPartial is readZip for a zip that lacks the members for which elsewhere returns how to read their content. All that
// is there is checked as by readZip.
func readPartial(ctx context.Context, r io.ReaderAt, size int64, l Limits, elsewhere func(Entry) func() (io.ReadCloser, error)) ([]member, error) {
	z, err := openZip(ctx, r, size, l)
	if err != nil {
		return nil, err
	}
	headers, entries, err := z.directory(ctx, size)
	if err != nil {
		return nil, err
	}
	members := make([]member, 0, len(entries))
	for i, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if open := elsewhere(e); open != nil {
			members = append(members, member{name: e.Name, size: e.Size, crc: e.CRC, open: open})
			continue
		}
		z.pos = e.Offset
		m, err := z.local(e.Name, headers[i].header)
		if err != nil {
			return nil, err
		}
		if z.pos != e.End {
			return nil, refuse(e.Name, "ends at %d, but what follows it begins at %d", z.pos, e.End)
		}
		members = append(members, m)
	}
	return members, nil
}
