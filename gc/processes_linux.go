package gc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/sys"
	"gostore/store"
)

// Processes returns a root for each running process that uses objects of st without having to say so:
// whose program, mapped files, working or root directory, open files or initial environment variables name an
// object. It covers processes that entered through a profile link and hold no lease.
//
// A process of another user that cannot be read is passed over, and so is one that ends
// meanwhile. That gostore itself lacks what it takes to look, a descriptor or memory, is an error: whoever went on without having
// looked would take away what is in use. In the other mount namespaces (containers) the store may have another path, so there the
// name of an object anywhere in a path counts. Files that are deleted count nowhere.
func Processes(st *store.Store) ([]Root, error) {
	dir, err := filepath.EvalSymlinks(filepath.Dir(st.Path(store.Object{})))
	if err != nil {
		return nil, err
	}
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	pids := slices.DeleteFunc(names, func(name string) bool {
		_, err := strconv.Atoi(name)
		return err != nil
	})
	like := scanner{
		prefixes: prefixes(append(layered(st), dir)...),
		mounts:   readLink("/proc/self/ns/mnt"),
	}
	return like.processes(int(proc.Fd()), pids)
}

// processes looks at processes, several at a time: the kernel writes down for each what it has mapped and open, which
// takes 0.1 to 0.3 ms. The roots are in the order of pids.
func (like scanner) processes(proc int, pids []string) ([]Root, error) {
	found := make([]Root, len(pids))
	errs := make([]error, min(runtime.GOMAXPROCS(0), len(pids)))
	var next atomic.Int64
	var workers sync.WaitGroup
	for w := range errs {
		workers.Go(func() {
			s := like
			s.buf = make([]byte, 64<<10)
			for i := int(next.Add(1)) - 1; i < len(pids) && s.err == nil; i = int(next.Add(1)) - 1 {
				found[i], _ = s.process(proc, pids[i])
				if s.err != nil {
					errs[w] = fmt.Errorf("looking at process %s: %w", pids[i], s.err)
				}
			}
		})
	}
	workers.Wait()
	return slices.DeleteFunc(found, func(r Root) bool { return r.Trees == nil }), errors.Join(errs...)
}

// layered returns the directories of objects, those of layers included, as they are named and as the kernel names them.
func layered(st *store.Store) []string {
	dirs := st.ObjectDirs()
	for _, dir := range dirs[1:] { // the first is the store's own
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dirs = append(dirs, real)
		}
	}
	return dirs
}

// prefixes returns how paths below dirs begin, as /proc writes them.
func prefixes(dirs ...string) [][]byte {
	var list [][]byte
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		list = append(list, []byte(strings.ReplaceAll(dir, "\n", `\012`)+"/"))
	}
	return list
}

// scanner looks for the names of objects in what /proc says.
type scanner struct {
	prefixes [][]byte // how paths of objects begin in this mount namespace
	mounts   string   // this process's mount namespace
	buf      []byte

	anywhere bool // an object may have any path before its name
	found    map[digest.Tree]bool
	what     string // how the first was found

	err error // why something could not be looked at that is not somebody else's
}

// process returns what one process uses; proc is /proc.
func (s *scanner) process(proc int, pid string) (Root, bool) {
	dir, err := openBelow(proc, pid, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		s.passOver(err) // or it has ended
		return Root{}, false
	}
	defer unix.Close(dir)
	s.found, s.what = nil, ""
	s.anywhere = s.mounts != string(s.linkAt(dir, "ns/mnt"))
	s.link(dir, "exe", "program")
	s.link(dir, "cwd", "working directory")
	s.link(dir, "root", "root directory")
	s.file(dir, "maps", "mapped file")
	s.file(dir, "environ", "environment variable")
	if pid != strconv.Itoa(os.Getpid()) { // a collector's own descriptors are its claims
		s.descriptors(dir)
	}
	if s.found == nil {
		return Root{}, false
	}
	name := "pid " + pid
	if comm, err := os.ReadFile("/proc/" + pid + "/comm"); err == nil {
		name += " (" + printable(strings.TrimSuffix(string(comm), "\n")) + ")"
	}
	r := Root{Kind: KindProcess, Name: name, Note: s.what}
	for t := range s.found {
		r.Trees = append(r.Trees, t)
	}
	slices.SortFunc(r.Trees, func(a, b digest.Tree) int { return bytes.Compare(a[:], b[:]) })
	return r, true
}

