package bundle

import (
	"context"
	"runtime"
)

// frameSize is the most content of a data frame, in bytes.
const frameSize = 2 << 20

// maxLanes bounds how many frames are worked on at once, and by that the memory: a frame in work takes up to 4 MB, and its compressor 8.
const maxLanes = 4

// frame is a piece of work: what it is made from, what it becomes.
type frame struct {
	in, out []byte
	offset  int64 // of the compressed frame in the bundle
	err     error
	done    chan struct{} // gets one value when out and err are set
}

// line is a row of frames that several goroutines work on and that leave it in the order in which they came. All
// its methods give up when ctx ends. The frames are made once and used again and again.
type line struct {
	free, work, ordered chan *frame
}

func newLine() line {
	n := lanes() + 2 // one is being filled, one being emptied
	l := line{make(chan *frame, n), make(chan *frame, n), make(chan *frame, n)}
	for range n {
		l.free <- &frame{done: make(chan struct{}, 1)}
	}
	return l
}

// lanes returns how many goroutines work.
func lanes() int { return min(runtime.GOMAXPROCS(0), maxLanes) }

// empty returns a frame to fill.
func (l line) empty(ctx context.Context) (*frame, error) {
	select {
	case f := <-l.free:
		f.in, f.out, f.err = f.in[:0], f.out[:0], nil
		return f, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// add puts a filled frame into the row. The channels have room for all frames there are.
func (l line) add(f *frame) {
	l.ordered <- f
	l.work <- f
}

// close says that no frame follows.
func (l line) close() {
	close(l.ordered)
	close(l.work)
}

// each works on frames until there are no more.
func (l line) each(ctx context.Context, do func(*frame)) error {
	for {
		select {
		case f, ok := <-l.work:
			if !ok {
				return nil
			}
			do(f)
			f.done <- struct{}{}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// next returns the next frame when it is done, nil after the last. It is given back with l.free.
func (l line) next(ctx context.Context) (*frame, error) {
	select {
	case f, ok := <-l.ordered:
		if !ok {
			return nil, nil
		}
		select {
		case <-f.done:
			return f, f.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
