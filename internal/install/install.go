// Package install turns a release's archive into an object of the store, once.
//
// It keeps nothing itself: the store holds what is finished and the partial downloads. What it
// promises: an archive that some process has unpacked before is not downloaded again; of several
// processes that want the same archive at the same time one does the work and the others wait
// for it; whatever interrupts the download or the unpacking, the next attempt goes on with the bytes that are there,
// except after an integrity error, when they are thrown away. The returned lease was taken before the
// object could be seen by a collector without one.
//
// It does not resolve requests, print, or keep anything alive beyond the lease.
package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/trace"
	"sync"
	"sync/atomic"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/store"
)

// parallel is how many releases are installed at once. Two keep a link and two cores busy, one
// downloads while the other unpacks; more only make each of them later.
const parallel = 3

// Source is where releases come from.
type Source interface {
	// Name is what stands for the source in locks.
	Name() string
	// Resolve finds the release that a request means. With platforms nil it is resolved for every platform that upstream
	// serves, else each of those given must be there.
	Resolve(ctx context.Context, r release.Request, platforms []release.Platform) (release.Release, error)
	// Fetch brings to this machine what an item is made from, and returns what Unpack is to be given. It may write the file
	// part, what package fetch keeps beside it, and anything in the directory fetch.PartDir(part); all of that is kept
	// when it fails, and goes when Unpack has succeeded.
	Fetch(ctx context.Context, item release.Item, part string, progress func(done, total int64)) (path string, err error)
	// Unpack makes the item's tree of what Fetch returned, and checks every digest of the item but its tree. After an
	// *archive.AssemblyError, Fetch and Unpack are called once more.
	Unpack(ctx context.Context, item release.Item, path string, sink archive.Sink, progress func(n int64)) error
	// Layout says how a release presents itself.
	Layout(r release.Release) release.Layout
}

// Phase says what is being done for a release.
type Phase int

// The phases in their order. A release that is in the store already goes through none of them.
const (
	Waiting Phase = iota + 1 // for another process that installs the same archive, or for upstream's first word
	Downloading
	Unpacking
	Installed
	Building // what an item is made of by another release, in the place of Unpacking
	Copying  // between a store and a bundle; not a phase of an install
)

func (p Phase) String() string {
	return [...]string{"", "waiting", "downloading", "unpacking", "installed", "building", "copying"}[p]
}

// Progress is told how far a phase is, in bytes; total is not positive when it is not known. It may be called
// from several goroutines at once.
type Progress func(phase Phase, done, total int64)

// Job is one release to install for one platform.
type Job struct {
	Source   Source
	Item     release.Item
	Progress Progress // may be nil
	// Replace lets an object that a layer has, and that cannot be used there, be installed anew. Otherwise it is an error: a
	// disk that is away for a moment shall not fill the store.
	Replace bool
}

// All installs several releases at once and returns their leases in the order of the jobs. When
// any of them fails, the others are still finished, no lease is returned, and the error joins
// what went wrong.
func All(ctx context.Context, st *store.Store, jobs []Job) ([]*store.Lease, error) {
	leases := make([]*store.Lease, len(jobs))
	failures := make([]error, len(jobs))
	slots := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	for i, job := range jobs {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			leases[i], failures[i] = One(ctx, st, job)
		})
	}
	wg.Wait()
	err := errors.Join(failures...)
	if err == nil {
		return leases, nil
	}
	for _, l := range leases {
		if l != nil {
			err = errors.Join(err, l.Release())
		}
	}
	return nil, err
}

// One installs one release and returns a lease on its object.
func One(ctx context.Context, st *store.Store, job Job) (*store.Lease, error) {
	ctx, task := trace.NewTask(ctx, "install "+job.Item.Tool+"@"+job.Item.Version)
	defer task.End()
	lease, err := job.present(ctx, st)
	if lease == nil && err == nil {
		lease, err = job.fetch(ctx, st)
	}
	if err != nil {
		return nil, fmt.Errorf("installing %s@%s: %w", job.Item.Tool, job.Item.Version, err)
	}
	return lease, nil
}

// Present reports whether the store has what a job would install.
func Present(ctx context.Context, st *store.Store, job Job) (bool, error) {
	lease, err := job.present(ctx, st)
	if err != nil || lease == nil {
		return false, err
	}
	return true, lease.Release()
}

