package bundle

import (
	"context"
	"io"
)

// interruptible reads from a reader that may block for ever, such as a terminal or a pipe, and gives up when its
// context ends. Then one goroutine is left behind, until the Read that it is in returns; it holds a
// buffer and touches nothing else.
type interruptible struct {
	ctx     context.Context
	want    chan struct{} // asks for the next piece
	got     chan piece
	rest    []byte
	lastErr error
}

type piece struct {
	data []byte
	err  error
}

// pieceSize is what is read at a time.
const pieceSize = 256 << 10

// newInterruptible returns the reader and a function that ends its goroutine.
func newInterruptible(ctx context.Context, r io.Reader) (*interruptible, func()) {
	in := &interruptible{ctx: ctx, want: make(chan struct{}, 1), got: make(chan piece, 1)}
	go func() {
		buf := make([]byte, pieceSize)
		for range in.want {
			n, err := r.Read(buf)
			in.got <- piece{buf[:n], err}
		}
	}()
	return in, func() { close(in.want) }
}

// Read reads what r has, in pieces.
func (in *interruptible) Read(p []byte) (int, error) {
	for len(in.rest) == 0 && in.lastErr == nil {
		if err := context.Cause(in.ctx); err != nil {
			return 0, err
		}
		in.want <- struct{}{}
		select {
		case g := <-in.got:
			in.rest, in.lastErr = g.data, g.err
		case <-in.ctx.Done():
			in.lastErr = context.Cause(in.ctx)
		}
	}
	if len(in.rest) == 0 {
		return 0, in.lastErr
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}
