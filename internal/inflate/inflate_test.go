package inflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

// contents are of all kinds that decide what a stream looks like.
func contents(t testing.TB) map[string][]byte {
	t.Helper()
	random := rand.New(rand.NewChaCha8([32]byte{1}))
	noise := make([]byte, 300<<10)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	few := make([]byte, 200<<10) // few symbols, matches at all distances
	for i := range few {
		if few[i] = "abcd"[random.IntN(4)]; i > 70 && random.IntN(3) == 0 {
			few[i] = few[i-1-random.IntN(min(i, 40_000))]
		}
	}
	source, err := os.ReadFile("inflate_test.go")
	if err != nil {
		t.Fatal(err)
	}
	source = bytes.Repeat(source, 10) // matches at distances that other contents do not have
	skewed := make([]byte, 0, 1<<16)  // codes of the greatest length
	for i := range 20 {
		skewed = append(skewed, bytes.Repeat([]byte{byte(i * 7)}, 1<<max(0, i-5))...)
	}
	random.Shuffle(len(skewed), func(i, j int) { skewed[i], skewed[j] = skewed[j], skewed[i] })
	return map[string][]byte{
		"nothing": {}, "one": {7}, "zeros": make([]byte, 400<<10), "noise": noise, "few": few, "source": source,
		"skewed": skewed, "two": bytes.Repeat([]byte("ab"), 70_000), "seven": bytes.Repeat([]byte("abcdefg"), 9_000),
		"mixed": append(append(append([]byte{}, noise[:70_000]...), source...), noise[:70_000]...),
	}
}

func pack(t testing.TB, data []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readers read r in pieces of many sizes, or at once.
var readers = map[string]func(io.Reader) io.Reader{
	"whole": func(r io.Reader) io.Reader { return r },
	"bytes": iotest.OneByteReader,
	"error": iotest.DataErrReader,
}

// fill inflates packed into a buffer of size bytes, step bytes at a time.
func fill(z *Reader, size, step int) ([]byte, error) {
	buf := make([]byte, size)
	for n := 0; ; {
		next, err := z.Fill(buf, n, n+step)
		switch {
		case err == io.EOF:
			return buf[:next], nil
		case err != nil:
			return buf[:next], err
		case next < min(n+step, size):
			return buf[:next], fmt.Errorf("Fill went from %d to %d, %d more were asked for", n, next, step)
		}
		n = next
	}
}

func TestRoundTrip(t *testing.T) {
	z := NewReader(nil)
	for kind, want := range contents(t) {
		for _, level := range []int{flate.NoCompression, flate.BestSpeed, 6, flate.BestCompression, flate.HuffmanOnly} {
			packed := append(pack(t, want, level), "rest"...)
			for how, reader := range readers {
				if how == "bytes" && (level != 6 || len(packed) > 1<<16) {
					continue
				}
				what := fmt.Sprintf("%s, level %d, %s", kind, level, how)
				z.Reset(reader(bytes.NewReader(packed)))
				got, err := io.ReadAll(z)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: Read: %d bytes of %d, %v", what, len(got), len(want), err)
				}
				if rest, _ := io.ReadAll(io.MultiReader(bytes.NewReader(z.Rest()), z.r)); string(rest) != "rest" {
					t.Errorf("%s: rest is %q", what, rest)
				}
				for _, step := range []int{1 << 10, 1 << 17, len(want) + 1} {
					z.Reset(reader(bytes.NewReader(packed)))
					if got, err = fill(z, len(want), step); err != nil || !bytes.Equal(got, want) {
						t.Errorf("%s: Fill by %d: %d bytes of %d, %v", what, step, len(got), len(want), err)
					}
				}
			}
		}
	}
}

