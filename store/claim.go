package store

import (
	"crypto/rand"
	"os"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/filelock"
)

// Claim is the exclusive right to an object, which only a collector takes. While it is held nobody can
// begin to use the object: a Lease waits for it.
type Claim struct {
	store  *Store
	object Object
	file   *os.File
}

// Claim claims an object without waiting. filelock.ErrBusy says that a lease is held on it;
// fs.ErrNotExist that it is not there.
func (s *Store) Claim(t digest.Tree) (*Claim, error) {
	o, err := s.Lookup(t)
	if err != nil {
		return nil, err
	}
	return s.ClaimObject(o)
}

// ClaimObject is Claim for an object that Objects listed, without looking it up.
func (s *Store) ClaimObject(o Object) (*Claim, error) {
	f, err := filelock.TryExclusiveDir(s.Path(o))
	if err != nil {
		return nil, err
	}
	return &Claim{s, o, f}, nil
}

// Object returns what is claimed.
func (c *Claim) Object() Object { return c.object }

// Discard takes the object away: renamed to .trash-<random>, it is gone for every reader at once, and whoever
// waits for a lease on it sees that. Clean unlinks it. The name stays in the same directory because
// moving a sealed directory to another parent would need write permission on it. The rename need
// not survive a power cut, because Clean makes it durable before it unlinks anything: an object that comes
// back is a valid one. No space is needed.
func (c *Claim) Discard() error {
	from, to := c.store.Path(c.object), c.store.path(objectsDir, trashPrefix+rand.Text())
	if err := unix.Rename(from, to); err != nil { // os.Rename looks first whether something is at the new name
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// Release gives the claim up.
func (c *Claim) Release() error { return c.file.Close() }
