package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"gostore/internal/digest"
	"gostore/internal/inflate"
)

const (
	// memory bounds the buffers of all workers together, except that one member may have it alone
	// however large it is. Two workers on a Go toolchain hold 41 MB.
	memory = 64 << 20

	// smallBuffer is not worth giving back. Members of this size are small.
	smallBuffer = 256 << 10

	smallRoom = smallBuffer + inflate.Spare

	// packedBuffer is for the packed bytes of one member. Those of larger ones are read piece by piece.
	packedBuffer = 128 << 10

	// recallSize is the content from which on it is looked up whether it is known: smaller ones are not shared.
	recallSize = 64

	// chunk is how much content is read at once, then hashed while it is in the processor's cache.
	chunk = 128 << 10
)

// reading is one reading of the content of members.
type reading struct {
	r       io.ReaderAt
	members []member
	workers int                            // less than one means one for each processor
	use     func(i int, data []byte) error // gets the content of a member, which it must not keep
	known   Recaller                       // may be nil
	files   []file                         // of the members, for known
}

// readMembers is a reading without what is known.
func readMembers(ctx context.Context, r io.ReaderAt, members []member, workers int, use func(i int, data []byte) error) ([][sha256.Size]byte, error) {
	return reading{r: r, members: members, workers: workers, use: use}.run(ctx)
}

// run reads the content of all members, checks it against the size and CRC that their headers state, and gives it to
// use. It returns the SHA-256 of each member.
//
// The largest members come first, so that the end is not one
// worker with one large member (7 % of the time), and so that a worker's buffer never has to grow: it takes its share of
// the memory once, at its first member, and from then on only gives back. So workers cannot wait for each other in a circle.
// Small members come in the order of the archive, in which those of a directory are together.
//
// The first error ends all work and is returned, after the last worker has stopped.
func (g reading) run(ctx context.Context) ([][sha256.Size]byte, error) {
	if g.workers < 1 {
		g.workers = runtime.GOMAXPROCS(0)
	}
	order := make([]int, len(g.members))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(max(g.members[b].size, smallBuffer), max(g.members[a].size, smallBuffer))
	})
	sums := make([][sha256.Size]byte, len(g.members))
	budget := semaphore.NewWeighted(memory)
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range min(g.workers, len(g.members)) {
		group.Go(func() error {
			w := newWorker(ctx, g.r, budget)
			defer w.close()
			for {
				k := int(next.Add(1)) - 1
				if k >= len(order) {
					return nil
				}
				if err := g.one(w, order[k], &sums[order[k]]); err != nil {
					return err
				}
			}
		})
	}
	return sums, group.Wait()
}

// one reads a member, unless what its packed bytes become is known.
func (g reading) one(w *worker, i int, sum *[sha256.Size]byte) (err error) {
	m := g.members[i]
	recall := g.known != nil && m.deflated && m.open == nil && m.size >= recallSize
	var p digest.Packed
	if recall {
		if p, err = w.packedDigest(m); err != nil {
			return err
		}
		var ok bool
		if *sum, ok, err = g.known.Recall(g.files[i].path, g.files[i].exec, p); ok || err != nil {
			return err
		}
	}
	data, err := w.read(m)
	if err != nil {
		return err
	}
	w.sum.Sum(sum[:0])
	if err = g.use(i, data); err == nil && recall {
		g.known.Remember(g.files[i].path, p, *sum)
	}
	return err
}

// worker reads one member after the other, with the same buffers.
type worker struct {
	ctx     context.Context // ends with the call that made the worker
	source  span
	packed  []byte          // packed bytes of a member that fits
	loaded  int64           // where in the archive those in packed are from, 0 for nowhere
	inflate *inflate.Reader // reads packed, or source
	sum     hash.Hash       // SHA-256 of the content read last
	buf     []byte
	budget  *semaphore.Weighted
	held    int64 // what buf took of budget
}

func newWorker(ctx context.Context, r io.ReaderAt, budget *semaphore.Weighted) *worker {
	w := &worker{ctx: ctx, source: span{ctx: ctx, r: r}, packed: make([]byte, packedBuffer), sum: sha256.New(), budget: budget}
	w.inflate = inflate.NewReader(&w.source)
	return w
}

func (w *worker) close() { w.budget.Release(w.held) }

// inMemory reports whether the packed bytes of a deflated member are read at once.
func (m member) inMemory() bool { return m.deflated && m.open == nil && m.packed <= packedBuffer }

// seek has w.source read the packed bytes of a member.
func (w *worker) seek(m member) { w.source.offset, w.source.left, w.source.err = m.data, m.packed, nil }

// load reads the packed bytes of a member that fits, unless they were read last.
func (w *worker) load(m member) error {
	if w.loaded == m.data {
		return nil
	}
	w.seek(m)
	w.loaded = 0
	for n := int64(0); n < m.packed; {
		k, err := w.source.Read(w.packed[n:m.packed])
		if err != nil {
			return fmt.Errorf("reading entry %q: %w", m.name, err)
		}
		n += int64(k)
	}
	w.loaded = m.data
	return nil
}

