package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzModuleZip checks that what is accepted is what golang.org/x/mod and archive/zip see.
func FuzzModuleZip(f *testing.F) {
	for _, s := range goodShapes {
		f.Add(s.build())
	}
	for _, r := range refusals {
		if data := r.shape.build(); len(data) < 4<<10 {
			f.Add(data)
		}
	}
	for _, d := range damages {
		p := d.part
		p.name = "m@v1/bad"
		if data := with(p).build(); len(data) < 4<<10 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := strict
		m.Rename = nil
		got, err := m.hash(data)
		if err != nil {
			var refused *FormatError
			if !errors.As(err, &refused) {
				t.Fatalf("got %v, want a *FormatError", err)
			}
			return
		}
		if want, err := reference(data); err != nil || got.String() != want {
			t.Fatalf("h1 is %s; dirhash: %s, %v", got, want, err)
		}
		m.Want = got
		if err := m.Unpack(t.Context(), bytes.NewReader(data), int64(len(data)), &memorySink{workers: 2}, nil); err != nil {
			t.Fatalf("Unpack after Hash: %v", err)
		}
	})
}

// nullSink drops everything.
type nullSink struct{}

func (nullSink) Dir(string) error                { return nil }
func (nullSink) File(string, bool, []byte) error { return nil }
func (nullSink) Link(string, string) error       { return nil }
func (nullSink) Copy(string, string) error       { return nil }
func (nullSink) Nest(string) error               { return nil }
func (nullSink) Stream(_ string, _ bool, r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
func (nullSink) Workers() int { return 0 }

// BenchmarkUnpack unpacks a generated zip of 2,000 files, and the Go toolchain zip that GOSTORE_BENCH_ZIP names, if set.
// The sink writes nothing.
func BenchmarkUnpack(b *testing.B) {
	source, err := os.ReadFile("content.go")
	if err != nil {
		b.Fatal(err)
	}
	var s shape
	for i := range 2000 {
		s.members = append(s.members, part{name: fmt.Sprintf("m@v1/%sf%d", strings.Repeat("d/", i%7), i), content: string(source)})
	}
	b.Run("generated", func(b *testing.B) { benchmark(b, s.build()) })
	if name := os.Getenv("GOSTORE_BENCH_ZIP"); name != "" {
		data, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(filepath.Base(name), func(b *testing.B) { benchmark(b, data) })
	}
}

func benchmark(b *testing.B, data []byte) {
	m := ModuleZip{}
	var err error
	if m.Want, err = m.hash(data); err != nil {
		b.Fatal(err)
	}
	members, _, err := m.plan(b.Context(), bytes.NewReader(data), int64(len(data)))
	if err != nil {
		b.Fatal(err)
	}
	var total int64
	for _, member := range members {
		total += member.size
	}
	b.SetBytes(total)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Unpack(b.Context(), bytes.NewReader(data), int64(len(data)), nullSink{}, nil); err != nil {
			b.Fatal(err)
		}
	}
}
