// Package adopt brings Go toolchains that other version managers have installed into the store, without downloading them.
//
// A toolchain is adopted only if the Go checksum database vouches for it: the h1 of its module zip is computed again from
// the files that are there, and has to be the one that the database states for the version that its file VERSION names and for its
// platform. The same bytes that were hashed are put into the store; which of them are executable is the go command's rule, not what the other
// manager made of it. So the object is the one that an install makes, with the same tree digest, and is found by the h1 from then on.
//
// What others have added to a toolchain's directory is left out if its names are ones that no distribution of that version has (see
// leavings); anything else that differs makes it another toolchain, which is not adopted. The directories api, doc, misc and test of a
// distribution are no part of the module zip, so nothing is known of them and they are not taken.
//
// The package reads what other managers have and changes nothing of it. It cannot verify other tools: nobody states a digest of an unpacked
// tree. It keeps nothing alive: the caller gets no leases.
package adopt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sync/errgroup"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/source/goproxy"
	"gostore/internal/tree"
	"gostore/store"
)

// parallel is how many toolchains are worked on at once: one is read while the other's files are written.
const parallel = 2

const goTool = "go"

// Config says how to adopt.
type Config struct {
	Store *store.Store

	// Logged returns the h1 that the checksum database states for a toolchain, and keeps the proof, as goproxy.Source.Logged does. An
	// error for which errors.Is(err, fs.ErrNotExist) holds says that it has none.
	Logged func(ctx context.Context, goVersion string, p release.Platform) (digest.Archive, error)
	// Unpack unpacks a module zip into sink and compares its h1, as goproxy.Source.Unpack does.
	Unpack func(ctx context.Context, item release.Item, file string, sink archive.Sink, progress func(n int64)) error
	// Alike, unless nil, returns the manifest of a distribution of that version and platform that is here already: its names
	// tell what was added to another one.
	Alike func(goVersion string, p release.Platform) (tree.Manifest, bool)

	DryRun bool // verify only

	// Progress, unless nil, is called for each toolchain that is copied, and returns what is told how many bytes of how many are
	// done, from several goroutines at once.
	Progress func(Installed) func(done, total int64)
}

// State is what became of something that a manager has installed.
type State string

// The states.
const (
	Adopted    State = "adopted"    // verified, and in the store now; with DryRun, it would be
	Present    State = "present"    // the store has it already: nothing was read
	Differs    State = "differs"    // it is not what the database states: somebody changed it
	Unverified State = "unverified" // nobody states what it should be
	Failed     State = "failed"     // it could not be read or copied, or the database could not be asked
)

// Result says what became of one of the things installed.
type Result struct {
	Installed
	State  State
	From   string         // the directory or zip that was adopted
	Reason string         // why it was not, for all states but Adopted and Present; what was wrong beside it, for these
	Want   digest.Archive // the h1 that the database states, once it was asked
	Got    digest.Archive // the h1 of what is there, where it differs
	Left   []string       // paths in the directory that are no part of the toolchain, and were left out
	Tree   digest.Tree    // of the object
	Path   string         // of the object
	Err    error          // for Failed
}

// All adopts what a manager has installed and returns a result for each, in the order of list. It ends early only with ctx; then what
// was not begun has Failed.
func All(ctx context.Context, c Config, list []Installed) []Result {
	results := make([]Result, len(list))
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, in := range list {
		group.Go(func() error {
			results[i] = c.one(ctx, in)
			return nil
		})
	}
	_ = group.Wait() // the functions return no errors
	return results
}

// one adopts one thing.
func (c Config) one(ctx context.Context, in Installed) Result {
	r := Result{Installed: in}
	if in.Problem != "" {
		r.State, r.Reason = Unverified, in.Problem
		return r
	}
	err := ctx.Err()
	if err == nil {
		err = c.verify(ctx, &r)
	}
	if err != nil {
		r.State, r.Reason, r.Err = Failed, err.Error(), err
	}
	return r
}

