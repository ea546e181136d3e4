package store

import (
	"os"
	"strings"

	"gostore/internal/smallfile"
	"gostore/internal/sys"

	"golang.org/x/sys/unix"
)

// The file "cleaned" in a store says which start of the machine (its boot) the last Clean was under that looked at everything. While it is
// this one, whatever nobody can see any more has a sign that a listing shows, because:
//
//   - a kill leaves the signs, by the order in which everything is made and removed;
//   - a power cut may lose them, and then the machine starts anew;
//   - who is about to remove the only sign of something takes the file away first, which needs no space.
//
// It is never synced: when it is lost, or cannot be written, the next Clean looks at everything. So it does on a disk that several machines
// use in turn. A disk that is pulled out, or restored from a copy that was made of it while it was in use, is taken for whole.
//
// A Clean that looks at everything makes cleanBegun and renames that, so that it does not claim what was left meanwhile.
const (
	cleanedName = "cleaned"
	cleanBegun  = "cleaned.begun"
)

// unclean takes the file away in the store at root: something is going to be left that has no sign.
func unclean(root string) error {
	for _, name := range []string{cleanBegun, cleanedName} { // in the order in which one becomes the other
		if err := sys.Unlink(root + "/" + name); err != nil && err != unix.ENOENT {
			return &os.PathError{Op: "unlink", Path: root + "/" + name, Err: err}
		}
	}
	return nil
}

// cleaned reports whether everything was looked at since the machine was started.
func (s *Store) cleaned() bool {
	data, err := smallfile.Read(s.path(cleanedName))
	boot := bootID()
	return err == nil && boot != "" && string(data) == boot+"\n"
}

// lookAtAll reports whether a Clean has to look at everything, and begins to.
func (s *Store) lookAtAll() bool {
	if s.cleaned() {
		return false
	}
	if boot := bootID(); boot != "" {
		_ = s.writeAtomic(cleanBegun, []byte(boot+"\n")) // best effort: the next Clean looks at everything, too
	}
	return true
}

// lookedAtAll says that a Clean which looked at everything has ended well.
func (s *Store) lookedAtAll() {
	_ = sys.Again(func() error { return s.root.Rename(cleanBegun, cleanedName) }) // best effort, as above; it is not there where unclean was called
}

// trimmed returns the text of a boot's name.
func trimmed(id string, err error) string {
	if err != nil {
		return ""
	}
	return strings.TrimSpace(id)
}
