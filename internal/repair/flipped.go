package repair

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"

	"gostore/internal/digest"
	"gostore/internal/tree"
	"gostore/store"
)

// Memory and disks that fail flip single bits. Where nothing has a content any more, each bit of what is there is tried: whether it was
// that one, the digest says. That is the square of the size in work: 0.1 s for 8 KiB.
const (
	maxFlipped  = 16 << 10 // bytes of a file
	maxFlipWork = 8 << 30  // bytes hashed for a whole repair, some five seconds
	fromBit     = "itself, with one bit put back"
)

// unflip returns data with the one bit flipped that makes right say yes, nil where none does. spent is how much was hashed so far.
func unflip(ctx context.Context, data []byte, spent *int64, right func([]byte) bool) []byte {
	if len(data) == 0 || len(data) > maxFlipped || *spent > maxFlipWork {
		return nil
	}
	data = bytes.Clone(data)
	for i := range data {
		if ctx.Err() != nil {
			return nil
		}
		for bit := range 8 {
			data[i] ^= 1 << bit
			if right(data) {
				return data
			}
			data[i] ^= 1 << bit
		}
	}
	*spent += int64(len(data)) * int64(len(data)) * 8
	return nil
}

// flipped returns what of the lacking files is right but for one bit.
func (r *Repairer) flipped(ctx context.Context, p *Patient, lacking []tree.Entry) (Supply, func(tree.Entry) bool) {
	made := map[digest.Content][]byte{}
	for _, e := range lacking {
		data, err := os.ReadFile(filepath.Join(r.Store.Path(p.Diagnosis.Object), filepath.FromSlash(e.Path)))
		if err != nil || int64(len(data)) != e.Size {
			continue
		}
		if data := unflip(ctx, data, &r.spent, func(b []byte) bool { return digest.Sum(b) == e.Content }); data != nil {
			made[e.Content] = data
		}
	}
	return remembered(fromBit, lacking, made)
}

// remembered is a supply of contents in memory.
func remembered(from string, lacking []tree.Entry, made map[digest.Content][]byte) (Supply, func(tree.Entry) bool) {
	supply := Supply{From: from}
	supply.bring = func(_ context.Context, g give) error {
		var errs []error
		for _, e := range lacking {
			if data, ok := made[e.Content]; ok {
				errs = append(errs, g(e, bytes.NewReader(data)))
			}
		}
		return errors.Join(errs...)
	}
	return supply, func(e tree.Entry) bool { return made[e.Content] != nil }
}

// flippedManifest returns the manifest of an object from what is kept of it, if that is right but for one bit: the text in a file of its own, or the
// description that has it.
func (r *Repairer) flippedManifest(ctx context.Context, p *Patient) (m tree.Manifest, ok bool) {
	t := p.Diagnosis.Object.Tree
	if text, err := r.Store.ManifestText(t); err == nil {
		text = unflip(ctx, text, &r.spent, func(b []byte) bool { return digest.Tree(digest.Sum(b)) == t })
		if m, err = tree.Parse(text); text != nil && err == nil {
			return m, true
		}
	}
	text, err := r.Store.DescriptionText(t)
	if err != nil {
		return tree.Manifest{}, false
	}
	unflip(ctx, text, &r.spent, func(b []byte) bool {
		m, ok = store.DescribedManifest(b, t)
		return ok
	})
	return m, ok
}
