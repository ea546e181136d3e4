package bundle

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"gostore/internal/digest"
)

func FuzzRead(f *testing.F) {
	frames, _ := littleWorld(f)
	tar := unpacked(f, slices.Concat(frames...))
	f.Add(sealed(frames...), true)
	f.Add(tar, false)
	f.Add(tar[:2000], false)
	e, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(true), zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		f.Fatal(err)
	}
	to := openStore(f) // one for all: making one takes longer than reading
	f.Fuzz(func(t *testing.T, data []byte, whole bool) {
		if !whole && len(data) > 0 { // as what is in a frame
			data = sealed(e.EncodeAll(data, nil))
		}
		_, err := Read(t.Context(), bytes.NewReader(data), to, Options{})
		if err != nil {
			wantNothing(t, to)
			return
		}
		objects, err := to.Objects()
		if err != nil {
			t.Fatal(err)
		}
		wantObjects(t, to, objects...)
		for _, o := range objects {
			c, err := to.Claim(o.Tree)
			if err == nil {
				err = errors.Join(c.Discard(), c.Release())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		settle(t, to, true)
	})
}

// FuzzFrames holds splitter against the decompressor: what one takes for a frame the other does.
func FuzzFrames(f *testing.F) {
	frames, _ := littleWorld(f)
	f.Add(frames[0])
	f.Add(frames[len(frames)-1])
	d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(frameSize))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := splitter{r: bytes.NewReader(data), hash: digest.NewHash()}
		frame, err := s.next(nil)
		if err != nil || !bytes.Equal(frame, data[:len(frame)]) {
			return
		}
		out, err := d.DecodeAll(frame, nil)
		if err == nil && len(out) > frameSize {
			t.Errorf("a frame of %d bytes", len(out))
		}
		if len(frame) < len(data) {
			return
		}
		if _, err := s.next(nil); err == io.EOF {
			t.Error("an end without a trailer")
		}
	})
}
