package bundle

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"gostore/internal/digest"
	"gostore/internal/tree"
	"gostore/store"
)

// commit makes the objects visible, each after those that it refers to. Whatever could speak against one of
// them is asked before the first.
func (im *importer) commit(ctx context.Context) error {
	for _, o := range im.head.Objects {
		if err := im.judge(o); err != nil {
			return fmt.Errorf("%s: %w", o, err)
		}
	}
	for _, o := range im.head.Objects {
		if err := im.add(ctx, o); err != nil {
			return fmt.Errorf("%s: %w", o, err)
		}
	}
	return nil
}

// judge checks an object against the store, and asks who vouches for it.
func (im *importer) judge(o object) error {
	m, err := im.manifest(o.Tree)
	if err != nil {
		return err
	}
	if err := im.checkNames(m, o); err != nil {
		return err
	}
	if known, ok := im.st.LookupArchive(o.Archive); ok && known != o.Tree {
		if _, err := im.st.Lookup(known); err == nil {
			return &digest.MismatchError{What: "the tree that " + o.Archive.String() + " is unpacked to", Want: known.String(), Got: o.Tree.String()}
		}
	}
	seen := Object{Info: o.info()}
	seen.Files, seen.Size = len(m.Entries()), m.Size()
	_, seen.Present = im.leases[o.Tree]
	if im.opt.Vouch != nil && !o.Archive.IsZero() {
		claim := Claim{Info: seen.Info, Manifest: m, Proofs: im.sum.Proofs}
		if o.Archive.Algorithm() == "h1" {
			claim.SHA256 = func(c digest.Content) [32]byte { return im.sums.of[c] }
		}
		if seen.Vouched, err = im.opt.Vouch(claim); err != nil {
			return err
		}
	}
	im.sum.Objects = append(im.sum.Objects, seen)
	return nil
}

// info returns what the bundle says of an object.
func (o object) info() store.Info {
	return store.Info{
		Object: store.NewObject(o.Tree, o.Tool, o.Release),
		Tool:   o.Tool, Release: o.Release, Archive: o.Archive, From: o.From, Refs: o.Refs,
	}
}

// checkNames checks that the objects that a tree links to have, or will have, the names by which it calls them. They differ where the
// store got the same tree under another name.
func (im *importer) checkNames(m tree.Manifest, o object) error {
	out, err := linksOut(m, o.Refs)
	if err != nil {
		return err
	}
	for _, ref := range im.head.Objects {
		want, linked := out[ref.Tree]
		if !linked {
			continue
		}
		is := ref.info().Object
		if l, ok := im.leases[ref.Tree]; ok {
			is = l.Object()
		}
		if is != want {
			return fmt.Errorf("links to %q, which is in this store as %q: remove that with gc first", want.Base(), is.Base())
		}
	}
	return nil
}

// add makes an object visible, or remembers the archive of one that is.
func (im *importer) add(ctx context.Context, o object) error {
	if _, present := im.leases[o.Tree]; present {
		if o.Archive.IsZero() {
			return nil
		}
		return im.st.RememberArchive(ctx, o.Archive, o.Tree)
	}
	m, err := im.manifest(o.Tree)
	if err != nil {
		return err
	}
	l, err := im.st.Add(ctx, o.spec(), func(g *store.Stage) error { return im.fill(ctx, g, m) })
	if err != nil {
		return err
	}
	im.leases[o.Tree] = l
	return nil
}

// batchSize is how many entries of a tree one goroutine makes at a time.
const batchSize = 64

// fill makes a tree of what the spool holds.
func (im *importer) fill(ctx context.Context, g *store.Stage, m tree.Manifest) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(g.Workers())
	for batch := range slices.Chunk(m.Entries(), batchSize) {
		group.Go(func() error {
			for _, e := range batch {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := im.make(g, e); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (im *importer) make(g *store.Stage, e tree.Entry) error {
	switch e.Kind {
	case tree.Dir:
		return g.Dir(e.Path)
	case tree.Link:
		return g.Link(e.Path, e.Target)
	default:
		return g.Adopt(im.spool, e)
	}
}
