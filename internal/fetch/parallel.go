package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// large is what has to be missing for a second connection to be tried. Less has arrived by the time that
	// one could show what it is worth.
	large = 16 << 20

	// minSplit is the least that another connection is opened for.
	minSplit = 2 << 20

	// maxConnections is how many there are at most when nothing else was asked for. Servers count
	// connections, and refuse those who come with many.
	maxConnections = 4

	// step is how many bytes arrive between two entries in the state of a sparse part: what a kill can cost per connection.
	step = 1 << 20
)

var (
	// errNotAlone is the end of a connection that others can do without.
	errNotAlone = errors.New("the server does not help by several connections")

	// errLate is the end of a connection whose work was done meanwhile.
	errLate = errors.New("nothing was left to do")
)

// segment is what one connection brings. Start moves on as bytes arrive.
type segment struct {
	Range
	asked    string   // value of the request's Range, "" when it had none
	recorded int64    // from where on the state does not know
	victim   *segment // whose end this would take, until the server has agreed
	split    bool     // another one asks for its far half
	cut      bool     // another connection brings what followed End
}

// round is one attempt to bring what is missing, from one server.
type round struct {
	*download
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup
	most   int       // connections at once
	speed  pace      // whether one more is worth it
	began  time.Time // of the round

	// Guarded by download.mu:
	queue   []*segment // nobody is at them
	active  []*segment // somebody is
	running int        // connections
	refused bool       // another connection did not help
	err     error      // how the last connection ended that failed
	final   bool       // err ends the round
	stale   error      // what the part holds is of no use, and why
}

// attempt asks d.from for what is missing. It returns nil when nothing is any more.
//
// One connection that fails hands its rest to the others; the attempt has failed with the last of them. An error for
// which another attempt is of no use ends all of them.
func (d *download) attempt(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &round{download: d, cancel: cancel, began: time.Now(), most: d.opt.Parallel}
	r.enqueue()
	first := 1
	if d.opt.Ranges != nil {
		first = len(r.queue)
	}
	if r.most == 0 {
		r.most = maxConnections
	}
	r.mu.Lock()
	for range min(first, r.most) {
		r.start(ctx)
	}
	r.mu.Unlock()
	r.wg.Wait()
	if r.stale != nil {
		return errors.Join(d.restart(state{total: -1, from: sumOf(d.url)}), r.stale)
	}
	switch {
	case r.err == nil && !d.complete(): // never seen; a loop without end would be worse
		return io.ErrUnexpectedEOF
	case r.final || !d.complete():
		return r.err
	}
	return nil
}

// enqueue makes segments of what is missing.
func (r *round) enqueue() {
	want, _ := r.wanted()
	for _, m := range want.without(r.have) {
		r.queue = append(r.queue, &segment{Range: m})
	}
	for _, m := range r.opt.Ranges {
		if m.Start < 0 && r.total < 0 {
			r.queue = append(r.queue, &segment{Range: Range{m.Start, math.MaxInt64}})
		}
	}
	if len(r.queue) == 0 { // the length is not known, and perhaps all is there
		r.queue = append(r.queue, &segment{Range: Range{r.have.prefix(), math.MaxInt64}})
	}
}

// start opens one more connection. The caller holds r.mu.
func (r *round) start(ctx context.Context) {
	r.running++
	r.wg.Go(func() { r.work(ctx) })
}

// work brings one segment after the other through one connection.
func (r *round) work(ctx context.Context) {
	for {
		s := r.next()
		if s == nil {
			return
		}
		if err := r.transfer(ctx, s); err != nil {
			r.failed(s, err)
			return
		}
	}
}

// next returns what a connection is to do, nil when it may end. Where all is in work, that is the far half of the
// largest remainder.
func (r *round) next() *segment {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.final {
		r.running--
		return nil
	}
	if len(r.queue) > 0 {
		s := r.queue[0]
		r.queue = r.queue[1:]
		r.active = append(r.active, s)
		s.recorded = s.Start
		return s
	}
	victim := r.victim()
	if r.running > r.allowed() || victim == nil {
		r.running--
		return nil
	}
	victim.split = true
	return &segment{Range: Range{victim.Start + (victim.End-victim.Start)/2, victim.End}, victim: victim}
}

// victim returns the largest remainder that may be split, nil when there is none. The caller holds r.mu.
func (r *round) victim() (v *segment) {
	for _, s := range r.active {
		known := s.End != math.MaxInt64 && s.Start >= 0
		if known && !s.split && s.End-s.Start >= 2*minSplit && (v == nil || s.End-s.Start > v.End-v.Start) {
			v = s
		}
	}
	return v
}

// allowed is how many connections are known to be of use.
func (r *round) allowed() int {
	if r.refused {
		return 0
	}
	if r.opt.Parallel > 0 {
		return r.opt.Parallel
	}
	return r.speed.worth()
}

