package tests

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"gostore/tests/powercut"
)

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
			delete(r.threads, pid)
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
	op, ok := r.operation(pid, info)
	if !ok {
		return
	}
	_, err = os.Stat(fmt.Sprintf("/proc/%d/task/%d", r.pid, pid))
	if op.Child = err != nil; op.Child {
		if !strings.HasPrefix(op.Path, r.top+"/") {
			return
		}
		op.Sort = "child: " + op.Sort
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
		r.kill(op.Child)
		return
	}
	if r.Record && r.inRecord(op) {
		r.record(pid, info, op)
	}
}

// kill kills gostore, which is stopped and cannot be gone; with its children where one of them is at the operation, because who
// goes on to write when gostore is dead is another question.
func (r *tracer) kill(all bool) {
	syscall.Kill(r.pid, syscall.SIGKILL)
	for pid := range r.threads {
		if all {
			syscall.Kill(pid, syscall.SIGKILL)
		}
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
	call, ok := lookup(info.nr)
	if !ok {
		r.fail(fmt.Errorf("system call %d%#x of %s is in no list: does it change the disk?", info.nr, info.args, command(pid)))
		return operation{}, false
	}
	if flags, opens := openFlags(pid, call.name, info); opens && flags&changing == 0 {
		if !r.Reads {
			return operation{}, false
		}
		call.name = openToRead
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
		name := readString(pid, info.args[call.path])
		switch {
		case filepath.IsAbs(name):
			op.Path = name
		case op.Path == "":
			cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)) // it is stopped
			op.Path = filepath.Join(cwd, name)
		default:
			op.Path = filepath.Join(op.Path, name)
		}
	}
	if op.reads() && !strings.HasPrefix(op.Path, r.top+"/") {
		return op, false
	}
	op.Sort = sortOf(op.Call, op.Path, r.top)
	return op, true
}

// openFlags returns the flags of a call that opens a file by its path.
func openFlags(pid int, name string, info syscallInfo) (flags uint64, opens bool) {
	switch name {
	case "openat":
		return info.args[2], true
	case "open":
		return info.args[1], true
	case "openat2": // the first of what its third argument points to
		data := readMemory(pid, info.args[2], make([]byte, 8))
		if len(data) == 8 {
			return binary.NativeEndian.Uint64(data), true
		}
	}
	return 0, false
}

// command returns the name of the program that a thread runs.
func command(pid int) string {
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)) // only to be told
	return strings.TrimSpace(string(name))
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
