package bundle

import (
	"archive/tar"
	"bytes"
	"fmt"
	"time"

	"gostore/internal/digest"
)

// Names of members.
const (
	headName  = "gostore-bundle"
	proofsDir = "proofs/"
	metaDir   = "meta/"
	filesDir  = "files/"
)

// blockSize is the unit of tar; endSize is what ends an archive.
const (
	blockSize = 512
	endSize   = 2 * blockSize
)

// memberTime is the modification time of every member, the same as that of everything in a store.
var memberTime = time.Date(1980, 1, 2, 0, 0, 0, 0, time.UTC)

// zeros are what members are filled up with, and what ends the archive.
var zeros [endSize]byte

// padding returns how many zero bytes follow a member's contents of size bytes.
func padding(size int64) int { return int(-size & (blockSize - 1)) }

// memberHeader returns the header of a member: a block, or three where USTAR cannot say it. One header belongs to one name and
// size, so that a reader compares it with the one it expects, byte for byte.
func memberHeader(name string, size int64) ([]byte, error) {
	h := tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o444, ModTime: memberTime, Format: tar.FormatUSTAR}
	var b bytes.Buffer
	err := tar.NewWriter(&b).WriteHeader(&h)
	if err != nil {
		b.Reset()
		h.Format = tar.FormatPAX
		err = tar.NewWriter(&b).WriteHeader(&h)
	}
	if err != nil {
		return nil, fmt.Errorf("member %q: %w", name, err)
	}
	return b.Bytes(), nil
}

func manifestName(t digest.Tree) string { return metaDir + t.Hex() + ".manifest" }

func contentName(c digest.Content) string {
	hex := c.Hex()
	return filesDir + hex[:2] + "/" + hex[2:]
}
