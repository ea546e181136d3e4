package asset

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/tree"
)

// wholeFile is the largest file that is held in memory: more would be a worker's share of the memory that unpacking an archive may
// have.
const wholeFile = 4 << 20

// copyTree copies the tree that m describes from a directory to sink, several files at once. The directory may
// change meanwhile: a file that is not what m says is a *digest.MismatchError. Files are opened inside of the directory only.
func copyTree(ctx context.Context, dir string, m tree.Manifest, sink archive.Sink, progress func(n int64)) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	workers := sink.Workers()
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	entries := m.Entries()
	if s, ok := sink.(interface{ Expect(tree.Manifest) }); ok {
		s.Expect(m)
	}
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range workers {
		group.Go(func() error {
			var c copier
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(entries) {
					return nil
				}
				if err := c.copy(root, entries[i], sink); err != nil {
					return err
				}
				if progress != nil {
					progress(entries[i].Size)
				}
			}
			return ctx.Err()
		})
	}
	return group.Wait()
}

// copier copies one entry after the other.
type copier struct{ buf []byte }

func (c *copier) copy(root *os.Root, e tree.Entry, sink archive.Sink) error {
	switch e.Kind {
	case tree.Dir:
		return sink.Dir(e.Path)
	case tree.Link:
		return sink.Link(e.Path, e.Target)
	}
	f, err := root.Open(filepath.FromSlash(e.Path))
	if err != nil {
		return err
	}
	defer f.Close()
	if e.Size > wholeFile {
		h := digest.NewHash()
		if err := sink.Stream(e.Path, e.Kind == tree.Exec, io.TeeReader(io.LimitReader(f, e.Size+1), h)); err != nil {
			return err
		}
		return unchanged(e, h.Content())
	}
	data, err := c.read(f, e.Size)
	if err != nil {
		return err
	}
	if err := unchanged(e, digest.Sum(data)); err != nil {
		return err
	}
	return sink.File(e.Path, e.Kind == tree.Exec, data)
}

// read reads a file that has size bytes, and one more if there is one. What it returns is valid until the next read.
func (c *copier) read(f *os.File, size int64) ([]byte, error) {
	c.buf = slices.Grow(c.buf[:0], int(size)+1)
	n, err := io.ReadFull(f, c.buf[:size+1])
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return c.buf[:n], err
}

func unchanged(e tree.Entry, got digest.Content) error {
	if got == e.Content {
		return nil
	}
	what := fmt.Sprintf("%q, which changed while it was being copied,", e.Path)
	return &digest.MismatchError{What: what, Want: e.Content.Hex(), Got: got.Hex()}
}
