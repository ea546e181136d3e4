package tests

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"gostore/tests/powercut"
)

// The recorder is a part of the tracer: it lets one operation at a time happen, in whichever thread, and notes what it did.
// Bytes are read back from the file, whatever call wrote them. That nothing escapes it (another call, a write through
// memory, another process) is known because in the end the record is compared with the disk.

// syscallInfoExit is PTRACE_SYSCALL_INFO_EXIT: the thread is behind a system call.
const syscallInfoExit = 2

// record lets the operation that a thread is about to begin happen and notes what it did.
func (r *tracer) record(pid int, info syscallInfo, op operation) {
	if op.Call == "flock" {
		return
	}
	n := noting{info: info, op: op, o: powercut.Op{Path: r.relative(op.Path)}}
	if fi, err := os.Stat(r.output); err == nil {
		n.o.Note = fi.Size()
	}
	n.before, _ = os.Lstat(op.Path) // nil where there is nothing
	switch op.Call {
	case "renameat", "renameat2", "linkat":
		n.from = r.at(pid, info.args[0], info.args[1])
		n.o.From = r.relative(n.from)
	case "symlinkat":
		n.o.Target = readString(pid, info.args[0])
	}
	err := n.place(pid)
	if err == nil {
		n.link, n.result, err = r.finish(pid, info, op)
	}
	if err == nil && n.result >= 0 && n.happened() {
		err = n.note()
	}
	if err != nil {
		r.fail(fmt.Errorf("recording %s %q: %w", op.Call, op.Path, err))
		return
	}
	if n.o.Kind != "" {
		r.ops = append(r.ops, n.o)
	}
}

// noting is what is known of an operation that is recorded.
type noting struct {
	info   syscallInfo
	op     operation
	o      powercut.Op
	from   string      // what is renamed or linked
	before os.FileInfo // of the path
	link   string      // leads to the file that a descriptor is of, "" where the thread ended meanwhile
	result int64
}

func (r *tracer) relative(name string) string {
	if rel, err := filepath.Rel(r.top, name); err == nil {
		return rel
	}
	return name
}

// at returns the path that a directory's descriptor and a name are.
func (r *tracer) at(pid int, fd, name uint64) string {
	text := readString(pid, name)
	if filepath.IsAbs(text) {
		return text
	}
	link := fmt.Sprintf("/proc/%d/fd/%d", pid, int32(fd))
	if int32(fd) < 0 {
		link = fmt.Sprintf("/proc/%d/cwd", pid)
	}
	dir, _ := os.Readlink(link) // what is wrong is not found on the simulated disk
	return filepath.Join(dir, text)
}

// finish lets a thread end its system call and returns the result, and a link to the file that it was about. What other threads report
// meanwhile is looked at later. A thread that ends in the call, because the process does, has no result: then it is that of
// a call that succeeded, and no link.
func (r *tracer) finish(pid int, info syscallInfo, op operation) (link string, result int64, err error) {
	if err := syscall.PtraceSyscall(pid, 0); err != nil {
		return "", -1, err
	}
	for {
		var status syscall.WaitStatus
		who, err := syscall.Wait4(-1, &status, unix.WALL, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return "", -1, err
		case who != pid:
			r.reports = append(r.reports, report{who, status})
			continue
		case !status.Stopped():
			r.reports = append(r.reports, report{who, status})
			return "", 0, nil
		}
		now, err := readSyscallInfo(pid)
		if err != nil {
			return "", -1, err
		}
		if now.op != syscallInfoExit {
			r.reports = append(r.reports, report{who, status}) // PTRACE_EVENT_EXIT and the like
			return "", 0, nil
		}
		fd := int32(info.args[max(calls[info.nr].fd, 0)])
		if result = int64(now.nr); op.Call == "openat" { // where the result is now
			fd = int32(result)
		}
		return fmt.Sprintf("/proc/%d/fd/%d", pid, fd), result, nil
	}
}

// report is what a wait said of a thread.
type report struct {
	pid    int
	status syscall.WaitStatus
}

