package filelock

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

// holders reads from /proc/locks (see proc_locks(5)) who has locks on the file at path. A process of another PID namespace is not
// in it.
func holders(path string) (found []Holder) {
	var stat unix.Stat_t
	if sys.Lstat(path, &stat) != nil {
		return nil
	}
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(uint64(stat.Dev)), unix.Minor(uint64(stat.Dev)), stat.Ino)
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(locks)) {
		fields := strings.Fields(line) // 1: FLOCK ADVISORY WRITE pid device:inode start end
		if len(fields) < 6 || fields[1] != "FLOCK" || fields[5] != file {
			continue
		}
		if pid, err := strconv.Atoi(fields[4]); err == nil && pid > 0 {
			found = append(found, process(pid))
		}
	}
	return found
}

func process(pid int) Holder {
	h := Holder{PID: pid, UID: -1}
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	name, err := os.ReadFile(filepath.Join(dir, "comm"))
	if err != nil {
		return h
	}
	h.Name = strings.TrimSpace(string(name))
	if info, err := os.Stat(dir); err == nil {
		h.UID = int(info.Sys().(*syscall.Stat_t).Uid)
	}
	return h
}
