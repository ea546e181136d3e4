package archive

import (
	"context"
	"io"
)

const (
	aheadSize  = 1 << 20 // bytes that are read at once
	aheadCount = 4       // buffers that one reader ahead has
)

// ahead reads from another reader in a goroutine, up to 4 MiB before they are wanted, so that two stages
// of the unpacking work at the same time. run has to be started, and ended by ctx or by its source; then
// Read returns what run ended with.
type ahead struct {
	ctx     context.Context // ends with the call that made the ahead
	full    chan []byte     // closed when run ends
	free    chan []byte
	err     error // of the source; set before full is closed
	current []byte
	rest    []byte // unread part of current
}

func newAhead(ctx context.Context) *ahead {
	a := &ahead{ctx: ctx, full: make(chan []byte, aheadCount), free: make(chan []byte, aheadCount)}
	for range aheadCount {
		a.free <- nil
	}
	return a
}

// run reads r until its end or the end of the context. The error of r, which may be io.EOF, is
// what Read returns behind the last byte.
func (a *ahead) run(r io.Reader) {
	defer close(a.full)
	for {
		var buf []byte
		select {
		case buf = <-a.free:
		case <-a.ctx.Done():
			a.err = a.ctx.Err()
			return
		}
		if buf == nil {
			buf = make([]byte, aheadSize)
		}
		n, err := fill(r, buf[:aheadSize])
		if n > 0 {
			a.full <- buf[:n] // has room for all buffers there are
		}
		if err != nil {
			a.err = err
			return
		}
	}
}

// fill is io.ReadFull, but returns the error of r as it is.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var k int
		k, err = r.Read(buf[n:])
		n += k
	}
	return n, err
}

func (a *ahead) Read(p []byte) (int, error) {
	if len(a.rest) == 0 {
		if a.current != nil {
			a.free <- a.current[:0] // has room for all buffers there are
			a.current = nil
		}
		buf, ok := <-a.full
		if !ok {
			return 0, a.err
		}
		a.current, a.rest = buf, buf
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}