// begin makes s the segment that is being received. The caller holds r.mu.
func (r *round) begin(s *segment) error {
	if r.total >= 0 {
		if err := r.checkSize(r.total); err != nil {
			return err
		}
	}
	if v := s.victim; v != nil {
		if !slices.Contains(r.active, v) || v.End != s.End || v.Start >= s.Start {
			return errLate
		}
		v.End, v.cut, v.split, s.victim = s.Start, true, false, nil
		r.active = append(r.active, s)
	}
	s.recorded = s.Start
	if s.Start != r.have.prefix() || len(r.active) > 1 {
		if err := r.becomeSparse(); err != nil {
			return err
		}
	}
	r.report()
	return nil
}

// failed ends a connection.
func (r *round) failed(s *segment, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running--
	if s.victim != nil { // it was one more than needed
		r.refused = r.refused || err != errLate
		s.victim.split = false
		return
	}
	r.leave(s)
	if s.Start < s.End {
		r.queue = append(r.queue, s)
	}
	if r.final {
		return
	}
	r.err, r.refused = err, true
	if r.stale != nil || !temporary(err) {
		r.final = true
		r.cancel(err)
	}
}

// leave takes s out of those that somebody is at. The caller holds r.mu.
func (r *round) leave(s *segment) {
	r.active = slices.DeleteFunc(r.active, func(a *segment) bool { return a == s })
}

// transfer sends one request and keeps what it brings.
func (r *round) transfer(ctx context.Context, s *segment) error {
	header := http.Header{}
	r.mu.Lock()
	if s.asked = r.rangeHeader(s.Range); s.asked != "" {
		header.Set("Range", s.asked)
		if r.validator != "" && r.sameServer() {
			header.Set("If-Range", r.validator)
		}
	}
	r.mu.Unlock()
	resp, err := r.c.do(ctx, http.MethodGet, r.from, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := r.accept(resp, s); err != nil {
		return err
	}
	err = r.receive(ctx, resp.Body, s)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sparse && s.recorded < s.Start && r.stale == nil {
		err = errors.Join(err, r.record(Range{s.recorded, s.Start}))
		s.recorded = s.Start
	}
	if err == nil {
		r.leave(s)
	}
	return err
}

// receive writes body to the part from s.Start on, until s ends.
func (r *round) receive(ctx context.Context, body io.Reader, s *segment) error {
	buf := make([]byte, 128<<10)
	for {
		n, err := body.Read(buf)
		end, werr := r.write(ctx, s, buf[:n])
		switch {
		case werr != nil:
			return werr
		case end:
			return nil
		case err == io.EOF:
			return r.ended(s)
		case err != nil:
			return err
		}
	}
}

// write keeps bytes that arrived for s. end is true when another connection brings what follows.
func (r *round) write(ctx context.Context, s *segment, data []byte) (end bool, err error) {
	r.mu.Lock()
	at, room, cut := s.Start, s.End-s.Start, s.cut
	r.mu.Unlock()
	if int64(len(data)) > room {
		if !cut {
			return false, r.overrun()
		}
		data = data[:max(0, room)]
	}
	if err := r.checkSize(at + int64(len(data))); err != nil {
		return false, err
	}
	if _, err := r.f.WriteAt(data, at); err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.arrived(ctx, s, int64(len(data)))
}

// arrived counts n bytes that were written at s.Start. The caller holds r.mu.
func (r *round) arrived(ctx context.Context, s *segment, n int64) (end bool, err error) {
	if n > 0 {
		r.have = r.have.add(Range{s.Start, s.Start + n})
		s.Start += n
		r.gained += n
		r.report()
	}
	switch {
	case !r.sparse:
		s.recorded = s.Start
	case s.Start-s.recorded >= step:
		err = r.record(Range{s.recorded, s.Start})
		s.recorded = s.Start
	}
	r.grow(ctx, n)
	return s.cut && s.Start >= s.End, err
}

// grow opens another connection if it is worth a try. The caller holds r.mu.
func (r *round) grow(ctx context.Context, n int64) {
	if r.total < 0 || r.refused || r.running >= r.most {
		return
	}
	more := r.opt.Parallel > r.running
	if r.opt.Parallel == 0 {
		more = r.speed.add(n, time.Since(r.began), r.running) && r.left() >= large/2
	}
	if more && (len(r.queue) > 0 || r.victim() != nil) {
		r.start(ctx)
	}
}

// left is how many bytes are missing. The caller holds r.mu.
func (r *round) left() int64 {
	want, _ := r.wanted()
	return want.without(r.have).bytes()
}

// overrun handles an answer that goes on after the end that it stated.
func (r *round) overrun() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := final(fmt.Errorf("the server sent more than the %d bytes it stated", r.total))
	if r.opt.Ranges == nil {
		r.stale = err
	}
	return err
}

// ended handles the end of an answer.
func (r *round) ended(s *segment) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case s.Start >= s.End:
		return nil
	case s.End != math.MaxInt64:
		return io.ErrUnexpectedEOF
	}
	s.End, r.total = s.Start, s.Start
	return r.save()
}

// changed ends the round because what the part holds is not of the file that the server has now. The caller holds r.mu.
func (r *round) changed(err error) error {
	if r.opt.Ranges != nil {
		return final(err)
	}
	r.stale = err
	return err
}
