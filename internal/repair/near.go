package repair

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gostore/internal/bundle"
	"gostore/internal/digest"
	"gostore/internal/tree"
)

// survey is what a bundle has.
type survey struct {
	contents map[digest.Content]bool
	trees    map[digest.Tree]bool
	err      error
}

// survey reads which contents a bundle has, once.
func (r *Repairer) survey(ctx context.Context, name string) (*survey, error) {
	if s, ok := r.surveys[name]; ok {
		return s, s.err
	}
	s := &survey{contents: map[digest.Content]bool{}, trees: map[digest.Tree]bool{}}
	s.err = search(ctx, name, func(m tree.Manifest) {
		s.trees[m.Digest()] = true
		for _, e := range m.Entries() {
			if e.Kind == tree.File || e.Kind == tree.Exec {
				s.contents[e.Content] = true
			}
		}
	}, nil, nil)
	if r.surveys == nil {
		r.surveys = map[string]*survey{}
	}
	r.surveys[name] = s
	return s, s.err
}

// search is bundle.Search in a file, for wanted contents.
func search(ctx context.Context, name string, know func(tree.Manifest), want map[digest.Content]bool, g give) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var asked func(digest.Content) bool
	if want != nil {
		asked = func(c digest.Content) bool { return want[c] }
	}
	if err := bundle.Search(ctx, f, know, asked, len(want), g); err != nil {
		return fmt.Errorf("bundle %q: %w", name, err)
	}
	return nil
}

// supply returns what a bundle has of what is lacking.
func (s *survey) supply(name string, lacking []tree.Entry) (Supply, func(tree.Entry) bool) {
	want := map[digest.Content]bool{}
	for _, e := range lacking {
		if s.contents[e.Content] {
			want[e.Content] = true
		}
	}
	supply := Supply{From: "bundle " + filepath.Base(name)}
	supply.bring = func(ctx context.Context, g give) error {
		return search(ctx, name, func(tree.Manifest) {}, want, g)
	}
	return supply, func(e tree.Entry) bool { return want[e.Content] }
}

// rebuilt returns what making an environment's files again has of what is lacking.
func (r *Repairer) rebuilt(ctx context.Context, p *Patient, lacking []tree.Entry) (Supply, func(tree.Entry) bool) {
	made := map[digest.Content][]byte{}
	err := r.Rebuild(ctx, p.Diagnosis, func(_ string, _ bool, data []byte) error {
		made[digest.Sum(data)] = bytes.Clone(data)
		return nil
	})
	if err != nil {
		p.fail(err)
	}
	return remembered(fromRebuild, lacking, made)
}

// bundledManifest takes the manifest of a tree from a bundle.
func (r *Repairer) bundledManifest(ctx context.Context, name string, t digest.Tree) (tree.Manifest, error) {
	var found tree.Manifest
	err := search(ctx, name, func(m tree.Manifest) {
		if m.Digest() == t {
			found = m
		}
	}, nil, nil)
	return found, err
}

// fromFile gives the content of a file.
func fromFile(name string, e tree.Entry, g give) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(g(e, io.LimitReader(f, e.Size+1)), f.Close())
}
