package priority

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// From linux/ioprio.h: whose priority is set, and the class of those who get the disk when nobody else wants it.
const (
	ioprioWhoProcess = 1
	ioprioClassIdle  = 3
	ioprioClassShift = 13
)

// Lower has all threads of this process, and those that they start, run when nobody else wants the processor (SCHED_IDLE, nice 19) and read
// when nobody else wants the disk (the idle class, which the schedulers bfq and mq-deadline know). There is no way back that
// everybody may go. The error is that of the first thing that the kernel refused; the others took effect.
//
// On Linux these belong to threads, and a new thread has those of the one that starts it: so the list of threads is gone
// through until there is no new one.
func Lower() error {
	var first error
	done := map[string]bool{}
	for again := true; again; {
		again = false
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if err != nil || done[t.Name()] {
				continue
			}
			done[t.Name()], again = true, true
			if err := lower(id); err != nil && !errors.Is(err, unix.ESRCH) && first == nil {
				first = err
			}
		}
	}
	return first
}

func lower(thread int) error {
	idle := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE, Nice: 19}
	errs := []error{
		os.NewSyscallError("setpriority", unix.Setpriority(unix.PRIO_PROCESS, thread, 19)),
		os.NewSyscallError("sched_setattr", unix.SchedSetAttr(thread, &idle, 0)),
	}
	if _, _, errno := unix.Syscall(unix.SYS_IOPRIO_SET, ioprioWhoProcess, uintptr(thread), ioprioClassIdle<<ioprioClassShift); errno != 0 {
		errs = append(errs, os.NewSyscallError("ioprio_set", errno))
	}
	return errors.Join(errs...)
}
