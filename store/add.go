package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime/trace"
	"time"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/filelock"
	"gostore/internal/release"
	"gostore/internal/tree"
)

// Spec says what an object is to be.
type Spec struct {
	Name, Version string         // of the tool
	Archive       digest.Archive // where the tree comes from an archive: remembered, so that it is unpacked once
	Tree          digest.Tree    // what the tree must turn out to be; zero when not known
	From          string         // where the archive came from, for people
	Refs          []digest.Tree  // objects that this one links to
}

// Add makes an object of what fill writes to a stage and returns a lease on it. An object with the same
// tree is used instead where there is one. When fill fails, or the tree is not the promised one (a
// *digest.MismatchError), or ctx ends, nothing is visible and the stage is removed.
//
// Order, and what a crash after each step leaves:
//  1. stage made and locked, filled, sealed: a dead stage;
//  2. manifest, description, table of members and index entry written: those of an object that is not there;
//  3. syncfs: all of it is on the disk;
//  4. rename to the final name: the object is there, or is not;
//  5. fsync of the parent: the object survives a power cut.
func (s *Store) Add(ctx context.Context, spec Spec, fill func(*Stage) error) (*Lease, error) {
	if err := errors.Join(release.CheckTool(spec.Name), release.CheckVersion(spec.Version)); err != nil {
		return nil, err
	}
	g, err := s.newStage(ctx)
	if err != nil {
		return nil, err
	}
	defer g.files.Close()
	lease, err := s.fillAndCommit(ctx, g, spec, fill)
	if err == nil && lease.file == g.held {
		return lease, nil
	}
	err = errors.Join(err, g.abandon())
	if err != nil && lease != nil {
		lease.Release() // best effort: the error that led here says more
		lease = nil
	}
	return lease, err
}

func (s *Store) fillAndCommit(ctx context.Context, g *Stage, spec Spec, fill func(*Stage) error) (*Lease, error) {
	filling := trace.StartRegion(ctx, "fill")
	err := fill(g)
	filling.End()
	if err != nil {
		return nil, err
	}
	sealing := trace.StartRegion(ctx, "seal")
	m, err := g.finish()
	sealing.End()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if t := m.Digest(); !spec.Tree.IsZero() && spec.Tree != t {
		what := fmt.Sprintf("the tree of %s %s", spec.Name, spec.Version)
		return nil, &digest.MismatchError{What: what, Want: spec.Tree.String(), Got: t.String()}
	}
	return s.commit(ctx, g, spec, m)
}

// commit is steps 2 to 5 of Add. While it describes an object that is not there yet it shares a lock on
// meta/, which Clean takes exclusively before it removes such descriptions.
func (s *Store) commit(ctx context.Context, g *Stage, spec Spec, m tree.Manifest) (*Lease, error) {
	defer trace.StartRegion(ctx, "commit").End()
	describing, err := filelock.ShareDir(ctx, s.path(metaDir))
	if err != nil {
		return nil, err
	}
	defer describing.Close()

	t := m.Digest()
	if lease, err := s.Lease(ctx, t); err == nil {
		return lease, s.writeIndex(spec.Archive, t)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := errors.Join(s.writeMeta(spec, m), g.writeMembers(m)); err != nil {
		return nil, err
	}
	if err := s.writeIndex(spec.Archive, t); err != nil {
		return nil, err
	}
	syncing := trace.StartRegion(ctx, "syncfs")
	err = durable.SyncFS(g.held)
	syncing.End()
	if err != nil {
		return nil, err
	}
	o := newObject(t, spec.Name, spec.Version)
	err = s.root.Rename(g.name, path.Join(objectsDir, o.Base()))
	if errors.Is(err, fs.ErrExist) || errors.Is(err, unix.ENOTEMPTY) {
		return s.Lease(ctx, t) // somebody else made the same object meanwhile
	}
	if err != nil {
		return nil, err
	}
	lease := &Lease{o, s.Path(o), g.held}
	return lease, durable.SyncDir(s.path(objectsDir))
}

// writeMeta writes the manifest and the description. They are made durable by the syncfs that follows.
func (s *Store) writeMeta(spec Spec, m tree.Manifest) error {
	info := Info{
		Tool: spec.Name, Release: spec.Version, Archive: spec.Archive, From: spec.From,
		Files: len(m.Entries()), Size: m.Size(), Refs: spec.Refs, Added: time.Now().UTC().Truncate(time.Second),
	}
	data, err := json.Marshal(info)
	if err != nil {
		return err
	}
	t := m.Digest()
	return errors.Join(
		s.writeAtomic(path.Join(metaDir, t.Hex()+manifestSuffix), m.Bytes()),
		s.writeAtomic(path.Join(metaDir, t.Hex()+infoSuffix), append(data, '\n')))
}

func (s *Store) writeIndex(a digest.Archive, t digest.Tree) error {
	if a.IsZero() {
		return nil
	}
	return s.writeAtomic(path.Join(indexDir, a.FileName()), []byte(t.String()+"\n"))
}

// writeAtomic replaces a file so that readers see the old or the new contents. It does not sync.
func (s *Store) writeAtomic(name string, data []byte) error {
	temp := path.Join(path.Dir(name), durable.TempPrefix+rand.Text())
	if err := s.root.WriteFile(temp, data, 0o644); err != nil {
		return err
	}
	if err := s.root.Rename(temp, name); err != nil {
		return errors.Join(err, s.root.Remove(temp))
	}
	return nil
}
