package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gostore/internal/digest"
	"gostore/internal/filelock"
	"gostore/internal/removal"
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

// partDir is the directory of a download of several files.
func partDir(path string) string { return path + ".d" }

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
	_, dirErr := os.Lstat(partDir(p.path))
	return err == nil && fi.Size() == 0 && errors.Is(dirErr, fs.ErrNotExist)
}

// Done removes the download, which is in the store now or is of no use. The file goes last, and stays where anything beside it does:
// by it a collection finds the rest.
func (p *Part) Done() error { return removePart(p.path, p.lock) }

// removePart removes a part, whose lock is given up, and before it what was kept beside it.
func removePart(path string, lock *filelock.File) error {
	if err := removeBeside(path); err != nil {
		return errors.Join(err, lock.Release())
	}
	return lock.Remove()
}

// Reset empties the part: what it holds is wrong.
func (p *Part) Reset() error { return errors.Join(removeBeside(p.path), os.Truncate(p.path, 0)) }

// Release keeps the download so that a later one resumes it. Its age counts from now on, also where only its directory
// was written to.
func (p *Part) Release() error {
	now := time.Now()
	_ = os.Chtimes(p.path, now, now) // best effort: it only becomes old sooner
	return p.lock.Release()
}

// besidePart is where a downloader keeps what it knows of a part.
func besidePart(path string) string { return path + ".etag" }

// besideBytes is what a downloader kept beside a part takes on the disk.
func besideBytes(path string) int64 {
	u := usage{inodes: map[fileID]*inode{}}
	_ = u.tree(partDir(path)) // best effort: what cannot be read is not counted
	return diskBytesAt(besidePart(path)) + u.bytes
}

// removeBeside removes what a downloader kept beside a part. The directory may hold a module cache, whose directories are
// read-only, or be a spool, which may have the last links of contents beside those in files/.
func removeBeside(path string) error {
	err := os.Remove(besidePart(path))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if _, statErr := os.Lstat(partDir(path)); statErr != nil {
		return err
	}
	root := filepath.Dir(filepath.Dir(path))
	if err := errors.Join(err, unclean(root)); err != nil {
		return err
	}
	return errors.Join(removal.Tree(partDir(path)), unclean(root)) // again: a Clean may have looked meanwhile
}
