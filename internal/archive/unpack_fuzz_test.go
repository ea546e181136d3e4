package archive

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"

	"gostore/internal/tree"
)

// tight has limits that make an archive that a fuzzer found cost little.
var tight = Limits{Entries: 1000, Bytes: 8 << 20, File: 4 << 20, Name: 256, Names: 64 << 10, Header: 16 << 10}

// checkedSink is a treeSink that fails the test when it is given what no tree can have.
type checkedSink struct {
	treeSink
	t *testing.T
}

func (s *checkedSink) check(name string) {
	if err := tree.CheckPath(name); err != nil {
		s.t.Errorf("sink got %q: %v", name, err)
	}
}

func (s *checkedSink) Dir(name string) error { s.check(name); return s.treeSink.Dir(name) }
func (s *checkedSink) File(name string, exec bool, data []byte) error {
	s.check(name)
	return s.treeSink.File(name, exec, data)
}
func (s *checkedSink) Stream(name string, exec bool, r io.Reader) error {
	s.check(name)
	return s.treeSink.Stream(name, exec, r)
}
func (s *checkedSink) Link(name, target string) error {
	s.check(name)
	return s.treeSink.Link(name, target)
}
func (s *checkedSink) Copy(name, from string) error {
	s.check(name)
	return s.treeSink.Copy(name, from)
}
func (s *checkedSink) Nest(dir string) error { s.check(dir); return s.treeSink.Nest(dir) }

// holds checks what has to hold for any bytes: an error is a refusal, and what was accepted is a tree of bounded size whose links
// stay inside, and comes out the same again whatever the number of workers.
func holds(t *testing.T, data []byte) {
	t.Helper()
	sink := &checkedSink{t: t}
	sink.workers = 2
	err := unpackBytes(t, data, Options{Limits: tight}, sink)
	if err != nil {
		var refused *FormatError
		if !errors.As(err, &refused) {
			t.Fatalf("got %v, want a *FormatError", err)
		}
		return
	}
	look := func(path string) (tree.Kind, string, bool) {
		what, ok := sink.tree[path]
		if !ok {
			return 0, "", false
		}
		return tree.Kind(what[0]), strings.TrimPrefix(what, "l "), true
	}
	for name, what := range sink.tree {
		if what[0] != 'l' {
			continue
		}
		if _, err := tree.Resolve(name, look); err != nil {
			t.Errorf("%v", err)
		}
	}
	if n := sizeOf(sink.tree); n > tight.Bytes {
		t.Errorf("%d bytes came out", n)
	}
	again := &treeSink{workers: 1}
	if err := unpackBytes(t, data, Options{Limits: tight}, again); err != nil || !maps.Equal(sink.tree, again.tree) {
		t.Errorf("the second time: %v, or another tree", err)
	}
}

// smallRecipes returns the hostile archives whose names begin so, if they are small.
func smallRecipes(f *testing.F, prefix string) (all [][]byte) {
	for _, r := range recipes(f, prefix) {
		if len(r.data) < 8<<10 {
			all = append(all, r.data)
		}
	}
	slices.SortFunc(all, bytes.Compare)
	return all
}

var fewFiles = map[string]string{"d": "d", "d/a": "f alpha", "d/b": "x #!/bin/sh\n", "l": "l d/a", "empty": "d"}

func FuzzTar(f *testing.F) {
	f.Add(writeTar(f, fewFiles))
	f.Add(writeTar(f, inside("top", fewFiles)))
	for _, data := range smallRecipes(f, "tar_") {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if kindOf(data[:min(len(data), headSize)]) == tarFile {
			holds(t, data)
		}
	})
}

func FuzzZip(f *testing.F) {
	f.Add(writeZip(f, fewFiles, true))
	f.Add(writeZip(f, inside("top", fewFiles), false))
	for _, data := range smallRecipes(f, "zip_") {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 2 {
			copy(data, "PK\x03\x04") // else it is another format, or has bytes before it
			holds(t, data)
		}
	})
}

// FuzzXZ checks that what passes the walk through the headers is cut off nowhere, and becomes as much content as the walk
// counted: the library does not notice that an xz ends between two blocks.
func FuzzXZ(f *testing.F) {
	f.Add(xzStored(4096, []byte("#!/bin/sh\n")))
	f.Add(append(xzStored(4096, []byte("#!/bin/sh\n")), append(make([]byte, 8), xzStored(1<<20, []byte("more"))...)...))
	for _, name := range []string{"", "#!/bin/sh\n", strings.Repeat("0123456789", 100)} {
		data, err := packed("xz", []byte(name), 0)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, data := range smallRecipes(f, "xz_") {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !bytes.HasPrefix(data, []byte(xzMagic)) {
			return
		}
		u := &unpacking{r: bytes.NewReader(data), size: int64(len(data)), opt: Options{Limits: tight.withDefaults()}}
		content, err := u.walkXZ(t.Context())
		var refused *FormatError
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("got %v, want a *FormatError", err)
		}
		if err != nil {
			return
		}
		z, err := xz.NewReader(bytes.NewReader(data))
		if err != nil {
			return
		}
		n, err := io.Copy(io.Discard, z)
		if err == nil && n != content || n > content {
			t.Errorf("became %d bytes, the headers say %d; %v", n, content, err)
		}
	})
}

// FuzzUnpack unpacks what a compressed stream of each format holds, and what any bytes are.
func FuzzUnpack(f *testing.F) {
	if detectingRaces {
		f.Skip("takes 40 s while races are detected; TestRoundTrip and TestHostile go the same ways")
	}
	few := writeTar(f, fewFiles)
	for how := range byte(5) {
		f.Add(how, few)
		f.Add(how, []byte("#!/bin/sh\n"))
	}
	for _, prefix := range []string{"gzip_", "zstd_", "xz_", "bzip2_", "format_"} {
		for _, data := range smallRecipes(f, prefix) {
			f.Add(byte(0), data)
		}
	}
	f.Fuzz(func(t *testing.T, how byte, data []byte) {
		var before, after runtime.MemStats
		if how %= 5; how > 0 {
			var err error
			if how == 4 {
				data = xzStored(1<<16, data)
			} else if data, err = packed([]string{"", "gzip", "zstd", "zstd"}[how], data, 1<<20); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&before)
		holds(t, data)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 3<<30 {
			t.Errorf("%d bytes took %d bytes of memory, one after the other", len(data), n)
		}
	})
}