// place finds out where a write is going to write.
func (n *noting) place(pid int) error {
	switch {
	case !toFiles[n.op.Call]:
		return nil
	case n.op.Call == "pwrite64", n.op.Call == "pwritev":
		n.o.Offset = int64(n.info.args[3])
		return nil
	case n.op.Call == "copy_file_range" && n.info.args[3] != 0, n.op.Call == "splice" && n.info.args[3] != 0:
		return errors.New("a call with an offset of its own")
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", pid, int32(n.info.args[calls[n.info.nr].fd])))
	if err == nil {
		_, err = fmt.Sscanf(string(text), "pos: %d", &n.o.Offset)
	}
	return err
}

// happened reports whether the operation of a thread that ended in it had happened by then.
func (n *noting) happened() bool {
	if n.link != "" {
		return true
	}
	n.link = n.op.Path
	_, err := os.Lstat(n.op.Path)
	_, fromErr := os.Lstat(n.from)
	switch n.op.Call {
	case "openat", "mkdirat", "symlinkat", "linkat":
		return err == nil
	case "renameat", "renameat2":
		return fromErr != nil
	case "unlinkat":
		return err != nil
	case "fsync", "fdatasync", "syncfs":
		return false
	}
	n.result = int64(n.info.args[2]) // of a write, at most
	return err == nil
}

// byName are the kinds of the operations that need nothing but names, byPath of those on what a name is of, and byFile of those on what a
// descriptor is of.
var (
	byName = map[string]powercut.Kind{"symlinkat": powercut.Symlink, "linkat": powercut.Link, "renameat": powercut.Rename,
		"renameat2": powercut.Rename, "unlinkat": powercut.Unlink, "syncfs": powercut.Syncfs}
	byPath = map[string]powercut.Kind{"mkdirat": powercut.Mkdir, "fchmodat": powercut.Chmod, "fchmodat2": powercut.Chmod, "utimensat": powercut.Times,
		"truncate": powercut.Truncate}
	byFile = map[string]powercut.Kind{"fchmod": powercut.Chmod, "ftruncate": powercut.Truncate, "fallocate": powercut.Truncate,
		"fsync": powercut.Fsync, "fdatasync": powercut.Datasync}
)

// note writes down what an operation did.
func (n *noting) note() error {
	call := n.op.Call
	switch {
	case toFiles[call]:
		return n.write()
	case byName[call] != "":
		n.o.Kind = byName[call]
		return nil
	case byFile[call] != "" || call == "openat" || call == "utimensat" && n.info.args[1] == 0:
		fi, err := os.Stat(n.link)
		if err != nil {
			return err
		}
		n.about(fi)
		switch {
		case call != "openat":
			n.o.Kind, n.o.Path = cmp.Or(byFile[call], byPath[call]), ""
		case n.before == nil:
			n.o.Kind = powercut.Create
		case n.info.args[2]&unix.O_TRUNC != 0 && n.before.Size() > 0:
			n.o.Kind, n.o.Path = powercut.Truncate, ""
		}
		return nil
	case byPath[call] != "":
		fi, err := os.Lstat(n.op.Path)
		if err != nil {
			return err
		}
		n.about(fi)
		n.o.Kind = byPath[call]
		return nil
	}
	return errors.New("a call that is not recorded")
}

// about takes what a file is like now into the record.
func (n *noting) about(fi fs.FileInfo) {
	n.o.Ino, n.o.Mode, n.o.Size, n.o.Time = inodeOf(fi), uint32(fi.Mode().Perm()), fi.Size(), fi.ModTime().UnixNano()
}

func inodeOf(fi fs.FileInfo) uint64 { return fi.Sys().(*syscall.Stat_t).Ino }

// write writes down what was written, which is read back.
func (n *noting) write() error {
	f, err := os.Open(n.link)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	data := make([]byte, n.result)
	read, err := f.ReadAt(data, n.o.Offset)
	if err == io.EOF {
		err = nil
	}
	if n.o.Ino, n.o.Path, n.o.Data = inodeOf(fi), "", data[:read]; read > 0 {
		n.o.Kind = powercut.Write
	}
	return err
}

// inRecord reports whether an operation is about what is recorded.
func (r *tracer) inRecord(op operation) bool {
	return op.Call == "syncfs" || strings.HasPrefix(op.Path, r.top+"/") || op.Path == r.top
}
