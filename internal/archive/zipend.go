package archive

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Sizes and signatures of a zip's records (APPNOTE.TXT 6.3, 4.3.7 to 4.3.16).
const (
	localSize      = 30
	centralSize    = 46
	descriptorSize = 16
	endSize        = 22
	end64Size      = 56
	locatorSize    = 20

	localSignature      = 0x04034b50
	centralSignature    = 0x02014b50
	descriptorSignature = 0x08074b50
	endSignature        = 0x06054b50
	end64Signature      = 0x06064b50
	locatorSignature    = 0x07064b50
)

// Values that say "look into the zip64 record".
const (
	none16 = 0xffff
	none32 = 0xffffffff
)

var le = binary.LittleEndian

// directory is where a zip's central directory lies.
type directory struct {
	offset, size int64
	entries      int
	base         int64 // what has to be added to the offsets that the zip states
}

// maxEnd is how long an end record with its comment can be.
const maxEnd = endSize + none16

// findEnd returns where in tail, the end of a file, an end record begins whose comment ends with the file, or -1 if there
// is none. More than one is an error, because readers would not agree.
func findEnd(tail []byte) (int, error) {
	found := -1
	for at := len(tail) - endSize; at >= 0; at-- {
		if le.Uint32(tail[at:]) != endSignature || int(le.Uint16(tail[at+20:])) != len(tail)-at-endSize {
			continue
		}
		if found >= 0 {
			return -1, refuse("", "has two end records")
		}
		found = at
	}
	return found, nil
}

// cutComment returns the size of a zip without its comment.
func cutComment(r io.ReaderAt, size int64) (int64, error) {
	tail := make([]byte, min(size, maxEnd))
	if err := readAt(r, tail, size-int64(len(tail))); err != nil {
		return 0, fmt.Errorf("reading the end record: %w", err)
	}
	at, err := findEnd(tail)
	if err != nil || at < 0 {
		return size, err
	}
	return size - int64(len(tail)-at-endSize), nil
}

// findDirectory reads the end of a zip. The end record has to be the last thing in the file, so that no two
// readers can find two different ones, and the directory has to end where the end records begin.
func findDirectory(r io.ReaderAt, size int64, l Limits) (directory, error) {
	return locateDirectory(r, size, l, false)
}

// locateDirectory is findDirectory, but with loose the zip may end with a comment and have bytes before it.
func locateDirectory(r io.ReaderAt, size int64, l Limits, loose bool) (directory, error) {
	if loose {
		var err error
		if size, err = cutComment(r, size); err != nil {
			return directory{}, err
		}
	}
	if size < endSize {
		return directory{}, refuse("", "not a zip: has only %d bytes", size)
	}
	tail := make([]byte, min(size, endSize+locatorSize+end64Size))
	if err := readAt(r, tail, size-int64(len(tail))); err != nil {
		return directory{}, fmt.Errorf("reading the end record: %w", err)
	}
	end := tail[len(tail)-endSize:]
	switch {
	case le.Uint32(end) != endSignature:
		return directory{}, refuse("", "not a zip, cut off, or with a comment: does not end with an end record")
	case le.Uint16(end[20:]) != 0 && !loose:
		return directory{}, refuse("", "end record announces a comment")
	case le.Uint16(end[4:]) != 0 || le.Uint16(end[6:]) != 0:
		return directory{}, refuse("", "end record speaks of several disks")
	case le.Uint16(end[8:]) != le.Uint16(end[10:]):
		return directory{}, refuse("", "end record states two numbers of entries")
	}
	entries, length, offset := uint64(le.Uint16(end[10:])), uint64(le.Uint32(end[12:])), uint64(le.Uint32(end[16:]))
	limit := uint64(size - endSize) // where the directory must end
	if entries == none16 || length == none32 || offset == none32 {
		if len(tail) < endSize+locatorSize+end64Size {
			return directory{}, refuse("", "zip64 record is missing")
		}
		limit -= locatorSize + end64Size
		record := tail[:end64Size]
		at := limit
		if loose && limit >= le.Uint64(record[40:])+le.Uint64(record[48:]) {
			at = le.Uint64(record[40:]) + le.Uint64(record[48:]) // bytes before the zip do not count in its offsets
		}
		if err := checkZip64(record, tail[end64Size:][:locatorSize], at); err != nil {
			return directory{}, err
		}
		wide := [3]uint64{le.Uint64(record[32:]), le.Uint64(record[40:]), le.Uint64(record[48:])}
		if (entries != none16 && entries != wide[0]) || (length != none32 && length != wide[1]) || (offset != none32 && offset != wide[2]) {
			return directory{}, refuse("", "end record and zip64 record differ")
		}
		entries, length, offset = wide[0], wide[1], wide[2]
	}
	if entries > uint64(l.Entries) {
		return directory{}, refuse("", "has %d entries, at most %d are allowed", entries, l.Entries)
	}
	return placeDirectory(entries, length, offset, limit, loose)
}

// placeDirectory returns the directory that is stated to have length bytes at offset, if it ends at limit. With loose its offset may be
// less than where it lies, by the number of bytes before the zip.
func placeDirectory(entries, length, offset, limit uint64, loose bool) (directory, error) {
	switch {
	case loose && offset <= limit && length <= limit-offset:
		return directory{int64(limit - length), int64(length), int(entries), int64(limit - length - offset)}, nil
	case offset > limit || length != limit-offset:
		return directory{}, refuse("", "directory of %d bytes at %d does not end at the end record at %d", length, offset, limit)
	}
	return directory{int64(offset), int64(length), int(entries), 0}, nil
}

// checkZip64 checks a zip64 record that lies at offset at, and the locator after it.
func checkZip64(record, locator []byte, at uint64) error {
	switch {
	case le.Uint32(locator) != locatorSignature || le.Uint32(record) != end64Signature:
		return refuse("", "zip64 record is missing")
	case le.Uint64(locator[8:]) != at:
		return refuse("", "zip64 locator points to %d, the record is at %d", le.Uint64(locator[8:]), at)
	case le.Uint64(record[4:]) != end64Size-12:
		return refuse("", "zip64 record has a size of its own")
	case le.Uint32(locator[4:]) != 0 || le.Uint32(locator[16:]) != 1 || le.Uint32(record[16:]) != 0 || le.Uint32(record[20:]) != 0:
		return refuse("", "zip64 record speaks of several disks")
	case le.Uint64(record[24:]) != le.Uint64(record[32:]):
		return refuse("", "zip64 record states two numbers of entries")
	}
	return nil
}

// readAt fills p. The end of the file is not expected where it is called.
func readAt(r io.ReaderAt, p []byte, offset int64) error {
	if len(p) == 0 {
		return nil
	}
	n, err := r.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
