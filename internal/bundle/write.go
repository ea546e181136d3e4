package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"gostore/internal/digest"
	"gostore/internal/tree"
	"gostore/store"
)

// level is the effort of the compressor. For go1.22.6, 206 MB, on two processors, in frames of 2 MiB: fastest 0.56 s and 70.3 MB,
// default 0.75 s and 66.7 MB, better 1.0 s and 64.7 MB, best 6.8 s and 61.0 MB; in frames of 4 MiB: better 1.0 s and 62.4 MB.
const level = zstd.SpeedBetterCompression

// Content says what a bundle is to hold.
type Content struct {
	Objects []digest.Tree // and all that they refer to; in any order

	// Proofs returns what proves where an object came from, for Options.Vouch of whoever reads the bundle. It may be
	// nil. Proofs of equal names must be equal.
	Proofs func(info store.Info) ([]File, error)

	Progress func(done, total int64) // bytes of content; may be nil
}

// File is a proof: a name and what it stands for, which this package does not look into.
type File struct {
	Name string // a path, see package tree
	Data []byte
}

// Summary says what a bundle holds and what became of it.
type Summary struct {
	Objects  []Object
	Proofs   []File
	Contents int   // different file contents
	Bytes    int64 // of these
	Size     int64 // of the bundle, in bytes
}

// Object is an object of a bundle. Its Info has what the bundle says; Added is not set.
type Object struct {
	store.Info
	Present bool   // Read found that the store had it
	Vouched string // what Options.Vouch said; "" when the archive is what the bundle says
}

// Write writes a bundle to w. Every content is compared with its manifest while it is read. After an error, such as a
// *store.DamagedError that names the file, what was written is no bundle: it lacks its end, and Read refuses it.
// The objects are leased meanwhile. When ctx ends Write returns as soon as w.Write does.
func Write(ctx context.Context, w io.Writer, st *store.Store, c Content) (Summary, error) {
	cl, err := lease(ctx, st, c.Objects)
	if err != nil {
		return Summary{}, fmt.Errorf("exporting: %w", err)
	}
	e := exporter{st: st, leases: cl.leases, objects: cl.order(), content: c}
	err = e.plan()
	if err == nil {
		err = e.write(ctx, w)
	}
	if err = errors.Join(err, cl.release()); err != nil {
		return Summary{}, fmt.Errorf("exporting: %w", err)
	}
	return e.sum, nil
}

// exporter is one bundle being written.
type exporter struct {
	st      *store.Store
	leases  map[digest.Tree]*store.Lease
	objects []store.Info
	content Content
	head    head
	sum     Summary
}

// plan makes the head and the summary.
func (e *exporter) plan() error {
	e.head.Format = format
	seen := make(contents)
	for _, info := range e.objects {
		m, err := e.manifest(info)
		if err != nil {
			return err
		}
		for entry := range seen.fresh(m) {
			e.head.Contents++
			e.head.Bytes += entry.Size
		}
		if known, ok := e.st.LookupArchive(info.Archive); ok && known != info.Tree {
			info.Archive = digest.Archive{} // its archive has come to another tree since
		}
		e.head.Objects = append(e.head.Objects, object{
			info.Tree, info.Tool, info.Release, info.Archive, info.From, info.Refs, int64(len(m.Bytes())),
		})
		e.sum.Objects = append(e.sum.Objects, Object{Info: info})
		if err := e.addProofs(info); err != nil {
			return fmt.Errorf("object %s: %w", info.Object, err)
		}
	}
	slices.SortFunc(e.sum.Proofs, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	for _, p := range e.sum.Proofs {
		e.head.Proofs = append(e.head.Proofs, proof{p.Name, int64(len(p.Data)), digest.Sum(p.Data).Hex()})
	}
	e.sum.Contents, e.sum.Bytes = e.head.Contents, e.head.Bytes
	return e.head.check()
}

// manifest returns the manifest of an object whose links are such that Read takes it.
func (e *exporter) manifest(info store.Info) (tree.Manifest, error) {
	m, err := e.st.Manifest(info.Tree)
	if err == nil {
		_, err = linksOut(m, info.Refs)
	}
	if err != nil {
		return m, fmt.Errorf("object %s: %w", info.Object, err)
	}
	return m, nil
}

func (e *exporter) addProofs(info store.Info) error {
	if e.content.Proofs == nil {
		return nil
	}
	files, err := e.content.Proofs(info)
	if err != nil {
		return err
	}
	for _, f := range files {
		i := slices.IndexFunc(e.sum.Proofs, func(had File) bool { return had.Name == f.Name })
		switch {
		case i < 0:
			e.sum.Proofs = append(e.sum.Proofs, f)
		case string(e.sum.Proofs[i].Data) != string(f.Data):
			return fmt.Errorf("proof %q: two proofs have that name", f.Name)
		}
	}
	return nil
}

// write makes, compresses and writes frames, all at the same time.
func (e *exporter) write(ctx context.Context, w io.Writer) error {
	group, ctx := errgroup.WithContext(ctx)
	l := newLine()
	group.Go(func() error {
		t := tarWriter{ctx: ctx, line: l}
		if err := e.members(ctx, &t); err != nil {
			return err // the row stays open, so that nobody takes this for the end
		}
		t.flush()
		l.close()
		return nil
	})
	for range lanes() {
		group.Go(func() error { return compress(ctx, l) })
	}
	group.Go(func() error {
		out := sealer{w: w, hash: digest.NewHash()}
		if err := out.frames(ctx, l); err != nil {
			return err
		}
		e.sum.Size = out.size
		return nil
	})
	return group.Wait()
}

// compress compresses frames until there are no more. The same bytes always become the same frame: nothing of one frame serves
// another.
func compress(ctx context.Context, l line) error {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(level),
		zstd.WithEncoderCRC(true), zstd.WithWindowSize(frameSize))
	if err != nil {
		return err
	}
	defer encoder.Close()
	return l.each(ctx, func(f *frame) { f.out = encoder.EncodeAll(f.in, f.out) })
}

// members writes the tar archive.
func (e *exporter) members(ctx context.Context, t *tarWriter) error {
	data, err := e.head.encode()
	if err != nil {
		return err
	}
	if len(data) > maxHead {
		return fmt.Errorf("the head has %d bytes, more than %d: export fewer objects at once", len(data), maxHead)
	}
	if err := t.member(headName, data); err != nil {
		return err
	}
	for _, p := range e.sum.Proofs {
		if err := t.member(proofsDir+p.Name, p.Data); err != nil {
			return err
		}
	}
	for _, info := range e.objects {
		m, err := e.st.Manifest(info.Tree)
		if err != nil {
			return err
		}
		if err := t.member(manifestName(info.Tree), m.Bytes()); err != nil {
			return err
		}
	}
	if err := e.files(ctx, t); err != nil {
		return err
	}
	return t.write(zeros[:endSize])
}

// files writes each content once.
func (e *exporter) files(ctx context.Context, t *tarWriter) error {
	seen := make(contents)
	var done int64
	for _, info := range e.objects {
		m, err := e.st.Manifest(info.Tree)
		if err != nil {
			return err
		}
		for entry := range seen.fresh(m) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := t.content(e.leases[info.Tree], entry); err != nil {
				return err
			}
			done += entry.Size
			if e.content.Progress != nil {
				e.content.Progress(done, e.head.Bytes)
			}
		}
	}
	return nil
}
