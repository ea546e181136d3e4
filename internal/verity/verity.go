// Package verity seals files with fs-verity: the kernel keeps a tree of digests with a file, lets nobody write to it again, and compares
// each part with the tree when it is read from the disk. A part that rotted is an error to whoever reads it (EIO), at once and not at the next
// verification.
//
// ext4, btrfs and f2fs have it where the file system was made or tuned for it and the kernel was built with it; the
// kernel's documentation, Documentation/filesystems/fsverity.rst, says what follows here. Sealing changes neither contents nor names nor
// modes, so tree digests do not depend on it, and a sealed file can be linked, renamed and unlinked like others.
//
// What was sealed stays so; there is no way back but a new file. A crash leaves a file sealed or as it was.
package verity

import (
	"errors"
	"fmt"
	"os"
)

// ErrUnsupported says that the file system or the kernel has no fs-verity. errors.Is(err, errors.ErrUnsupported) holds.
var ErrUnsupported = fmt.Errorf("fs-verity is not there: %w", errors.ErrUnsupported)

// Probe tries to seal a file in a directory, which it makes and removes. The error is ErrUnsupported, or why it could not be tried.
func Probe(dir string, seal func(f *os.File) error) (err error) {
	f, err := os.CreateTemp(dir, ".tmp-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.WriteString("sealed\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	read, err := os.Open(f.Name()) // nobody may have it open for writing
	if err != nil {
		return err
	}
	return errors.Join(seal(read), read.Close())
}