// printable makes a name that a process gave itself safe to print.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, name)
}

// passOver notes an error that says nothing of the process.
func (s *scanner) passOver(err error) {
	for _, lack := range []error{unix.EMFILE, unix.ENFILE, unix.ENOMEM} {
		if errors.Is(err, lack) {
			s.err = err
		}
	}
}

// readLink returns a link's target, or "".
func readLink(name string) string {
	target, _ := os.Readlink(name) // not ours to read, or gone
	return target
}

// openBelow opens a name below a directory for reading.
func openBelow(dir int, name string, flags int) (fd int, err error) {
	return sys.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
}

// link looks at the target of a link.
func (s *scanner) link(dir int, name, what string) { s.text(s.linkAt(dir, name), what) }

// linkAt returns a link's target, or nothing. It is good until the next.
func (s *scanner) linkAt(dir int, name string) []byte {
	n, err := sys.Readlinkat(dir, name, s.buf)
	if err != nil {
		s.passOver(err) // or it is not ours to read, or gone
		return nil
	}
	return s.buf[:n]
}

// file looks at each line, or string that ends in NUL, of a file.
func (s *scanner) file(dir int, name, what string) {
	fd, err := openBelow(dir, name, 0)
	if err != nil {
		s.passOver(err) // or it is not ours to read, or gone
		return
	}
	defer unix.Close(fd)
	n := 0
	for {
		if n == len(s.buf) {
			s.buf = append(s.buf, make([]byte, len(s.buf))...)
		}
		more, err := sys.Read(fd, s.buf[n:])
		s.passOver(err)
		if err != nil || more <= 0 {
			break // what there is until it fails
		}
		n += more
	}
	s.text(s.buf[:n], what)
}

// descriptors looks at the targets of open files.
// Those of a process that also has the file open which ends in readers do not count: it reads whatever is there, and takes what goes away
// for gone (store.Scrubber).
func (s *scanner) descriptors(process int) {
	fd, err := openBelow(process, "fd", unix.O_DIRECTORY)
	if err != nil {
		s.passOver(err)
		return
	}
	dir := os.NewFile(uintptr(fd), "fd")
	defer dir.Close()
	names, err := dir.Readdirnames(-1) // what there is until it fails
	s.passOver(err)
	targets := make([]string, len(names))
	for i, open := range names {
		targets[i] = string(s.linkAt(fd, open))
		if strings.HasSuffix(targets[i], readers) {
			return
		}
	}
	for _, target := range targets {
		s.text([]byte(target), "open file")
	}
}

// readers is how the path of the file ends that whoever verifies a store keeps open.
const readers = "/" + store.VerifiedDir + "/" + store.ReadersName

// text finds the names of objects in text.
func (s *scanner) text(text []byte, what string) {
	if s.anywhere {
		s.after(text, []byte("/"), what)
		return
	}
	for _, prefix := range s.prefixes {
		s.after(text, prefix, what)
	}
}

// after finds the names of objects that follow prefix.
func (s *scanner) after(text, prefix []byte, what string) {
	for {
		i := bytes.Index(text, prefix)
		if i < 0 {
			return
		}
		text = store.WithoutAside(text[i+len(prefix):])
		if len(text) <= 64 || text[64] != '-' {
			continue
		}
		t, err := digest.ParseTreeHex(string(text[:64]))
		if err != nil || deleted(text) {
			continue
		}
		if s.found == nil {
			s.found, s.what = map[digest.Tree]bool{}, what
		}
		s.found[t] = true
	}
}

// deleted reports whether the path at the beginning of text is of a file that has gone.
func deleted(text []byte) bool {
	if end := bytes.IndexAny(text, "\n\x00"); end >= 0 {
		text = text[:end]
	}
	return bytes.HasSuffix(text, []byte(" (deleted)"))
}
