package archive

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"gostore/internal/tree"
)

// Methods and flags that a member may have.
const (
	stored   = 0
	deflated = 8

	flagEncrypted  = 1 << 0
	flagEffort     = 3 << 1 // how hard deflate tried; means nothing to a reader
	flagDescriptor = 1 << 3 // CRC and sizes follow the content
	flagUTF8       = 1 << 11
)

// member is one file in a zip.
type member struct {
	name     string
	data     int64 // offset of the packed bytes
	packed   int64 // how many of them
	size     int64 // bytes of content
	crc      uint32
	deflated bool

	kind tree.Kind // in a module zip always File
	unix bool      // a Unix mode is stated, so kind is Exec if and only if it says so
	path string    // for those who place members in a tree

	// open, unless nil, has the content, and the zip does not: see ModuleZip.Elsewhere.
	open func() (io.ReadCloser, error)
}

// zipRules says what a zip may have that a module zip may not. The zero value is a module zip.
type zipRules struct {
	general bool // directories, links and executable files
	known   bool // the digest is known, so that a comment, or bytes before the zip, cannot mean something to others
}

// header is what the local and the central header of a member have in common.
type header struct {
	flags, method uint16
	crc           uint32
	packed, size  uint32
	name, extra   uint16 // lengths
}

// parseHeader reads the common fields, which start with the flags.
func parseHeader(b []byte) header {
	return header{
		flags: le.Uint16(b), method: le.Uint16(b[2:]), crc: le.Uint32(b[8:]),
		packed: le.Uint32(b[12:]), size: le.Uint32(b[16:]),
		name: le.Uint16(b[20:]), extra: le.Uint16(b[22:]),
	}
}

// zipReader walks the central directory and the local headers side by side.
type zipReader struct {
	r       io.ReaderAt
	rules   zipRules
	limits  Limits
	dir     directory
	central *bufio.Reader
	pos     int64  // where the next local header must begin
	total   int64  // content of the members so far
	names   int64  // bytes of the names of the members so far
	buf     []byte // for an entry's name and extra field
	window  []byte // what was read of the members last
	at      int64  // where window begins
}

// nextHeader is what is read at the end of a member: its data descriptor, and the local header, the name and some of the extra field of the next.
const nextHeader = 512

// readZip returns the members of a zip in their order, which is the order of both the directory and the file.
//
// Between the first byte and the directory there has to be nothing but members, each with a local header
// that equals its central one: then every reader of zips, whichever headers it believes, sees the same files. Members
// are stored or deflated, not encrypted, regular files by their attributes, and without zip64 fields, which only files of
// more than 4 GiB need. Names are checked for their length and encoding only.
//
// It reads the directory once, in pieces, and holds 64 KiB besides the members that it returns.
func readZip(ctx context.Context, r io.ReaderAt, size int64, l Limits) ([]member, error) {
	return readZipRules(ctx, r, size, l, zipRules{})
}

// readZipRules is readZip by other rules.
func readZipRules(ctx context.Context, r io.ReaderAt, size int64, l Limits, rules zipRules) ([]member, error) {
	z, err := openZipRules(ctx, r, size, l, rules)
	if err != nil {
		return nil, err
	}
	members := make([]member, 0, z.dir.entries)
	for i := range z.dir.entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := z.next(i == 0)
		if err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	return members, z.end(z.pos, size)
}

// openZip finds the directory of a zip of size bytes.
func openZip(ctx context.Context, r io.ReaderAt, size int64, l Limits) (*zipReader, error) {
	return openZipRules(ctx, r, size, l, zipRules{})
}

func openZipRules(ctx context.Context, r io.ReaderAt, size int64, l Limits, rules zipRules) (*zipReader, error) {
	dir, err := locateDirectory(r, size, l, rules.known)
	if err != nil {
		return nil, err
	}
	if int64(dir.entries) > dir.size/centralSize {
		return nil, refuse("", "directory of %d bytes is too short for its %d entries", dir.size, dir.entries)
	}
	return &zipReader{
		r: r, rules: rules, limits: l, dir: dir, pos: dir.base,
		central: bufio.NewReaderSize(&span{ctx: ctx, r: r, offset: dir.offset, left: dir.size}, 64<<10),
	}, nil
}

