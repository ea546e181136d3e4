package tests

import (
	"golang.org/x/sys/unix"
)

// call is a system call that makes an operation: where its path, or descriptor, is among the arguments.
type call struct {
	name     string
	fd, path int // index of the argument, -1 where it has none
}

// calls are the system calls that change a disk, or take or give up a filelock. Together with harmless, and with what
// a processor has beside, they are all that may be called: whatever is in neither list fails the test, so that
// no way to change a disk goes unseen.
var calls = map[uint64]call{
	unix.SYS_OPENAT:          {"openat", 0, 1},
	unix.SYS_OPENAT2:         {"openat2", 0, 1},
	unix.SYS_MKDIRAT:         {"mkdirat", 0, 1},
	unix.SYS_MKNODAT:         {"mknodat", 0, 1},
	unix.SYS_LINKAT:          {"linkat", 2, 3},
	unix.SYS_SYMLINKAT:       {"symlinkat", 1, 2},
	unix.SYS_RENAMEAT:        {"renameat", 2, 3},
	unix.SYS_RENAMEAT2:       {"renameat2", 2, 3},
	unix.SYS_UNLINKAT:        {"unlinkat", 0, 1},
	unix.SYS_FCHMODAT:        {"fchmodat", 0, 1},
	unix.SYS_FCHMODAT2:       {"fchmodat2", 0, 1},
	unix.SYS_FCHOWNAT:        {"fchownat", 0, 1},
	unix.SYS_FCHOWN:          {"fchown", 0, -1},
	unix.SYS_UTIMENSAT:       {"utimensat", 0, 1},
	unix.SYS_TRUNCATE:        {"truncate", -1, 0},
	unix.SYS_FCHMOD:          {"fchmod", 0, -1},
	unix.SYS_FTRUNCATE:       {"ftruncate", 0, -1},
	unix.SYS_FALLOCATE:       {"fallocate", 0, -1},
	unix.SYS_WRITE:           {"write", 0, -1},
	unix.SYS_WRITEV:          {"writev", 0, -1},
	unix.SYS_PWRITE64:        {"pwrite64", 0, -1},
	unix.SYS_PWRITEV:         {"pwritev", 0, -1},
	unix.SYS_PWRITEV2:        {"pwritev2", 0, -1},
	unix.SYS_COPY_FILE_RANGE: {"copy_file_range", 2, -1},
	unix.SYS_SENDFILE:        {"sendfile", 0, -1},
	unix.SYS_SPLICE:          {"splice", 2, -1},
	unix.SYS_IOCTL:           {"ioctl", 0, -1},
	unix.SYS_FSYNC:           {"fsync", 0, -1},
	unix.SYS_FDATASYNC:       {"fdatasync", 0, -1},
	unix.SYS_SYNCFS:          {"syncfs", 0, -1},
	unix.SYS_SYNC:            {"sync", -1, -1},
	unix.SYS_FLOCK:           {"flock", 0, -1},
	unix.SYS_SETXATTR:        {"setxattr", -1, 0},
	unix.SYS_LSETXATTR:       {"lsetxattr", -1, 0},
	unix.SYS_FSETXATTR:       {"fsetxattr", 0, -1},
	unix.SYS_REMOVEXATTR:     {"removexattr", -1, 0},
	unix.SYS_LREMOVEXATTR:    {"lremovexattr", -1, 0},
	unix.SYS_FREMOVEXATTR:    {"fremovexattr", 0, -1},
}

// reading are the calls that a request with Reads looks at beside those that change something.
var reading = map[uint64]call{
	unix.SYS_READ:       {"read", 0, -1},
	unix.SYS_PREAD64:    {"pread64", 0, -1},
	unix.SYS_GETDENTS64: {"getdents64", 0, -1},
	unix.SYS_READLINKAT: {"readlinkat", 0, 1},
}

// readers are the calls of operations that change nothing.
var readers = map[string]bool{openToRead: true, "read": true, "pread64": true, "getdents64": true, "readlinkat": true}

// openToRead is what openat is called where it makes no file and empties none.
const openToRead = "openat-to-read"