// TestTooLong has one byte less of room than of content.
func TestTooLong(t *testing.T) {
	z := NewReader(nil)
	for kind, data := range contents(t) {
		if len(data) == 0 {
			continue
		}
		for _, level := range []int{flate.NoCompression, 6} {
			z.Reset(bytes.NewReader(pack(t, data, level)))
			if _, err := fill(z, len(data)-1, 1<<16); !errors.Is(err, ErrTooLong) {
				t.Errorf("%s, level %d: %v, want ErrTooLong", kind, level, err)
			}
		}
	}
}

// TestCutOff takes away each of the last bytes, and some before.
func TestCutOff(t *testing.T) {
	z := NewReader(nil)
	for kind, data := range contents(t) {
		for _, level := range []int{flate.NoCompression, 6} {
			packed := pack(t, data, level)
			for n := range len(packed) {
				if n > 40 && n < len(packed)-40 && n%9973 != 0 {
					continue
				}
				z.Reset(bytes.NewReader(packed[:n]))
				if _, err := io.Copy(io.Discard, z); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%s, level %d, %d bytes of %d: %v", kind, level, n, len(packed), err)
				}
			}
		}
	}
}

// bitString packs fields of bits, each written "value:bits", the lowest bit first; a code's bits are "0b…" and come highest
// first.
func bitString(t *testing.T, fields string) []byte {
	t.Helper()
	var out []byte
	n := 0
	put := func(bit uint64) {
		if n%8 == 0 {
			out = append(out, 0)
		}
		out[n/8] |= byte(bit) << (n % 8)
		n++
	}
	for _, f := range strings.Fields(fields) {
		if code, ok := strings.CutPrefix(f, "0b"); ok {
			for _, c := range code {
				put(uint64(c - '0'))
			}
			continue
		}
		var v, k uint64
		if _, err := fmt.Sscanf(f, "%d:%d", &v, &k); err != nil {
			t.Fatalf("field %q: %v", f, err)
		}
		for i := range k {
			put(v >> i & 1)
		}
	}
	return out
}

// TestHostile has streams that no compressor writes. Package compress/flate has to agree about each.
func TestHostile(t *testing.T) {
	// A block with two codes: 4 lengths are stated for the code of lengths, of the symbols 16, 17, 18 and 0.
	head := "1:1 2:2 "
	for name, c := range map[string]struct {
		bits, want string
	}{
		"kind 3":                     {"1:1 3:2", "no known kind"},
		"stored sizes differ":        {"1:1 0:2 0:5 5:16 5:16", "two sizes"},
		"distance before the start":  {"1:1 1:2 0b10010001 0b0000001 0b00001 0b0000000", "before its beginning"},
		"length 286":                 {"1:1 1:2 0b11000110 0b00000 0b0000000", "in no code"},
		"length 287":                 {"1:1 1:2 0b11000111 0b00000 0b0000000", "in no code"},
		"distance 30":                {"1:1 1:2 0b10010001 0b0000001 0b11110 0b0000000", "in no code"},
		"distance 31":                {"1:1 1:2 0b10010001 0b0000001 0b11111 0b0000000", "in no code"},
		"287 literals and lengths":   {head + "30:5 0:5 0:4", "too many symbols"},
		"31 distances":               {head + "0:5 30:5 0:4", "too many symbols"},
		"too many codes for lengths": {head + "0:5 0:5 0:4 1:3 1:3 1:3 0:3", "code for lengths"},
		"too few codes for lengths":  {head + "0:5 0:5 0:4 2:3 2:3 2:3 0:3", "code for lengths"},
		"no code for lengths":        {head + "0:5 0:5 0:4 0:3 0:3 0:3 0:3", "length in no code"},
		"repetition of nothing":      {head + "0:5 0:5 0:4 1:3 1:3 0:3 0:3 0b0 0:2", "before the first"},
		"repetition beyond the last": {head + "0:5 0:5 0:4 0:3 0:3 1:3 1:3 0b1 127:7 0b1 127:7", "more lengths than symbols"},
		"only zeros":                 {head + "0:5 0:5 0:4 0:3 0:3 1:3 1:3 0b1 127:7 0b1 109:7 0:30", "in no code"},
		"unused half of a code":      {head + "0:5 0:5 14:4 0:3 0:3 2:3 2:3 0:3 0:3 0:3 0:3 0:3 0:3 0:3 0:3 0:3 0:3 0:3 0:3 0:3 1:3 0b11 127:7 0b11 107:7 0b0 0b10 0b1 0:40", "in no code"},
	} {
		data := bitString(t, c.bits)
		z := NewReader(bytes.NewReader(append(data, make([]byte, 64)...)))
		_, err := io.Copy(io.Discard, z)
		if bad := (*CorruptError)(nil); !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want something about %q", name, err, c.want)
		}
		_, theirs := io.Copy(io.Discard, flate.NewReader(bytes.NewReader(append(data, make([]byte, 64)...))))
		if (err == nil) != (theirs == nil) {
			t.Errorf("%s: %v, compress/flate says %v", name, err, theirs)
		}
	}
}

