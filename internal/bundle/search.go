package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"gostore/internal/digest"
	"gostore/internal/tree"
)

// errEnough ends the reading of a bundle of which nothing more is wanted.
var errEnough = errors.New("nothing more is wanted")

// Search reads of a bundle what single contents need. know is told the manifest of each object, checked against its tree digest,
// and says whether another is of interest; then take is given the contents that want asks for, each to be read to its end,
// in the order in which they stand in the bundle. Search returns when count contents were taken, without reading further. take checks a
// content itself: how the bundle ends, and with it its digest, is not looked at.
//
// With want nil it ends with the manifests. Errors of the bundle are those of Read.
func Search(ctx context.Context, r io.Reader, know func(tree.Manifest), want func(digest.Content) bool, count int, take func(tree.Entry, io.Reader) error) error {
	group, ctx := errgroup.WithContext(ctx)
	in, stop := newInterruptible(ctx, r)
	defer stop()
	l := newLine()
	group.Go(func() error { return split(ctx, in, l) })
	for range lanes() {
		group.Go(func() error { return decompress(ctx, l) })
	}
	group.Go(func() error {
		s := &search{stream: &stream{ctx: ctx, line: l}, want: want, left: count, take: take}
		if err := s.run(know); err != nil {
			return err
		}
		return errEnough // the others stop
	})
	if err := group.Wait(); !errors.Is(err, errEnough) {
		return fmt.Errorf("searching the bundle: %w", err)
	}
	return nil
}

// search is one call of Search.
type search struct {
	*stream
	want func(digest.Content) bool
	left int
	take func(tree.Entry, io.Reader) error
}

func (s *search) run(know func(tree.Manifest)) error {
	im := &importer{}
	if err := im.readHead(s.stream); err != nil {
		return err
	}
	for _, p := range im.head.Proofs {
		if _, err := s.member(proofsDir+p.Name, p.Size); err != nil {
			return s.fault(proofsDir+p.Name, "", err)
		}
	}
	texts := make([][]byte, 0, len(im.head.Objects)) // at most 256 MiB; taken apart they are several times as large
	for _, o := range im.head.Objects {
		name := manifestName(o.Tree)
		data, err := s.member(name, o.Manifest)
		var m tree.Manifest
		if err == nil {
			m, err = tree.Parse(data)
		}
		if err == nil && m.Digest() != o.Tree {
			err = fmt.Errorf("has the tree digest %s, should have %s", m.Digest(), o.Tree)
		}
		if err != nil {
			return s.fault(name, o.String(), err)
		}
		know(m)
		texts = append(texts, data)
	}
	if s.want == nil {
		return nil
	}
	return s.contents(texts)
}

// contents goes through the contents until enough were taken.
func (s *search) contents(texts [][]byte) error {
	seen := contents{}
	for _, text := range texts {
		m, err := tree.Parse(text)
		if err != nil {
			return err
		}
		for e := range seen.fresh(m) {
			if s.left == 0 {
				return nil
			}
			if err := s.content(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// content takes or skips one.
func (s *search) content(e tree.Entry) error {
	name := contentName(e.Content)
	if err := s.header(name, e.Size); err != nil {
		return s.fault(name, e.Path, err)
	}
	in := &limited{s: s.stream, left: e.Size}
	var err error
	if s.want(e.Content) {
		s.left--
		err = s.take(e, in)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, in)
	}
	if in.err != nil {
		return s.fault(name, e.Path, in.err)
	}
	if err != nil {
		return err // of take
	}
	return s.fault(name, e.Path, s.padding(e.Size))
}
