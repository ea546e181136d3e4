package tests

import "syscall"

const canChangeSyscalls = true

// registers are those of a thread that is about to begin a system call.
type registers struct{ syscall.PtraceRegs }

// skip makes the call fail instead of happening: no call has the number -1.
func (r *registers) skip(errno syscall.Errno) {
	r.Orig_rax = ^uint64(0)
	r.Rax = -uint64(errno)
}

// shorten sets the third argument, of a write how much it is.
func (r *registers) shorten(n uint64) { r.Rdx = n }

func changeRegisters(pid int, change func(*registers)) error {
	var r registers
	if err := syscall.PtraceGetRegs(pid, &r.PtraceRegs); err != nil {
		return err
	}
	change(&r)
	return syscall.PtraceSetRegs(pid, &r.PtraceRegs)
}
