package tests

import "golang.org/x/sys/unix"

// callsHere are further calls that change a disk: programs that are not written in Go use them where they exist.
var callsHere = map[uint64]call{
	unix.SYS_OPEN:      {"open", -1, 0},
	unix.SYS_CREAT:     {"creat", -1, 0},
	unix.SYS_MKDIR:     {"mkdir", -1, 0},
	unix.SYS_MKNOD:     {"mknod", -1, 0},
	unix.SYS_LINK:      {"link", -1, 1},
	unix.SYS_SYMLINK:   {"symlink", -1, 1},
	unix.SYS_RENAME:    {"rename", -1, 1},
	unix.SYS_UNLINK:    {"unlink", -1, 0},
	unix.SYS_RMDIR:     {"rmdir", -1, 0},
	unix.SYS_CHMOD:     {"chmod", -1, 0},
	unix.SYS_CHOWN:     {"chown", -1, 0},
	unix.SYS_LCHOWN:    {"lchown", -1, 0},
	unix.SYS_UTIME:     {"utime", -1, 0},
	unix.SYS_UTIMES:    {"utimes", -1, 0},
	unix.SYS_FUTIMESAT: {"futimesat", 0, 1},
}

// harmlessHere are further calls that change no disk.
var harmlessHere = []uint64{
	unix.SYS_NEWFSTATAT, unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_ACCESS, unix.SYS_READLINK, unix.SYS_GETDENTS, unix.SYS_DUP2, unix.SYS_PIPE,
	unix.SYS_POLL, unix.SYS_SELECT, unix.SYS_EPOLL_CREATE, unix.SYS_EPOLL_WAIT, unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_GETPGRP,
	unix.SYS_ARCH_PRCTL, unix.SYS_TIME, unix.SYS_ALARM, unix.SYS_PAUSE, unix.SYS_GETRLIMIT, unix.SYS_SETRLIMIT,
}
