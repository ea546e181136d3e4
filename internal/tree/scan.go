package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Scan reads the directory dir and returns its manifest. It reads with the given number of
// workers (at least one), each with a buffer of 1 MiB; the result does not depend on it.
//
// Nothing outside dir is read: every name is opened relative to the descriptor of its directory
// and links are never followed, dir itself excepted. What can be in no tree is an error that
// names the path: devices, pipes and sockets, which are not opened, names that CheckPath
// refuses, twins, and what cannot be read. Scan does not wait for readers or writers of dir:
// whoever needs a consistent answer keeps them away.
func Scan(ctx context.Context, dir string, workers int) (Manifest, error) {
	entries, err := (&scan{ctx: ctx, dir: dir}).run(workers)
	if err != nil {
		return Manifest{}, fmt.Errorf("scanning %q: %w", dir, err)
	}
	m, err := Of(entries)
	if err != nil {
		return Manifest{}, fmt.Errorf("scanning %q: %w", dir, err)
	}
	return m, nil
}

// run walks the tree and returns its entries in no order.
func (s *scan) run(workers int) ([]Entry, error) {
	file, err := os.OpenFile(s.dir, unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	s.idle.L = &s.mu
	s.jobs = []job{{kind: Dir, opened: file}}
	found := make([]pile, max(workers, 1))
	var wg sync.WaitGroup
	for i := range found {
		wg.Go(func() { found[i] = s.work() })
	}
	wg.Wait()
	if s.err != nil {
		s.drop()
		return nil, s.err
	}
	return level(found), nil
}

// scan is one run of Scan or Audit. Its jobs are a stack, so that the tree is walked depth first: the
// directories that are open at a time are those on the way to what the workers are at, at
// most maxDepth for each of them, however large the tree is.
type scan struct {
	ctx context.Context
	dir string
	// fault, where it is set, takes what is wrong with one path, and the scan goes on without it.
	// It is called with mu held.
	fault func(path string, err error)
	// expected, where it is set, says which entries need not be returned. It is called by several workers.
	expected func(Entry) bool
	// known, where it is set, says which content a file has that was or will be read elsewhere.
	known Known
	// aside, where it is set, has files that were not in the page cache leave it again.
	aside bool
	// read replaces read(2) in tests.
	read func(fd int, p []byte) (int, error)

	mu   sync.Mutex // guards what follows
	idle sync.Cond  // signalled when there are new jobs, and at the end
	jobs []job
	busy int   // workers that may still find jobs
	err  error // the first error, which ends the scan
}

// job is one name to look at.
type job struct {
	parent *parent  // nil for the root
	opened *os.File // the root
	name   string   // within parent
	path   string   // within the tree, "" for the root
	kind   Kind     // Exec is not known yet
}

// parent is an open directory with jobs in it. The last one closes it.
type parent struct {
	file *os.File
	jobs int // guarded by scan.mu
}

// work does jobs until there are none and returns the entries it found.
func (s *scan) work() pile {
	var entries pile
	r := s.reader()
	defer r.done()
	for {
		j, ok := s.next()
		if !ok {
			return entries
		}
		entry, below, err := s.do(j, r)
		if err == nil && j.path != "" && (s.expected == nil || !s.expected(entry)) {
			entries.add(entry)
		}
		s.done(j, below, s.tolerate(j.path, err))
	}
}

// tolerate passes an error of one path on to fault, if there is one.
func (s *scan) tolerate(path string, err error) error {
	if err == nil || s.fault == nil || s.ctx.Err() != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault(path, err)
	return nil
}

// next waits for a job. It says no when all have been done, or none should be any more.
func (s *scan) next() (job, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.jobs) == 0 && s.busy > 0 && s.err == nil {
		s.idle.Wait()
	}
	if s.err == nil {
		s.err = s.ctx.Err()
	}
	if s.err != nil || len(s.jobs) == 0 {
		return job{}, false
	}
	last := len(s.jobs) - 1
	j := s.jobs[last]
	s.jobs = s.jobs[:last]
	s.busy++
	return j, true
}

