package profile

import (
	"crypto/rand"
	"errors"
	"os"
	"syscall"

	"gostore/internal/durable"
)

// The spare is a file in a profile's directory that is there to be given up: on a file system without a free block or inode it
// gives back an inode, an entry of the directory and a few blocks, which is what going back to another generation takes. So a
// rollback works on a disk that is full, as a collection does, which takes no space at all.
//
// It is filled under the filelock whenever a change ends and it is not there, or not whole, and never synced: one that a power cut took
// is made anew by the next change. Nothing keeps other processes from taking what it gave back before the change does; then the change
// fails as it would have without it, and nothing is lost.
const (
	spareName = "spare"

	// spareSize is a block each for the history, the directory and a file system's own tree of extents, and one more.
	spareSize = 16 << 10
)

// withSpare calls do, and when there is no space for it once more without the spare.
func (p *Profile) withSpare(do func() error) error {
	err := do()
	if !isFull(err) || os.Remove(p.path(spareName)) != nil {
		return err
	}
	return do()
}

// isFull reports whether there was no space, for the disk or for the user.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// fillSpare makes the spare whole as far as there is space. The filelock is held. Its bytes are random, because some file
// systems store others in no space at all.
func (p *Profile) fillSpare() {
	fi, err := os.Lstat(p.path(spareName))
	if err == nil && fi.Size() >= spareSize {
		return
	}
	f, err := os.OpenFile(p.path(spareName), os.O_WRONLY|os.O_CREATE|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return // best effort, here and below: what there is of it is better than nothing
	}
	data := make([]byte, spareSize)
	rand.Read(data) // never fails
	f.Write(data)
	f.Close()
}

// flip makes a generation current, as durable.Symlink does.
func (p *Profile) flip(name string) error {
	return p.withSpare(func() error { return durable.Symlink(name, p.path(currentName)) })
}
