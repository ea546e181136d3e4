package store

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
	"gostore/internal/tree"
)

// SealFiles has Add hand each file of an object to what sealer returns, open for reading, after all of it is on the disk and before it gets its name.
// A sealer that returns nil seals nothing. Sealing protects what is right already, so that it fails does not make Add fail: then failed is called, once for each Add, and the rest of the object's files
// stay as they are. A crash leaves some of the files of a dead stage sealed, and those of files/ that they are links of. It
// is called before the store is used.
func (s *Store) SealFiles(sealer func() func(*os.File) error, failed func(error)) {
	s.sealer, s.sealFailed = sealer, failed
}

// sealStage seals the files of a stage.
func (s *Store) sealStage(ctx context.Context, g *Stage, m tree.Manifest) {
	if s.sealer == nil {
		return
	}
	seal := s.sealer()
	if seal == nil {
		return
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	paths := make(chan string)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for path := range paths {
				if err := g.at(path, func(p place) error { return p.sealBy(seal) }); err != nil {
					stop(err)
				}
			}
		})
	}
	for _, e := range m.Entries() {
		if e.Kind != tree.File && e.Kind != tree.Exec {
			continue
		}
		select {
		case paths <- e.Path:
		case <-ctx.Done():
		}
	}
	close(paths)
	workers.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		s.sealFailed(err)
	}
}

func (p place) sealBy(seal func(*os.File) error) error {
	fd, err := sys.Openat(p.dir, p.base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return p.failed("open", err)
	}
	f := os.NewFile(uintptr(fd), p.full)
	return errors.Join(seal(f), f.Close())
}
