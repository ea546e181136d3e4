package archive

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// shape describes a zip byte for byte, with its lies. The zero value of every field is the truth.
type shape struct {
	members []part
	gap     string       // between the last member and the directory
	between string       // between the directory and the end records
	zip64   bool         // write a zip64 record, and send readers of the end record there
	record  func([]byte) // changes the zip64 record and its locator, 56 and 20 bytes
	end     func([]byte) // changes the end record
	after   string       // after the end record
}

// part is a member of a shape.
type part struct {
	name, content string
	stored        bool
	descriptor    bool
	packed        string // packed bytes, when content packed is not what is wanted
	before        string // between the member before and this one
	unlisted      bool   // the directory does not have it

	localExtra, centralExtra string
	both                     func([]byte) // changes both headers, at offsets of the local one
	local, central, trailer  func([]byte) // change one header, or the descriptor
	localName                string       // of the same length as name
}

func put16(at int, v uint16) func([]byte) {
	return func(b []byte) { binary.LittleEndian.PutUint16(b[at:], v) }
}

func put32(at int, v uint32) func([]byte) {
	return func(b []byte) { binary.LittleEndian.PutUint32(b[at:], v) }
}

func put64(at int, v uint64) func([]byte) {
	return func(b []byte) { binary.LittleEndian.PutUint64(b[at:], v) }
}

func change(f func([]byte), b []byte) {
	if f != nil {
		f(b)
	}
}

// deflate packs s.
func deflate(s string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression) // the level is valid
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

// build writes the zip that s describes.
func (s shape) build() []byte {
	var out, directory []byte
	entries := 0
	for _, p := range s.members {
		out = append(out, p.before...)
		offset := len(out)
		packed := p.packed
		if packed == "" {
			if packed = p.content; !p.stored {
				packed = deflate(p.content)
			}
		}
		common := p.common(len(packed))
		local := append(le.AppendUint16(le.AppendUint32(nil, localSignature), 20), common...)
		central := append(le.AppendUint16(le.AppendUint16(le.AppendUint32(nil, centralSignature), 20), 20), common...)
		if p.descriptor {
			clear(local[14:26])
		}
		put16(28, uint16(len(p.localExtra)))(local)
		put16(30, uint16(len(p.centralExtra)))(central)
		central = append(central, make([]byte, 14)...)
		put32(42, uint32(offset))(central)
		change(p.both, local)
		change(p.both, central[2:])
		change(p.local, local)
		change(p.central, central)
		localName := p.name
		if p.localName != "" {
			localName = p.localName
		}
		out = append(append(append(append(out, local...), localName...), p.localExtra...), packed...)
		if p.descriptor {
			d := append(le.AppendUint32(nil, descriptorSignature), common[8:20]...)
			change(p.trailer, d)
			out = append(out, d...)
		}
		if !p.unlisted {
			directory = append(append(append(directory, central...), p.name...), p.centralExtra...)
			entries++
		}
	}
	out = append(out, s.gap...)
	at := len(out)
	out = append(append(out, directory...), s.between...)
	return append(append(out, s.tail(len(out), entries, len(directory), at)...), s.after...)
}

// common returns the fields that both headers of p have, from the flags to the length of the extra field.
func (p part) common(packed int) []byte {
	var flags, method uint16 = 0, deflated
	if p.descriptor {
		flags = flagDescriptor
	}
	if p.stored {
		method = stored
	}
	b := le.AppendUint32(le.AppendUint16(le.AppendUint16(nil, flags), method), 0)
	b = le.AppendUint32(b, crc32.ChecksumIEEE([]byte(p.content)))
	b = le.AppendUint32(le.AppendUint32(b, uint32(packed)), uint32(len(p.content)))
	return le.AppendUint16(le.AppendUint16(b, uint16(len(p.name))), 0)
}

// tail returns the end records, which begin at offset here.
func (s shape) tail(here, entries, length, at int) []byte {
	end := make([]byte, endSize)
	put32(0, endSignature)(end)
	put16(8, uint16(entries))(end)
	put16(10, uint16(entries))(end)
	put32(12, uint32(length))(end)
	put32(16, uint32(at))(end)
	var record []byte
	if s.zip64 {
		for i := 8; i < 20; i++ {
			end[i] = 0xff
		}
		record = make([]byte, end64Size+locatorSize)
		put32(0, end64Signature)(record)
		put64(4, end64Size-12)(record)
		put64(24, uint64(entries))(record)
		put64(32, uint64(entries))(record)
		put64(40, uint64(length))(record)
		put64(48, uint64(at))(record)
		put32(56, locatorSignature)(record)
		put64(64, uint64(here))(record)
		put32(72, 1)(record)
	}
	change(s.record, record)
	change(s.end, end)
	return append(record, end...)
}

// goodShapes are zips that have to be accepted.
var goodShapes = map[string]shape{
	"empty":      {},
	"one":        {members: []part{{name: "m@v1/a", content: "alpha"}}},
	"empty_file": {members: []part{{name: "m@v1/a"}, {name: "m@v1/b", stored: true}}},
	"several": {members: []part{
		{name: "m@v1/z/a", content: "alpha", stored: true},
		{name: "m@v1/b", content: "beta", descriptor: true},
		{name: "m@v1/z/c", content: "gamma", stored: true, descriptor: true},
	}},
	"zip64":      {members: []part{{name: "m@v1/a", content: "alpha"}}, zip64: true},
	"zip64_half": {members: []part{{name: "m@v1/a", content: "alpha"}}, zip64: true, end: func(b []byte) { put16(8, 1)(b); put16(10, 1)(b) }},
	"attributes": {members: []part{{name: "m@v1/a", central: put32(38, 0o100755<<16|0x20)}}},
	"times":      {members: []part{{name: "m@v1/a", localExtra: "UT\x05\x00\x03abcd", centralExtra: "UT\x05\x00\x01abcd"}}},
	"descriptor_and_header": {members: []part{{name: "m@v1/a", content: "alpha", stored: true, descriptor: true,
		local: func(b []byte) {
			put32(14, crc32.ChecksumIEEE([]byte("alpha")))(b)
			put32(18, 5)(b)
			put32(22, 5)(b)
		}}}},
	"unicode": {members: []part{{name: "m@v1/é", content: "alpha", both: put16(6, flagUTF8)}}},
}

// TestShapes has a truthful shape accepted, so that a hostile one is refused for its lie.
func TestShapes(t *testing.T) {
	for name, s := range goodShapes {
		t.Run(name, func(t *testing.T) { hashEqual(t, s.build()) })
	}
}
