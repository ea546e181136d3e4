package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

var filesystemProbe = Probe{
	Name: "filesystem", About: "what the store's file system can do: locks, links, case",
	Kinds: []Kind{
		{"filesystem-network", "the store is on a network or user-space file system, whose locks may be weak"},
		{"filesystem-locks", "the kernel's locks do not work in the store"},
		{"filesystem-links", "the store's file system has no hard links, so nothing is shared"},
		{"filesystem-case", "the store's file system takes names for the same that differ in case"},
		{"filesystem-split", "parts of the store are on different file systems"},
	},
	run: func(_ context.Context, h *Host) []Finding {
		if h.Root == "" || !exists(h.Root) {
			return nil
		}
		return slices.Concat(h.networked(), h.locks(), h.hardLinks(), h.caseFolding(), h.split())
	},
}

// remoteTypes are file systems whose data is elsewhere, by the magic numbers of statfs, with what is known of their locks.
var remoteTypes = map[int64]string{
	0x6969:     "NFS, which hands locks to the server; with the option nolock, or local_lock, other machines do not see them",
	0xff534d42: "CIFS, whose locks keep even readers out, and whose links depend on the server",
	0xfe534d42: "SMB, whose locks keep even readers out, and whose links depend on the server",
	0x517b:     "SMB, whose locks keep even readers out, and whose links depend on the server",
	0x01021997: "9p, as virtual machines and WSL share folders; locks often stay inside one machine",
	0x0bd00bd0: "Lustre, which has kernel locks only with the mount option flock",
	0x65735546: "FUSE: what locks and links do there, its program decides",
	0x786f4256: "a shared folder of VirtualBox, without hard links and without locks that others see",
	0xbacbacbc: "a shared folder of VMware, without locks that others see",
	0x5346414f: "AFS, whose locks are advisory for whole files and slow",
	0x00c36400: "Ceph, whose locks hold between machines",
	0x47504653: "GPFS, whose locks hold between machines",
}

// sound are those of them with which nothing is wrong as far as is known.
var sound = []int64{0x00c36400, 0x47504653}

func (h *Host) networked() []Finding {
	if h.Statfs == nil {
		return nil
	}
	st, err := h.Statfs(h.Root)
	what, remote := remoteTypes[st.Type]
	if err != nil || !remote || slices.Contains(sound, st.Type) {
		return nil
	}
	m, _ := h.mountOf(h.Root)
	f := Finding{
		ID: "filesystem-network", Severity: Warning, Subject: h.Root, Evidence: append([]string{fmt.Sprintf("statfs: type 0x%x, %s", st.Type, what)}, m.evidence()...),
		Title: "the store is on " + strings.FieldsFunc(what, func(r rune) bool { return r == ',' || r == ':' })[0] + ": two machines that use it at once may not see each other's locks",
		Mend:  []string{"export GOSTORE_ROOT=DIR # with DIR on a local disk"},
	}
	if m.has("nolock") || m.has("local_lock=all") || m.has("local_lock=flock") {
		f.Severity = Problem
		f.Title = "the store is on a network file system that is mounted so that locks stay on this machine"
	}
	return []Finding{f}
}

func (h *Host) locks() []Finding {
	if h.Lock == nil {
		return nil
	}
	err := h.Lock(filepath.Join(h.Root, "index")) // on which nobody else has a lock
	if err == nil {
		return nil
	}
	return []Finding{{
		ID: "filesystem-locks", Severity: Problem, Subject: h.Root, Evidence: lines(err),
		Title: "the kernel's locks do not work in the store: what is in use could be removed, and two commands could undo each other",
		Mend:  []string{"export GOSTORE_ROOT=DIR # with DIR on a local disk"},
	}}
}

// hardLinks looks at shared contents: with hard links a file that an object has is also in files/.
func (h *Host) hardLinks() []Finding {
	const enough = 32
	seen, linked := 0, 0
	_ = filepath.WalkDir(filepath.Join(h.Root, "files"), func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		info, err := e.Info()
		if st, ok := stat(info, err); ok {
			seen++
			if st.Nlink > 1 {
				linked++
			}
		}
		if seen >= enough {
			return fs.SkipAll
		}
		return nil
	})
	shared, err := os.ReadDir(filepath.Join(h.Root, "files"))
	switch {
	case seen >= enough && linked == 0 && h.hasObjects():
	case err == nil && len(shared) == 0 && h.hasObjects() && h.linkless():
	default:
		return nil
	}
	return []Finding{{
		ID: "filesystem-links", Severity: Warning, Subject: h.Root, Evidence: []string{fmt.Sprintf("of %d shared files none has a second link", seen)},
		Title: "the store's file system has no hard links: every version takes its whole size",
		Mend:  []string{"export GOSTORE_ROOT=DIR # with DIR on a disk with ext4, XFS, Btrfs, ZFS or APFS"},
	}}
}

// stat returns what the kernel says of a file.
func stat(info fs.FileInfo, err error) (*syscall.Stat_t, bool) {
	if err != nil {
		return nil, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return st, ok
}

// hasObjects reports whether the store has anything with more than a few small files in it.
func (h *Host) hasObjects() bool { return len(h.Tools) > 0 }

// linkless reports whether the file system is one that has no links: FAT, exFAT.
func (h *Host) linkless() bool {
	if h.Statfs == nil {
		return false
	}
	st, err := h.Statfs(h.Root)
	return err == nil && (st.Type == 0x4d44 || st.Type == 0x2011bab0)
}

// caseFolding asks for a file that is surely there under a name in capitals.
func (h *Host) caseFolding() []Finding {
	small, err1 := os.Stat(filepath.Join(h.Root, "format"))
	capital, err2 := os.Stat(filepath.Join(h.Root, "FORMAT"))
	if err1 != nil || err2 != nil || !os.SameFile(small, capital) {
		return nil
	}
	return []Finding{{
		ID: "filesystem-case", Severity: Note, Subject: h.Root, Evidence: []string{"format and FORMAT are one file"},
		Title: "the store's file system takes names for the same that differ in case; gostore lets no tree in that would notice",
		Mend:  []string{"# nothing has to be done"},
	}}
}

// split looks for parts of the store that are mounts, or links to elsewhere: renames and links between them fail.
func (h *Host) split() []Finding {
	info, err := os.Stat(h.Root)
	root, ok := stat(info, err)
	if !ok {
		return nil
	}
	var evidence []string
	for _, name := range []string{"store", "files", "meta", "index", "downloads", "profiles", "roots"} {
		info, err := os.Stat(filepath.Join(h.Root, name))
		if st, ok := stat(info, err); ok && h.device(filepath.Join(h.Root, name), uint64(st.Dev)) != h.device(h.Root, uint64(root.Dev)) {
			evidence = append(evidence, h.short(filepath.Join(h.Root, name))+" is on another file system than "+h.short(h.Root))
		}
	}
	if evidence == nil {
		return nil
	}
	return []Finding{{
		ID: "filesystem-split", Severity: Problem, Subject: h.Root, Evidence: evidence,
		Title: "parts of the store are on different file systems: nothing can be renamed or linked from one to another",
		Mend:  []string{"# move the whole store to one file system, and let GOSTORE_ROOT name it"},
	}}
}

// device returns the number of the file system that a path is on: what Statfs says, where it says something.
func (h *Host) device(path string, byStat uint64) uint64 {
	if h.Statfs != nil {
		if st, err := h.Statfs(path); err == nil && st.Device != 0 {
			return st.Device
		}
	}
	return byStat
}