// done takes back a job with the jobs that follow from it, and its error.
func (s *scan) done(j job, below []job, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	s.jobs = append(s.jobs, below...)
	if s.err == nil {
		s.err = err
	}
	s.release(j)
	if len(below) > 0 || s.busy == 0 || s.err != nil {
		s.idle.Broadcast()
	}
}

// drop closes what the jobs hold that nobody will do.
func (s *scan) drop() {
	for _, j := range s.jobs {
		s.release(j)
		if j.opened != nil {
			j.opened.Close() // best effort: only read from
		}
	}
}

// release closes the job's directory if it was the last job there.
func (s *scan) release(j job) {
	if j.parent == nil {
		return
	}
	if j.parent.jobs--; j.parent.jobs == 0 {
		j.parent.file.Close() // best effort: only read from
	}
}

// do looks at one name. Jobs follow from a directory.
func (s *scan) do(j job, r *reader) (Entry, []job, error) {
	e := Entry{Path: j.path, Kind: j.kind}
	var below []job
	var err error
	switch j.kind {
	case Dir:
		below, err = s.list(j)
	case Link:
		e.Target, err = r.link(j.parent.file, j.name)
	case File:
		err = r.file(j.parent.file, j.name, &e, s.known)
	}
	if err != nil && !errors.As(err, new(*PathError)) {
		err = fmt.Errorf("reading %q: %w", s.join(j.path), err)
	}
	return e, below, err
}

// list opens a directory and returns a job for each name in it, the first name last, where
// the stack is popped. So bin and pkg, which hold the largest files of a toolchain, come
// early, and the workers finish together on small ones.
func (s *scan) list(j job) ([]job, error) {
	file := j.opened
	if file == nil {
		fd, err := openat(j.parent.file, j.name, unix.O_DIRECTORY)
		if err != nil {
			return nil, err
		}
		file = os.NewFile(uintptr(fd), s.join(j.path))
	}
	jobs, err := s.jobsIn(file, j.path)
	if err != nil || len(jobs) == 0 {
		file.Close() // best effort: only read from
		return nil, err
	}
	shared := &parent{file: file, jobs: len(jobs)}
	for i := range jobs {
		jobs[i].parent = shared
	}
	return jobs, nil
}

func (s *scan) jobsIn(file *os.File, path string) ([]job, error) {
	names, err := file.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(names, func(a, b fs.DirEntry) int { return strings.Compare(b.Name(), a.Name()) })
	jobs := make([]job, 0, len(names))
	for _, name := range names {
		j := job{name: name.Name(), path: name.Name()}
		if path != "" {
			j.path = path + "/" + j.name
		}
		err := CheckPath(j.path)
		if err == nil {
			j.kind, err = kindOf(j.path, name.Type())
		}
		if err = s.tolerate(j.path, err); err != nil {
			return nil, err
		}
		if j.kind != 0 {
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}

// kindOf returns the kind that a directory entry's type tells; files may turn out to be executable.
func kindOf(path string, t fs.FileMode) (Kind, error) {
	switch t {
	case 0:
		return File, nil
	case fs.ModeDir:
		return Dir, nil
	case fs.ModeSymlink:
		return Link, nil
	}
	return 0, &PathError{path, "is " + foreign(t)}
}

// foreign names the types of file that a tree cannot hold.
func foreign(t fs.FileMode) string {
	switch {
	case t&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case t&fs.ModeSocket != 0:
		return "a socket"
	case t&fs.ModeDevice != 0:
		return "a device"
	}
	return fmt.Sprintf("neither directory, file nor link, but %v", t)
}

func (s *scan) join(path string) string { return filepath.Join(s.dir, filepath.FromSlash(path)) }