// end checks what has to hold after the last entry, behind which the members end at pos.
func (z *zipReader) end(pos, size int64) error {
	l := z.limits
	switch _, err := z.central.Peek(1); {
	case err == nil:
		return refuse("", "directory goes on after its %d entries", z.dir.entries)
	case err != io.EOF:
		return fmt.Errorf("reading the directory: %w", err)
	case pos != z.dir.offset:
		return refuse("", "%d bytes between the last entry and the directory", z.dir.offset-pos)
	case z.total/l.Ratio > max(size, ratioFree):
		return refuse("", "%d bytes would become %d, more than %d times as many", size, z.total, l.Ratio)
	}
	return nil
}

// next reads one entry of the directory and the local header that belongs to it. What is before the first one is
// none of the zip's business, where that is allowed.
func (z *zipReader) next(first bool) (member, error) {
	c, err := z.entry()
	if err != nil {
		return member{}, err
	}
	switch at := z.dir.base + c.offset; {
	case first && z.rules.known && at < z.dir.offset:
		z.pos = at
	case at != z.pos:
		return member{}, refuse(c.name, "begins at %d, but what is before it ends at %d", at, z.pos)
	}
	m, err := z.local(c.name, c.header)
	m.kind, m.unix = c.kind, c.unix
	return m, err
}

// central is an entry of the directory.
type central struct {
	header
	name   string
	offset int64 // of the local header, as stated
	kind   tree.Kind
	unix   bool // as of member
}

// entry reads one entry of the directory.
func (z *zipReader) entry() (central, error) {
	fixed, err := z.directoryBytes(centralSize)
	if err != nil {
		return central{}, err
	}
	if le.Uint32(fixed) != centralSignature {
		return central{}, refuse("", "directory does not consist of entries only")
	}
	h := parseHeader(fixed[8:])
	if int(h.name) > z.limits.Name {
		return central{}, refuse("", "an entry's name has %d bytes, at most %d are allowed", h.name, z.limits.Name)
	}
	comment, disk, attributes, offset := le.Uint16(fixed[32:]), le.Uint16(fixed[34:]), le.Uint32(fixed[38:]), le.Uint32(fixed[42:])
	rest, err := z.directoryBytes(int(h.name) + int(h.extra))
	if err != nil {
		return central{}, err
	}
	name := string(rest[:h.name])
	if err := z.checkHeader(h, name, rest[h.name:]); err != nil {
		return central{}, err
	}
	switch {
	case comment != 0:
		return central{}, refuse(name, "has a comment")
	case disk != 0:
		return central{}, refuse(name, "lies on another disk")
	}
	kind, err := z.rules.kind(name, h, attributes)
	return central{h, name, int64(offset), kind, attributes>>16 != 0}, err
}

// checkHeader refuses what a central header may not say.
func (z *zipReader) checkHeader(h header, name string, extra []byte) error {
	l := z.limits
	switch {
	case name == "":
		return refuse("", "an entry has no name")
	case !utf8.ValidString(name):
		return refuse(name, "name is not UTF-8")
	case h.flags&flagEncrypted != 0:
		return refuse(name, "is encrypted")
	case h.flags&^(flagEffort|flagDescriptor|flagUTF8) != 0:
		return refuse(name, "has unknown flags %#x", h.flags)
	case h.flags&flagUTF8 == 0 && !z.rules.general && !isASCII(name): // zip on Unix writes UTF-8 without saying so
		return refuse(name, "name is not ASCII and not marked as UTF-8")
	case h.method != stored && h.method != deflated:
		return refuse(name, "has unknown method %d", h.method)
	case h.packed == none32 || h.size == none32:
		return refuse(name, "has zip64 sizes")
	case h.method == stored && h.packed != h.size:
		return refuse(name, "is stored, but states %d packed bytes for %d", h.packed, h.size)
	case int64(h.size) > l.File:
		return refuse(name, "has %d bytes, at most %d are allowed", h.size, l.File)
	case h.size > ratioFree && int64(h.size)/l.Ratio > int64(h.packed):
		return refuse(name, "%d bytes would become %d, more than %d times as many", h.packed, h.size, l.Ratio)
	}
	if z.total += int64(h.size); z.total > l.Bytes {
		return refuse(name, "is beyond the %d bytes that all entries may have together", l.Bytes)
	}
	if z.names += int64(len(name)); z.names > l.Names {
		return refuse(name, "is beyond the %d bytes that all names may have together", l.Names)
	}
	return z.rules.checkExtra(name, extra)
}

