package store

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"gostore/internal/digest"
	"gostore/internal/filelock"
)

// Lease keeps an object in the store. It is a shared flock on the object's directory: the kernel ends
// it when every process that holds a copy of the descriptor has gone.
//
// Whoever makes a root (a generation, a registered project) holds a lease from before the
// object is looked up until the root is durable.
type Lease struct {
	object Object
	path   string
	file   *os.File
	link   *os.File // the shared lock on a link to a layer's object; nil for an object of the store's own
}

// Lease takes a lease on the object with a digest. It waits only for a collector's brief claim. A
// *NotPresentError says that there is no such object, a *LayerError that a layer has it that cannot be used.
func (s *Store) Lease(ctx context.Context, t digest.Tree) (*Lease, error) {
	for {
		o, linked, err := s.own(t)
		if errors.Is(err, fs.ErrNotExist) {
			o, err = s.fall(t, err)
			linked = true
		}
		if err != nil {
			return nil, err
		}
		if linked {
			lease, err := s.leaseLinked(ctx, o)
			if !errors.Is(err, fs.ErrNotExist) {
				return lease, err
			}
			continue // collected since the look-up
		}
		f, err := filelock.ShareDir(ctx, s.Path(o))
		switch {
		case err == nil:
			return &Lease{o, s.Path(o), f, nil}, nil
		case !errors.Is(err, fs.ErrNotExist) && !s.becameLink(o):
			return nil, err
		}
		// Collected since the look-up, and perhaps taken from a layer: look again.
	}
}

// LeaseArchive takes a lease on the object that an archive unpacked to, if it is in the store.
func (s *Store) LeaseArchive(ctx context.Context, a digest.Archive) (*Lease, error) {
	t, ok := s.LookupArchive(a)
	if !ok {
		return nil, fs.ErrNotExist
	}
	lease, err := s.Lease(ctx, t)
	if err == nil && lease.link != nil {
		s.rememberLinked(a, t)
	}
	return lease, err
}

// Object returns the object that the lease keeps.
func (l *Lease) Object() Object { return l.object }

// Path returns the directory of the object.
func (l *Lease) Path() string { return l.path }

// File returns the descriptor that is the lease, for a process to inherit. It stays the Lease's.
func (l *Lease) File() *os.File { return l.file }

// Release ends the lease in this process.
func (l *Lease) Release() error {
	if l.link == nil {
		return l.file.Close()
	}
	return errors.Join(l.file.Close(), l.link.Close())
}
