package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"gostore/tests/upstream"
)

// withoutSockets is what this test binary does under that name: it executes its arguments as a program for which, and for whose children, to
// ask for a socket is to be killed. Only those within this machine (AF_UNIX) are let through: the C library asks so who a user is.
func withoutSockets() {
	runtime.LockOSThread() // the filter is the thread's, and a program that is executed has that of its thread
	kill := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_KILL_PROCESS}
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SOCKET, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 16}, // its first argument, of which this is the half that counts
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.AF_UNIX, Jt: 1},
		kill,
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		panic(errno)
	}
	path, err := exec.LookPath(os.Args[1])
	if err != nil {
		panic(err)
	}
	panic(syscall.Exec(path, os.Args[1:], os.Environ()))
}

// With --offline no socket is asked for, whatever the command: the kernel kills the one who does.
func TestOfflineOpensNoSocket(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(filepath.Dir(w.dir), "bin", "withoutsockets")); err != nil {
		t.Fatal(err)
	}
	w.environ = append(w.environ, "NPM_CONFIG_REGISTRY="+w.server.URL, "GOSTORE_OFFLINE=1")
	w.sh("export GOSTORE_OFFLINE=0; gostore lock go@1.22 && gostore install && gostore export -o tools.bundle")

	// That the guard works: the same without the word.
	out, err := w.command("GOSTORE_OFFLINE=0 withoutsockets gostore lock go@1.23").CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.Sys().(syscall.WaitStatus).ExitStatus() != 128+int(syscall.SIGSYS) && exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGSYS {
		t.Fatalf("a command that needs sockets ended with %v\n%s", err, out)
	}
	for line, status := range map[string]int{
		"gostore shell -- go version": 0, "gostore lock --check": 0, "gostore verify": 0, "gostore switch": 0, "gostore export -o again.bundle": 0,
		"gostore import tools.bundle": 0, "gostore gc": 0, "gostore tools": 0, "gostore fetch": 0,
		"gostore lock go@1.23": 6, "gostore lock --update": 6, "gostore install go@1.21.13": 6, "gostore tools go": 6, "gostore lock node@22": 6,
		"gostore lock npm:prettier": 6, "gostore lock jq": 6, "gostore lock example.org/x/y@v1.2.3": 6, "gostore fetch --platform linux/arm64,darwin/arm64": 6,
		"gostore lock x@1 --url https://example.org/x --trust-on-first-use": 6, "GOSTORE_SOURCES=go=godev gostore lock go@1.22": 6,
	} {
		if environ, command, ok := strings.Cut(line, "gostore "); ok {
			line = environ + "withoutsockets gostore " + command
		}
		out, err := w.command(line).CombinedOutput()
		code := 0
		if exit, ok := err.(*exec.ExitError); ok {
			code = exit.ExitCode()
		}
		if code != status {
			t.Errorf("%s: exit status %d, want %d\n%s", line, code, status, out)
		}
	}
}
