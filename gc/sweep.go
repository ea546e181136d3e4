package gc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"syscall"
	"time"

	"gostore/internal/digest"
	"gostore/internal/filelock"
	"gostore/internal/parallel"
	"gostore/internal/sys"
	"gostore/store"
)

// Report says what a sweep did.
type Report struct {
	Removed []Object // taken away, in that order
	Skipped []Object // planned but left, with the reason
	Freed   int64    // bytes of disk given back, leftovers of earlier collections included
	Clean   store.CleanReport
}

// Reasons of what a sweep skips.
const (
	reasonInUse  = "it is in use"
	reasonNeeded = "it is needed again"
	reasonFull   = "the disk is too full to rename it"
)

// Sweep takes away what c found dead and what is still dead when looked at again, and then unlinks it. See the
// package comment for why that is safe; c may be as old as it likes, and roots is called once
// for each batch.
//
// filelock.ErrBusy says that another collector is at work. When ctx ends or an error comes between, the
// store is consistent, the report says what was taken away so far, and the next Sweep unlinks it.
func Sweep(ctx context.Context, st *store.Store, c *Collection, roots Roots, opt Options) (Report, error) {
	alone, err := filelock.TryExclusiveDir(st.Dir())
	if err != nil {
		return Report{}, fmt.Errorf("another collection is running: %w", err)
	}
	defer alone.Close()
	s := &sweep{st: st, roots: roots.with(opt.Also), batch: opt.Batch, keepSince: opt.KeepAddedSince, alsoClean: opt.Clean, leans: leaning{}}
	if s.batch <= 0 {
		s.batch = batchFor(len(c.graph), descriptors())
	}
	sys.Reserve(min(s.batch, len(c.Dead)))
	if s.keepSince.IsZero() {
		s.graph = c.graph // what a tree refers to is in its links: it is the same whenever it was added
	}
	if len(c.Dead) == 0 {
		s.alsoClean.Listed = &c.listed
	}
	if err := s.discardAll(ctx, c.Dead); err != nil {
		return s.report, err
	}
	if err := s.clean(ctx); err != nil {
		return s.report, err
	}
	if full := s.full; len(full) > 0 {
		s.full = nil
		if err := s.discardAll(ctx, full); err != nil {
			return s.report, err
		}
		if err := s.clean(ctx); err != nil {
			return s.report, err
		}
	}
	for _, o := range s.full {
		s.skip(o, reasonFull)
	}
	return s.report, nil
}

// sweep is the state of one Sweep.
type sweep struct {
	st        *store.Store
	roots     Roots
	batch     int
	keepSince time.Time
	alsoClean store.CleanOptions
	graph     graph    // as of the last look
	full      []Object // dead, but the disk was too full to rename them
	leans     leaning
	report    Report
}

// atStep is called with the name of each step of a sweep once the step was taken. Tests stop there.
var atStep = func(name string) {}

// clean unlinks what was discarded.
func (s *sweep) clean(ctx context.Context) error {
	r, err := s.st.Clean(ctx, s.alsoClean)
	s.report.Freed += r.Bytes
	s.report.Clean.Add(r)
	atStep("clean")
	if err != nil {
		return fmt.Errorf("unlinking: %w", err)
	}
	return nil
}

// discardAll works through candidates a batch at a time.
func (s *sweep) discardAll(ctx context.Context, candidates []Object) error {
	for len(candidates) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(s.batch, len(candidates))
		if err := s.discardBatch(ctx, candidates[:n]); err != nil {
			return err
		}
		candidates = candidates[n:]
	}
	return nil
}

// claimed is a candidate that nobody else can begin to use.
type claimed struct {
	Object
	claim *store.Claim
}

// discardBatch claims candidates, looks which are dead still, and discards those. Every claim is given up
// before it returns.
func (s *sweep) discardBatch(ctx context.Context, candidates []Object) (err error) {
	var batch []claimed
	defer func() {
		for _, c := range batch {
			err = errors.Join(err, c.claim.Release())
		}
		atStep("release")
	}()
	claims := make([]*store.Claim, len(candidates))
	errs := make([]error, len(candidates))
	ended := parallel.Each(ctx, runtime.GOMAXPROCS(0), len(candidates), func(i int) error {
		claims[i], errs[i] = s.st.ClaimObject(candidates[i].Object)
		return nil
	})
	var failed error
	for i, o := range candidates {
		switch err := errs[i]; {
		case claims[i] != nil:
			batch = append(batch, claimed{o, claims[i]})
		case errors.Is(err, filelock.ErrBusy):
			s.skip(o, reasonInUse)
		case err == nil, errors.Is(err, fs.ErrNotExist): // not tried; or somebody removed it by hand: as it should be
		default:
			failed = errors.Join(failed, fmt.Errorf("claiming %s: %w", o.Object, err))
		}
	}
	if err := errors.Join(ended, failed); err != nil {
		return err
	}
	atStep("claim")
	needed, err := s.needed(ctx, batch)
	if err != nil {
		return err
	}
	atStep("look")
	return s.discard(ctx, batch, needed)
}

