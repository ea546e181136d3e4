// Package gc finds the objects that no root reaches and takes them out of a store.
//
// Plan looks and decides nothing for good; what it returns is what a dry run prints. Sweep carries
// a plan out, and looks again before each step that cannot be undone. What roots there are
// comes from a function: the package knows neither profiles nor projects. Running processes
// are roots that it finds itself, with Processes.
//
// # Terms
//
// An object is live when a root names it or a live object refers to it (store.Info.Refs: an
// environment refers to its tools). A leased object is live as well, whoever leases it. Everything else is
// dead. A root may name a tree that is not in the store; that is noted and harms nothing.
//
// # Why no live object is lost
//
// The rule for whoever makes a root, or an object that refers to others: hold a lease on the
// object that is named, from before it is looked up until the root is durable or the referring
// object is visible.
//
// The rule for the collector: claim candidates (an exclusive lock on each, never waiting); with
// the claims held list the store and read the roots again; take away only what no root names and
// no object outside the claimed ones refers to, and of those refer to each other, the referring one first.
//
// Let T be claimed. Whoever had a lease on T before gave it up, so by their rule their root, or their
// referring object, was there before the claim and is seen by the second look. Whoever wants
// a lease now waits, a few milliseconds, and finds T either released or gone, and if it is gone makes
// it anew. Whoever reaches T through an environment without a lease on T itself is covered too: an
// environment that is present and not claimed counts as a root, whether or not anything
// reaches it, so T outlives it. It follows that no visible object ever has a link that leads nowhere.
//
// One collector works at a time; another gets filelock.ErrBusy. Nothing ever waits for a
// collector longer than a batch takes to be looked at again and renamed, and unlinking, which takes long,
// happens after the claims were given up.
//
// # Crashes
//
// Taking an object away is one rename within its directory, so at every instant an object is
// there completely or not at all. After a kill, or a power cut, objects that were taken away are
// in .trash-* and are unlinked by the next collection; descriptions of objects that are gone
// are removed by it too; the collector's lock ends with its process.
//
// # A full disk
//
// Collecting writes no files: the collector's lock is a lock on the store's directory itself, and a
// rename within one directory reuses it. Should the file system want a block for the new name
// all the same (a full leaf of an ext4 directory index), that object is passed over, the others are
// unlinked, and it is tried once more.
//
// # Limits
//
// Everything rests on flock: on a network file system where that does nothing, or only within
// one machine, a collector can take what another machine uses. A process that neither holds
// a lease nor shows a path of the store in /proc (only on Linux; elsewhere leases are all there is) is not
// seen; a shell that merely has an object in a variable it set later is such a one.
package gc

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/store"
)

// Root is something that keeps objects alive.
type Root struct {
	Kind  string        // "profile", "project", "process", "lease", …
	Name  string        // which one of its kind
	Trees []digest.Tree // what it names; need not be in the store
	Note  string        // what a reader of the plan should know about it
}

// String returns the kind, the name and, in brackets, the note.
func (r Root) String() string {
	if r.Note == "" {
		return r.Kind + " " + r.Name
	}
	return fmt.Sprintf("%s %s (%s)", r.Kind, r.Name, r.Note)
}

// Roots reads the roots afresh each time it is called. A root that cannot be read must be an
// error, or keep what it was last known to name: what is left out is collected.
type Roots func(context.Context) ([]Root, error)

// with returns roots that are read with others, if there are others.
func (r Roots) with(also Roots) Roots {
	if also == nil {
		return r
	}
	return func(ctx context.Context) ([]Root, error) {
		first, err := r(ctx)
		if err != nil {
			return nil, err
		}
		more, err := also(ctx)
		return append(slices.Clip(first), more...), err
	}
}

// Kinds of the roots that this package finds itself.
const (
	KindLease   = "lease"   // an object that somebody holds a lease on
	KindRecent  = "recent"  // objects kept by Options.KeepAddedSince
	KindProcess = "process" // a running process, from Processes
)

// Options change what is collected. The zero value collects everything that is dead.
type Options struct {
	// KeepAddedSince keeps objects that were added at that time or later, together with
	// what they refer to. Zero keeps none for that reason.
	KeepAddedSince time.Time
	// DeadOnly says that of a plan only what is dead is wanted: then descriptions are read only as far as something depends on them. How
	// large and how old an object is, a sweep finds out for its report, and Describe for the plan.
	DeadOnly bool
	// Also reads further roots that take long to read, such as Processes. With DeadOnly a plan reads them only where
	// the others leave something unreached; a sweep always.
	Also Roots
	// Clean is what a sweep removes beside dead objects.
	Clean store.CleanOptions
	// Batch is how many objects are claimed at once, 0 for what suits the store. It bounds how long
	// somebody who wants one of them waits, and how many descriptors are open.
	Batch int
}

// The store is listed and the roots are read again for each batch, so with a fixed number of objects in a batch the cost would
// grow with the square of the store. A batch is therefore a part of what there is, within limits: leastBatch keeps well below
// the descriptors that systems begin with (256 on macOS); with mostBatch somebody who wants one of 32,000 tiny objects
// waits for 0.2 s.
const (
	batchesOfStore = 4
	leastBatch     = 128
	mostBatch      = 8192
	// spareDescriptors of every one that may be open is claimed.
	spareDescriptors = 4
)

// batchFor returns how many of so many objects are claimed at once, where so many descriptors may be open.
func batchFor(objects int, descriptors uint64) int {
	most := int(min(descriptors/spareDescriptors, mostBatch))
	return max(leastBatch, min(objects/batchesOfStore, most))
}

// descriptors returns how many may be open in this process.
func descriptors() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return limit.Cur
}

// Object is an object of a plan.
type Object struct {
	store.Object
	Size   int64     // bytes of its content; what it takes on disk may be less, where it is shared
	Added  time.Time // when it came into the store
	Reason string    // why it is kept, or goes
}

// UnreadableError says that what an object refers to is not known. Nothing can be collected
// then, because anything may be needed by it.
type UnreadableError struct {
	Object store.Object
	Err    error
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("reading what %s refers to: %v", e.Object, e.Err)
}

// Unwrap returns the cause.
func (e *UnreadableError) Unwrap() error { return e.Err }
