package archive

import (
	"archive/tar"
	"fmt"
	"strconv"
	"strings"
)

// tarEntry returns a header and the padded content, byte for byte, with the lies that o asks for.
func tarEntry(flag byte, name string, o map[string]string) []byte {
	content := o["content"]
	h := make([]byte, tarBlock)
	copy(h, name)
	mode := o["mode"]
	if mode == "" {
		mode = "0644"
	}
	size := o["size"]
	if size == "" {
		size = fmt.Sprintf("%011o", len(content))
	}
	magic := o["magic"]
	if magic == "" {
		magic = "ustar\x0000"
	}
	copy(h[100:], fmt.Sprintf("%07s", mode))
	copy(h[108:], "0000000\x000000000")
	copy(h[124:], size)
	copy(h[136:], "00000000000")
	h[156] = flag
	copy(h[157:257], o["target"])
	copy(h[257:], magic)
	copy(h[345:500], o["prefix"])
	tarSum(h)
	data := append(h, content...)
	return append(data, make([]byte, -len(content)&(tarBlock-1))...)
}

// tarSum sets the checksum of a header.
func tarSum(h []byte) {
	copy(h[148:156], "        ")
	sum := 0
	for _, b := range h[:tarBlock] {
		sum += int(b)
	}
	copy(h[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

// paxEntry returns an extended header with records of the given keys and values.
func paxEntry(words []string) []byte {
	var records strings.Builder
	for i := 0; i+1 < len(words); i += 2 {
		body := fmt.Sprintf(" %s=%s\n", words[i], words[i+1])
		n := len(body)
		for len(strconv.Itoa(n))+len(body) != n {
			n = len(strconv.Itoa(n)) + len(body)
		}
		fmt.Fprintf(&records, "%d%s", n, body)
	}
	return tarEntry(tar.TypeXHeader, "PaxHeaders.0/x", map[string]string{"content": records.String()})
}

// zipMember returns a member. Besides its content, mode (of Unix, with the file's type) and attributes (all of them, in
// hexadecimal) can be stated, and that it is stored or has a descriptor, flags, extra fields, and packed, which are its bytes.
func zipMember(name string, o map[string]string) part {
	p := part{
		name: name, content: o["content"], stored: o["stored"] != "", descriptor: o["descriptor"] != "", packed: o["packed"],
		localExtra: o["extra"], centralExtra: o["extra"], localName: o["localname"], before: o["before"],
	}
	var changes []func([]byte)
	if mode, err := strconv.ParseUint(o["mode"], 8, 16); err == nil {
		changes = append(changes, put32(38, uint32(mode)<<16), put16(4, 3<<8|20))
	}
	if attributes, err := strconv.ParseUint(o["attributes"], 16, 32); err == nil {
		changes = append(changes, put32(38, uint32(attributes)))
	}
	if offset, err := strconv.ParseUint(o["offset"], 10, 32); err == nil {
		changes = append(changes, put32(42, uint32(offset)))
	}
	if o["comment"] != "" {
		changes = append(changes, put16(32, uint16(len(o["comment"]))))
	}
	p.central = func(b []byte) {
		for _, change := range changes {
			change(b)
		}
	}
	p.both = func(b []byte) { // at offsets of the local header
		if flags, err := strconv.ParseUint(o["flags"], 16, 16); err == nil {
			put16(6, uint16(flags))(b)
		}
		if method, err := strconv.ParseUint(o["method"], 10, 16); err == nil {
			put16(8, uint16(method))(b)
		}
		if crc, err := strconv.ParseUint(o["crc"], 16, 32); err == nil {
			put32(14, uint32(crc))(b)
		}
		if size, err := strconv.ParseUint(o["size"], 10, 32); err == nil {
			put32(22, uint32(size))(b)
		}
	}
	if o["localsize"] != "" {
		n, _ := strconv.Atoi(o["localsize"])
		p.local = put32(22, uint32(n))
	}
	return p
}
