package bundle

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"gostore/internal/digest"
	"gostore/store"
)

// unpacked returns the tar archive in a bundle.
func unpacked(t testing.TB, bundle []byte) []byte {
	t.Helper()
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	data, err := d.DecodeAll(bundle, nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// packed returns frames of n bytes of content each.
func packed(t testing.TB, tar []byte, n int, opt ...zstd.EOption) [][]byte {
	t.Helper()
	e, err := zstd.NewWriter(nil, append([]zstd.EOption{zstd.WithEncoderCRC(true)}, opt...)...)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var frames [][]byte
	for piece := range slices.Chunk(tar, n) {
		frames = append(frames, e.EncodeAll(piece, nil))
	}
	return frames
}

// sealed returns a bundle of frames, with the trailer that belongs to them.
func sealed(frames ...[]byte) []byte {
	all := slices.Concat(frames...)
	return append(all, trailer(digest.Sum(all))...)
}

// littleWorld returns a bundle of some 30 small frames, and the objects in it.
func littleWorld(t testing.TB) (frames [][]byte, objects []store.Object) {
	t.Helper()
	s := openStore(t)
	one := add(t, s, store.Spec{Name: "one", Version: "1.0", Archive: digest.SHA256([]byte("one")), From: "somewhere"}, sample)
	env := add(t, s, store.Spec{Name: "environment", Version: "1", Refs: trees(one)}, content{"bin/x": "->../../" + one.Base() + "/bin/tool", "y": noise(4, 9000)})
	proofs := func(store.Info) ([]File, error) { return []File{{"proof", []byte(noise(5, 700))}}, nil }
	return packed(t, unpacked(t, write(t, s, Content{Objects: trees(env), Proofs: proofs})), 800), []store.Object{one, env}
}

// refused checks that a bundle is refused with the place of the damage, and that nothing of it is visible.
func refused(t *testing.T, to *store.Store, what string, data []byte) *DamagedError {
	t.Helper()
	_, err := Read(t.Context(), bytes.NewReader(data), to, Options{})
	var damaged *DamagedError
	if !errors.As(err, &damaged) {
		t.Fatalf("%s: %v; want a *DamagedError", what, err)
	}
	wantNothing(t, to)
	return damaged
}

// However a bundle is damaged, it is refused.
func TestDamagedBundleIsRefused(t *testing.T) {
	frames, objects := littleWorld(t)
	whole := sealed(frames...)
	ok := openStore(t)
	if _, err := Read(t.Context(), bytes.NewReader(whole), ok, Options{}); err != nil {
		t.Fatal(err)
	}
	wantObjects(t, ok, objects...)
	to := openStore(t)
	for i := range trailerSize * 8 { // each bit of the end
		data := bytes.Clone(whole)
		data[len(data)-1-i/8] ^= 1 << (i % 8)
		refused(t, to, "a bit of the end", data)
	}
	r := rand.New(rand.NewPCG(1, 2))
	named := 0
	for range 400 {
		data := bytes.Clone(whole)
		what := mutate(r, &data)
		if bytes.Equal(data, whole) {
			continue
		}
		if refused(t, to, what, data).Member != "" {
			named++
		}
	}
	if named < 300 {
		t.Errorf("of 400 only %d name the member", named)
	}
}

// mutate damages data in one of many ways and says how.
func mutate(r *rand.Rand, data *[]byte) string {
	d := *data
	a, b := r.IntN(len(d)), r.IntN(len(d))
	a, b = min(a, b), max(a, b)
	switch r.IntN(8) {
	case 0:
		d[a] ^= 1 << r.IntN(8)
		return "a bit"
	case 1:
		d[a], d[b] = byte(r.Uint32()), byte(r.Uint32())
		return "two bytes"
	case 2:
		*data = d[:a]
		return "cut off"
	case 3:
		*data = slices.Delete(d, a, b)
		return "a part is missing"
	case 4:
		*data = slices.Insert(d, b, d[a:b]...)
		return "a part is there twice"
	case 5:
		*data = append(d, d[a:]...)
		return "something follows"
	case 6:
		m := a + r.IntN(b-a+1)
		*data = slices.Concat(d[:a], d[m:b], d[a:m], d[b:])
		return "two parts are exchanged"
	default:
		clear(d[a:b])
		return "zeros"
	}
}

// Whole frames in another order, with the digest that belongs to that, are no bundle either.
func TestOtherFramesAreRefused(t *testing.T) {
	frames, _ := littleWorld(t)
	to := openStore(t)
	r := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		i, j := r.IntN(len(frames)), r.IntN(len(frames))
		if !bytes.Equal(frames[i], frames[j]) {
			swapped := slices.Clone(frames)
			swapped[i], swapped[j] = swapped[j], swapped[i]
			refused(t, to, "frames exchanged", sealed(swapped...))
		}
		refused(t, to, "a frame twice", sealed(slices.Insert(slices.Clone(frames), i, frames[j])...))
		refused(t, to, "a frame missing", sealed(slices.Delete(slices.Clone(frames), i, i+1)...))
		refused(t, to, "frames missing at the end", sealed(frames[:i]...))
	}
	skippable := []byte{0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 'x'}
	refused(t, to, "another skippable frame", sealed(slices.Insert(slices.Clone(frames), 2, skippable)...))
	refused(t, to, "two ends", append(sealed(frames...), sealed(frames...)[len(slices.Concat(frames...)):]...))
	refused(t, to, "two bundles", append(sealed(frames...), sealed(frames...)...))
	refused(t, to, "only an end", sealed())
	refused(t, to, "nothing", nil)
}

// A frame that is not of the form that the format has is refused even where a decompressor would take it.
func TestOddFramesAreRefused(t *testing.T) {
	frames, _ := littleWorld(t)
	tar := unpacked(t, slices.Concat(frames...))
	to := openStore(t)
	for what, test := range map[string]struct {
		frames [][]byte
		want   string
	}{
		"without checksum": {packed(t, tar, 2000, zstd.WithEncoderCRC(false)), "not of the form"},
		"with dictionary":  {packed(t, tar, 2000, zstd.WithEncoderDictRaw(7, tar[:2000])), "not of the form"},
		"size not stated":  {[][]byte{streamed(t, tar)}, "not of the form"},
		"empty":            {slices.Insert(packed(t, tar, 2000), 1, emptyFrame), "states 0 bytes"},
		"too large":        {packed(t, append(bytes.Clone(tar), make([]byte, frameSize)...), 2*frameSize), "states 2"},
	} {
		if err := refused(t, to, what, sealed(test.frames...)); !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// A stated size that is not the real one.
	lying := packed(t, tar, 800)[0]
	lying[6]-- // behind magic number, descriptor and window: a content of 256 to 65791 bytes has its size there, in two bytes
	if n := contentSize(lying[6:8]); n != 799 {
		t.Fatalf("the frame states %d bytes", n)
	}
	refused(t, to, "a lie about the size", sealed(append([][]byte{lying}, packed(t, tar[800:], 800)...)...))
}

// emptyFrame is a frame without content: magic number, descriptor (one segment, checksum), size, a last block that is raw
// and empty, and the checksum of nothing.
var emptyFrame = []byte{0x28, 0xb5, 0x2f, 0xfd, 0x24, 0, 1, 0, 0, 0x99, 0xe9, 0xd8, 0x51}

// streamed returns a frame that does not state the size of its content.
func streamed(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderCRC(true))
	if err != nil {
		t.Fatal(err)
	}
	for piece := range slices.Chunk(data, 3000) {
		w.Write(piece)
		w.Flush()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A stranger can put anything into a bundle and seal it. What is behind the head must be what the head
// leads to; the head itself may say something else that is as good.
func TestResealedDamage(t *testing.T) {
	frames, _ := littleWorld(t)
	tar := unpacked(t, slices.Concat(frames...))
	end := bytes.Index(tar, []byte(proofsDir))
	r := rand.New(rand.NewPCG(5, 6))
	to := openStore(t)
	for range 300 {
		data := bytes.Clone(tar[end:])
		what := mutate(r, &data)
		if bytes.Equal(data, tar[end:]) {
			continue
		}
		refused(t, to, what, sealed(packed(t, append(bytes.Clone(tar[:end]), data...), 5000)...))
	}
	for range 150 {
		data := bytes.Clone(tar[:end])
		data[r.IntN(len(data))] ^= 1 << r.IntN(8)
		if _, err := Read(t.Context(), bytes.NewReader(sealed(packed(t, append(data, tar[end:]...), 5000)...)), to, Options{}); err != nil {
			wantNothing(t, to)
			continue
		}
		objects, err := to.Objects()
		if err != nil {
			t.Fatal(err)
		}
		wantObjects(t, to, objects...)
		to = openStore(t)
	}
}

// Damage is reported where it is.
func TestDamageIsNamed(t *testing.T) {
	frames, _ := littleWorld(t)
	tar := unpacked(t, slices.Concat(frames...))
	to := openStore(t)
	y := digest.Sum([]byte(noise(4, 9000)))
	at := bytes.Index(tar, []byte(noise(4, 9000)))
	for what, test := range map[string]struct {
		at         int
		member, of string
	}{
		"content":  {at + 4000, contentName(y), "y of environment@1"},
		"header":   {at - blockSize + 130, contentName(y), "y of environment@1"},
		"padding":  {at + 9001, contentName(y), "y of environment@1"},
		"proof":    {bytes.Index(tar, []byte(noise(5, 700))) + 1, "proofs/proof", ""},
		"manifest": {bytes.Index(tar, []byte("gostore tree 1")) + 100, metaDir, "one@1.0"},
		"head":     {600, headName, ""},
		"end":      {len(tar) - 1, "", ""},
	} {
		data := bytes.Clone(tar)
		data[test.at] ^= 0x80
		got := refused(t, to, what, sealed(packed(t, data, 800)...))
		if !strings.HasPrefix(got.Member, test.member) || got.Of != test.of || got.Member == "" && test.member != "" {
			t.Errorf("%s: %v", what, got)
		}
		packed := packed(t, tar, 800)
		frame := packed[test.at/800]
		frame[len(frame)-7] ^= 1
		if got := refused(t, to, what, slices.Concat(packed...)); got.Member == "" && what != "end" {
			t.Errorf("%s: a damaged frame: %v", what, got)
		}
	}
}
