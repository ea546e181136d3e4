package store

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"gostore/internal/filelock"
)

// beside removes what was kept beside partial downloads that are gone, when it is old: a power cut can leave it, because
// nothing in downloads/ is synced. Each removal holds the filelock that is the part, which is made for it and goes with it.
func (c *cleaning) beside(before time.Time) error {
	return c.eachOrphanBeside(before, func(part string) error {
		lock, err := filelock.TryLock(part)
		if err != nil {
			return nil // somebody works on it
		}
		beside := besideBytes(part)
		c.all = c.all || beside > 0
		if err := errors.Join(removeBeside(part), lock.Remove()); err != nil {
			return err
		}
		c.report.Parts++
		c.freed.Add(beside)
		return nil
	})
}

// eachOrphanBeside calls do with the path of every part that is not there and beside which something is that is older than before.
func (s *Store) eachOrphanBeside(before time.Time, do func(part string) error) error {
	if before.IsZero() {
		return nil
	}
	return eachFile(s.path(downloadsDir), func(path string, fi fs.FileInfo) error {
		for _, beside := range []string{besidePart(""), partDir("")} {
			part, found := strings.CutSuffix(path, beside)
			if !found || !strings.HasSuffix(part, partSuffix) || !fi.ModTime().Before(before) {
				continue
			}
			if _, err := os.Lstat(part); errors.Is(err, fs.ErrNotExist) {
				return do(part)
			}
		}
		return nil
	})
}
