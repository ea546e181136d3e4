package repair

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"runtime/trace"
	"slices"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/tree"
	"gostore/store"
)

// What steps name as their origin where it is no place.
const (
	fromManifest = "its manifest" // also what it says nothing of, and what goes
	fromRebuild  = "what it is made from"
)

// Plan says how to mend what is damaged. Objects that have a damaged file in common with one of them, as the same inode, are
// examined and planned for as well. Nothing is changed; of zips on a server the lists of their members are read, which
// stay in a partial download for the repair that follows.
func (r *Repairer) Plan(ctx context.Context, damaged []store.Diagnosis) (Plan, error) {
	defer trace.StartRegion(ctx, "plan repair").End()
	var plan Plan
	known := map[digest.Tree]bool{}
	for _, d := range damaged {
		known[d.Object.Tree] = true
	}
	planned := map[tree.Entry]string{} // what an earlier patient fetches
	for len(damaged) > 0 {
		copies, sharing, err := r.inStore(ctx, damaged)
		if err != nil {
			return plan, err
		}
		for _, d := range damaged {
			p, err := r.patient(ctx, d, copies, planned)
			if err != nil {
				return plan, err
			}
			plan.Patients = append(plan.Patients, p)
		}
		damaged = nil
		for _, o := range sharing {
			if known[o.Tree] {
				continue
			}
			known[o.Tree] = true
			if d, err := r.Store.Examine(ctx, o.Tree); err == nil && !d.None() {
				damaged = append(damaged, d)
			}
		}
	}
	var err error
	plan.Store, err = r.Store.StoreFaults(ctx)
	return plan, err
}

// inStore returns where the store may have what the damaged objects lack, and which other objects share what is damaged.
func (r *Repairer) inStore(ctx context.Context, damaged []store.Diagnosis) (map[digest.Content][]string, []store.Object, error) {
	want := map[digest.Content]bool{}
	for _, d := range damaged {
		for _, e := range d.Wanted() {
			want[e.Content] = true
		}
	}
	if len(want) == 0 {
		return nil, nil, nil
	}
	copies, holders, err := r.Store.Copies(ctx, want)
	if err != nil {
		return nil, nil, err
	}
	var sharing []store.Object
	for _, d := range damaged {
		sharing = append(sharing, r.Store.Sharing(d, holders)...)
	}
	return copies, sharing, nil
}

// patient plans for one object.
func (r *Repairer) patient(ctx context.Context, d store.Diagnosis, copies map[digest.Content][]string, planned map[tree.Entry]string) (*Patient, error) {
	p := &Patient{Diagnosis: d, local: map[string]string{}}
	if d.Manifest.Digest().IsZero() {
		return p, r.manifestless(ctx, p)
	}
	from := map[string]string{} // by path
	var lacking []tree.Entry
	for _, e := range d.Wanted() {
		if name := r.whole(copies[e.Content], e); name != "" {
			p.local[e.Path], from[e.Path] = name, r.placeName(name, d.Object)
		} else if other, ok := planned[contentKey(e)]; ok {
			from[e.Path] = other
		} else {
			lacking = append(lacking, e)
		}
	}
	if err := r.supply(ctx, p, lacking, from); err != nil {
		return p, err
	}
	for _, s := range p.Supplies {
		for _, e := range s.wants {
			planned[contentKey(e)] = s.From
		}
	}
	for _, f := range d.Faults {
		p.Steps = append(p.Steps, Step{f.Path, f.Problem, r.origin(d, f, from)})
	}
	p.aboutObject()
	return p, ctx.Err()
}

// contentKey is what two entries have in common that hold the same, whatever they are called.
func contentKey(e tree.Entry) tree.Entry { return tree.Entry{Content: e.Content, Size: e.Size} }

// origin says where what is right comes from.
func (r *Repairer) origin(d store.Diagnosis, f tree.Fault, from map[string]string) string {
	e, belongs := d.Manifest.Find(f.Path)
	switch {
	case !belongs, e.Kind == tree.Dir || e.Kind == tree.Link:
		return fromManifest
	}
	return from[f.Path]
}