// packedDigest returns the digest of a member's packed bytes. Those of a large one are read for it, which costs little beside inflating them.
func (w *worker) packedDigest(m member) (digest.Packed, error) {
	p := digest.Packed{Size: m.size, CRC: m.crc}
	if m.inMemory() {
		err := w.load(m)
		p.Digest = digest.Sum(w.packed[:m.packed])
		return p, err
	}
	w.seek(m)
	w.loaded = 0
	h := digest.NewHash()
	if _, err := io.CopyBuffer(h, &w.source, w.packed); err != nil {
		return p, fmt.Errorf("reading entry %q: %w", m.name, err)
	}
	p.Digest = h.Content()
	return p, nil
}

// room returns a buffer of n bytes, the same one as before unless it is far too large by now. Unless it is small, n must not be
// larger than in the call before.
func (w *worker) room(n int64) ([]byte, error) {
	size := max(n, smallRoom)
	share := min(size, memory)
	switch {
	case w.buf == nil:
		if err := w.budget.Acquire(w.ctx, share); err != nil {
			return nil, err
		}
		w.buf, w.held = make([]byte, size), share
	case size < int64(len(w.buf))/2:
		w.buf = make([]byte, size)
		w.budget.Release(w.held - share)
		w.held = share
	}
	return w.buf[:n], nil
}

// read returns the content of m, valid until the next read. w.sum has its SHA-256.
func (w *worker) read(m member) ([]byte, error) {
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	buf, err := w.room(m.size + inflate.Spare)
	if err != nil {
		return nil, err
	}
	data := buf[:m.size]
	if m.open != nil {
		return w.readElsewhere(m, data)
	}
	var n, rest int64
	var crc uint32
	if m.inMemory() {
		if err := w.load(m); err != nil {
			return nil, err
		}
		w.inflate.ResetBytes(w.packed[:m.packed])
	} else {
		w.seek(m)
		w.inflate.Reset(&w.source)
	}
	if m.deflated {
		n, crc, err = w.fillInflated(buf, m.size)
		rest = int64(len(w.inflate.Rest()))
	} else {
		n, crc, err = w.fill(&w.source, data)
	}
	switch {
	case w.source.err != nil:
		return nil, fmt.Errorf("reading entry %q: %w", m.name, w.source.err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, refuse(m.name, "content is cut off")
	case err != nil:
		return nil, refuse(m.name, "content is damaged: %v", err)
	case n < m.size:
		return nil, refuse(m.name, "has only %d of the %d bytes that it states", n, m.size)
	case n > m.size:
		return nil, refuse(m.name, "has more than the %d bytes that it states", m.size)
	case rest+w.source.left > 0:
		return nil, refuse(m.name, "has bytes after its packed content")
	case crc != m.crc:
		return nil, refuse(m.name, "has CRC %08x, its header states %08x", crc, m.crc)
	}
	return data, nil
}

// fillInflated is fill for size bytes that w.inflate gives. buf has inflate.Spare bytes more, so that the end of the
// content is inflated as fast as the rest.
func (w *worker) fillInflated(buf []byte, size int64) (n int64, crc uint32, err error) {
	w.sum.Reset()
	for err == nil && n <= size {
		var k int
		k, err = w.inflate.Fill(buf, int(n), int(n)+chunk)
		w.sum.Write(buf[n:k])
		crc = crc32.Update(crc, crc32.IEEETable, buf[n:k])
		n = int64(k)
	}
	switch {
	case err == io.EOF:
		err = nil
	case errors.Is(err, inflate.ErrTooLong):
		n, err = size+1, nil
	}
	return n, crc, err
}

// readElsewhere is read for a content that does not come from the archive.
func (w *worker) readElsewhere(m member, data []byte) ([]byte, error) {
	content, err := m.open()
	if err != nil {
		return nil, fmt.Errorf("taking entry %q from elsewhere: %w", m.name, err)
	}
	n, crc, err := w.fill(content, data)
	err = errors.Join(err, content.Close())
	switch {
	case err != nil:
		return nil, fmt.Errorf("taking entry %q from elsewhere: %w", m.name, err)
	case n != m.size || crc != m.crc:
		return nil, refuse(m.name, "what was found elsewhere is not its content")
	}
	return data, nil
}

// fill reads content to its end, hashing it on the way. It returns how many bytes came, where len(data)+1 stands for any
// number that data is too small for, their CRC, and an error other than io.EOF.
func (w *worker) fill(content io.Reader, data []byte) (n int64, crc uint32, err error) {
	w.sum.Reset()
	var beyond [1]byte
	for err == nil {
		into := data[n:min(int64(len(data)), n+chunk)]
		if len(into) == 0 {
			into = beyond[:]
		}
		var k int
		k, err = content.Read(into)
		w.sum.Write(into[:k])
		crc = crc32.Update(crc, crc32.IEEETable, into[:k])
		if n += int64(k); n > int64(len(data)) {
			return n, crc, nil
		}
	}
	if err == io.EOF {
		err = nil
	}
	return n, crc, err
}

// span reads a part of a file, until its context ends. It remembers an error other than io.EOF, so that
// a disk that cannot be read is not taken for a damaged archive.
type span struct {
	ctx          context.Context // ends with the call that made the span
	r            io.ReaderAt
	offset, left int64
	err          error
}

func (s *span) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	if s.err = s.ctx.Err(); s.err != nil {
		return 0, s.err
	}
	p = p[:min(int64(len(p)), s.left)]
	if s.err = readAt(s.r, p, s.offset); s.err != nil {
		return 0, s.err
	}
	s.offset += int64(len(p))
	s.left -= int64(len(p))
	return len(p), nil
}
