package tests

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"gostore/tests/powercut"
)

// calls says of which system calls an operation is made: where their path, or descriptor, is among the
// arguments. Programs written in Go use no others: package syscall has only the at-forms.
var calls = map[uint64]struct {
	name     string
	fd, path int // index of the argument, -1 where it has none
}{
	unix.SYS_OPENAT:          {"openat", 0, 1},
	unix.SYS_MKDIRAT:         {"mkdirat", 0, 1},
	unix.SYS_LINKAT:          {"linkat", 2, 3},
	unix.SYS_SYMLINKAT:       {"symlinkat", 1, 2},
	unix.SYS_RENAMEAT:        {"renameat", 2, 3},
	unix.SYS_RENAMEAT2:       {"renameat2", 2, 3},
	unix.SYS_UNLINKAT:        {"unlinkat", 0, 1},
	unix.SYS_FCHMODAT:        {"fchmodat", 0, 1},
	unix.SYS_FCHMODAT2:       {"fchmodat2", 0, 1},
	unix.SYS_FCHOWNAT:        {"fchownat", 0, 1},
	unix.SYS_UTIMENSAT:       {"utimensat", 0, 1},
	unix.SYS_TRUNCATE:        {"truncate", -1, 0},
	unix.SYS_FCHMOD:          {"fchmod", 0, -1},
	unix.SYS_FTRUNCATE:       {"ftruncate", 0, -1},
	unix.SYS_FALLOCATE:       {"fallocate", 0, -1},
	unix.SYS_WRITE:           {"write", 0, -1},
	unix.SYS_WRITEV:          {"writev", 0, -1},
	unix.SYS_PWRITE64:        {"pwrite64", 0, -1},
	unix.SYS_PWRITEV:         {"pwritev", 0, -1},
	unix.SYS_COPY_FILE_RANGE: {"copy_file_range", 2, -1},
	unix.SYS_SENDFILE:        {"sendfile", 0, -1},
	unix.SYS_SPLICE:          {"splice", 2, -1},
	unix.SYS_FSYNC:           {"fsync", 0, -1},
	unix.SYS_FDATASYNC:       {"fdatasync", 0, -1},
	unix.SYS_SYNCFS:          {"syncfs", 0, -1},
	unix.SYS_FLOCK:           {"flock", 0, -1},
}

// toFiles are the calls that count only when they write to a regular file.
var toFiles = map[string]bool{
	"write": true, "writev": true, "pwrite64": true, "pwritev": true, "sendfile": true, "splice": true, "copy_file_range": true,
}

// changing are the flags with which openat is an operation.
const changing = unix.O_CREAT | unix.O_TRUNC | unix.O_TMPFILE&^unix.O_DIRECTORY

// operationFilter stops at calls and lets everything else pass.
func operationFilter() []unix.SockFilter {
	// Of struct seccomp_data: the number, and the low half of the third argument on a little-endian machine.
	const number, flags = 0, 32
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	pass := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}
	stop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_TRACE}
	filter := []unix.SockFilter{
		load(number),
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_OPENAT, Jf: 4},
		load(flags),
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: changing, Jf: 1},
		stop,
		pass,
	}
	for call := range calls {
		if call != unix.SYS_OPENAT {
			filter = append(filter, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(call), Jf: 1}, stop)
		}
	}
	return append(filter, pass)
}

// syscallInfo is struct ptrace_syscall_info, see ptrace(2).
type syscallInfo struct {
	op   uint8
	_    [3]uint8
	arch uint32
	ip   uint64
	sp   uint64
	nr   uint64
	args [6]uint64
	_    uint64
}

// syscallInfoSeccomp is PTRACE_SYSCALL_INFO_SECCOMP: the thread is before a system call, stopped by a filter.
const syscallInfoSeccomp = 3

// tracer is the state of one run.
type tracer struct {
	request
	top        string
	output     string // file that is no part of the disk that is tested
	pid        int
	threads    map[int]bool // seen so far
	found      int          // operations of the sort
	operations []operation
	ops        []powercut.Op // recorded
	reports    []report      // of threads, which nobody has looked at yet
	killed     bool
	failed     int // operations that were made to fail
	status     syscall.WaitStatus
	failure    error
}

// run traces until every thread, and every other process that was begun, has ended.
func (r *tracer) run() error {
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(r.pid, &status, 0, nil); err != nil {
		return err
	}
	if !status.Stopped() {
		return fmt.Errorf("it did not stop when it was started: status %#x", status)
	}
	// The children are traced because they have inherited the filter.
	const options = unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK |
		unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_EXITKILL
	if err := syscall.PtraceSetOptions(r.pid, options); err != nil {
		return errors.Join(err, syscall.Kill(r.pid, syscall.SIGKILL))
	}
	r.resume(r.pid, 0)
	for {
		pid, err := r.wait(&status)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.ECHILD:
			return r.failure
		case err != nil:
			return err
		case !status.Stopped():
			if pid == r.pid {
				r.status = status
			}
			continue
		}
		r.resume(pid, r.stopped(pid, status))
	}
}

// wait waits for what a thread has to report, what it had before first.
func (r *tracer) wait(status *syscall.WaitStatus) (int, error) {
	if len(r.reports) > 0 {
		first := r.reports[0]
		r.reports = r.reports[1:]
		*status = first.status
		return first.pid, nil
	}
	return syscall.Wait4(-1, status, unix.WALL, nil)
}

