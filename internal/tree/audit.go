package tree

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
)

// Fault is one path at which a directory is not the tree that it should be.
type Fault struct {
	Path    string `json:"path"`    // within the tree; "." for the directory itself
	Problem string `json:"problem"` // what is wrong with it, to follow the path: "is missing"
}

// Audit reads the directory dir, as Scan does, and returns every path at which it is not the tree that
// want describes, sorted: what is missing, additional, of another kind or content, and also what Scan
// would stop at, because it cannot be read or can be in no tree. It fails only when ctx ends or dir
// itself cannot be opened.
func Audit(ctx context.Context, dir string, want Manifest, workers int) ([]Fault, error) {
	return Auditor{Workers: workers}.Audit(ctx, dir, want)
}

// Known returns the content of a file that it need not be read for: e has the file's path, kind and size, st is what the
// kernel says of it. It says no for a file that is to be read, and is called by several goroutines.
type Known func(e Entry, st *unix.Stat_t) (digest.Content, bool)

// Auditor says how directories are read to be compared. The zero value reads every file with one worker.
type Auditor struct {
	Workers int   // at least one
	Known   Known // nil knows nothing
	// Aside leaves the page cache as it is: what was not in it before a file was read is not afterwards, so that reading a
	// store does not put out what the machine works with.
	Aside bool

	read func(fd int, p []byte) (int, error) // in place of read(2), for tests
}

// scan begins a scan that goes on when something is wrong, which it enters in stopped by path.
func (a Auditor) scan(ctx context.Context, dir string, stopped map[string]string) *scan {
	return &scan{ctx: ctx, dir: dir, known: a.Known, aside: a.Aside, read: a.read, fault: func(path string, err error) {
		if path == "" {
			path = "."
		}
		stopped[path] = reason(err)
	}}
}

// List reads a directory, and all below it, as it is: the entries in no order, and what could not be read.
func (a Auditor) List(ctx context.Context, dir string) ([]Entry, []Fault, error) {
	stopped := map[string]string{}
	is, err := a.scan(ctx, dir, stopped).run(a.Workers)
	if err != nil {
		return nil, nil, fmt.Errorf("scanning %q: %w", dir, err)
	}
	var faults []Fault
	for path, problem := range stopped {
		faults = append(faults, Fault{path, problem})
	}
	slices.SortFunc(faults, compareFaults)
	return is, faults, nil
}

func compareFaults(a, b Fault) int { return strings.Compare(a.Path, b.Path) }

// Audit is the function Audit in the way that a says.
func (a Auditor) Audit(ctx context.Context, dir string, want Manifest) ([]Fault, error) {
	stopped := map[string]string{}
	s := a.scan(ctx, dir, stopped)
	seen := make([]bool, len(want.entries)) // a name is met once, so by one worker
	s.expected = func(e Entry) bool {
		i, found := want.Index(e.Path)
		if found && want.entries[i] == e {
			seen[i] = true
			return true
		}
		return false
	}
	is, err := s.run(a.Workers)
	if err != nil {
		return nil, fmt.Errorf("scanning %q: %w", dir, err)
	}
	var faults []Fault
	for path, problem := range stopped {
		faults = append(faults, Fault{path, problem})
	}
	slices.SortFunc(is, comparePaths)
	for _, c := range diff(want.without(seen), is) {
		if !explained(stopped, c.Path) {
			faults = append(faults, Fault{c.Path, problem(c)})
		}
	}
	slices.SortFunc(faults, compareFaults)
	return faults, nil
}

// reason words what stopped the reading of one path.
func reason(err error) string {
	if p := (*PathError)(nil); errors.As(err, &p) {
		return p.Reason
	}
	if errors.Is(err, errSeal) {
		return errSeal.Error()
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return "cannot be read: " + err.Error()
}

// explained reports whether the absence of path follows from what stopped the reading of it, or of a
// directory above it.
func explained(stopped map[string]string, path string) bool {
	if _, ok := stopped["."]; ok {
		return true
	}
	for {
		if _, ok := stopped[path]; ok {
			return true
		}
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return false
		}
		path = path[:i]
	}
}

// problem says what is wrong with one entry, c.Was being what it should be.
func problem(c Change) string {
	switch {
	case c.Is == nil:
		return "is missing"
	case c.Was == nil:
		return "does not belong to it"
	case c.Was.Kind != c.Is.Kind:
		return fmt.Sprintf("is %s, should be %s", withArticle(c.Is.Kind), withArticle(c.Was.Kind))
	case c.Was.Kind == Link:
		return fmt.Sprintf("leads to %q, should lead to %q", c.Is.Target, c.Was.Target)
	case c.Was.Size != c.Is.Size:
		return fmt.Sprintf("has %d bytes, should have %d", c.Is.Size, c.Was.Size)
	default:
		return fmt.Sprintf("has other contents: BLAKE3 %s, should be %s", c.Is.Content.Hex(), c.Was.Content.Hex())
	}
}

func withArticle(k Kind) string {
	if k == Exec {
		return "an " + k.String()
	}
	return "a " + k.String()
}
