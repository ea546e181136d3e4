package tests

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"gostore/tests/upstream"
)

// failure is a way in which an operation can fail.
type failure struct {
	errno   syscall.Errno
	lasting bool // and so does everything after it that could for the same reason
	short   bool // half of a write, or of a read
	calls   []string
}

func (f failure) String() string {
	switch {
	case f.short:
		return "half of it"
	case f.lasting:
		return f.errno.Error() + " from then on"
	}
	return f.errno.Error()
}

// The calls that need space, a descriptor, or a right, and those that change something or read.
var (
	spending = []string{"openat", "mkdirat", "linkat", "symlinkat", "renameat", "renameat2", "write", "pwrite64", "fsync", "syncfs", "ftruncate", "fallocate"}
	opening  = []string{"openat", openToRead}
	naming   = []string{"openat", "mkdirat", "linkat", "symlinkat", "renameat", "renameat2", "unlinkat", "fchmodat", "fchmodat2", "utimensat", "truncate"}
	changes  = append(slices.Clone(spending), "unlinkat", "fchmodat", "fchmodat2", "fchmod", "utimensat", "truncate", "flock", "copy_file_range")
	reads    = slices.Sorted(maps.Keys(readers))
)

// failures are tried in turn. The first operation of a sort fails in every way in the long form; those after it, which are the same
// on another file, fail in the next way that applies, as all do in the short form.
var failures = []failure{
	{errno: syscall.ENOSPC, calls: spending},
	{errno: syscall.EIO, calls: slices.Concat(changes, reads)},
	{errno: syscall.EINTR, calls: slices.Concat(changes, reads)},
	{errno: syscall.EROFS, lasting: true, calls: naming},
	{errno: syscall.EMFILE, calls: opening},
	{errno: syscall.EACCES, calls: append(slices.Clone(naming), openToRead)},
	{short: true, calls: []string{"write", "pwrite64", "read", "pread64"}},
	{errno: syscall.ENOSPC, lasting: true, calls: spending},
	{errno: syscall.EDQUOT, lasting: true, calls: spending},
	{errno: syscall.EMFILE, lasting: true, calls: opening},
}

// applies reports whether a call can fail in this way.
func (f failure) applies(call string) bool { return slices.Contains(f.calls, call) }

// letFail makes the operation that a thread is about to begin fail, if it is the one, or comes after it and the fault lasts.
func (r *tracer) letFail(pid int, info syscallInfo, op operation) {
	its := op.Sort == r.Sort && r.found == r.N && (!r.Short || info.args[2] > 1)
	after := r.Lasting && r.failed > 0 && slices.ContainsFunc(failures, func(f failure) bool {
		return f.lasting && f.errno == r.Errno && f.applies(op.Call)
	})
	if !its && !after {
		return
	}
	r.failed++
	change := func(regs *registers) { regs.skip(r.Errno) }
	if r.Short {
		change = func(regs *registers) { regs.shorten(info.args[2] / 2) }
	}
	if err := changeRegisters(pid, change); err != nil {
		r.fail(err)
	}
}

// Each operation of each command fails, also those that only read. Then the command says why, or does without; whatever it did is
// whole, nothing is lost, its descriptors and goroutines are given back, and without the fault it succeeds. What was interrupted, or done by half, is no failure at all.
//
// The short form lets one operation of some sorts fail in one way, for some of the commands; GOSTORE_TEST_FAULT=all lets every
// operation that changes something fail, of all commands, and one of each sort, also of those that read, in every way.
func TestFault(t *testing.T) {
	needTracer(t, newWorld(t, upstream.Config{}))
	if !canChangeSyscalls {
		t.Skip("a system call can be replaced by an error on amd64 only")
	}
	form := formOf(t, faultVariable, 12)
	var tried, withstood atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d operations failed, %d of which the command did without", tried.Load(), withstood.Load())
	})
	for _, c := range killings {
		if !form.long && !slices.Contains([]string{"install", "lock anew", "switch", "gc"}, c.name) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k := newKilling(t, c.prepare, c.command, c.next, true)
			faults := k.faults(form, c.name)
			for _, f := range faults {
				k.thorough = form.long || form.rarely(f.String())
				if exit, happened := k.failAt(f.point, f.failure); happened {
					tried.Add(1)
					if exit == 0 {
						withstood.Add(1)
					}
				}
			}
			t.Logf("%d operations, %d faults", len(k.operations), len(faults))
		})
	}
}

// faultVariable makes TestFault whole, as killVariable does TestKill.
const faultVariable = "GOSTORE_TEST_FAULT"

// mishap is an operation and how it is going to fail.
type mishap struct {
	point
	failure
}

func (f mishap) String() string { return f.point.String() + ": " + f.failure.String() }

// faults returns what is to fail in turn, of the command with a name.
func (k *killing) faults(form form, name string) []mishap {
	var list []mishap
	turn := 0
	for _, p := range k.points(form.long) {
		call := p.call()
		for range failures {
			f := mishap{p, failures[turn%len(failures)]}
			turn++
			if p.torn || !f.applies(call) {
				continue
			}
			if form.takes(name + f.String()) {
				list = append(list, f)
			}
			if !form.long || p.n > 1 {
				break
			}
		}
	}
	return list
}

// complaint is how gostore reports what went wrong.
var complaint = regexp.MustCompile(`(?m)^gostore: (error|warning): .+`)

// failAt lets an operation fail, and checks what came of it.
func (k *killing) failAt(p point, f failure) (exit int, happened bool) {
	k.restore()
	run, err := k.trace(request{Args: k.command, Sort: p.sort, N: p.n, Errno: f.errno, Lasting: f.lasting, Short: f.short, Reads: f.lasting && f.errno == syscall.EMFILE || readers[p.call()], Counted: true})
	if err != nil {
		k.t.Fatal(err)
	}
	if run.Failed == 0 {
		return 0, false
	}
	k.t.Run(mishap{p, f}.String(), func(t *testing.T) {
		k := *k
		w := *k.world
		w.t, k.world = t, &w
		switch {
		case run.Exit != 0 && !complaint.MatchString(run.Output):
			t.Errorf("it ended with %d and said only\n%s", run.Exit, run.Output)
		case run.Exit != 0 && (f.short || f.errno == syscall.EINTR):
			t.Errorf("it ended with %d\n%s", run.Exit, run.Output)
		case strings.Contains(run.Output, "panic"), strings.Contains(run.Output, keptMark):
			t.Errorf("it said\n%s", run.Output)
		}
		k.checkKilled(run)
		k.checkNext()
	})
	return run.Exit, true
}