// resume lets a thread run to its next stop. One that was killed meanwhile is reported by the next wait.
func (r *tracer) resume(pid int, signal syscall.Signal) {
	if err := syscall.PtraceCont(pid, int(signal)); err != nil && err != syscall.ESRCH && r.failure == nil {
		r.fail(err)
	}
}

func (r *tracer) fail(err error) {
	r.failure = err
	syscall.Kill(r.pid, syscall.SIGKILL) // it may be gone already
}

// stopped looks at a stop and returns the signal to go on with.
func (r *tracer) stopped(pid int, status syscall.WaitStatus) syscall.Signal {
	fresh := !r.threads[pid]
	r.threads[pid] = true
	switch signal := status.StopSignal(); {
	case status.TrapCause() == unix.PTRACE_EVENT_SECCOMP:
		r.atSyscall(pid)
		return 0
	case status.TrapCause() > 0, signal == syscall.SIGSTOP && fresh: // another event; a thread begins
		return 0
	default:
		return signal
	}
}

// atSyscall notes the operation that a thread is about to begin, and kills the process if it is the one.
func (r *tracer) atSyscall(pid int) {
	if r.killed {
		return
	}
	info, err := readSyscallInfo(pid)
	if err == unix.ESRCH {
		return
	}
	if err != nil {
		r.fail(fmt.Errorf("asking for a system call: %w", err))
		return
	}
	if info.op != syscallInfoSeccomp {
		r.fail(fmt.Errorf("a stop of kind %d at a system call", info.op))
		return
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/task/%d", r.pid, pid)); err != nil {
		return // a child
	}
	op, ok := r.operation(pid, info)
	if !ok {
		return
	}
	r.operations = append(r.operations, op)
	if op.Sort == r.Sort {
		r.found++
	}
	if r.fails() {
		r.letFail(pid, info, op)
		return
	}
	if r.Sort != "" && r.found == r.N {
		if r.Torn && op.writes() {
			writeHalf(pid, info)
		}
		r.killed = true
		syscall.Kill(r.pid, syscall.SIGKILL) // it is stopped and cannot be gone
		return
	}
	if r.Record && r.inRecord(op) {
		r.record(pid, info, op)
	}
}

// readSyscallInfo asks at which system call a thread is.
func readSyscallInfo(pid int) (info syscallInfo, err error) {
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO,
		uintptr(pid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 {
		err = errno
	}
	return info, err
}

// operation describes a system call, if it is an operation.
func (r *tracer) operation(pid int, info syscallInfo) (operation, bool) {
	call, ok := calls[info.nr]
	if !ok {
		return operation{}, false
	}
	op := operation{Call: call.name}
	if call.fd >= 0 && int32(info.args[call.fd]) >= 0 {
		link := fmt.Sprintf("/proc/%d/fd/%d", pid, int32(info.args[call.fd]))
		op.Path, _ = os.Readlink(link) // of a pipe, a socket, … it is no path
		if fi, err := os.Stat(link); toFiles[call.name] && (err != nil || !fi.Mode().IsRegular() || !filepath.IsAbs(op.Path)) {
			return op, false
		}
	}
	if op.Path == r.output {
		return op, false
	}
	if call.path >= 0 && info.args[call.path] != 0 {
		if name := readString(pid, info.args[call.path]); filepath.IsAbs(name) {
			op.Path = name
		} else {
			op.Path = filepath.Join(op.Path, name)
		}
	}
	op.Sort = sortOf(op.Call, op.Path, r.top)
	return op, true
}

// readMemory fills data from a thread's memory as far as it is mapped.
func readMemory(pid int, address uint64, data []byte) []byte {
	local := []unix.Iovec{{Base: &data[0]}}
	local[0].SetLen(len(data))
	n, err := unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: uintptr(address), Len: len(data)}}, 0)
	if err != nil {
		return nil
	}
	return data[:n]
}

// readString reads a string of at most 4 KiB.
func readString(pid int, address uint64) string {
	// Two parts, because the page behind the string need not be mapped.
	first := make([]byte, unix.PathMax-address%unix.PathMax)
	data := readMemory(pid, address, first)
	if len(data) == len(first) && !bytes.Contains(data, []byte{0}) {
		data = append(data, readMemory(pid, address+uint64(len(data)), make([]byte, unix.PathMax))...)
	}
	text, _, _ := bytes.Cut(data, []byte{0})
	return string(text)
}

// writeHalf does the first half of a write that is about to begin. Where that is not permitted (a user who is not root
// cannot open a read-only file a second time) nothing is written, which is one of the ways to be killed as well.
func writeHalf(pid int, info syscallInfo) {
	fd := int(info.args[0])
	if info.args[2] < 2 {
		return
	}
	data := readMemory(pid, info.args[1], make([]byte, info.args[2]/2))
	offset := int64(info.args[3])
	if info.nr == unix.SYS_WRITE {
		position, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", pid, fd))
		if err != nil {
			return
		}
		if _, err := fmt.Sscanf(string(position), "pos: %d", &offset); err != nil {
			return
		}
	}
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/%d", pid, fd), os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer f.Close()
	f.WriteAt(data, offset) // see above
}
