package store

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"gostore/internal/digest"
	"gostore/internal/filelock"
)

// Part is a partial download and the right to work on it. The file is its own filelock: whoever
// wants the same archive at the same time waits, and finds it in the store afterwards.
type Part struct {
	path string
	lock *filelock.File
}

// partSuffix ends the names of partial downloads. What a downloader keeps beside one has
// that whole name as its beginning.
const partSuffix = ".part"

// Part takes the filelock of an archive's partial download, waiting until ctx ends.
func (s *Store) Part(ctx context.Context, a digest.Archive) (*Part, error) {
	path := s.path(downloadsDir, a.FileName()+partSuffix)
	lock, err := filelock.Lock(ctx, path)
	if err != nil {
		return nil, err
	}
	return &Part{path, lock}, nil
}

// Path returns the file to download to. It holds what an earlier download left.
func (p *Part) Path() string { return p.path }

// Empty reports whether nothing was downloaded.
func (p *Part) Empty() bool {
	fi, err := os.Stat(p.path)
	return err == nil && fi.Size() == 0
}

// Done removes the download, which is in the store now or is of no use.
func (p *Part) Done() error { return errors.Join(removeBeside(p.path), p.lock.Remove()) }

// Release keeps the download so that a later one resumes it.
func (p *Part) Release() error { return p.lock.Release() }

// besidePart is where a downloader keeps what it knows of a part.
func besidePart(path string) string { return path + ".etag" }

// removeBeside removes what a downloader kept beside a part.
func removeBeside(path string) error {
	if err := os.Remove(besidePart(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
