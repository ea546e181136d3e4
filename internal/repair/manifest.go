package repair

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"gostore/internal/tree"
	"gostore/store"
)

// manifestless plans for an object that is damaged and whose manifest is lost too: what is wrong with it can only be seen when the
// manifest is back. A bundle may have it; else the whole archive is unpacked to the side.
func (r *Repairer) manifestless(ctx context.Context, p *Patient) error {
	o := p.Diagnosis.Object
	from := ""
	for _, name := range r.Bundles {
		s, err := r.survey(ctx, name)
		if err != nil {
			p.fail(err)
			continue
		}
		if s.trees[o.Tree] {
			from = "bundle " + filepath.Base(name)
			p.recover = func(ctx context.Context) error { return r.fromBundle(ctx, name, o) }
			break
		}
	}
	if m, ok := r.flippedManifest(ctx, p); ok && from == "" {
		from = fromBit
		p.recover = func(ctx context.Context) error { return r.Store.KeepManifest(ctx, m) }
	}
	if from == "" {
		from = r.draftable(ctx, p)
	}
	for _, f := range p.Diagnosis.Faults {
		p.Steps = append(p.Steps, Step{f.Path, f.Problem, from})
	}
	return ctx.Err()
}

func (r *Repairer) fromBundle(ctx context.Context, name string, o store.Object) error {
	m, err := r.bundledManifest(ctx, name, o.Tree)
	if err == nil && m.Digest() != o.Tree {
		err = fmt.Errorf("bundle %q: has no manifest of %s: %w", name, o, fs.ErrNotExist)
	}
	if err != nil {
		return err
	}
	return r.Store.KeepManifest(ctx, m)
}

// draftable plans to make the tree once more from its archive.
func (r *Repairer) draftable(ctx context.Context, p *Patient) string {
	for _, origin := range r.origins(ctx, p.Diagnosis.Object) {
		s, _, err := r.entire(origin, p.Diagnosis.Object, nil)
		if err != nil {
			p.fail(err)
			continue
		}
		p.Supplies = append(p.Supplies, &Supply{From: s.From, Files: 1, Bytes: s.Bytes, Whole: true})
		p.recover = func(ctx context.Context) error { return r.draft(ctx, origin, p.Diagnosis.Object) }
		return s.From
	}
	return ""
}

// draft unpacks the archive to a stage, of which the manifest stays. What it was unpacked from stays for the files that turn out to be
// damaged.
func (r *Repairer) draft(ctx context.Context, o Origin, object store.Object) error {
	part, err := r.Store.Part(ctx, partKey(o.Item))
	if err != nil {
		return err
	}
	path, err := o.Source.Fetch(ctx, o.Item, part.Path(), r.progress(object))
	if err == nil {
		_, err = r.Store.Draft(ctx, object.Tree, func(g *store.Stage) error {
			return o.Source.Unpack(ctx, o.Item, path, g, func(int64) {})
		})
	}
	if err != nil && isDefinite(err) || part.Empty() {
		return errors.Join(err, part.Done())
	}
	return errors.Join(err, part.Release())
}

// unchanged reports whether nothing became better.
func unchanged(was, is []tree.Fault) bool {
	if len(was) != len(is) {
		return false
	}
	for i := range was {
		if was[i] != is[i] {
			return false
		}
	}
	return true
}
