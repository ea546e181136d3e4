package bundle

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"gostore/internal/digest"
	"gostore/internal/tree"
	"gostore/store"
)

// Options says how a bundle is read.
type Options struct {
	// Vouch is asked about each object that the bundle says comes from an archive, when all bytes were found right
	// and before anything is visible. It returns who vouches for that, in a word or two for people, or ""
	// where nobody does; an error refuses the bundle. nil vouches for nothing.
	Vouch func(Claim) (string, error)

	Progress func(done, total int64) // bytes of content; may be nil; called from several goroutines at once
}

// Claim is what a bundle says about where an object came from.
type Claim struct {
	Info     store.Info // Tool, Release, Archive, From, Refs, Tree
	Manifest tree.Manifest
	Proofs   []File // all of the bundle

	// SHA256 returns the SHA-256 of a content of the tree. It is nil unless the archive's digest is an h1, which is
	// made of these.
	SHA256 func(digest.Content) [sha256.Size]byte
}

// DamagedError says that a bundle is not what Write wrote, or breaks the rules, and where.
type DamagedError struct {
	Member string // the member that was being read; "" where none was
	Of     string // what the member is for: "src/fmt/print.go of go@1.22.6"; may be ""
	Err    error
}

func (e *DamagedError) Error() string {
	switch {
	case e.Member == "":
		return fmt.Sprintf("the bundle is damaged: %v", e.Err)
	case e.Of == "":
		return fmt.Sprintf("the bundle is damaged: member %q: %v", e.Member, e.Err)
	}
	return fmt.Sprintf("the bundle is damaged: member %q (%s): %v", e.Member, e.Of, e.Err)
}

// Unwrap returns what is wrong.
func (e *DamagedError) Unwrap() error { return e.Err }

// Read brings the objects of a bundle into a store. A bundle that is not right to the last byte is a *DamagedError, one
// of a later format a *NewerError; both leave nothing visible. After any error, a Read of the same bundle goes on
// from what was written, which Clean removes when it is old. No object that is there already is written again.
//
// The objects have no root: whoever needs them makes one, or the next collection takes them.
func Read(ctx context.Context, r io.Reader, st *store.Store, opt Options) (Summary, error) {
	im := importer{st: st, opt: opt, needs: map[digest.Content]need{}}
	err := im.receive(ctx, r)
	if err == nil {
		err = im.commit(ctx)
	}
	if err = errors.Join(err, im.close(err == nil)); err != nil {
		return Summary{}, fmt.Errorf("importing: %w", err)
	}
	return im.sum, nil
}

// importer is one bundle being read.
type importer struct {
	st       *store.Store
	opt      Options
	head     head
	key      digest.Archive // of the head: names the spool
	part     *store.Part
	spool    *store.Spool
	leases   map[digest.Tree]*store.Lease // of the objects that are there
	needs    map[digest.Content]need
	sums     sums
	spooling bool // contents may be in the spool
	done     progress
	sum      Summary
}

// receive reads, decompresses and takes apart, all at the same time.
func (im *importer) receive(ctx context.Context, r io.Reader) error {
	group, ctx := errgroup.WithContext(ctx)
	in, stop := newInterruptible(ctx, &counter{r, &im.sum.Size})
	defer stop()
	l := newLine()
	group.Go(func() error { return split(ctx, in, l) })
	for range lanes() {
		group.Go(func() error { return decompress(ctx, l) })
	}
	group.Go(func() error { return im.members(ctx, &stream{ctx: ctx, line: l}) })
	return group.Wait()
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n *int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	*c.n += int64(n)
	return n, err
}

// members reads the archive.
func (im *importer) members(ctx context.Context, s *stream) error {
	if err := im.readHead(s); err != nil {
		return err
	}
	for _, p := range im.head.Proofs {
		data, err := s.member(proofsDir+p.Name, p.Size)
		if err == nil && digest.Sum(data).Hex() != p.Content {
			err = fmt.Errorf("has the BLAKE3 %s, should have %s", digest.Sum(data).Hex(), p.Content)
		}
		if err != nil {
			return s.fault(proofsDir+p.Name, "", err)
		}
		im.sum.Proofs = append(im.sum.Proofs, File{p.Name, data})
	}
	if err := im.open(ctx); err != nil {
		return err
	}
	for _, o := range im.head.Objects {
		if err := im.readManifest(s, o); err != nil {
			return err
		}
	}
	if err := im.checkTotals(); err != nil {
		return err
	}
	if err := im.contents(ctx, s); err != nil {
		return err
	}
	return s.fault("", "", s.end())
}

func (im *importer) readHead(s *stream) error {
	data, err := s.head()
	if err == nil {
		im.head, err = parseHead(data)
	}
	var newer *NewerError
	if errors.As(err, &newer) {
		return err
	}
	if err != nil {
		return s.fault(headName, "", err)
	}
	im.key = digest.SHA256(data)
	return nil
}

// open takes the filelock of the bundle's spool, so that nobody else reads the same bundle at the same time, and leases on the
// objects that are there.
func (im *importer) open(ctx context.Context) (err error) {
	if im.part, err = im.st.Part(ctx, im.key); err != nil {
		return err
	}
	if im.spool, err = im.st.Spool(im.part); err != nil {
		return err
	}
	im.leases = make(map[digest.Tree]*store.Lease, len(im.head.Objects))
	for _, o := range im.head.Objects {
		l, err := im.st.LeaseOrDetach(ctx, o.Tree)
		var absent *store.NotPresentError
		switch {
		case err == nil:
			im.leases[o.Tree] = l
		case !errors.As(err, &absent):
			return err
		}
	}
	return nil
}

func (im *importer) manifestPath(t digest.Tree) string {
	return filepath.Join(im.spool.Path(), t.Hex()+".manifest")
}

// manifest returns a manifest that readManifest kept.
func (im *importer) manifest(t digest.Tree) (tree.Manifest, error) {
	data, err := os.ReadFile(im.manifestPath(t))
	if err != nil {
		return tree.Manifest{}, err
	}
	return tree.Parse(data)
}
