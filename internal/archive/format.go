package archive

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// kind is what a file is, once it is not compressed any more.
type kind int

const (
	unknown kind = iota
	zipFile
	tarFile
	program
)

// headSize is how much of a file's beginning says what it is: a tar's first header.
const headSize = tarBlock

// format is what a file is. A compressed one says what is in it only when its beginning is unpacked.
type format struct {
	packing *packing // nil for a file that is not compressed
	kind    kind     // for a file that is not compressed
}

// detect tells the format of a file by its content. An error is a *FormatError, or one of reading.
func detect(r io.ReaderAt, size int64) (format, error) {
	head := make([]byte, min(size, headSize))
	if err := readAt(r, head, 0); err != nil {
		return format{}, fmt.Errorf("reading the beginning of an archive: %w", err)
	}
	if len(head) == 0 {
		return format{}, refuse("", "is empty")
	}
	for i := range packings {
		if strings.HasPrefix(string(head), packings[i].magic) {
			return format{packing: &packings[i]}, nil
		}
	}
	if k := kindOf(head); k != unknown {
		return format{kind: k}, nil
	}
	if name := foreign(head); name != "" {
		return format{}, refuse("", "is %s, which cannot be unpacked here", name)
	}
	tail := make([]byte, min(size, maxEnd))
	if err := readAt(r, tail, size-int64(len(tail))); err != nil {
		return format{}, fmt.Errorf("reading the end of an archive: %w", err)
	}
	if len(tail) >= 512 && bytes.HasPrefix(tail[len(tail)-512:], []byte("koly")) {
		return format{}, refuse("", "is a disk image of macOS (dmg), which cannot be unpacked here")
	}
	if at, err := findEnd(tail); err == nil && at >= 0 {
		return format{kind: zipFile}, nil
	}
	return format{}, refuse("", "is neither an archive nor a program: begins with %s", beginning(head))
}

// kindOf returns what a file that begins with head is.
func kindOf(head []byte) kind {
	switch {
	case strings.HasPrefix(string(head), "PK\x03\x04"), strings.HasPrefix(string(head), "PK\x05\x06"):
		return zipFile
	case isProgram(head):
		return program
	case isTar(head):
		return tarFile
	}
	return unknown
}

// isProgram reports whether head begins a program: ELF, Mach-O for one processor or several, PE (Windows), or a script.
func isProgram(head []byte) bool {
	if len(head) >= 8 && string(head[:4]) == "\xca\xfe\xba\xbe" {
		// Java's classes begin so too, but have a version of at least 45 where Mach-O has the number of processors.
		return head[4] == 0 && head[5] == 0 && head[6] == 0 && head[7] < 45
	}
	for _, magic := range [...]string{"\x7fELF", "\xcf\xfa\xed\xfe", "\xce\xfa\xed\xfe", "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "MZ", "#!"} {
		if strings.HasPrefix(string(head), magic) {
			return true
		}
	}
	return false
}

// isTar reports whether head is the first block of a tar: a header whose checksum is right, which
// tars from before POSIX have as well, or the zeros that end a tar.
func isTar(head []byte) bool {
	if len(head) < tarBlock {
		return false
	}
	if zeros(head) {
		return true
	}
	field := strings.Trim(string(head[148:156]), " \x00")
	want, err := strconv.ParseUint(field, 8, 32)
	if err != nil {
		return false
	}
	var sum uint64
	for i, b := range head[:tarBlock] {
		if i >= 148 && i < 156 {
			b = ' '
		}
		sum += uint64(b)
	}
	return sum == want
}

// foreign names formats that are not supported.
func foreign(head []byte) string {
	for _, f := range [...]struct{ magic, name string }{
		{"7z\xbc\xaf\x27\x1c", "a 7z archive"},
		{"Rar!\x1a\x07", "a RAR archive"},
		{"!<arch>\ndebian-binary", "a Debian package (deb)"},
		{"!<arch>\n", "an ar archive"},
		{"\xed\xab\xee\xdb", "an RPM package"},
		{"xar!", "an installer of macOS (pkg)"},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an installer of Windows (msi)"},
		{"MSCF", "a cabinet (cab)"},
		{"070701", "a cpio archive"}, {"070702", "a cpio archive"}, {"070707", "a cpio archive"},
		{"\x04\x22\x4d\x18", "compressed by lz4"},
		{"LZIP", "compressed by lzip"},
		{"\x5d\x00\x00", "compressed by lzma"},
		{"\x1f\x9d", "compressed by compress (Z)"},
		{"hsqs", "a squashfs image"},
		{"PK00PK\x03\x04", "a zip of several volumes"}, {"PK\x07\x08", "a zip of several volumes"},
	} {
		if strings.HasPrefix(string(head), f.magic) {
			return f.name
		}
	}
	return ""
}

// beginning quotes the first bytes of a file for people, up to the end of the line.
func beginning(head []byte) string {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	if len(line) > 40 {
		return strconv.Quote(string(line[:40])) + "…"
	}
	return strconv.Quote(string(line))
}

func zeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
