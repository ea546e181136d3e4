// Package asset gets tools as archives that their authors publish as they are: by a tool's definition (Source), from a URL
// that somebody gives (URL), and from a file or directory of this machine (Path).
//
// It promises that every digest it resolves is one that upstream states for that very file, read from upstream itself and
// never from a mirror, or that the release says that nobody stated it (FirstUse). What it fetches is compared with that
// digest while it is unpacked, whoever served it.
//
// It does not promise that upstream is honest: what upstream's server states is believed when a lock is made. A definition with a
// signature is stronger, see Source.Fetch.
package asset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"gostore/internal/archive"
	"gostore/internal/definition"
	"gostore/internal/fetch"
	"gostore/internal/release"
)

const (
	// parallel is how many requests are on their way at once.
	parallel = 8

	// sizePatience bounds how long a Resolve waits for sizes, which are mere hints.
	sizePatience = 10 * time.Second

	// maxArchive bounds downloads: the largest known toolchain archive has 400 MB.
	maxArchive = 4 << 30
)

// Config says where releases come from.
type Config struct {
	Client *fetch.Client                                   // nil is a zero Client
	Find   func(tool string) (definition.Definition, bool) // the definitions; nil knows none
	Host   release.Platform                                // the platform that must be there; zero is this one's
	// FirstUse is an empty directory of the caller's own, which the caller removes after the last Fetch. Archives are
	// downloaded to it whose digest nobody states, where the definition allows that. "" trusts nobody.
	FirstUse string

	// Listed, unless nil, is told the versions that upstream lists of a tool whenever that list was read, from any goroutine.
	Listed func(tool string, versions []string)
}

// Source gets releases by definition. It is safe for concurrent use.
type Source struct {
	getter
	find   func(tool string) (definition.Definition, bool)
	listed func(tool string, versions []string)
}

// New returns a Source. It reads nothing.
func New(c Config) *Source {
	s := &Source{getter: newGetter(c.Client, c.Host, c.FirstUse), find: c.Find, listed: c.Listed}
	if s.find == nil {
		s.find = func(string) (definition.Definition, bool) { return definition.Definition{}, false }
	}
	return s
}

// Name returns "release", which stands in locks.
func (s *Source) Name() string { return definition.SourceRelease }

// Layout returns what the definition said when the release was resolved.
func (s *Source) Layout(r release.Release) release.Layout { return r.Layout }

// Versions returns the versions that upstream lists, newest last. Not each of them needs to have archives.
func (s *Source) Versions(ctx context.Context, tool string) ([]string, error) {
	d, err := s.definition(tool)
	if err != nil {
		return nil, err
	}
	x, err := s.list(ctx, d)
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(slices.Values(x.Versions), func(a, b string) int {
		if c := d.Versions.Order.Compare(a, b); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	}), nil
}

// definition returns the definition of a tool that is released as archives.
func (s *Source) definition(tool string) (definition.Definition, error) {
	d, ok := s.find(tool)
	if !ok {
		return d, &release.NotFoundError{Tool: tool}
	}
	if !slices.Contains(d.Sources(), definition.SourceRelease) {
		return d, fmt.Errorf("%s (%s) defines no archives of %q", definition.SourceRelease, d.Place, tool)
	}
	return d, nil
}

// Fetch downloads an item's archive to the file part, through mirrors and going on where it stopped before, and returns its
// path; the file that a file:// URL names is used where it is. The digest is for Unpack to compare.
//
// Where the tool's definition has a signature, this is also when it is checked: when a lock is made there is no
// archive yet to check it on, and once an archive has been unpacked its tree is known by the lock. So whoever downloads an archive
// checks its signature, and needs upstream itself for that; a mirror and the lock alone do not do. A signature that is not
// right is a *SignatureError. A tool whose definition is gone is installed by the digest of its lock alone.
func (s *Source) Fetch(ctx context.Context, item release.Item, part string, progress func(done, total int64)) (string, error) {
	path, err := s.download(ctx, item, part, progress)
	if err != nil {
		return "", err
	}
	if d, ok := s.find(item.Tool); ok && d.Signature != nil {
		if err := s.checkSignature(ctx, d, item, path); err != nil {
			return "", err
		}
	}
	return path, nil
}

// Unpack unpacks what Fetch returned. The sink must be dropped when there is an error: that the digest is wrong is known at the
// end only.
func (s *Source) Unpack(ctx context.Context, item release.Item, path string, sink archive.Sink, progress func(n int64)) error {
	return unpack(ctx, item, path, sink, progress)
}

// UnstatedError says that nobody states a digest of an archive, and that trust on first use was not asked for.
type UnstatedError struct {
	Tool, Version string
	Platform      release.Platform
	URL           string // of the archive, without user information and query
}

func (e *UnstatedError) Error() string {
	return fmt.Sprintf("%s@%s for %s: no digest is known for %q", e.Tool, e.Version, e.Platform, e.URL)
}

// IndexError says that what upstream serves cannot be used: it is not in its format, or contradicts itself.
type IndexError struct {
	URL string // without user information and query
	Err error  // what is wrong, as said of the document
}

func (e *IndexError) Error() string { return fmt.Sprintf("what %q serves %v", e.URL, e.Err) }

// Unwrap returns what is wrong.
func (e *IndexError) Unwrap() error { return e.Err }

func indexError(url string, err error) error { return &IndexError{fetch.Redact(url), err} }

// errNoFiles says that a version has no archives (yet), or none that can be used.
var errNoFiles = errors.New("no archives with checksums are published for it")

// unpack unpacks the archive of an item, whichever format it has.
func unpack(ctx context.Context, item release.Item, path string, sink archive.Sink, progress func(n int64)) error {
	from := fetch.Redact(item.Archive.From)
	if item.Archive.Digest.IsZero() {
		return fmt.Errorf("unpacking %q: no digest is known for it", from)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = archive.Unpack(ctx, f, info.Size(), archive.Options{Want: item.Archive.Digest}, sink, progress)
	}
	if err != nil {
		return fmt.Errorf("unpacking %q: %w", from, err)
	}
	return nil
}
