package adopt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"gostore/internal/archive"
	"gostore/internal/source/goproxy"
)

// maxFile bounds the files of a toolchain, which are held in memory one by one: the largest known has 26 MB.
const maxFile = 128 << 20

// workers is how many files are read at once.
const workers = 4

// root is a directory that is read. Nothing outside of it is, whatever links it has.
type root struct{ *os.Root }

func open(dir string) (root, error) {
	r, err := os.OpenRoot(dir)
	return root{r}, err
}

// file is a regular file: where it stands in the directory, and what it holds.
type file struct {
	name string
	size int64
	sum  [sha256.Size]byte
}

// contents are the files of a directory by their paths in a toolchain's tree, which are those of the directory but for _go.mod, the
// name that go.mod has in a module zip. The go command leaves it and makes a go.mod of it beside.
type contents map[string]file

// hash reads all files of the directory that a module zip of it would have. What is neither file nor directory is a path with a zero sum:
// no toolchain has it.
func (r root) hash(ctx context.Context) (contents, error) {
	names, err := r.list()
	if err != nil {
		return nil, err
	}
	found := make(contents, len(names))
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for place, f := range names {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if f.size >= 0 {
				data, err := r.read(f)
				if err != nil {
					return err
				}
				f.size, f.sum = int64(len(data)), sha256.Sum256(data)
			}
			mu.Lock()
			defer mu.Unlock()
			found[place] = f
			return nil
		})
	}
	return found, group.Wait()
}

// list returns the files of the directory by their paths in the tree, without their sums. A negative size stands for what is no file.
func (r root) list() (contents, error) {
	found := contents{}
	err := fs.WalkDir(r.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && !goproxy.InZip(name+"/"):
			return fs.SkipDir
		case e.IsDir():
			return nil
		}
		place := name
		if path.Base(name) == "_go.mod" {
			place = path.Join(path.Dir(name), "go.mod")
		}
		if _, twice := found[place]; twice && place != name {
			return nil // the go.mod that was made of it
		}
		f := file{name: name}
		if !e.Type().IsRegular() {
			f.size = -1
		}
		found[place] = f
		return nil
	})
	return found, err
}

// read returns what a file holds.
func (r root) read(f file) ([]byte, error) {
	in, err := r.Open(f.name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%q: no regular file of at most %d bytes", f.name, maxFile)
	}
	var b bytes.Buffer
	b.Grow(int(info.Size()) + bytes.MinRead)
	_, err = b.ReadFrom(io.LimitReader(in, maxFile+1))
	return b.Bytes(), err
}

// copy puts the files into sink. What a file holds must be what was hashed.
func (r root) copy(ctx context.Context, files contents, sink archive.Sink, progress func(done, total int64)) error {
	var total int64
	for _, f := range files {
		total += f.size
	}
	var done atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(sink.Workers(), 1))
	progress(0, total)
	for place, f := range files {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			data, err := r.read(f)
			if err != nil {
				return err
			}
			if sha256.Sum256(data) != f.sum {
				return fmt.Errorf("%q changed while it was read", f.name)
			}
			if err := sink.File(place, goproxy.Executable(place), data); err != nil {
				return err
			}
			progress(done.Add(f.size), total)
			return nil
		})
	}
	return group.Wait()
}

// unknownTotal makes of progress what is told of single files.
func unknownTotal(progress func(done, total int64)) func(n int64) {
	var done atomic.Int64
	progress(0, 0)
	return func(n int64) { progress(done.Add(n), 0) }
}

// without returns those of the files that keep says, and the names of the others, sorted.
func (c contents) without(keep func(path string) bool) (kept contents, left []string) {
	kept = make(contents, len(c))
	for place, f := range c {
		if keep(place) {
			kept[place] = f
		} else {
			left = append(left, f.name)
		}
	}
	slices.Sort(left)
	return kept, left
}

// sums returns the sums for an h1, and whether all of c are files.
func (c contents) sums() (sums map[string][sha256.Size]byte, ok bool) {
	sums = make(map[string][sha256.Size]byte, len(c))
	for place, f := range c {
		if f.size < 0 || strings.ContainsRune(place, '\n') {
			return nil, false
		}
		sums[place] = f.sum
	}
	return sums, true
}
