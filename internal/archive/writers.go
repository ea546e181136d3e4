package archive

import (
	"context"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// Contents on their way to a sink. Larger files than largeBuffer are streamed.
const (
	smallContent = 128 << 10
	smallCount   = 64
	largeBuffer  = 8 << 20
	largeCount   = 2
)

// writers gives files to a sink, several at once, while further ones are read. Its buffers are made
// when they are needed, and used again.
type writers struct {
	ctx      context.Context // ends with the call that made the writers
	sink     Sink
	progress func(n int64)
	jobs     chan job
	small    chan []byte // free buffers
	large    chan []byte
}

// job is a file to be written.
type job struct {
	path string
	exec bool
	buf  []byte // the buffer
	data []byte // the content in it
}

// newWriters starts the sink's number of workers in group. They end when jobs is closed, or with ctx.
func newWriters(ctx context.Context, group *errgroup.Group, sink Sink, progress func(int64)) *writers {
	w := &writers{
		ctx: ctx, sink: sink, progress: progress, jobs: make(chan job, smallCount+largeCount),
		small: make(chan []byte, smallCount), large: make(chan []byte, largeCount),
	}
	for range smallCount {
		w.small <- nil
	}
	for range largeCount {
		w.large <- nil
	}
	n := sink.Workers()
	if n < 1 {
		n = runtime.GOMAXPROCS(0)
	}
	for range n {
		group.Go(w.work)
	}
	return w
}

func (w *writers) work() error {
	for j := range w.jobs {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if err := w.sink.File(j.path, j.exec, j.data); err != nil {
			return err
		}
		w.progress(int64(len(j.data)))
		if cap(j.buf) == smallContent { // both channels have room for all of their buffers
			w.small <- j.buf
		} else {
			w.large <- j.buf
		}
	}
	return nil
}

// file reads size bytes of content and has them written. An error of r is returned as it is, io.EOF too.
func (w *writers) file(path string, exec bool, size int64, r io.Reader) error {
	if size > largeBuffer {
		c := &counted{r: io.LimitReader(r, size), limit: size, progress: w.progress}
		if err := w.sink.Stream(path, exec, c); c.err == nil {
			return err
		}
		return c.err
	}
	free, length := w.small, smallContent
	if size > smallContent {
		free, length = w.large, largeBuffer
	}
	var buf []byte
	select {
	case buf = <-free:
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
	if buf == nil {
		buf = make([]byte, length)
	}
	if _, err := io.ReadFull(r, buf[:size]); err != nil {
		return err
	}
	w.jobs <- job{path, exec, buf, buf[:size]} // has room for all buffers there are
	return nil
}

// drain waits until all files are written.
func (w *writers) drain() error {
	var small, large [][]byte
	for len(small) < smallCount || len(large) < largeCount {
		select {
		case b := <-w.small:
			small = append(small, b)
		case b := <-w.large:
			large = append(large, b)
		case <-w.ctx.Done():
			return w.ctx.Err()
		}
	}
	for _, b := range small {
		w.small <- b
	}
	for _, b := range large {
		w.large <- b
	}
	return nil
}
