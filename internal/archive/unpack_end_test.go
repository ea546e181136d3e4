package archive

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"gostore/internal/digest"
)

func TestUnpackWrongDigest(t *testing.T) {
	tarred := writeTar(t, sample)
	zipped := writeZip(t, sample, true)
	gzipped, err := packed("gzip", tarred, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"tar": tarred, "zip": zipped, "gzip": gzipped, "program": []byte("#!/bin/sh\n")} {
		for _, algorithm := range []string{"sha256", "sha512"} {
			right, err := Digest(t.Context(), bytes.NewReader(data), algorithm)
			if err != nil {
				t.Fatal(err)
			}
			if err := unpackBytes(t, data, Options{Want: right}, &treeSink{}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			want, err := Digest(t.Context(), strings.NewReader("another"), algorithm)
			if err != nil {
				t.Fatal(err)
			}
			var got *digest.MismatchError
			if err := unpackBytes(t, data, Options{Want: want}, &treeSink{}); !errors.As(err, &got) {
				t.Errorf("%s: got %v, want a *digest.MismatchError", name, err)
			} else if got.Got != right.String() || got.Want != want.String() {
				t.Errorf("%s: got %v", name, got)
			}
		}
	}
	h1, err := digest.ParseArchive("h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	if err != nil {
		t.Fatal(err)
	}
	if err := unpackBytes(t, tarred, Options{Want: h1}, &treeSink{}); err == nil {
		t.Error("an h1 is no digest of these bytes, but was taken")
	}
	if _, err := Digest(t.Context(), strings.NewReader(""), "md5"); err == nil {
		t.Error("md5 was taken")
	}
}

// endings returns the sample in every format, for tests that end the work early.
func endings(t *testing.T) map[string][]byte {
	t.Helper()
	tarred := writeTar(t, inside("d", sample))
	all := map[string][]byte{"tar": tarred, "zip": writeZip(t, sample, true), "program": []byte("#!" + noise(9, 8<<20))}
	all["xz"] = xzStored(1<<20, tarred)
	for _, how := range []string{"gzip", "zstd"} {
		var err error
		if all[how], err = packed(how, tarred, 8<<20); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestUnpackCancelled has the end of the context end the work, and all goroutines.
func TestUnpackCancelled(t *testing.T) {
	for name, data := range endings(t) {
		for _, at := range []int64{1, 2, 4, 8} {
			ctx, cancel := context.WithCancel(t.Context())
			r := &reader{ReaderAt: bytes.NewReader(data), at: at, do: func() error { cancel(); return nil }}
			err := Unpack(ctx, r, int64(len(data)), Options{Want: digest.SHA256(data)}, &treeSink{}, nil)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s, cancelled at read %d: got %v", name, at, err)
			}
			if n := r.after(); n > 6 {
				t.Errorf("%s, cancelled at read %d: %d reads after that", name, at, n)
			}
			cancel()
		}
	}
	goleak.VerifyNone(t)
}

// TestUnpackReadError has a disk that fails not be taken for a refused archive.
func TestUnpackReadError(t *testing.T) {
	boom := errors.New("input/output error")
	for name, data := range endings(t) {
		for at := int64(1); at <= 6; at++ {
			r := &reader{ReaderAt: bytes.NewReader(data), at: at, do: func() error { return boom }}
			err := Unpack(t.Context(), r, int64(len(data)), Options{}, &treeSink{}, nil)
			var refused *FormatError
			if !errors.Is(err, boom) || errors.As(err, &refused) {
				t.Errorf("%s, failing at read %d: got %v", name, at, err)
			}
		}
	}
	goleak.VerifyNone(t)
}

// TestUnpackSinkError has the sink's error be returned as it is.
func TestUnpackSinkError(t *testing.T) {
	boom := errors.New("disk full")
	for name, data := range endings(t) {
		if err := unpackBytes(t, data, Options{}, &treeSink{fail: boom, workers: 3}); !errors.Is(err, boom) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	goleak.VerifyNone(t)
}
