package store

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"gostore/internal/dirent"
	"gostore/internal/filelock"
	"gostore/internal/parallel"
	"gostore/internal/removal"
	"gostore/internal/sys"
)

// CleanOptions says what Clean removes beside what no reader can see.
type CleanOptions struct {
	// PartsBefore removes partial downloads, and temporary files of writers that were killed, which nobody
	// has written to since. The zero time keeps all.
	PartsBefore time.Time

	// Listed is what List returned, where the caller has taken nothing away since. Where it shows that there is nothing to clean, store/ is not
	// listed once more; what became dead since is left to the next Clean.
	Listed *Listing
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
//
// Where there is nothing to unlink it costs what listing store/, meta/ and index/ costs. Two things would cost more,
// and are done only where something points to them:
//
//   - Each file in files/ is looked at for other links where a discarded object or a dead stage was found: nothing else
//     leaves contents that no object shares. One of those directories is left, empty, until that has been done, so
//     a Clean that is killed between leaves it for the next one to find.
//   - Each index entry is read where a description of an object that is not there was found. Descriptions are
//     removed after the entries, so a Clean that is killed between leaves them.
//
// Both are done by the first Clean after the machine was started, because a power cut can lose the sign of either, and where the
// file "cleaned" says that there may be no sign.
func (s *Store) Clean(ctx context.Context, opt CleanOptions) (CleanReport, error) {
	c := &cleaning{Store: s, ctx: ctx, listed: opt.Listed, all: s.lookAtAll()}
	steps := []func() error{
		func() error { return c.parts(opt.PartsBefore) },
		func() error { return c.beside(opt.PartsBefore) },
		c.look,
		c.unlink,
		c.cleanLinks,
		func() error { return c.temps(opt.PartsBefore) },
		c.last,
	}
	var errs []error
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			errs = append(errs, err)
			break
		}
		errs = append(errs, step())
	}
	c.report.Bytes = c.freed.Bytes()
	err := errors.Join(errs...)
	if c.all && err == nil && !c.passed {
		s.lookedAtAll()
	}
	return c.report, err
}

// Add counts what another one counted.
func (r *CleanReport) Add(o CleanReport) {
	r.Trees += o.Trees
	r.Files += o.Files
	r.Meta += o.Meta
	r.Parts += o.Parts
	r.Bytes += o.Bytes
}

// cleaning is one run of Clean.
type cleaning struct {
	*Store
	ctx    context.Context
	report CleanReport
	freed  removal.Freed

	listed    *Listing // as it was before, where that is known
	all       bool     // to be looked at
	passed    bool     // something over that is to be looked at again
	leftovers []string // as look found them
	described bool     // that meta need not look any more

	mu     sync.Mutex // guards report and sign while there are workers
	sign   string     // the directory that is left until files/ was looked at
	failed bool       // trees or files could not be completed
}

// holdLeftover takes the exclusive lock of a leftover. It is nil where that is alive, or another collector was faster.
func (s *Store) holdLeftover(name string) (*os.File, error) {
	held, err := filelock.TryExclusiveDir(s.path(objectsDir, name))
	if errors.Is(err, filelock.ErrBusy) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return held, err
}