// verify asks the database, and adopts from the directory, else from the zip.
func (c Config) verify(ctx context.Context, r *Result) (err error) {
	r.Want, err = c.Logged(ctx, r.Version, r.Platform)
	if errors.Is(err, fs.ErrNotExist) {
		r.State, r.Reason = Unverified, "the checksum database states nothing about "+goproxy.Module(r.Version, r.Platform)
		return nil
	}
	if err != nil {
		return fmt.Errorf("verifying go@%s: %w", r.Version, err)
	}
	lease, err := c.Store.LeaseArchive(ctx, r.Want)
	if err == nil {
		return r.have(Present, lease)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if r.Dir != "" {
		if err := c.adoptDir(ctx, r); err != nil || r.State == Adopted || r.Zip == "" {
			return err
		}
	}
	return c.adoptZip(ctx, r)
}

// have notes the object of a lease, and lets go of it.
func (r *Result) have(s State, lease *store.Lease) error {
	r.State, r.Tree, r.Path = s, lease.Object().Tree, lease.Path()
	return lease.Release()
}

// spec describes the object as an install from the module zip does.
func (r *Result) spec() store.Spec {
	return store.Spec{Name: goTool, Version: r.Version, Archive: r.Want, From: goproxy.Module(r.Version, r.Platform)}
}

// adoptDir adopts the directory if it has the right h1; else the state is Differs.
func (c Config) adoptDir(ctx context.Context, r *Result) error {
	root, err := open(r.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	found, err := root.hash(ctx)
	if err != nil {
		return err
	}
	files, left, got, err := c.match(r, found)
	if err != nil {
		return err
	}
	if files == nil {
		r.State, r.Got = Differs, got
		r.Reason = fmt.Sprintf("it was changed: its h1 is %s, the checksum database states %s", got, r.Want)
		return nil
	}
	r.Left, r.From = left, r.Dir
	if c.DryRun {
		r.State = Adopted
		return nil
	}
	lease, err := c.Store.Add(ctx, r.spec(), func(stage *store.Stage) error {
		return root.copy(ctx, files, stage, c.progress(r.Installed))
	})
	if err != nil {
		return fmt.Errorf("copying %q: %w", r.Dir, err)
	}
	return r.have(Adopted, lease)
}

// adoptZip unpacks the module zip.
func (c Config) adoptZip(ctx context.Context, r *Result) error {
	dirReason := r.Reason
	item := release.Item{Tool: goTool, Version: r.Version, Source: "goproxy", Platform: r.Platform}
	item.Archive = release.Archive{From: goproxy.Module(r.Version, r.Platform), Digest: r.Want}
	var lease *store.Lease
	var err error
	if c.DryRun {
		r.Got, err = goproxy.HashZip(ctx, r.Version, r.Platform, r.Zip)
		if err == nil && r.Got != r.Want {
			err = &digest.MismatchError{What: r.Zip, Want: r.Want.String(), Got: r.Got.String()}
		}
	} else {
		lease, err = c.Store.Add(ctx, r.spec(), func(stage *store.Stage) error {
			return c.Unpack(ctx, item, r.Zip, stage, unknownTotal(c.progress(r.Installed)))
		})
	}
	mismatch, format := (*digest.MismatchError)(nil), (*archive.FormatError)(nil)
	if errors.As(err, &mismatch) || errors.As(err, &format) {
		r.State, r.Reason = Differs, "the zip is not what the checksum database states: "+err.Error()
		return nil
	}
	if err != nil {
		return fmt.Errorf("unpacking %q: %w", r.Zip, err)
	}
	r.State, r.From, r.Got, r.Reason = Adopted, r.Zip, digest.Archive{}, ""
	if dirReason != "" {
		r.Reason = "taken from the zip, as the directory is not right: " + dirReason
	}
	if lease == nil {
		return nil
	}
	return r.have(Adopted, lease)
}

func (c Config) progress(in Installed) func(done, total int64) {
	if c.Progress == nil {
		return func(int64, int64) {}
	}
	return c.Progress(in)
}
