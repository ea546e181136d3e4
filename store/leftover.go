package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/dirent"
	"gostore/internal/durable"
	"gostore/internal/filelock"
	"gostore/internal/parallel"
	"gostore/internal/removal"
	"gostore/internal/sys"
)

// look lists store/. Where there are no leftovers, that listing is all that has to be known: descriptions of objects that
// are not there are removed at once.
func (c *cleaning) look() error {
	if tidy, err := c.tidy(); tidy || err != nil {
		c.described = tidy
		return err
	}
	return c.whileNobodyDescribes(func(alone bool) error {
		now, err := c.List()
		if err != nil {
			return err
		}
		if c.leftovers = now.leftovers; !alone || len(now.leftovers) > 0 {
			return nil
		}
		c.described = true
		return c.orphans(now, c.all)
	})
}

// tidy reports whether there is nothing to clean in store/, meta/ and index/ as of a listing that there is already. Of what was added
// since the descriptions look like orphans, so what is found here is only a reason to look again.
func (c *cleaning) tidy() (bool, error) {
	if c.listed == nil || len(c.listed.leftovers) > 0 || len(c.listed.Asides) > 0 { // which the caller may have given up
		return false, nil
	}
	var orphans atomic.Bool
	err := c.eachOrphan(c.listed.trees(), c.all, func(string, fs.FileInfo) error {
		orphans.Store(true)
		return nil
	})
	return err == nil && !orphans.Load(), err
}

// meta removes descriptions and index entries of objects that are not there, unless look has.
func (c *cleaning) meta(all bool) error {
	if c.described {
		return nil
	}
	return c.whileNobodyDescribes(func(alone bool) error {
		if !alone {
			c.passed = true // the next Clean will do
			return nil
		}
		now, err := c.List()
		if err != nil {
			return err
		}
		return c.orphans(now, all)
	})
}

// whileNobodyDescribes calls do with the exclusive lock on meta/, which says that no Add is between describing an object and
// renaming it into place; without it where one is, which makes do not alone.
func (c *cleaning) whileNobodyDescribes(do func(alone bool) error) error {
	held, err := filelock.TryExclusiveDir(c.path(metaDir))
	if errors.Is(err, filelock.ErrBusy) {
		return do(false)
	}
	if err != nil {
		return err
	}
	defer held.Close()
	return do(true)
}

// orphans removes descriptions and index entries of objects that are not there.
func (c *cleaning) orphans(now Listing, all bool) error {
	return c.eachOrphan(now.trees(), all, func(path string, fi fs.FileInfo) error {
		err := sys.Unlink(path)
		if errors.Is(err, unix.ENOENT) {
			return nil // others write hints here under a temporary name, and rename them
		}
		if err != nil {
			return &fs.PathError{Op: "unlink", Path: path, Err: err}
		}
		c.freed.Add(diskBytes(fi))
		c.mu.Lock()
		defer c.mu.Unlock()
		c.report.Meta++
		return nil
	})
}

// trees returns which trees there are objects of.
func (now Listing) trees() map[digest.Tree]bool {
	present := make(map[digest.Tree]bool, len(now.Objects))
	for _, o := range now.Objects {
		present[o.Tree] = true
	}
	return present
}

// eachOrphan calls do for every description and index entry of a tree that is not present, from several goroutines: the entries first, and
// where that went wrong no description. Entries are only read where there is such a description, or all is asked for.
func (s *Store) eachOrphan(present map[digest.Tree]bool, all bool, do func(path string, fi fs.FileInfo) error) error {
	var described, indexed []string
	err := dirent.Each(s.path(metaDir), func(name []byte, _, _ bool) {
		if t, ok := describes(name); !ok || !present[t] {
			described = append(described, string(name))
		}
	})
	if err != nil {
		return err
	}
	err = dirent.Each(s.path(indexDir), func(name []byte, _, _ bool) {
		if all || len(described) > 0 || bytes.HasPrefix(name, []byte(durable.TempPrefix)) {
			indexed = append(indexed, string(name))
		}
	})
	if err != nil {
		return err
	}
	indexed = slices.DeleteFunc(indexed, func(name string) bool {
		t, ok := s.readIndex(name)
		return ok && present[t] && !strings.HasPrefix(name, durable.TempPrefix)
	})
	if err := manyNamed(s.path(indexDir), indexed, do); err != nil {
		return err // what describes them is the sign that there are such entries
	}
	return manyNamed(s.path(metaDir), described, do)
}

// manyNamed is eachNamed with several goroutines: half of what unlinking costs is done after the directory's lock was given up.
func manyNamed(dir string, names []string, do func(path string, fi fs.FileInfo) error) error {
	return parallel.Each(context.Background(), removal.Workers(), len(names), func(i int) error { return eachNamed(dir, names[i:i+1], do) })
}

// describes returns the tree that a file in meta/ describes.
func describes(name []byte) (digest.Tree, bool) {
	for _, suffix := range []string{infoSuffix, manifestSuffix, membersSuffix} {
		if hex, ok := bytes.CutSuffix(name, []byte(suffix)); ok {
			return digest.TreeFromHex(hex)
		}
	}
	return digest.Tree{}, false
}

// parts removes partial downloads that are old and that nobody works on, and what was kept beside them: a spool may hold the
// last links of contents beside those in files/.
func (c *cleaning) parts(before time.Time) error {
	return c.eachOldPart(before, func(path string, fi fs.FileInfo) error {
		lock, err := filelock.TryLock(path)
		if err != nil {
			return nil // somebody works on it
		}
		beside := besideBytes(path)
		c.all = c.all || beside > 0
		if err := removePart(path, lock); err != nil {
			return err
		}
		c.report.Parts++
		c.freed.Add(diskBytes(fi) + beside)
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

// temps removes temporary files that are old.
func (c *cleaning) temps(before time.Time) error {
	return c.eachOldTemp(before, func(path string, fi fs.FileInfo) error {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		c.report.Parts++
		c.freed.Add(diskBytes(fi))
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
	temporary := func(name string) bool { return strings.HasPrefix(name, durable.TempPrefix) }
	old := func(path string, fi fs.FileInfo) error {
		if fi.IsDir() || !fi.ModTime().Before(before) {
			return nil
		}
		return do(path, fi)
	}
	names, err := dirent.Names(s.dir)
	names = slices.DeleteFunc(names, func(name string) bool { return !temporary(name) })
	errs := []error{err, eachNamed(s.dir, names, old)}
	for _, dir := range []string{ProfilesDir, RootsDir, SumDBDir, TrustDir, ShimsDir, CacheDir, VerifiedDir} {
		errs = append(errs, filepath.WalkDir(s.path(dir), func(path string, e fs.DirEntry, err error) error {
			if err == nil && !temporary(e.Name()) {
				return nil
			}
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