// eachLeftover calls do for every discarded object and dead stage, with its exclusive lock held.
func (s *Store) eachLeftover(do func(path string) error) error {
	now, err := s.List()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range now.leftovers {
		held, err := s.holdLeftover(name)
		if held != nil {
			err = errors.Join(do(s.path(objectsDir, name)), held.Close())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// unlink unlinks trees, and then the contents that only they shared; and beside that what describes them. Neither needs the other, and each is
// half waiting for the lock of one directory. The renames that discarded the trees become durable first: otherwise a power cut could
// bring an object back to its name without its description, or with some of its files gone.
func (c *cleaning) unlink() error {
	if len(c.leftovers) == 0 {
		return errors.Join(c.meta(c.all), c.files())
	}
	dir, err := os.Open(c.path(objectsDir))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return err
	}
	var described error
	var beside sync.WaitGroup
	all := c.all
	beside.Go(func() { described = c.meta(all) })
	err = errors.Join(c.trees(dir), c.files())
	beside.Wait()
	return errors.Join(err, described)
}

// trees unlinks discarded objects and dead stages, from the directory store/.
func (c *cleaning) trees(dir *os.File) error {
	r := removal.New(c.ctx, &c.freed)
	err := parallel.Each(c.ctx, removal.Workers(), len(c.leftovers), func(i int) error { return c.tree(r, dir, c.leftovers[i]) })
	err = errors.Join(err, r.Err())
	c.failed = err != nil
	return err
}

// tree unlinks one leftover, unless it is alive. The first becomes the sign.
func (c *cleaning) tree(r *removal.Remover, dir *os.File, name string) error {
	held, err := c.holdLeftover(name)
	if held == nil {
		return err
	}
	defer held.Close()
	path := c.path(objectsDir, name)
	if c.becomesSign(name) {
		r.Empty(held, path)
		return nil
	}
	r.Remove(held, int(dir.Fd()), name, path)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Trees++
	return nil
}

// becomesSign makes a leftover the sign if there is none. A stage gets a name of what was discarded first: its maker may
// only be about to lock it, and must not find it alive when the lock on it ends. Where there is no space for
// the new name it cannot be one, and the next Clean looks at everything.
func (c *cleaning) becomesSign(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sign != "" {
		return false
	}
	if strings.HasPrefix(name, stagePrefix) {
		trash := trashPrefix + rand.Text()
		if os.Rename(c.path(objectsDir, name), c.path(objectsDir, trash)) != nil {
			c.all, _ = true, unclean(c.dir) // best effort: it is for the case that this Clean is killed
			return false
		}
		name = trash
	}
	c.sign = name
	return true
}

// last removes the sign, when all that it stood for was done.
func (c *cleaning) last() error {
	if c.sign == "" || c.failed {
		return nil
	}
	dir, err := os.Open(c.path(objectsDir))
	if err != nil {
		return err
	}
	defer dir.Close()
	sign, err := os.Open(c.path(objectsDir, c.sign))
	if err == nil {
		err = removal.New(c.ctx, &c.freed).Rmdir(sign, int(dir.Fd()), c.sign)
		sign.Close()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another collector met it
	}
	c.report.Trees++
	return err
}

// files unlinks the contents whose only link is the one in files/. An install that links one
// between the look and the unlink keeps its own link: only the sharing is lost.
func (c *cleaning) files() error {
	if c.sign == "" && !c.all {
		return nil
	}
	err := c.eachShared(func(shard *os.File, name string) error {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		var st unix.Stat_t
		err := sys.Fstatat(int(shard.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil && (st.Nlink != 1 || st.Mode&unix.S_IFMT == unix.S_IFDIR) {
			return nil
		}
		if err == nil {
			err = sys.Unlinkat(int(shard.Fd()), name, 0)
		}
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		if err != nil {
			return &fs.PathError{Op: "unlink", Path: filepath.Join(shard.Name(), name), Err: err}
		}
		c.freed.Add(st.Blocks * sys.BlockSize)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.report.Files++
		return nil
	})
	c.failed = c.failed || err != nil
	return err
}

// eachShared calls do for every name in files/, from several goroutines.
func (s *Store) eachShared(do func(shard *os.File, name string) error) error {
	shards, err := dirent.Names(s.path(filesDir))
	if err != nil {
		return err
	}
	return parallel.Each(context.Background(), removal.Workers(), len(shards), func(i int) error {
		shard, err := os.Open(s.path(filesDir, shards[i]))
		if err != nil {
			return err
		}
		defer shard.Close()
		var failed error
		err = dirent.Of(shard).Each(make([]byte, removal.NamesBuffer), func(name []byte, _, _ bool) {
			if failed == nil {
				failed = do(shard, string(name))
			}
		})
		return errors.Join(err, failed)
	})
}

// eachFile calls do for every file of a directory that is still there, until it returns an error.
func eachFile(dir string, do func(path string, fi fs.FileInfo) error) error {
	names, err := dirent.Names(dir)
	if err != nil {
		return err
	}
	return eachNamed(dir, names, do)
}

// eachNamed calls do for those files of a directory that are still there, until it returns an error.
func eachNamed(dir string, names []string, do func(path string, fi fs.FileInfo) error) error {
	for _, name := range names {
		fi, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			continue // removed meanwhile
		}
		if err := do(filepath.Join(dir, name), fi); err != nil {
			return err
		}
	}
	return nil
}