// aboutObject adds the steps for what is not in the object itself.
func (p *Patient) aboutObject() {
	d := p.Diagnosis
	if d.NoManifest {
		p.Steps = append(p.Steps, Step{"its manifest", "is lost or damaged", "the object itself"})
	}
	if d.Description != "" {
		p.Steps = append(p.Steps, Step{"its description", d.Description, "the object itself"})
	}
	open := slices.DeleteFunc(slices.Clone(d.Unsealed), func(name string) bool { // of which nothing else is said
		return slices.ContainsFunc(d.Faults, func(f tree.Fault) bool { return f.Path == name })
	})
	if len(open) > 0 {
		p.Steps = append(p.Steps, Step{open[0], "has another mode or time than is usual in objects" + more(len(open)-1), fromManifest})
	}
}

// more says that as much is said of other names.
func more(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", as have %d of its other names", n)
}

// whole returns the first of the files that holds a content, "" if none does.
func (r *Repairer) whole(names []string, e tree.Entry) string {
	for _, name := range names {
		if store.IsContent(name, e) {
			return name
		}
	}
	return ""
}

// placeName says for people where in the store a file is.
func (r *Repairer) placeName(name string, o store.Object) string {
	rel, err := filepath.Rel(filepath.Dir(r.Store.Path(o)), name)
	base, inside, ok := strings.Cut(rel, string(filepath.Separator))
	if other, parseErr := store.ParseBase(base); err == nil && ok && parseErr == nil {
		if other == o {
			return "its own " + inside
		}
		return inside + " of " + other.Name + "@" + other.Version
	}
	if strings.HasPrefix(rel, filepath.Join("..", "downloads")) {
		return "what was interrupted"
	}
	return "another file of the store"
}

// supply finds places for the files that the store lacks, the cheapest first.
func (r *Repairer) supply(ctx context.Context, p *Patient, lacking []tree.Entry, from map[string]string) error {
	take := func(s Supply, has func(tree.Entry) bool) {
		lacking = slices.DeleteFunc(lacking, func(e tree.Entry) bool {
			if !has(e) {
				return false
			}
			s.wants, from[e.Path] = append(s.wants, e), s.From
			return true
		})
		if s.Files = len(s.wants); s.Files > 0 {
			wants := s.wants
			bring := s.bring
			s.bring = func(ctx context.Context, g give) error { return bring(ctx, only(wants, g)) }
			p.Supplies = append(p.Supplies, &s)
		}
	}
	if len(lacking) > 0 && r.Rebuild != nil {
		take(r.rebuilt(ctx, p, slices.Clone(lacking)))
	}
	for _, name := range r.Bundles {
		if len(lacking) == 0 {
			return nil
		}
		s, err := r.survey(ctx, name)
		if err != nil {
			p.fail(err)
			continue
		}
		take(s.supply(name, slices.Clone(lacking)))
	}
	for _, o := range r.origins(ctx, p.Diagnosis.Object) {
		if len(lacking) == 0 {
			return nil
		}
		s, has, err := r.archived(ctx, o, p.Diagnosis.Object, slices.Clone(lacking))
		if err != nil {
			p.fail(err)
			continue
		}
		take(s, has)
	}
	if len(lacking) > 0 {
		take(r.flipped(ctx, p, slices.Clone(lacking)))
	}
	return ctx.Err()
}

func (r *Repairer) origins(ctx context.Context, o store.Object) []Origin {
	if r.Origins == nil {
		return nil
	}
	return r.Origins(ctx, o)
}

// fail notes what a place said.
func (p *Patient) fail(err error) {
	if isDefinite(err) {
		p.Lacking = append(p.Lacking, err)
	} else {
		p.Unasked = append(p.Unasked, err)
	}
}

// only passes on what is wanted of what a place gives, under each name under which it is wanted.
func only(wants []tree.Entry, g give) give {
	index := map[digest.Content]tree.Entry{}
	for _, e := range slices.Backward(wants) {
		index[e.Content] = e
	}
	return func(e tree.Entry, r io.Reader) error {
		w, ok := index[e.Content]
		if !ok {
			return nil
		}
		return g(w, r)
	}
}

// paths returns the paths of entries, sorted.
func paths(list []tree.Entry) []string {
	set := map[string]bool{}
	for _, e := range list {
		set[e.Path] = true
	}
	return slices.Sorted(maps.Keys(set))
}
