package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/filelock"
)

// CleanOptions says what Clean removes beside what no reader can see.
type CleanOptions struct {
	// PartsBefore removes partial downloads that nobody has written to since. The zero time keeps all.
	PartsBefore time.Time
}

// CleanReport counts what Clean removed.
type CleanReport struct {
	Trees int   // discarded objects and dead stages
	Files int   // links of contents that no object holds any more
	Meta  int   // descriptions and index entries of objects that are not there
	Parts int   // partial downloads
	Bytes int64 // of disk, given back
}

// Clean unlinks what no reader can see: discarded objects, stages whose maker has gone, contents
// that no object shares, descriptions and index entries of objects that are not there. It holds no lock
// that anyone waits for longer than it takes to list a directory, may be interrupted at any point, and
// may run beside everything else. It needs no free space.
func (s *Store) Clean(ctx context.Context, opt CleanOptions) (CleanReport, error) {
	var report CleanReport
	steps := []func(*CleanReport) error{
		func(r *CleanReport) error { return s.cleanTrees(ctx, r) },
		func(r *CleanReport) error { return s.cleanFiles(ctx, r) },
		s.cleanMeta,
		func(r *CleanReport) error { return s.cleanParts(opt.PartsBefore, r) },
	}
	var errs []error
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			return report, errors.Join(append(errs, err)...)
		}
		errs = append(errs, step(&report))
	}
	return report, errors.Join(errs...)
}

// Leftovers returns the bytes that Clean would give back by removing what crashes and
// interrupted collections left: discarded objects and dead stages.
func (s *Store) Leftovers() (int64, error) {
	u := newUsage(s)
	err := s.eachLeftover(func(path string) error { return u.tree(path, digest.Tree{}) })
	return u.freed(), err
}

// eachLeftover calls do for every discarded object and dead stage, with its exclusive lock held.
func (s *Store) eachLeftover(do func(path string) error) error {
	entries, err := os.ReadDir(s.path(objectsDir))
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), trashPrefix) && !strings.HasPrefix(e.Name(), stagePrefix) {
			continue
		}
		path := s.path(objectsDir, e.Name())
		held, err := filelock.TryExclusiveDir(path)
		if errors.Is(err, filelock.ErrBusy) || errors.Is(err, fs.ErrNotExist) {
			continue // alive, or another collector was faster
		}
		if err == nil {
			err = errors.Join(do(path), held.Close())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// cleanTrees unlinks discarded objects and dead stages. The renames that discarded them become durable
// first: otherwise a power cut could bring an object back to its name with some of its files gone.
func (s *Store) cleanTrees(ctx context.Context, r *CleanReport) error {
	if err := durable.SyncDir(s.path(objectsDir)); err != nil {
		return err
	}
	return s.eachLeftover(func(path string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		u := newUsage(s)
		if err := u.tree(path, digest.Tree{}); err != nil {
			return err
		}
		if err := removeTree(path); err != nil {
			return err
		}
		r.Trees++
		r.Bytes += u.freed() // what files/ still links is counted when that goes
		return nil
	})
}

// cleanFiles unlinks the contents whose only link is the one in files/. An install that links one
// between the look and the unlink keeps its own link: only the sharing is lost.
func (s *Store) cleanFiles(ctx context.Context, r *CleanReport) error {
	shards, err := os.ReadDir(s.path(filesDir))
	if err != nil {
		return err
	}
	for _, shard := range shards {
		if err := ctx.Err(); err != nil {
			return err
		}
		entries, err := os.ReadDir(s.path(filesDir, shard.Name()))
		if err != nil {
			return err
		}
		for _, e := range entries {
			fi, err := e.Info()
			if err != nil || fi.Sys().(*syscall.Stat_t).Nlink != 1 {
				continue
			}
			if err := os.Remove(s.path(filesDir, shard.Name(), e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			r.Files++
			r.Bytes += diskBytes(fi)
		}
	}
	return nil
}

// cleanMeta removes descriptions and index entries of objects that are not there. The exclusive lock on meta/
// says that no Add is between describing an object and renaming it into place; when one is, the next Clean
// will do.
func (s *Store) cleanMeta(r *CleanReport) error {
	held, err := filelock.TryExclusiveDir(s.path(metaDir))
	if errors.Is(err, filelock.ErrBusy) {
		return nil
	}
	if err != nil {
		return err
	}
	defer held.Close()
	objects, err := s.Objects()
	if err != nil {
		return err
	}
	present := make(map[digest.Tree]bool, len(objects))
	for _, o := range objects {
		present[o.Tree] = true
	}
	describes := func(name string) bool {
		t, err := digest.ParseTreeHex(strings.TrimSuffix(strings.TrimSuffix(name, infoSuffix), manifestSuffix))
		return err == nil && present[t]
	}
	leads := func(name string) bool {
		t, ok := s.readIndex(name)
		return ok && present[t] && !strings.HasPrefix(name, durable.TempPrefix)
	}
	return errors.Join(s.removeUnless(metaDir, describes, r), s.removeUnless(indexDir, leads, r))
}

// removeUnless removes the files of a directory that keep does not want.
func (s *Store) removeUnless(dir string, keep func(name string) bool, r *CleanReport) error {
	entries, err := os.ReadDir(s.path(dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if keep(e.Name()) {
			continue
		}
		fi, err := e.Info()
		if err != nil {
			continue // removed meanwhile
		}
		if err := os.Remove(s.path(dir, e.Name())); err != nil {
			return err
		}
		r.Meta++
		r.Bytes += diskBytes(fi)
	}
	return nil
}

// cleanParts removes partial downloads that are old and that nobody works on, and what was kept beside them.
func (s *Store) cleanParts(before time.Time, r *CleanReport) error {
	if before.IsZero() {
		return nil
	}
	entries, err := os.ReadDir(s.path(downloadsDir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), partSuffix) {
			continue
		}
		path := s.path(downloadsDir, e.Name())
		fi, err := os.Lstat(path)
		if err != nil || !fi.ModTime().Before(before) {
			continue
		}
		lock, err := filelock.TryLock(path)
		if err != nil {
			continue // somebody works on it
		}
		if err := errors.Join(removeBeside(path), lock.Remove()); err != nil {
			return err
		}
		r.Parts++
		r.Bytes += diskBytes(fi)
	}
	return nil
}