// harmless are the system calls that change no disk: they read, or are about memory, time, processes, signals and the network.
var harmless = []uint64{
	unix.SYS_READ, unix.SYS_READV, unix.SYS_PREAD64, unix.SYS_PREADV, unix.SYS_PREADV2, unix.SYS_LSEEK, unix.SYS_CLOSE, unix.SYS_CLOSE_RANGE,
	unix.SYS_FSTAT, unix.SYS_STATX, unix.SYS_STATFS, unix.SYS_FSTATFS, unix.SYS_GETDENTS64, unix.SYS_READLINKAT, unix.SYS_FACCESSAT,
	unix.SYS_FACCESSAT2, unix.SYS_GETXATTR, unix.SYS_LGETXATTR, unix.SYS_FGETXATTR, unix.SYS_LISTXATTR, unix.SYS_LLISTXATTR, unix.SYS_FLISTXATTR,
	unix.SYS_FADVISE64, unix.SYS_READAHEAD, unix.SYS_SYNC_FILE_RANGE, unix.SYS_GETCWD, unix.SYS_CHDIR, unix.SYS_FCHDIR, unix.SYS_UMASK,
	unix.SYS_DUP, unix.SYS_DUP3, unix.SYS_PIPE2, unix.SYS_FCNTL, unix.SYS_EVENTFD2, unix.SYS_VMSPLICE, unix.SYS_TEE,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_PWAIT2, unix.SYS_PPOLL, unix.SYS_PSELECT6,
	unix.SYS_BRK, unix.SYS_MPROTECT, unix.SYS_MUNMAP, unix.SYS_MREMAP, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_MLOCK, unix.SYS_MUNLOCK,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_RT_SIGTIMEDWAIT, unix.SYS_SIGALTSTACK,
	unix.SYS_FUTEX, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_MEMBARRIER, unix.SYS_RESTART_SYSCALL,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES, unix.SYS_GETTIMEOFDAY,
	unix.SYS_TIMER_CREATE, unix.SYS_TIMER_SETTIME, unix.SYS_TIMER_DELETE, unix.SYS_SETITIMER, unix.SYS_TIMERFD_CREATE, unix.SYS_TIMERFD_SETTIME,
	unix.SYS_CLONE, unix.SYS_CLONE3, unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_WAIT4, unix.SYS_WAITID,
	unix.SYS_KILL, unix.SYS_TKILL, unix.SYS_TGKILL, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL,
	unix.SYS_GETPID, unix.SYS_GETPPID, unix.SYS_GETTID, unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_GETGROUPS,
	unix.SYS_GETRESUID, unix.SYS_GETRESGID, unix.SYS_GETPGID, unix.SYS_SETPGID, unix.SYS_GETSID, unix.SYS_SETSID, unix.SYS_SET_TID_ADDRESS,
	unix.SYS_PRLIMIT64, unix.SYS_GETRUSAGE, unix.SYS_SYSINFO, unix.SYS_UNAME, unix.SYS_GETRANDOM, unix.SYS_PRCTL, unix.SYS_GETCPU,
	unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_SCHED_SETATTR, unix.SYS_SCHED_GETATTR, unix.SYS_SCHED_SETSCHEDULER,
	unix.SYS_GETPRIORITY, unix.SYS_SETPRIORITY, unix.SYS_IOPRIO_SET, unix.SYS_IOPRIO_GET,
	unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_LISTEN, unix.SYS_ACCEPT4, unix.SYS_BIND, unix.SYS_SHUTDOWN,
	unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG, unix.SYS_RECVFROM, unix.SYS_RECVMSG, unix.SYS_RECVMMSG,
	unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME, unix.SYS_SETSOCKOPT, unix.SYS_GETSOCKOPT,
}

// changingRequests are the requests with which ioctl is an operation: contents that are shared, flags, and seals.
var changingRequests = []uint32{unix.FICLONE, unix.FICLONERANGE, unix.FIDEDUPERANGE, unix.FS_IOC_SETFLAGS, unix.FS_IOC_ENABLE_VERITY}

// toFiles are the calls that count only when they are about a regular file.
var toFiles = map[string]bool{
	"write": true, "writev": true, "pwrite64": true, "pwritev": true, "pwritev2": true, "sendfile": true, "splice": true, "copy_file_range": true,
	"read": true, "pread64": true,
}

// changing are the flags with which openat is an operation.
const changing = unix.O_CREAT | unix.O_TRUNC | unix.O_TMPFILE&^unix.O_DIRECTORY

// Offsets in struct seccomp_data: the number, and the low halves of arguments on a little-endian machine.
const (
	numberOffset = 0
	secondOffset = 24
	thirdOffset  = 32
	fourthOffset = 40
)

// operationFilter lets what is harmless pass and stops at everything else, and with reads also at what reads.
func operationFilter(reads bool) []unix.SockFilter {
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	equal := func(k uint64, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(k), Jf: no}
	}
	has := func(bits uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: bits, Jt: yes, Jf: no}
	}
	pass := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}
	stop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_TRACE}
	filter := []unix.SockFilter{load(numberOffset)}
	if reads {
		for nr := range reading {
			filter = append(filter, equal(nr, 1), stop)
		}
	} else {
		filter = append(filter, equal(unix.SYS_OPENAT, 4), load(thirdOffset), has(changing, 0, 1), stop, pass)
	}
	for _, nr := range append(harmless, harmlessHere...) {
		filter = append(filter, equal(nr, 1), pass)
	}
	// A mapping that writes to a file that others see is stopped at, and is in no list.
	filter = append(filter, equal(unix.SYS_MMAP, 7),
		load(thirdOffset), has(unix.PROT_WRITE, 0, 4), load(fourthOffset), has(unix.MAP_ANONYMOUS, 2, 0), has(unix.MAP_SHARED, 0, 1), stop, pass)
	filter = append(filter, equal(unix.SYS_IOCTL, uint8(2*len(changingRequests)+2)), load(secondOffset))
	for _, request := range changingRequests {
		filter = append(filter, equal(uint64(request), 1), stop)
	}
	return append(filter, pass, stop)
}

// lookup returns what is known of a system call that the filter stopped at.
func lookup(nr uint64) (call, bool) {
	for _, known := range []map[uint64]call{calls, callsHere, reading} {
		if c, ok := known[nr]; ok {
			return c, true
		}
	}
	return call{}, false
}
