package archive

import "unicode/utf8"

// File types in the external attributes of a member: the upper half is a Unix mode, the lower one MS-DOS attributes.
const (
	unixType    = 0xf000 << 16
	unixRegular = 0x8000 << 16
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

// Extra fields that change what the rest of a header means.
const (
	extraZip64       = 0x0001
	extraUnicodePath = 0x7075 // Info-ZIP: another name for the member
	extraAES         = 0x9901
)

// checkExtra refuses extra fields that are malformed or change a member's name, sizes or method. Others, such as
// times, are ignored.
func checkExtra(name string, extra []byte) error {
	for len(extra) > 0 {
		if len(extra) < 4 || int(le.Uint16(extra[2:])) > len(extra)-4 {
			return refuse(name, "has a malformed extra field")
		}
		switch id := le.Uint16(extra); id {
		case extraZip64, extraUnicodePath, extraAES:
			return refuse(name, "has an extra field of type %#04x", id)
		}
		extra = extra[4+int(le.Uint16(extra[2:])):]
	}
	return nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
