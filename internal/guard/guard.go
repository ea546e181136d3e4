// Package guard finds out whether anybody but root and one user could change what a path leads to.
//
// # What it promises
//
// A path that User.Path finds nothing against leads through directories that only root and that user can change, and through
// links that only they can replace: so whoever goes there later, also by the same path, meets nothing that a stranger put there. The
// rules are those of sshd's StrictModes, with what ordinary machines need:
//
//   - a directory belongs to root or to the user;
//   - nobody else may write in it. In a directory with the sticky bit, such as /tmp, everybody may: there nobody can remove
//     or rename what belongs to somebody else, and what the path leads to next is looked at as well. It does not help the
//     last directory of a path, in which strangers could make new things;
//   - a group may write if it is the owner's own: its number is that of the owner. So it is on systems that give each user a group
//     (Debian, Fedora), whose umask leaves the bit set;
//   - a symbolic link belongs to root or to the user, wherever it stands. Both it and where it leads are looked at.
//
// In a user namespace, such as that of a container without root, files of users who have no number there appear as
// the overflow user's, root's among them. They count as root's, because there is nobody inside who could be their owner.
//
// # What it does not promise
//
// Access control lists are seen only as far as they show in the bits for the group. A mount that a stranger may replace, and network file
// systems whose server says something else than the mode bits, are not seen.
package guard

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

// User is who must be safe from others.
type User struct {
	ID int // numeric
	// Among says that directories on the way may belong to other users, except in such as /tmp. It is for root in a container,
	// whose home may be anybody's.
	Among bool
}

// Problem is what is wrong with a directory or link.
type Problem int

// The problems.
const (
	Foreign     Problem = iota + 1 // a directory belongs to somebody else
	ForeignLink                    // a symbolic link does
	OpenToAll                      // everybody may write in a directory
	OpenToGroup                    // a group may
)

// Error says by whom else a path could be changed.
type Error struct {
	Path    string // of the directory or link at fault
	Problem Problem
	UID     int // of its owner
	GID     int // of its group
	Mode    fs.FileMode
	OnWay   bool // it is a directory on the way, in which a sticky bit would be enough
}

func (e *Error) Error() string {
	switch e.Problem {
	case Foreign:
		return fmt.Sprintf("%q belongs to uid %d", e.Path, e.UID)
	case ForeignLink:
		return fmt.Sprintf("%q is a link that belongs to uid %d", e.Path, e.UID)
	case OpenToGroup:
		return fmt.Sprintf("the group %d can write in %q (mode %v)", e.GID, e.Path, e.Mode)
	}
	return fmt.Sprintf("everybody can write in %q (mode %v)", e.Path, e.Mode)
}

// maxLinks is how many links a path may lead through, as for the kernel.
const maxLinks = 40

// Path judges the directory at path, an absolute one, and everything on the way there. An *Error names the first thing that is wrong.
// What does not exist has nothing wrong with it: whoever makes it judges once more.
func (u User) Path(path string) error {
	at, rest := "/", strings.Split(filepath.Clean(path), "/")
	var st unix.Stat_t
	if err := lstat(at, &st); err != nil {
		return err
	}
	shared := false // at stands in a directory in which strangers may make things
	for links := 0; ; {
		for len(rest) > 0 && rest[0] == "" {
			rest = rest[1:]
		}
		last := len(rest) == 0
		if err := u.judge(at, &st, last || shared, last); err != nil || last {
			return err
		}
		shared = uint32(st.Mode)&(unix.S_IWOTH|unix.S_IWGRP) != 0
		at, rest = filepath.Join(at, rest[0]), rest[1:] // ".." goes up from where links were followed
		err := lstat(at, &st)
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if uint32(st.Mode)&unix.S_IFMT != unix.S_IFLNK {
			continue
		}
		target, err := os.Readlink(at)
		if err == nil {
			err = u.judgeLink(at, &st)
		}
		if links++; err == nil && links > maxLinks {
			err = &os.PathError{Op: "following", Path: at, Err: unix.ELOOP}
		}
		if err != nil {
			return err
		}
		if at = filepath.Dir(at); filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
		if err := lstat(at, &st); err != nil {
			return err
		}
		shared = false // the link was the user's or root's, and this directory was looked at before
	}
}

// Dir judges one directory, of which path is the name and st what stat says, as the last of a path.
func (u User) Dir(path string, st *unix.Stat_t) error { return u.judge(path, st, true, true) }

// judge judges a directory: whether it must be the user's own, and whether it is the last.
func (u User) judge(path string, st *unix.Stat_t, own, last bool) error {
	if uint32(st.Mode)&unix.S_IFMT != unix.S_IFDIR {
		return &os.PathError{Op: "looking at", Path: path, Err: unix.ENOTDIR}
	}
	if !u.owns(st) && (own || !u.Among) {
		return fault(path, Foreign, st, false)
	}
	return writable(path, st, last)
}

// File judges a file in a directory that was judged.
func (u User) File(path string, st *unix.Stat_t) error {
	if !u.owns(st) {
		return fault(path, Foreign, st, false)
	}
	return writable(path, st, true)
}

// writable reports who else may write.
func writable(path string, st *unix.Stat_t, last bool) error {
	mode := uint32(st.Mode)
	switch {
	case mode&unix.S_ISVTX != 0 && !last:
		return nil
	case mode&unix.S_IWOTH != 0:
		return fault(path, OpenToAll, st, !last)
	case mode&unix.S_IWGRP != 0 && st.Gid != st.Uid:
		return fault(path, OpenToGroup, st, !last)
	}
	return nil
}

func (u User) judgeLink(path string, st *unix.Stat_t) error {
	if u.owns(st) {
		return nil
	}
	return fault(path, ForeignLink, st, false)
}

// owns reports whether something belongs to the user, or to root.
func (u User) owns(st *unix.Stat_t) bool {
	return int(st.Uid) == u.ID || st.Uid == 0 || isNobody(st.Uid)
}

// overflowUID is how the owners appear that a user namespace has no number for.
const overflowUID = 65534

// isNobody reports whether a number is the overflow user's, in a user namespace in which nobody has it.
func isNobody(uid uint32) bool {
	if uid != overflowUID {
		return false
	}
	data, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && !mapped(string(data), overflowUID)
}

// mapped reports whether a text like that of /proc/self/uid_map gives somebody a number.
func mapped(text string, uid uint64) bool {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return true // not understood: nobody is let in
		}
		first, firstErr := strconv.ParseUint(fields[0], 10, 64)
		count, countErr := strconv.ParseUint(fields[2], 10, 64)
		if firstErr != nil || countErr != nil || uid >= first && uid-first < count {
			return true
		}
	}
	return false
}

func fault(path string, p Problem, st *unix.Stat_t, onWay bool) error {
	mode := fs.FileMode(st.Mode) & fs.ModePerm
	if uint32(st.Mode)&unix.S_ISVTX != 0 {
		mode |= fs.ModeSticky
	}
	return &Error{Path: path, Problem: p, UID: int(st.Uid), GID: int(st.Gid), Mode: mode, OnWay: onWay}
}

func lstat(path string, st *unix.Stat_t) error {
	if err := sys.Lstat(path, st); err != nil {
		return &os.PathError{Op: "lstat", Path: path, Err: err}
	}
	return nil
}
