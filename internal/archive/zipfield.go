package archive

import (
	"hash/crc32"
	"strings"
	"unicode/utf8"

	"gostore/internal/tree"
)

// File types in the external attributes of a member: the upper half is a Unix mode, the lower one MS-DOS attributes.
const (
	unixType    = 0xf000 << 16
	unixRegular = 0x8000 << 16
	unixDir     = 0x4000 << 16
	unixLink    = 0xa000 << 16
	unixExec    = 0o111 << 16
	dosVolume   = 0x08
	dosDir      = 0x10
)

// checkAttributes refuses a member that some reader would take for something else than a regular file. The
// attributes are read both ways whatever system the header names, since readers differ in whether they look at that.
func checkAttributes(name string, attributes uint32) error {
	if t := attributes & unixType; t != 0 && t != unixRegular {
		return refuse(name, "is no regular file: has mode %#o", attributes>>16)
	}
	if attributes&(dosDir|dosVolume) != 0 {
		return refuse(name, "is no regular file: has MS-DOS attributes %#x", attributes&0xff)
	}
	return nil
}

// maxLink is how long the target of a link may be; package tree allows no longer one.
const maxLink = 4095

// kind returns what a member is. All that says so has to agree: the slash at the end of a directory's name and the attributes,
// read both ways.
func (z zipRules) kind(name string, h header, attributes uint32) (tree.Kind, error) {
	if !z.general {
		return tree.File, checkAttributes(name, attributes)
	}
	t, isDir := attributes&unixType, strings.HasSuffix(name, "/")
	switch {
	case isDir && (t == 0 || t == unixDir) && attributes&dosVolume == 0:
		if h.size != 0 || h.crc != 0 {
			return 0, refuse(name, "is a directory with a content")
		}
		return tree.Dir, nil
	case isDir:
		return 0, refuse(name, "is no directory, as its name says: has mode %#o", attributes>>16)
	case t == unixLink && attributes&(dosDir|dosVolume) == 0:
		if h.size > maxLink {
			return 0, refuse(name, "is a link to a target of %d bytes, at most %d are allowed", h.size, maxLink)
		}
		return tree.Link, nil
	}
	if err := checkAttributes(name, attributes); err != nil {
		return 0, err
	}
	if attributes&unixExec != 0 {
		return tree.Exec, nil
	}
	return tree.File, nil
}

// Extra fields that change what the rest of a header means.
const (
	extraZip64       = 0x0001
	extraUnicodePath = 0x7075 // Info-ZIP: another name for the member
	extraAES         = 0x9901
)

// checkExtra refuses extra fields that are malformed or change a member's name, sizes or method. Others, such as
// times, are ignored, and so is a second name that is equal to the first: some writers say so that the first is UTF-8.
func (z zipRules) checkExtra(name string, extra []byte) error {
	for len(extra) > 0 {
		if len(extra) < 4 || int(le.Uint16(extra[2:])) > len(extra)-4 {
			return refuse(name, "has a malformed extra field")
		}
		n := 4 + int(le.Uint16(extra[2:]))
		switch id := le.Uint16(extra); {
		case id == extraUnicodePath && z.general && sameName(name, extra[4:n]):
		case id == extraZip64, id == extraUnicodePath, id == extraAES:
			return refuse(name, "has an extra field of type %#04x", id)
		}
		extra = extra[n:]
	}
	return nil
}

// sameName reports whether data, of a second name, is name: a version, the CRC of the first name, and the name in UTF-8.
func sameName(name string, data []byte) bool {
	return len(data) >= 5 && data[0] == 1 && string(data[5:]) == name && le.Uint32(data[1:]) == crc32.ChecksumIEEE([]byte(name))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