// present returns a lease on the object when the store has it, and nil when it does not.
//
// The index says what this very item came to: a lock that promises another tree for it is
// wrong. Where the entry was lost, the object that the lock promises is taken if it was unpacked from this
// archive. That a lock names a tree is not enough: nobody has checked that the archive, for which upstream
// vouches, unpacks to it, and the lock could lead to any object that is here.
func (j Job) present(ctx context.Context, st *store.Store) (*store.Lease, error) {
	defer trace.StartRegion(ctx, "look up").End()
	key, want := j.Item.Key(), j.Item.Archive.Tree
	if known, ok := st.LookupArchive(key); ok && !want.IsZero() && known != want {
		return nil, &digest.MismatchError{
			What: "the tree that " + j.Item.Archive.From + " unpacks to",
			Want: want.String(), Got: known.String(),
		}
	}
	lease, err := st.LeaseArchive(ctx, key)
	if broken := (*store.LayerError)(nil); j.Replace && errors.As(err, &broken) {
		lease, err = st.LeaseOrDetach(ctx, broken.Object.Tree)
	}
	if errors.Is(err, fs.ErrNotExist) && !want.IsZero() {
		if info, infoErr := st.Info(want); infoErr == nil && info.Archive == key {
			lease, err = st.Lease(ctx, want)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return lease, err
}

// fetch downloads and unpacks the archive. The filelock on the partial download spans both, so
// that a process that waited for it finds the finished object when it looks again.
func (j Job) fetch(ctx context.Context, st *store.Store) (*store.Lease, error) {
	j.report(Waiting, 0, 0)
	waiting := trace.StartRegion(ctx, "wait")
	part, err := st.Part(ctx, j.Item.Key())
	waiting.End()
	if err != nil {
		return nil, err
	}
	lease, err := j.present(ctx, st)
	if lease == nil && err == nil {
		lease, err = j.unpack(ctx, st, part)
	}
	switch {
	case err == nil:
		_ = part.Done() // best effort: the object is complete, and gc removes what is left here
		return lease, nil
	case isIntegrity(err):
		return nil, errors.Join(err, part.Done())
	default:
		return nil, errors.Join(err, part.Release())
	}
}

// Doubter is a Source that may have brought wrong bytes from a place that upstream does not answer for, such as a mirror.
type Doubter interface {
	Source
	// Doubt is told that what Fetch brought for an item is wrong. It reports whether another Fetch may bring something else.
	Doubt(item release.Item) bool
}

// unpack makes the object. A source that put it together with contents that were here, and not rightly, or that got it from a mirror,
// gets a second chance. So does a download that went on with what was there already: nothing of that was synced, and after a
// power cut it can have zeroes in the place of bytes.
func (j Job) unpack(ctx context.Context, st *store.Store, part *store.Part) (*store.Lease, error) {
	fresh := part.Empty()
	lease, err := j.once(ctx, st, part)
	if isIntegrity(err) && !fresh {
		if err := part.Reset(); err != nil {
			return nil, err
		}
		lease, err = j.once(ctx, st, part)
	}
	if assembly := (*archive.AssemblyError)(nil); errors.As(err, &assembly) {
		return j.once(ctx, st, part)
	}
	if d, ok := j.Source.(Doubter); ok && isIntegrity(err) && d.Doubt(j.Item) {
		if err := part.Reset(); err != nil {
			return nil, err
		}
		return j.once(ctx, st, part)
	}
	return lease, err
}

func (j Job) once(ctx context.Context, st *store.Store, part *store.Part) (*store.Lease, error) {
	fetching := trace.StartRegion(ctx, "fetch")
	path, err := j.Source.Fetch(ctx, j.Item, part.Path(), func(done, total int64) {
		j.report(Downloading, done, total)
	})
	fetching.End()
	if err != nil {
		return nil, err
	}
	making := Unpacking
	if j.Item.With != "" {
		making = Building
	}
	j.report(making, 0, 0)
	var unpacked atomic.Int64
	spec := store.Spec{
		Name: j.Item.Tool, Version: j.Item.Version,
		Archive: j.Item.Key(), Tree: j.Item.Archive.Tree, From: j.Item.Archive.From,
	}
	lease, err := st.Add(ctx, spec, func(stage *store.Stage) error {
		err := j.Source.Unpack(ctx, j.Item, path, stage, func(n int64) {
			j.report(making, unpacked.Add(n), 0)
		})
		if err == nil {
			// It was right, and has served its purpose. Were it there still, syncing the object would bring it to the disk as well. Best effort, as Done.
			_ = part.Reset()
		}
		return err
	})
	if err == nil {
		j.report(Installed, 0, 0)
	}
	return lease, err
}

func (j Job) report(p Phase, done, total int64) {
	if j.Progress != nil {
		j.Progress(p, done, total)
	}
}

// isIntegrity reports whether the downloaded bytes themselves are wrong, so that going on from
// them would fail for ever.
func isIntegrity(err error) bool {
	var mismatch *digest.MismatchError
	var format *archive.FormatError
	return errors.As(err, &mismatch) || errors.As(err, &format)
}
