package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime/trace"
	"time"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/filelock"
	"gostore/internal/release"
	"gostore/internal/sys"
	"gostore/internal/tree"
)

// Spec says what an object is to be.
type Spec struct {
	Name, Version string         // of the tool
	Archive       digest.Archive // where the tree comes from an archive: remembered, so that it is unpacked once
	Tree          digest.Tree    // what the tree must turn out to be; zero when not known
	From          string         // where the archive came from, for people
	Refs          []digest.Tree  // objects that this one links to, which only those that are named Referring may
}

// Referring is the name of the objects that may refer to others, so that a collector can tell by names which descriptions it has to read.
const Referring = "environment"

// check reports what is wrong with names, or references that no collector would look for.
func (spec Spec) check() error {
	err := errors.Join(release.CheckTool(spec.Name), release.CheckVersion(spec.Version))
	if len(spec.Refs) > 0 && spec.Name != Referring {
		err = errors.Join(err, fmt.Errorf("object %q refers to others, which only one named %q may", spec.Name, Referring))
	}
	return err
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
	if err := spec.check(); err != nil {
		return nil, err
	}
	g, err := s.newStage(ctx)
	if err != nil {
		return nil, err
	}
	defer g.files.Close()
	lease, err := s.fillAndCommit(ctx, g, spec, fill)
	// A stage that was renamed is an object, and stays one: also where the fsync that follows failed, it is as whole as after a kill.
	if lease == nil || lease.file != g.held {
		err = errors.Join(err, g.abandon())
	}
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
	if s.described(t) {
		if lease, err := s.Lease(ctx, t); err == nil {
			return lease, errors.Join(s.writeIndex(spec.Archive, t), s.SyncNames())
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
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
	s.sealStage(ctx, g, m) // only now: what the disk has is what is sealed
	o := newObject(t, spec.Name, spec.Version)
	err = sys.Again(func() error { return s.root.Rename(g.name, path.Join(objectsDir, o.Base())) })
	if errors.Is(err, fs.ErrExist) || errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.ENOTDIR) {
		lease, err := s.Lease(ctx, t) // somebody else made the same object meanwhile
		return lease, errors.Join(err, s.SyncNames())
	}
	if err != nil {
		return nil, err
	}
	lease := &Lease{o, s.Path(o), g.held, nil}
	return lease, s.SyncNames()
}

// described reports whether something describes an object, here or in a layer. Only then is it worth looking up before it is added: the look-up
// of what is not there reads the names of all objects, and this costs the same however many there are. An object that lost both descriptions
// is met by the rename. One that stands under another name as well is not: then two have one tree, and are kept, and
// collected, together.
func (s *Store) described(t digest.Tree) bool {
	list, err := s.below()
	if err != nil {
		return true // the look-up says why
	}
	dirs := []string{s.path(metaDir)}
	for _, l := range list {
		dirs = append(dirs, filepath.Join(l.dir, metaDir))
	}
	for _, dir := range dirs {
		for _, suffix := range []string{infoSuffix, manifestSuffix} {
			if _, err := os.Lstat(filepath.Join(dir, t.Hex()+suffix)); !errors.Is(err, fs.ErrNotExist) {
				return true
			}
		}
	}
	return false
}

// SyncNames makes the names of all objects durable: fsync of their directory. Who added an object that can be seen may be
// between the rename and this, or have been killed there. So whoever makes a root that has to survive a power cut with
// what it leads to calls it before; all else of an object is durable before it can be seen.
func (s *Store) SyncNames() error { return durable.SyncDir(s.path(objectsDir)) }

// writeMeta writes the manifest and the description. They are made durable by the syncfs that follows.
func (s *Store) writeMeta(spec Spec, m tree.Manifest) error {
	info := Info{
		Object: newObject(m.Digest(), spec.Name, spec.Version),
		Tool:   spec.Name, Release: spec.Version, Archive: spec.Archive, From: spec.From,
		Files: len(m.Entries()), Size: m.Size(), Refs: spec.Refs, Added: time.Now().UTC().Truncate(time.Second),
	}
	d := description{info, short(m)}
	if d.Manifest == "" {
		if err := s.writeManifest(m); err != nil {
			return err
		}
	}
	return s.writeInfo(d)
}

func (s *Store) writeIndex(a digest.Archive, t digest.Tree) error {
	if a.IsZero() {
		return nil
	}
	return s.writeAtomic(path.Join(indexDir, a.FileName()), formatIndex(a.FileName(), t))
}

// writeAtomic replaces a file so that readers see the old or the new contents. It does not sync.
func (s *Store) writeAtomic(name string, data []byte) error {
	return s.replace(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// replace is writeAtomic for what write writes.
func (s *Store) replace(name string, write func(io.Writer) error) error {
	temp := path.Join(path.Dir(name), durable.TempPrefix+rand.Text())
	err := s.writeNew(temp, write)
	if err == nil {
		err = sys.Again(func() error { return s.root.Rename(temp, name) })
	}
	if err != nil {
		_ = s.root.Remove(temp) // best effort: Clean removes it too
	}
	return err
}

// writeNew writes a file that describes an object. Everybody may read it where everybody may read the directory of such files: a store that is
// shared stays so, whatever the umask of whoever adds to it.
func (s *Store) writeNew(name string, write func(io.Writer) error) error {
	const mode = 0o644
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if err = write(f); err == nil && s.public() {
		err = s.fixMode(int(f.Fd()), mode)
	}
	return errors.Join(err, f.Close())
}

// public reports whether everybody may read what describes objects.
func (s *Store) public() bool {
	var fi fs.FileInfo
	err := sys.Again(func() (err error) {
		fi, err = s.root.Stat(metaDir)
		return err
	})
	return err == nil && fi.Mode()&0o005 == 0o005
}