// TestOneDistance has a code of a single distance, which leaves half of the code unused.
func TestOneDistance(t *testing.T) {
	z := NewReader(bytes.NewReader(pack(t, bytes.Repeat([]byte{1}, 1000), 9)))
	if got, err := io.ReadAll(z); err != nil || len(got) != 1000 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestReadError passes an error from below on, once and again.
func TestReadError(t *testing.T) {
	broken := errors.New("broken")
	packed := pack(t, contents(t)["source"], 6)
	z := NewReader(io.MultiReader(bytes.NewReader(packed[:len(packed)/2]), iotest.ErrReader(broken)))
	for range 2 {
		if _, err := io.Copy(io.Discard, z); !errors.Is(err, broken) {
			t.Errorf("%v, want %v", err, broken)
		}
	}
}

func FuzzInflate(f *testing.F) {
	for kind, data := range contents(f) {
		if kind == "nothing" || kind == "one" || kind == "seven" {
			f.Add(pack(f, data, 6), uint16(300))
		}
		if len(data) > 3000 {
			f.Add(pack(f, data[:3000], 6), uint16(1000))
			f.Add(pack(f, data[:300], flate.NoCompression), uint16(1))
			f.Add(pack(f, data[:2000], flate.HuffmanOnly), uint16(2))
		}
	}
	z := NewReader(nil)
	f.Fuzz(func(t *testing.T, packed []byte, step uint16) {
		const most = 1 << 20
		theirs := flate.NewReader(bytes.NewReader(packed))
		want, wantErr := io.ReadAll(io.LimitReader(theirs, most))
		if len(want) == most {
			return
		}
		z.Reset(bytes.NewReader(packed))
		got, err := io.ReadAll(z)
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Errorf("Read: %d bytes, %v; compress/flate %d bytes, %v", len(got), err, len(want), wantErr)
		}
		z.Reset(bytes.NewReader(packed))
		got, err = fill(z, len(want), int(step)+1)
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Errorf("Fill: %d bytes, %v; compress/flate %d bytes, %v", len(got), err, len(want), wantErr)
		}
	})
}

func BenchmarkInflate(b *testing.B) {
	for kind, data := range contents(b) {
		if len(data) < 10_000 {
			continue
		}
		packed := pack(b, data, 6)
		buf := make([]byte, len(data))
		z := NewReader(nil)
		run := func(name string, once func() error) {
			b.Run(kind+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					if err := once(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("Fill", func() error {
			z.Reset(bytes.NewReader(packed))
			if _, err := z.Fill(buf, 0, len(buf)); err != io.EOF {
				return err
			}
			return nil
		})
		run("Read", func() error { z.Reset(bytes.NewReader(packed)); _, err := io.Copy(io.Discard, z); return err })
		theirs := flate.NewReader(bytes.NewReader(packed))
		run("std", func() error {
			theirs.(flate.Resetter).Reset(bytes.NewReader(packed), nil)
			_, err := io.Copy(io.Discard, theirs)
			return err
		})
	}
}
