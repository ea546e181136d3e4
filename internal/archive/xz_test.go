package archive

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
)

// xzStored returns an xz stream, without checks, of one block with content stored, and a dictionary of at least so many bytes.
func xzStored(dictionary int, content []byte) []byte {
	var chunks []byte
	for control := byte(1); len(content) > 0; control = 2 {
		n := min(len(content), 1<<16)
		chunks = append(append(chunks, control, byte((n-1)>>8), byte(n-1)), content[:n]...)
		content = content[n:]
	}
	return xzStream(dictionary, append(chunks, 0), 0)
}

// xzStream returns an xz stream, without checks, of one block that consists of chunks. size is what its index says of the
// content; 0 means what the chunks of stored content say.
func xzStream(dictionary int, chunks []byte, size uint64) []byte {
	crc := func(b []byte) []byte { return binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)) }
	code := byte(0)
	for code < 40 && xzDictionary(code) < int64(dictionary) {
		code++
	}
	if size == 0 {
		for at := 0; chunks[at] != 0; {
			n := int(chunks[at+1])<<8 + int(chunks[at+2]) + 1
			size += uint64(n)
			at += 3 + n
		}
	}
	stream := append([]byte(xzMagic+"\x00\x00"), crc([]byte{0, 0})...)
	header := []byte{2, 0, xzLZMA2, 1, code, 0, 0, 0}
	header = append(header, crc(header)...)
	stream = append(append(stream, header...), chunks...)
	stream = append(stream, make([]byte, -len(chunks)&3)...)
	index := binary.AppendUvarint(binary.AppendUvarint([]byte{0, 1}, uint64(len(header)+len(chunks))), size)
	index = append(index, make([]byte, -len(index)&3)...)
	index = append(index, crc(index)...)
	stream = append(stream, index...)
	footer := append(binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1)), 0, 0)
	return append(append(append(stream, crc(footer)...), footer...), xzFooterMagic...)
}

// TestXZStored has what the tests make of xz accepted by the library.
func TestXZStored(t *testing.T) {
	content := bytes.Repeat([]byte("#!/bin/sh\n"), 20_000)
	sink := &treeSink{}
	if err := unpackBytes(t, xzStored(1<<20, content), Options{}, sink); err != nil {
		t.Fatal(err)
	}
	if want := "x " + string(content); sink.tree["program"] != want {
		t.Error("content differs")
	}
	if dir := os.Getenv("GOSTORE_KEEP"); dir != "" {
		os.WriteFile(filepath.Join(dir, "stored.xz"), xzStored(1<<20, content), 0o644)
	}
}
