package inflate

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"
)

// gzipped returns a member with everything that its header can have but the header's checksum.
func gzipped(t testing.TB, data []byte, h gzip.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Header = h
	_, err := w.Write(data)
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gunzip(r io.Reader) ([]byte, error) {
	g, err := NewGzip(r)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(g)
}

var fullHeader = gzip.Header{Name: "name", Comment: "comment", Extra: bytes.Repeat([]byte("x"), 300), ModTime: time.Unix(1, 0)}

func TestGzip(t *testing.T) {
	for kind, want := range contents(t) {
		packed := gzipped(t, want, fullHeader)
		if got, err := gunzip(bytes.NewReader(packed)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes of %d, %v", kind, len(got), len(want), err)
		}
	}
}

// TestGzipMembers reads more members than any file has, with empty ones among them, in no more than constant memory.
func TestGzipMembers(t *testing.T) {
	var packed, want []byte
	for i := range 3000 {
		data := bytes.Repeat([]byte{byte(i)}, i%50)
		packed = append(packed, gzipped(t, data, gzip.Header{})...)
		want = append(want, data...)
	}
	for _, r := range []io.Reader{bytes.NewReader(packed), iotest.OneByteReader(bytes.NewReader(packed))} {
		if got, err := gunzip(r); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
		}
	}
}

func TestGzipDamages(t *testing.T) {
	whole := gzipped(t, []byte("content"), fullHeader)
	changed := func(at int) []byte {
		b := bytes.Clone(whole)
		b[(at+len(b))%len(b)] ^= 1
		return b
	}
	summed := []byte{0x1f, 0x8b, 8, 2, 0, 0, 0, 0, 0, 0, 1, 2}
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":         {nil, io.EOF},
		"magic":           {changed(0), ErrHeader},
		"method":          {changed(2), ErrHeader},
		"header's sum":    {summed, ErrHeader},
		"checksum":        {changed(-5), new(CorruptError)},
		"size":            {changed(-1), new(CorruptError)},
		"bytes behind":    {append(bytes.Clone(whole), "something else"...), ErrHeader},
		"a byte behind":   {append(bytes.Clone(whole), 0), io.ErrUnexpectedEOF},
		"an endless name": {append([]byte{0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 0}, bytes.Repeat([]byte("n"), 1000)...), ErrHeader},
	} {
		_, err := gunzip(bytes.NewReader(c.data))
		bad := new(CorruptError)
		if _, corrupted := c.want.(*CorruptError); corrupted && !errors.As(err, &bad) || !corrupted && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for n := 1; n < len(whole); n++ {
		if _, err := gunzip(bytes.NewReader(whole[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes of %d: %v", n, len(whole), err)
		}
	}
}

func FuzzGzip(f *testing.F) {
	whole := gzipped(f, []byte("some content, some content"), fullHeader)
	f.Add(whole)
	f.Add(append(whole, gzipped(f, nil, gzip.Header{Name: "n"})...))
	f.Add([]byte{0x1f, 0x8b, 8, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0})
	f.Fuzz(func(t *testing.T, packed []byte) {
		const most = 1 << 20
		var want []byte
		theirs, wantErr := gzip.NewReader(bytes.NewReader(packed))
		if wantErr == nil {
			want, wantErr = io.ReadAll(io.LimitReader(theirs, most))
		}
		if len(want) == most {
			return
		}
		got, err := gunzip(bytes.NewReader(packed))
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v; compress/gzip %d bytes, %v", len(got), err, len(want), wantErr)
		}
	})
}
