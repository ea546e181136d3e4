package doctor

import (
	"fmt"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

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
	unit := int64(st.Frsize)
	if unit == 0 {
		unit = int64(st.Bsize)
	}
	return Filesystem{
		Type: int64(st.Type) & 0xffffffff, // where the field has 32 bits, the highest is no sign
		Size: int64(st.Blocks) * unit, Free: int64(st.Bavail) * unit, Inodes: int64(st.Files), FreeNodes: int64(st.Ffree),
		ReadOnly: st.Flags&unix.ST_RDONLY != 0, NoExec: st.Flags&unix.ST_NOEXEC != 0, Device: uint64(file.Dev),
	}, nil
}
