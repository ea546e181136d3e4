package store

import (
	"context"
	"fmt"
	"path"
	"runtime"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/tree"
)

// Damage is one difference between an object and its manifest.
type Damage struct {
	Path    string `json:"path"`    // in the object; "." for the object as a whole
	Problem string `json:"problem"` // "is missing", "has other contents: …"
}

// DamagedError says that an object is not what its digest says.
type DamagedError struct {
	Object  Object
	Damages []Damage
}

func (e *DamagedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "object %s is damaged", e.Object)
	for _, d := range e.Damages {
		fmt.Fprintf(&b, "\n  %s %s", d.Path, d.Problem)
	}
	return b.String()
}

// Verify hashes an object again, in parallel, and compares it with the manifest that its digest names. It
// returns a *DamagedError that names every damaged, missing or additional file. The object is leased
// meanwhile.
func (s *Store) Verify(ctx context.Context, t digest.Tree) error {
	lease, err := s.Lease(ctx, t)
	if err != nil {
		return err
	}
	defer lease.Release()
	want, err := s.readManifest(t)
	if err != nil {
		_, err = s.rescan(t)
		return err
	}
	is, err := tree.Scan(ctx, lease.Path(), runtime.GOMAXPROCS(0))
	if err != nil {
		return fmt.Errorf("verifying %s: %w", lease.Object(), err)
	}
	var damages []Damage
	for _, c := range tree.Diff(want, is) {
		damages = append(damages, Damage{c.Path, problem(c)})
	}
	if len(damages) > 0 {
		return &DamagedError{lease.Object(), damages}
	}
	return nil
}

// problem says what is wrong with one entry, c.Was being what it should be.
func problem(c tree.Change) string {
	switch {
	case c.Is == nil:
		return "is missing"
	case c.Was == nil:
		return "does not belong to it"
	case c.Was.Kind != c.Is.Kind:
		return fmt.Sprintf("is %s, should be %s", c.Is.Kind, c.Was.Kind)
	case c.Was.Kind == tree.Link:
		return fmt.Sprintf("leads to %q, should lead to %q", c.Is.Target, c.Was.Target)
	case c.Was.Size != c.Is.Size:
		return fmt.Sprintf("has %d bytes, should have %d", c.Is.Size, c.Was.Size)
	default:
		return fmt.Sprintf("has other contents: b3:%s, should be b3:%s", c.Is.Content.Hex(), c.Was.Content.Hex())
	}
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
		whole := Damage{".", fmt.Sprintf("has the tree digest %s, and its manifest, which would say where it differs, is lost", got)}
		return tree.Manifest{}, &DamagedError{o, []Damage{whole}}
	}
	return m, s.writeAtomic(path.Join(metaDir, t.Hex()+manifestSuffix), m.Bytes())
}
