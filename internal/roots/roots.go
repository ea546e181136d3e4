// Package roots keeps the register of projects: which locks were used with this store, and
// which objects they need.
//
// A record is a small JSON file, roots/<key>.<os>-<arch>.json, where key is the first 32
// hexadecimal digits of the BLAKE3-256 of the lock's absolute path. One project used from two
// platforms (a home that is shared between them) has two records, so that neither
// overwrites what the other needs.
//
// It promises that a record is whole or absent whenever it is read, that it is durable once
// Register has returned, and that a record that cannot be understood is reported by List and
// never passed over: what it keeps alive is unknown, so a collector must not go on. Its last member is a check (package
// checked): a bit that rotted in a digest would otherwise let the collector take what the project needs.
//
// It does not look at the projects. A lock that has gone, or whose disk is not mounted,
// keeps its record and so its objects; a record ends by its age (Prune) or by command (Forget).
// Two projects that have the same path, in two containers that share a store, share a record,
// and the one that was used last owns it.
package roots

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gostore/internal/checked"
	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/smallfile"
)

// Precision is how far the recorded time of last use may lag behind: a project that is used
// all day is written once.
const Precision = 24 * time.Hour

// keyLength is how many hexadecimal digits of the path's digest name a record: 128 bits.
const keyLength = 32

// Project is a lock that was used with this store.
type Project struct {
	Lock     string           // absolute path of the lock
	Platform release.Platform // the platform that its trees are for
	Trees    []digest.Tree    // trees it was last seen to need
	Archives []digest.Archive // archives it needs whose trees were not known
	Used     time.Time        // last use, not more than Precision too early
}

// DamagedError says that a record cannot be understood, so that what it keeps alive is not known.
type DamagedError struct {
	File string // path of the record
	Err  error
}

func (e *DamagedError) Error() string { return fmt.Sprintf("project record %q: %v", e.File, e.Err) }

// Unwrap returns the reason.
func (e *DamagedError) Unwrap() error { return e.Err }

// record is the form of a Project on disk.
type record struct {
	Lock     string           `json:"lock"`
	Platform release.Platform `json:"platform"`
	Trees    []digest.Tree    `json:"trees"`
	Archives []digest.Archive `json:"archives,omitempty"`
	Used     time.Time        `json:"used"`
}

// key returns how the names of the records of the lock at path begin.
func key(path string) string { return digest.Sum([]byte(path)).Hex()[:keyLength] + "." }

// name returns the file name of p's record.
func (p Project) name() string {
	return key(p.Lock) + p.Platform.OS + "-" + p.Platform.Arch + ".json"
}

// canonical returns p as it is compared and written: a clean path, sorted digests, whole
// seconds of UTC.
func (p Project) canonical() Project {
	p.Lock = filepath.Clean(p.Lock)
	p.Trees = append([]digest.Tree{}, p.Trees...)
	slices.SortFunc(p.Trees, func(a, b digest.Tree) int { return bytes.Compare(a[:], b[:]) })
	p.Trees = slices.Compact(p.Trees)
	p.Archives = slices.Clone(p.Archives)
	slices.SortFunc(p.Archives, func(a, b digest.Archive) int { return strings.Compare(a.String(), b.String()) })
	p.Archives = slices.Compact(p.Archives)
	p.Used = p.Used.UTC().Truncate(time.Second)
	return p
}

// check says what is wrong with p, so that no record is written that List would not accept.
func (p Project) check() error {
	switch {
	case !filepath.IsAbs(p.Lock):
		return fmt.Errorf("path is not absolute")
	case !utf8.ValidString(p.Lock):
		return fmt.Errorf("path is not valid UTF-8")
	case p.Platform == release.Platform{}:
		return fmt.Errorf("no platform is given")
	case p.Used.IsZero():
		return fmt.Errorf("no time of use is given")
	case slices.ContainsFunc(p.Trees, digest.Tree.IsZero):
		return fmt.Errorf("a tree digest is empty")
	case slices.ContainsFunc(p.Archives, digest.Archive.IsZero):
		return fmt.Errorf("an archive digest is empty")
	}
	return nil
}

// covers reports whether the record p says all that q would say, closely enough.
func (p Project) covers(q Project) bool {
	return p.Lock == q.Lock && p.Platform == q.Platform &&
		slices.Equal(p.Trees, q.Trees) && slices.Equal(p.Archives, q.Archives) &&
		q.Used.Sub(p.Used).Abs() < Precision
}

// encode returns p's record without its check.
func (p Project) encode() ([]byte, error) {
	data, err := json.MarshalIndent(record(p), "", "  ")
	return append(data, '\n'), err
}

// read returns the project recorded in dir/name. The error is fs.ErrNotExist or a *DamagedError.
// Whatever keeps a record from being read, a failing disk as well as bad contents, leaves its
// trees unknown, so all of it is damage.
func read(dir, name string) (Project, error) {
	file := filepath.Join(dir, name)
	data, err := smallfile.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Project{}, err
	}
	if err != nil {
		return Project{}, &DamagedError{file, err}
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return Project{}, &DamagedError{file, err}
	}
	p := Project(r)
	err = p.check()
	if err == nil && p.name() != name {
		err = fmt.Errorf("it describes %q for %s, whose record has another name", p.Lock, p.Platform)
	}
	if err == nil {
		err = checked.Verify(name, data, p.encode)
	}
	if err != nil {
		return Project{}, &DamagedError{file, err}
	}
	return p.canonical(), nil
}

// List returns the registered projects below dir, in no order that matters. A record that cannot
// be understood yields a *DamagedError, and List goes on; any other error ends it. Records
// that are removed meanwhile are absent.
func List(dir string) iter.Seq2[Project, error] {
	return func(yield func(Project, error) bool) {
		names, err := recordNames(dir)
		if err != nil {
			yield(Project{}, fmt.Errorf("listing registered projects: %w", err))
			return
		}
		for _, name := range names {
			p, err := read(dir, name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// recordNames returns the names in dir that are not hidden. A name that no record can have
// is returned as well, because somebody who put it there meant something by it; reading it reports it.
func recordNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