// needed returns which of the claimed objects are live now: those that a root names, those that an
// object that is not claimed refers to, and what these refer to.
func (s *sweep) needed(ctx context.Context, batch []claimed) (map[digest.Tree]bool, error) {
	g, err := load(ctx, s.st, s.graph, !s.keepSince.IsZero())
	if err != nil {
		return nil, fmt.Errorf("listing objects: %w", err)
	}
	s.graph = g
	roots, err := s.roots(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading roots: %w", err)
	}
	candidate := make(map[digest.Tree]bool, len(batch))
	for _, c := range batch {
		candidate[c.Tree] = true
	}
	needed := map[digest.Tree]bool{}
	var visit func(t digest.Tree)
	visit = func(t digest.Tree) {
		if candidate[t] && !needed[t] {
			needed[t] = true
			g.eachRef([]digest.Tree{t}, visit)
		}
	}
	for _, r := range append(roots, g.recent(s.keepSince)...) {
		for _, t := range r.Trees {
			visit(t)
		}
	}
	for t, info := range g {
		if !candidate[t] {
			for _, ref := range info.Refs {
				visit(ref)
			}
		}
	}
	return needed, nil
}

// discard takes away those of the batch that are not needed. What comes later in it is not referred to by
// what came before and went. An object that could not be renamed keeps what it refers to.
func (s *sweep) discard(ctx context.Context, batch []claimed, needed map[digest.Tree]bool) error {
	pieces, stop := s.describeAhead(ctx, batch)
	defer stop()
	for piece := range slices.Chunk(batch, describedAtOnce) {
		known, ok := <-pieces
		if !ok {
			return ctx.Err()
		}
		if known.err != nil {
			return fmt.Errorf("describing objects: %w", known.err)
		}
		for i, c := range piece {
			if err := s.discardOne(c, known.nodes[i], needed); err != nil {
				return err
			}
		}
	}
	return nil
}

// discardOne takes an object away, of which this is known, unless it is needed.
func (s *sweep) discardOne(c claimed, known node, needed map[digest.Tree]bool) error {
	if needed[c.Tree] {
		s.skip(c.Object, reasonNeeded)
		return nil
	}
	if err := s.leans.before(s.st, c.Tree); err != nil {
		return err
	}
	err := c.claim.Discard()
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		s.full = append(s.full, c.Object)
		kept, _ := s.graph.reach([]digest.Tree{c.Tree})
		for _, t := range kept {
			needed[t] = true
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("discarding %s: %w", c.Object.Object, err)
	}
	s.leans.after(s.graph[c.Tree].Refs)
	delete(s.graph, c.Tree) // should it come back, it is read again
	s.report.Removed = append(s.report.Removed, known.as(c.Reason))
	atStep("discard")
	return nil
}

// describedAtOnce is how many objects are described before the first of them is discarded.
const describedAtOnce = 64

// described is what is known of as many objects, or why it is not.
type described struct {
	nodes []node
	err   error
}

// describeAhead describes a batch, a piece after the other, while what comes before is being renamed: that is done one after the other, in one
// directory, and leaves the other processors idle. Until stop returns something is read.
func (s *sweep) describeAhead(ctx context.Context, batch []claimed) (pieces <-chan described, stop func()) {
	nodes := make([]node, len(batch))
	for i, c := range batch {
		nodes[i] = s.graph[c.Tree]
		nodes[i].Object = c.Object.Object
	}
	ctx, cancel := context.WithCancel(ctx)
	ahead := make(chan described)
	go func() {
		defer close(ahead)
		for piece := range slices.Chunk(nodes, describedAtOnce) {
			select {
			case ahead <- describeUnread(ctx, s.st, piece):
			case <-ctx.Done():
				return
			}
		}
	}()
	return ahead, func() {
		cancel()
		for range ahead { // until it is closed
		}
	}
}

// describeUnread describes those of some objects that were not described yet. One that has gone stays so.
func describeUnread(ctx context.Context, st *store.Store, nodes []node) described {
	var unread []store.Object
	for _, n := range nodes {
		if !n.read {
			unread = append(unread, n.Object)
		}
	}
	read, err := readNodes(ctx, st, unread)
	for i := range nodes {
		if !nodes[i].read && len(read) > 0 {
			if read[0].read {
				nodes[i] = read[0]
			}
			read = read[1:]
		}
	}
	return described{nodes, err}
}

// skip enters an object that is left.
func (s *sweep) skip(o Object, reason string) {
	if n, err := readNode(s.st, o.Object); err == nil { // best effort: it stays, whatever it is
		o = n.as(reason)
	}
	o.Reason = reason
	s.report.Skipped = append(s.report.Skipped, o)
}
