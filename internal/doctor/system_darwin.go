package doctor

import (
	"fmt"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

// magic gives the file systems of macOS, which names them, the numbers of Linux.
var magic = map[string]int64{"nfs": 0x6969, "smbfs": 0xfe534d42, "macfuse": 0x65735546, "osxfuse": 0x65735546, "msdos": 0x4d44, "exfat": 0x2011bab0}

// StatFilesystem describes the file system that a path is on.
func StatFilesystem(path string) (Filesystem, error) {
	var st unix.Statfs_t
	var file unix.Stat_t
	if err := sys.Statfs(path, &st); err != nil {
		return Filesystem{}, fmt.Errorf("statfs %q: %w", path, err)
	}
	if err := sys.Stat(path, &file); err != nil {
		return Filesystem{}, fmt.Errorf("stat %q: %w", path, err)
	}
	unit := int64(st.Bsize)
	return Filesystem{
		Type: magic[unix.ByteSliceToString(st.Fstypename[:])],
		Size: int64(st.Blocks) * unit, Free: int64(st.Bavail) * unit, Inodes: int64(st.Files), FreeNodes: int64(st.Ffree),
		ReadOnly: st.Flags&unix.MNT_RDONLY != 0, NoExec: st.Flags&unix.MNT_NOEXEC != 0, Device: uint64(file.Dev),
	}, nil
}