// local checks the local header at z.pos against the central one h, and the data descriptor if there is one,
// and moves z.pos behind the member.
func (z *zipReader) local(name string, h header) (member, error) {
	buf, err := z.memberBytes(name, z.pos, localSize+len(name))
	if err != nil {
		return member{}, err
	}
	if le.Uint32(buf) != localSignature {
		return member{}, refuse(name, "has no local header")
	}
	l := parseHeader(buf[6:])
	switch {
	case int(l.name) != len(name) || string(buf[localSize:]) != name:
		return member{}, refuse(name, "has another name in its local header")
	case l.flags != h.flags:
		return member{}, refuse(name, "has other flags in its local header")
	case l.method != h.method:
		return member{}, refuse(name, "has another method in its local header")
	case h.flags&flagDescriptor != 0 && l.crc == 0 && l.packed == 0 && l.size == 0:
		// They follow the content.
	case l.crc != h.crc:
		return member{}, refuse(name, "has another CRC in its local header")
	case l.packed != h.packed || l.size != h.size:
		return member{}, refuse(name, "has other sizes in its local header")
	}
	z.pos += int64(len(buf))
	extra, err := z.memberBytes(name, z.pos, int(l.extra))
	if err != nil {
		return member{}, err
	}
	if err := z.rules.checkExtra(name, extra); err != nil {
		return member{}, err
	}
	z.pos += int64(l.extra)
	m := member{name: name, data: z.pos, packed: int64(h.packed), size: int64(h.size), crc: h.crc, deflated: h.method == deflated}
	if m.packed > z.dir.offset-z.pos {
		return member{}, refuse(name, "reaches into the directory")
	}
	z.pos += m.packed
	if h.flags&flagDescriptor != 0 {
		err = z.descriptor(name, h)
	}
	return m, err
}

// descriptor checks the data descriptor at z.pos, which has to have its signature: without one, whether 12 bytes are
// a descriptor or belong to the content would be a matter of opinion.
func (z *zipReader) descriptor(name string, h header) error {
	d, err := z.memberBytes(name, z.pos, descriptorSize)
	if err != nil {
		return err
	}
	switch {
	case le.Uint32(d) != descriptorSignature:
		return refuse(name, "has no data descriptor after its content")
	case le.Uint32(d[4:]) != h.crc:
		return refuse(name, "has another CRC in its data descriptor")
	case le.Uint32(d[8:]) != h.packed || le.Uint32(d[12:]) != h.size:
		return refuse(name, "has other sizes in its data descriptor")
	}
	z.pos += descriptorSize
	return nil
}

// directoryBytes returns the next n bytes of the directory, valid until the next read.
func (z *zipReader) directoryBytes(n int) ([]byte, error) {
	buf := z.room(n)
	switch _, err := io.ReadFull(z.central, buf); err {
	case nil:
		return buf, nil
	case io.EOF, io.ErrUnexpectedEOF:
		return nil, refuse("", "directory ends within an entry")
	default:
		return nil, fmt.Errorf("reading the directory: %w", err)
	}
}

// memberBytes returns n bytes at offset, which have to lie before the directory, valid until the next read.
func (z *zipReader) memberBytes(name string, offset int64, n int) ([]byte, error) {
	if int64(n) > z.dir.offset-offset {
		return nil, refuse(name, "reaches into the directory")
	}
	if offset < z.at || offset+int64(n) > z.at+int64(len(z.window)) {
		size := min(int64(max(n, nextHeader)), z.dir.offset-offset)
		z.at, z.window = offset, slices.Grow(z.window[:0], int(size))[:size]
		if err := readAt(z.r, z.window, offset); err != nil {
			z.window = z.window[:0]
			return nil, fmt.Errorf("reading entry %q: %w", name, err)
		}
	}
	return z.window[offset-z.at:][:n], nil
}

func (z *zipReader) room(n int) []byte {
	if n > len(z.buf) {
		z.buf = make([]byte, n)
	}
	return z.buf[:n]
}
