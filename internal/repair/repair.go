// Package repair puts damaged objects right, file by file: it finds out where the good contents of what is damaged can come from, and
// brings them.
//
// # What it promises
//
// The manifest of an object, which its digest vouches for, decides what is good. So it does not matter who gave a content: every one
// is hashed before it gets its name, and an object counts as mended only when all of it was hashed again.
//
// Nothing is fetched that a nearer place has. The places, in the order in which they are asked:
//
//  1. the manifest itself, for directories and links, and for what is too much;
//  2. the store: files/, other objects, other files of the same object, what interrupted imports and repairs left;
//  3. what an environment is made from;
//  4. bundles that somebody names, read as far as needed;
//  5. the archive: single members of a zip, by ranged reads of a mirror or upstream; one tarball of the many of an npm package; of
//     anything else all of it.
//  6. the damaged file itself, if it is small and one bit of it was flipped.
//
// What no place has is set aside. What a place may have that could not be asked, for want of a network, stays where it is.
//
// Only one process repairs a store at a time. How an object is changed without disturbing those who use it, package store says.
//
// # What it does not promise
//
// Lock files, histories, the log and links of profiles have one copy each: what is damaged there, their own readers report.
package repair

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
	"gostore/internal/tree"
	"gostore/store"
)

// Repairer knows where contents can come from.
type Repairer struct {
	Store   *store.Store
	Bundles []string // paths
	Offline bool     // archives that are not on this machine may not be asked for

	// Origins returns from what an object was made, the likeliest first; none where nobody knows. It is asked only where it is needed.
	Origins func(context.Context, store.Object) []Origin
	// Rebuild gives the files of an object that was not made from an archive to give; it does nothing for others. nil knows none.
	Rebuild func(ctx context.Context, d store.Diagnosis, give func(path string, exec bool, data []byte) error) error
	// Progress is told how much of what is to be fetched for an object is here; it may be nil.
	Progress func(o store.Object, done, total int64)

	surveys map[string]*survey
	spent   int64 // on the search for flipped bits
}

// Origin is what an object was made from.
type Origin struct {
	Item   release.Item
	Source Source
	// Sure says that the object is known to come from the item, and not only called like it: then it is described so.
	Sure bool
}

// Source gets archives, as install.Source does.
type Source interface {
	Fetch(ctx context.Context, item release.Item, part string, progress func(done, total int64)) (path string, err error)
	Unpack(ctx context.Context, item release.Item, path string, sink archive.Sink, progress func(n int64)) error
}

// Ranger is a Source that can read single ranges of an item's archive: into part, or where the archive is.
type Ranger interface {
	Ranges(ctx context.Context, item release.Item, part string, ranges []fetch.Range, progress func(done, total int64)) (file string, total int64, err error)
}

// Chooser is a Source whose items are made from many archives, of which it can get those that hold some paths.
type Chooser interface {
	Holding(item release.Item, paths []string) ([]string, error)
	FetchOnly(ctx context.Context, item release.Item, paths []string, part string, progress func(done, total int64)) (string, error)
	UnpackOnly(ctx context.Context, item release.Item, paths []string, path string, sink archive.Sink, progress func(n int64)) error
}

// Step is what is to be done, or was done, about one fault.
type Step struct {
	Path    string `json:"path"`
	Problem string `json:"problem"`
	From    string `json:"from"` // where what is good comes from, for people; "" where nothing has it
}

// Supply is a place that contents are fetched from.
type Supply struct {
	From  string `json:"from"`
	Files int    `json:"files"`           // that it is needed for
	Bytes int64  `json:"bytes"`           // to be fetched, 0 where it is on this machine, -1 where nobody states how many
	Whole bool   `json:"whole,omitempty"` // all of an archive is needed, though few of its files are damaged

	wants []tree.Entry
	bring func(ctx context.Context, give give) error
	err   error // of bring
}

// give takes a content. What is not what it should be is a *digest.MismatchError, and is not kept.
type give func(e tree.Entry, r io.Reader) error

// Patient is a damaged object, and what is to be done about it.
type Patient struct {
	Diagnosis store.Diagnosis
	Steps     []Step
	Supplies  []*Supply
	// Unasked is why places that may have more could not be asked: while there is one, the object is not set aside.
	Unasked []error
	// Lacking is what the places said that have nothing.
	Lacking []error

	local   map[string]string           // by path: a file with the content
	recover func(context.Context) error // gets the manifest, where that is lost
}

// Whole reports whether everything that is known to be damaged can be mended.
func (p *Patient) Whole() bool {
	for _, s := range p.Steps {
		if s.From == "" {
			return false
		}
	}
	return true
}

// Plan is what is to be done.
type Plan struct {
	Patients []*Patient
	Store    []store.StoreFault
}

// Bytes returns how many bytes are to be fetched, and whether more may be, of which nobody states how many.
func (p Plan) Bytes() (n int64, more bool) {
	for _, patient := range p.Patients {
		for _, s := range patient.Supplies {
			n += max(s.Bytes, 0)
			more = more || s.Bytes < 0
		}
	}
	return n, more
}

// Outcome says what became of an object.
type Outcome string

// The outcomes.
const (
	Mended  Outcome = "mended"
	Damaged Outcome = "damaged" // left where it is: a place that may have what is needed could not be asked
	Aside   Outcome = "aside"   // set aside
)

// Result is what became of an object.
type Result struct {
	Object   store.Object
	Outcome  Outcome
	Steps    []Step       // what was found, and from where it was mended
	Supplies []*Supply    // what was fetched
	Left     []tree.Fault // what is still wrong
	Why      []error      // why
	Aside    store.Aside  // where it is, if it was set aside
}

// isDefinite reports whether an error says that a place does not have what is wanted, so that asking again would be of no use.
func isDefinite(err error) bool {
	var mismatch *digest.MismatchError
	var format *archive.FormatError
	return errors.Is(err, fs.ErrNotExist) || errors.As(err, &mismatch) || errors.As(err, &format)
}
