package tests

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"gostore/tests/powercut"
)

// The tracer runs gostore under ptrace and looks at every operation before it happens. It sees all threads, so that
// the n-th operation of the process is meant and not that of a thread, which is what strace's fault
// injection counts; and it tells openat that makes a file from openat that reads one.
//
// It is a process of its own, this program started anew, because it waits for any child, and the tests have other
// children. What it starts is this program again, which confines itself to a filter that stops it at operations
// only, and then becomes gostore: of the 4,000 system calls of a collection in an empty store 5 are operations.

// tracerVariable makes this program a tracer; its value is a request. With the value "confined" the program is
// what the tracer starts.
const tracerVariable = "GOSTORE_TEST_TRACER"

// request says what to run, and when to kill it: at the entry of the N-th operation of a sort, when all before it have
// happened and it has not; or, torn, when it has written the first half of what it writes. Without a sort it is
// left alone.
//
// With an Errno the process is not killed: the operation does not happen and fails, and with Lasting so does every later one that
// could for the same reason. With Short that much of a write happens as half of it makes.
type request struct {
	Args    []string
	Sort    string
	N       int
	Torn    bool
	Errno   syscall.Errno
	Lasting bool
	Short   bool
	Record  bool // what the operations do, for a simulated disk
	Reads   bool // what reads is an operation as well
	Counted bool // it says at its end what it has not given back
}

// fails reports whether the request lets operations fail instead of killing.
func (q request) fails() bool { return q.Errno != 0 || q.Short }

// operation is a system call that can change the disk, or take or give up a filelock.
type operation struct {
	Call string
	Path string // what it is about; for a rename or link, what is made
	Sort string // what it has in common with others, see sortOf

	Child bool // a process that gostore began is at it, and not gostore
}

// writes reports whether the operation can be torn.
func (o operation) writes() bool { return o.Call == "write" || o.Call == "pwrite64" }

// reads reports whether the operation changes nothing.
func (o operation) reads() bool { return readers[o.Call] }

// traced is what came of a run.
type traced struct {
	Operations []operation
	Record     []powercut.Op
	Killed     bool // at the last of the operations
	Failed     int  // how many operations failed, or were short
	Exit       int
	Output     string
	Failure    string // of the tracer
}

var digits = regexp.MustCompile(`files/../|[0-9a-f]{32,}|[0-9A-Z]{26}|[0-9]{2,}`)

// sortOf returns the call and the path below top without digests, random parts and long numbers, of a tree
// in the store and of what the checksum database said only the beginning.
func sortOf(call, path, top string) string {
	path = digits.ReplaceAllString(strings.TrimPrefix(path, top+"/"), "*")
	if elements := strings.SplitN(path, "/", 4); len(elements) == 4 {
		path = strings.Join(elements[:3], "/")
	}
	return call + " " + path
}

// trace runs gostore in the project as r says.
func (w *world) trace(r request) (traced, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return traced{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return traced{}, err
	}
	cmd := exec.Command(self)
	// One processor, so that one run is like another as far as that is possible.
	cmd.Dir, cmd.Env = w.dir, append(w.environ, tracerVariable+"="+string(text), "GOMAXPROCS=1")
	answer, err := cmd.Output()
	var result traced
	if err := errors.Join(err, json.Unmarshal(answer, &result)); err != nil {
		return traced{}, fmt.Errorf("tracing: %w: %s", err, answer)
	}
	if result.Failure != "" {
		return result, errors.New("tracing: " + result.Failure)
	}
	return result, nil
}

// needTracer skips the test where the kernel does not let this process trace another one. Where it does, a tracer that does not
// work is a failure: a sweep that is skipped unseen shows nothing.
func needTracer(t *testing.T, w *world) {
	t.Helper()
	r, err := w.trace(request{Args: []string{"version"}})
	switch {
	case err != nil && strings.Contains(err.Error(), syscall.EPERM.Error()), r.Exit != 0 && strings.Contains(r.Output, confining):
		t.Skipf("needs ptrace with seccomp filters, Linux 5.3 or later: %v %s", err, r.Output)
	case err != nil || r.Exit != 0 || !strings.HasPrefix(r.Output, "gostore "):
		t.Fatalf("tracing gostore version: %v, exit status %d\n%s", err, r.Exit, r.Output)
	}
}

// confining begins what is said where the filter could not be installed.
const confining = "confining gostore:"

// beTracer is what this program does when it was started by trace, before anything else: testscript would first copy it for each of its commands. It
// does not return then.
func beTracer() {
	switch text := os.Getenv(tracerVariable); text {
	case "":
	case "confined", "confined, reads":
		fmt.Fprintln(os.Stderr, confining, becomeConfined(text != "confined"))
		os.Exit(1)
	default:
		var r request
		err := json.Unmarshal([]byte(text), &r)
		var result traced
		if err == nil {
			result, err = serve(r)
		}
		if err != nil {
			result.Failure = err.Error()
		}
		json.NewEncoder(os.Stdout).Encode(result) // an incomplete answer is no JSON
		os.Exit(0)
	}
}

// serve carries out a request in the tracer.
func serve(q request) (traced, error) {
	dir, err := os.Getwd()
	if err != nil {
		return traced{}, err
	}
	top := filepath.Dir(dir)
	out, err := os.CreateTemp(top, "output-")
	if err != nil {
		return traced{}, err
	}
	defer out.Close()
	defer os.Remove(out.Name())
	how, program := "confined", "gostore"
	if q.Reads {
		how = "confined, reads"
	}
	if q.Counted {
		program = "gostore-counted"
	}
	if err := os.Setenv(tracerVariable, how); err != nil {
		return traced{}, err
	}
	runtime.LockOSThread() // only the thread that started it may trace it
	p, err := os.StartProcess("/proc/self/exe", append([]string{"confined.test", "-test.run=^TestKill$", "--", program}, q.Args...), &os.ProcAttr{
		Files: []*os.File{nil, out, out},
		Sys:   &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return traced{}, err
	}
	r := tracer{request: q, top: top, output: out.Name(), pid: p.Pid, threads: map[int]bool{p.Pid: true}}
	err = r.run()
	text, readErr := os.ReadFile(out.Name())
	return traced{Operations: r.operations, Record: r.ops, Killed: r.killed, Failed: r.failed, Exit: r.status.ExitStatus(), Output: string(text)}, errors.Join(err, readErr)
}

// becomeConfined installs the filter and executes gostore. It returns only an error.
func becomeConfined(reads bool) error {
	args := os.Args[1:]
	for args[0] != "--" {
		args = args[1:]
	}
	args = args[1:]
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	runtime.LockOSThread() // the filter is the thread's that executes
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("giving up privileges: %w", err)
	}
	filter := operationFilter(reads)
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return fmt.Errorf("installing a filter: %w", err)
	}
	if err := os.Unsetenv(tracerVariable); err != nil {
		return err
	}
	return unix.Exec(path, args, os.Environ())
}
