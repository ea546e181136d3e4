// Package archive unpacks archives that strangers made.
//
// It promises that an archive is judged before anything of it is written: its structure has to be
// the one that a plain writer of the format produces, every name has to be portable and
// to stand alone in the tree, and sizes have to stay within limits. What can only be known by
// unpacking (checksums, the size that a member really has) is checked while it is handed on, member by member.
// Memory and goroutines are bounded, and no goroutine outlives the call that started it.
//
// It does not promise that a sink got nothing when an error is returned, unless the error is about the structure,
// names or limits of a zip: whoever keeps the tree has to drop it after any error.
// Owners, times and permissions in an archive are ignored.
//
// Unpack takes whatever tool authors publish: zip, tar (plain or compressed by gzip, xz, zstd or bzip2) and a bare program
// (plain or compressed likewise). ModuleZip is the stricter format of Go modules.
package archive

import (
	"crypto/sha256"
	"fmt"
	"io"

	"gostore/internal/digest"
)

// Sink is the tree that an archive is unpacked into. Paths are relative, slash-separated, and were accepted by
// tree.CheckPath. File is called from several goroutines at once; parents of a file may never
// have been given to Dir. An error that a Sink returns ends the unpacking and is returned as it is.
type Sink interface {
	// Dir makes a directory, and those that lead to it.
	Dir(path string) error
	// File makes a regular file, and the directories that lead to it. data is valid during the call only.
	File(path string, exec bool, data []byte) error
	// Stream is File for a content that is too large to be held in memory. It reads r to its end.
	Stream(path string, exec bool, r io.Reader) error
	// Link makes a symbolic link.
	Link(path, target string) error
	// Copy makes a file with the content and the executable bit of the file from, whose File or Stream has returned. It need not
	// be written a second time.
	Copy(path, from string) error
	// Nest makes the new directory dir and puts everything into it that its parent directory holds. No other call
	// runs at the same time. From then on paths mean what they mean after the move.
	Nest(dir string) error
	// Workers says how many calls of File the sink wants at once; less than 1 means one for each processor.
	Workers() int
}

// Recaller is a Sink that may know what becomes of the packed bytes of a member. Both are called from several goroutines at once.
type Recaller interface {
	Sink
	// Recall makes the file as File would, where it has the content that p becomes, and returns the SHA-256 of that. Where it
	// has not, ok is false and nothing was done.
	Recall(path string, exec bool, p digest.Packed) (sum [sha256.Size]byte, ok bool, err error)
	// Remember is told after File made path what its content is made of: p, as inflating it showed, and its SHA-256.
	Remember(path string, p digest.Packed, sum [sha256.Size]byte)
}

// Limits bounds what an archive may ask for. A zero field means the default. For comparison,
// the Go toolchains 1.2.2, 1.9 and 1.26.8 for linux/amd64 have up to 11,518 files, 274 MB of content, 26 MB in one file and
// names of 158 bytes.
type Limits struct {
	Entries int   // members; default 100,000
	Bytes   int64 // content of all members together; default 4 GiB
	File    int64 // content of one member; default 1 GiB
	Name    int   // bytes of a member's name, as it stands in the archive; default 1024
	Names   int64 // bytes of all names and link targets together, with the directories that they imply; default 16 MiB
	Header  int64 // bytes that a tar may have before one member, extended headers included; default 256 KiB

	// Ratio is how many bytes of content one packed byte may become; default 200. It holds for the archive as
	// a whole and for each member of more than 1 MiB: small test files in Go's own tree reach 800.
	Ratio int64
}

// ratioFree is the content that a member may have whatever its ratio is.
const ratioFree = 1 << 20

func (l Limits) withDefaults() Limits {
	if l.Entries == 0 {
		l.Entries = 100_000
	}
	if l.Bytes == 0 {
		l.Bytes = 4 << 30
	}
	if l.File == 0 {
		l.File = 1 << 30
	}
	if l.Name == 0 {
		l.Name = 1024
	}
	if l.Names == 0 {
		l.Names = 16 << 20
	}
	if l.Header == 0 {
		l.Header = 256 << 10
	}
	if l.Ratio == 0 {
		l.Ratio = 200
	}
	return l
}

// FormatError says why an archive was refused: it is damaged, or it is not what a plain writer would have
// written. Reading it again does not help.
type FormatError struct {
	Entry  string // the name of the member at fault, as it stands in the archive; "" for the archive itself
	Reason string
}

func (e *FormatError) Error() string {
	if e.Entry == "" {
		return e.Reason
	}
	return fmt.Sprintf("entry %q: %s", e.Entry, e.Reason)
}

// refuse returns a FormatError with a formatted reason.
func refuse(entry, format string, args ...any) error {
	return &FormatError{Entry: entry, Reason: fmt.Sprintf(format, args...)}
}
