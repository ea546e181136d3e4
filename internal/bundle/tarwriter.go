package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/tree"
	"gostore/store"
)

// tarWriter cuts a tar archive into frames.
type tarWriter struct {
	ctx  context.Context // ends with the call that made the tarWriter
	line line
	cur  *frame // being filled
}

// room returns where the next bytes go, at least one and at most n.
func (t *tarWriter) room(n int64) ([]byte, error) {
	if t.cur != nil && len(t.cur.in) == frameSize {
		t.line.add(t.cur)
		t.cur = nil
	}
	if t.cur == nil {
		f, err := t.line.empty(t.ctx)
		if err != nil {
			return nil, err
		}
		if cap(f.in) < frameSize {
			f.in = make([]byte, 0, frameSize)
		}
		t.cur = f
	}
	had := len(t.cur.in)
	t.cur.in = t.cur.in[:had+int(min(n, int64(frameSize-had)))]
	return t.cur.in[had:], nil
}

// flush hands on the last frame.
func (t *tarWriter) flush() {
	if t.cur != nil && len(t.cur.in) > 0 {
		t.line.add(t.cur)
		t.cur = nil
	}
}

func (t *tarWriter) write(data []byte) error {
	for len(data) > 0 {
		room, err := t.room(int64(len(data)))
		if err != nil {
			return err
		}
		data = data[copy(room, data):]
	}
	return nil
}

func (t *tarWriter) header(name string, size int64) error {
	h, err := memberHeader(name, size)
	if err != nil {
		return err
	}
	return t.write(h)
}

// member writes a member.
func (t *tarWriter) member(name string, data []byte) error {
	return errors.Join(t.header(name, int64(len(data))), t.write(data), t.write(zeros[:padding(int64(len(data)))]))
}

// content writes the content of a file of an object, and compares it with the manifest on the way: a difference
// is a *store.DamagedError.
func (t *tarWriter) content(l *store.Lease, e tree.Entry) error {
	damaged := func(problem string, args ...any) error {
		fault := tree.Fault{Path: e.Path, Problem: fmt.Sprintf(problem, args...)}
		return &store.DamagedError{Object: l.Object(), Faults: []tree.Fault{fault}}
	}
	f, err := os.OpenFile(filepath.Join(l.Path(), filepath.FromSlash(e.Path)), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return damaged("cannot be read: %v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return damaged("is no regular file")
	case info.Size() != e.Size:
		return damaged("has %d bytes, should have %d", info.Size(), e.Size)
	}
	if err := t.header(contentName(e.Content), e.Size); err != nil {
		return err
	}
	got, err := t.copy(f, e.Size)
	if err == nil && got != e.Content {
		return damaged("has other contents: BLAKE3 %s, should be %s", got.Hex(), e.Content.Hex())
	}
	return errors.Join(err, t.write(zeros[:padding(e.Size)]))
}

// copy writes n bytes of r and returns their digest.
func (t *tarWriter) copy(r io.Reader, n int64) (digest.Content, error) {
	h := digest.NewHash()
	for n > 0 {
		room, err := t.room(n)
		if err != nil {
			return digest.Content{}, err
		}
		if _, err := io.ReadFull(r, room); err != nil {
			return digest.Content{}, err
		}
		h.Write(room) // never fails
		n -= int64(len(room))
	}
	return h.Content(), nil
}
