package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/filelock"
)

// CleanOptions says what Clean removes beside what no reader can see.
type CleanOptions struct {
	// PartsBefore removes partial downloads, and temporary files of writers that were killed, which nobody
	// has written to since. The zero time keeps all.
	PartsBefore time.Time
}

// CleanReport counts what Clean removed.
type CleanReport struct {
	Trees int   // discarded objects and dead stages
	Files int   // links of contents that no object holds any more
	Meta  int   // descriptions and index entries of objects that are not there
	Parts int   // partial downloads and temporary files
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
		func(r *CleanReport) error { return s.cleanTemps(opt.PartsBefore, r) },
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
		u := usage{inodes: map[fileID]*inode{}}
		if err := u.tree(path); err != nil {
			return err
		}
		if err := RemoveTree(path); err != nil {
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
	return s.eachShared(func(path string, fi fs.FileInfo) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if fi.Sys().(*syscall.Stat_t).Nlink != 1 {
			return nil
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		r.Files++
		r.Bytes += diskBytes(fi)
		return nil
	})
}

// eachShared calls do for every link in files/, until it returns an error.
func (s *Store) eachShared(do func(path string, fi fs.FileInfo) error) error {
	shards, err := os.ReadDir(s.path(filesDir))
	if err != nil {
		return err
	}
	for _, shard := range shards {
		if err := eachFile(s.path(filesDir, shard.Name()), do); err != nil {
			return err
		}
	}
	return nil
}

// eachFile calls do for every file of a directory that is still there, until it returns an error.
func eachFile(dir string, do func(path string, fi fs.FileInfo) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		fi, err := e.Info()
		if err != nil {
			continue // removed meanwhile
		}
		if err := do(filepath.Join(dir, e.Name()), fi); err != nil {
			return err
		}
	}
	return nil
}

// present returns the trees that there are objects of.
func (s *Store) present() (map[digest.Tree]bool, error) {
	objects, err := s.Objects()
	if err != nil {
		return nil, err
	}
	present := make(map[digest.Tree]bool, len(objects))
	for _, o := range objects {
		present[o.Tree] = true
	}
	return present, nil
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
	present, err := s.present()
	if err != nil {
		return err
	}
	return s.eachOrphan(present, func(path string, fi fs.FileInfo) error {
		err := os.Remove(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // others write hints here under a temporary name, and rename them
		}
		if err != nil {
			return err
		}
		r.Meta++
		r.Bytes += diskBytes(fi)
		return nil
	})
}

// eachOrphan calls do for every description and index entry of a tree that is not present.
func (s *Store) eachOrphan(present map[digest.Tree]bool, do func(path string, fi fs.FileInfo) error) error {
	describes := func(name string) bool {
		suffix := filepath.Ext(name)
		t, err := digest.ParseTreeHex(strings.TrimSuffix(name, suffix))
		return err == nil && present[t] && (suffix == manifestSuffix || suffix == infoSuffix || suffix == membersSuffix)
	}
	leads := func(name string) bool {
		t, ok := s.readIndex(name)
		return ok && present[t] && !strings.HasPrefix(name, durable.TempPrefix)
	}
	unless := func(keep func(name string) bool) func(string, fs.FileInfo) error {
		return func(path string, fi fs.FileInfo) error {
			if keep(fi.Name()) {
				return nil
			}
			return do(path, fi)
		}
	}
	return errors.Join(eachFile(s.path(metaDir), unless(describes)), eachFile(s.path(indexDir), unless(leads)))
}

// cleanParts removes partial downloads that are old and that nobody works on, and what was kept beside them.
func (s *Store) cleanParts(before time.Time, r *CleanReport) error {
	return s.eachOldPart(before, func(path string, fi fs.FileInfo) error {
		lock, err := filelock.TryLock(path)
		if err != nil {
			return nil // somebody works on it
		}
		beside := besideBytes(path)
		if err := errors.Join(removeBeside(path), lock.Remove()); err != nil {
			return err
		}
		r.Parts++
		r.Bytes += diskBytes(fi) + beside
		return nil
	})
}

// eachOldPart calls do for every partial download that nobody has written to since before.
func (s *Store) eachOldPart(before time.Time, do func(path string, fi fs.FileInfo) error) error {
	if before.IsZero() {
		return nil
	}
	return eachFile(s.path(downloadsDir), func(path string, fi fs.FileInfo) error {
		if !strings.HasSuffix(path, partSuffix) || !fi.ModTime().Before(before) {
			return nil
		}
		return do(path, fi)
	})
}

// tempAge is the least age of a temporary file that is removed. Not all of them are written under a filelock, so
// that age must tell that no writer is active; each is written and renamed within moments.
const tempAge = time.Hour

// cleanTemps removes temporary files that are old.
func (s *Store) cleanTemps(before time.Time, r *CleanReport) error {
	return s.eachOldTemp(before, func(path string, fi fs.FileInfo) error {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		r.Parts++
		r.Bytes += diskBytes(fi)
		return nil
	})
}

// eachOldTemp calls do for every temporary file outside meta/ and index/, which cleanMeta takes care of, that
// was last written to before a time and is older than tempAge.
func (s *Store) eachOldTemp(before time.Time, do func(path string, fi fs.FileInfo) error) error {
	if before.IsZero() {
		return nil
	}
	if latest := time.Now().Add(-tempAge); before.After(latest) {
		before = latest
	}
	old := func(path string, fi fs.FileInfo) error {
		if fi.IsDir() || !strings.HasPrefix(fi.Name(), durable.TempPrefix) || !fi.ModTime().Before(before) {
			return nil
		}
		return do(path, fi)
	}
	errs := []error{eachFile(s.dir, old)}
	for _, dir := range []string{ProfilesDir, RootsDir, SumDBDir, TrustDir, ShimsDir, CacheDir} {
		errs = append(errs, filepath.WalkDir(s.path(dir), func(path string, e fs.DirEntry, err error) error {
			var fi fs.FileInfo
			if err == nil {
				fi, err = e.Info()
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil // removed meanwhile
			}
			if err != nil {
				return err
			}
			return old(path, fi)
		}))
	}
	return errors.Join(errs...)
}
