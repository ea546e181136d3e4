package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/tree"
)

// DamagedError says that an object is not what its digest says.
type DamagedError struct {
	Object Object
	Faults []tree.Fault
}

func (e *DamagedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "object %s is damaged", e.Object)
	for _, d := range e.Faults {
		fmt.Fprintf(&b, "\n  %s %s", d.Path, d.Problem)
	}
	return b.String()
}

// Verify hashes an object again, in parallel, and compares it with the manifest that its digest names. It
// returns a *DamagedError that names every damaged, missing or additional file, also those that cannot be read. No lease is
// taken: an object that is collected meanwhile is a *NotPresentError. Of a layer's object it also looks whether others could have changed it: a
// *LayerError. In the layer nothing is written.
func (s *Store) Verify(ctx context.Context, t digest.Tree) error {
	o, err := s.Lookup(t)
	if err != nil {
		return err
	}
	if _, linked := s.LayerOf(o); linked {
		if err := s.judgeLinked(o); err != nil {
			return err
		}
	}
	want, err := s.KeptManifest(t)
	if err != nil {
		_, err = s.rescan(t)
		return err
	}
	faults, err := s.audit(ctx, o, want, tree.Auditor{Workers: runtime.GOMAXPROCS(0)})
	if err != nil {
		return fmt.Errorf("verifying %s: %w", o, err)
	}
	if len(faults) > 0 {
		return &DamagedError{o, faults}
	}
	return nil
}

// rescan makes the manifest of an object again from its files and keeps it if it has the digest.
func (s *Store) rescan(t digest.Tree) (tree.Manifest, error) {
	o, err := s.Lookup(t)
	if err != nil {
		return tree.Manifest{}, err
	}
	m, err := tree.Scan(context.Background(), s.Path(o), runtime.GOMAXPROCS(0))
	if err != nil {
		return tree.Manifest{}, fmt.Errorf("reading %s: %w", o, err)
	}
	if got := m.Digest(); got != t {
		whole := tree.Fault{Path: ".", Problem: fmt.Sprintf("has the tree digest %s, and its manifest, which would say where it differs, is lost", got)}
		return tree.Manifest{}, &DamagedError{o, []tree.Fault{whole}}
	}
	err = s.writeManifest(m)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // Clean took the temporary file for a dead one: the next look makes the manifest again
	}
	return m, err
}
