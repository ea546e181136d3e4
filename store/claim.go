package store

import (
	"crypto/rand"
	"os"

	"gostore/internal/digest"
	"gostore/internal/filelock"
	"gostore/internal/sys"
)

// Claim is the exclusive right to an object, which only a collector takes. While it is held nobody can
// begin to use the object: a Lease waits for it.
type Claim struct {
	store  *Store
	object Object
	file   *os.File       // the object's directory, locked
	link   *filelock.File // or the filelock of a link to a layer's object
	gone   bool           // the link was discarded
}

// Claim claims an object without waiting. filelock.ErrBusy says that a lease is held on it;
// fs.ErrNotExist that it is not there.
func (s *Store) Claim(t digest.Tree) (*Claim, error) {
	o, linked, err := s.own(t)
	if err != nil {
		return nil, err
	}
	if linked {
		return s.claimLink(o)
	}
	return s.ClaimObject(o)
}

// ClaimObject is Claim for an object that Objects listed, without looking it up.
func (s *Store) ClaimObject(o Object) (*Claim, error) {
	f, err := filelock.TryExclusiveDir(s.Path(o))
	if err != nil && s.becameLink(o) {
		return s.claimLink(o)
	}
	if err != nil {
		return nil, err
	}
	return &Claim{store: s, object: o, file: f}, nil
}

// Object returns what is claimed.
func (c *Claim) Object() Object { return c.object }

// Discard takes the object away: renamed to .trash-<random>, it is gone for every reader at once, and whoever
// waits for a lease on it sees that. Clean unlinks it. The name stays in the same directory because
// moving a sealed directory to another parent would need write permission on it. The rename need
// not survive a power cut, because Clean makes it durable before it unlinks anything: an object that comes
// back is a valid one. Before what it refers to is discarded, SyncNames has to be called. No space is needed. Of a layer's object the link
// goes, and nothing else.
func (c *Claim) Discard() error {
	if c.link != nil {
		err := os.Remove(c.store.Path(c.object))
		c.gone = err == nil
		return err
	}
	from, to := c.store.Path(c.object), c.store.path(objectsDir, trashPrefix+rand.Text())
	// os.Rename looks first whether something is at the new name.
	if err := sys.Rename(from, to); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// Release gives the claim up.
func (c *Claim) Release() error {
	switch {
	case c.link == nil:
		return c.file.Close()
	case c.gone:
		return c.link.Remove()
	}
	return c.link.Release()
}
