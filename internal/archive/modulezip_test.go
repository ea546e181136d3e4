package archive

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
	"golang.org/x/sync/semaphore"

	"gostore/internal/digest"
)

// memorySink keeps what it is given.
type memorySink struct {
	workers int
	fail    error // what File returns
	mu      sync.Mutex
	files   map[string]string // content, with "x " before it for an executable
}

func (s *memorySink) Dir(path string) error { return errors.New("not expected for a module zip") }
func (s *memorySink) Link(path, target string) error {
	return errors.New("not expected for a module zip")
}
func (s *memorySink) Copy(path, from string) error {
	return errors.New("not expected for a module zip")
}
func (s *memorySink) Nest(dir string) error { return errors.New("not expected for a module zip") }
func (s *memorySink) Workers() int          { return s.workers }
func (s *memorySink) Stream(path string, exec bool, r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return s.File(path, exec, data)
}

func (s *memorySink) File(path string, exec bool, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		s.files = make(map[string]string)
	}
	if s.files[path] = string(data); exec {
		s.files[path] = "x " + string(data)
	}
	return s.fail
}

func (s *memorySink) names() []string { return slices.Sorted(maps.Keys(s.files)) }

// unpack unpacks data, whatever its h1 is.
func (m ModuleZip) unpack(t *testing.T, data []byte, sink Sink) error {
	t.Helper()
	m.Want, _ = digest.ParseArchive("h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	err := m.Unpack(t.Context(), bytes.NewReader(data), int64(len(data)), sink, nil)
	var mismatch *digest.MismatchError
	if errors.As(err, &mismatch) {
		return nil
	}
	return err
}

func (m ModuleZip) hash(data []byte) (digest.Archive, error) {
	return m.Hash(context.Background(), bytes.NewReader(data), int64(len(data)))
}

// reference is the h1 that golang.org/x/mod finds, from what archive/zip reads.
func reference(data []byte) (string, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return "", err
	}
	var names []string
	files := make(map[string]*zip.File)
	for _, f := range z.File {
		names = append(names, f.Name)
		files[f.Name] = f
	}
	return dirhash.Hash1(names, func(name string) (io.ReadCloser, error) { return files[name].Open() })
}

// hashEqual checks that the zip is accepted and that its h1 is what golang.org/x/mod finds.
func hashEqual(t *testing.T, data []byte) digest.Archive {
	t.Helper()
	got, err := strict.hash(data)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := reference(data); err != nil || got.String() != want {
		t.Errorf("h1 is %s; dirhash: %s, %v", got, want, err)
	}
	return got
}

// createModule writes files and packs them as cmd/go and module proxies do.
func createModule(t *testing.T, files map[string]string) (m ModuleZip, name string) {
	t.Helper()
	dir := t.TempDir()
	for path, content := range files {
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := modzip.CreateFromDir(&b, module.Version{Path: "example.com/tool", Version: "v0.1.0-go1.2.linux-amd64"}, dir); err != nil {
		t.Fatal(err)
	}
	name = filepath.Join(t.TempDir(), "tool.zip")
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	want, err := dirhash.HashZip(name, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	m = ModuleZip{Prefix: "example.com/tool@v0.1.0-go1.2.linux-amd64/"}
	if m.Want, err = digest.ParseArchive(want); err != nil {
		t.Fatal(err)
	}
	return m, name
}

func TestUnpack(t *testing.T) {
	random := make([]byte, 3<<20)
	rand.NewChaCha8([32]byte{1}).Read(random)
	files := map[string]string{
		"VERSION":       "go1.2",
		"bin/go":        string(random),
		"src/_go.mod":   "module std\n",
		"src/empty.go":  "",
		"src/a/a.go":    strings.Repeat("package a\n", 10_000),
		"pkg/tool/link": string(random[:500_000]),
	}
	m, name := createModule(t, files)
	m.Rename = func(path string) string {
		if dir, base := filepath.Split(path); base == "_go.mod" {
			return dir + "go.mod"
		}
		return path
	}
	m.Exec = func(path string) bool { return strings.HasPrefix(path, "bin/") }
	want := maps.Clone(files)
	delete(want, "src/_go.mod")
	want["src/go.mod"] = files["src/_go.mod"]
	want["bin/go"] = "x " + files["bin/go"]
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{0, 1, 2, 16} {
		sink := &memorySink{workers: workers}
		var progress atomic.Int64
		err := m.Unpack(t.Context(), bytes.NewReader(data), int64(len(data)), sink, func(n int64) { progress.Add(n) })
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(sink.files, want) {
			t.Errorf("%d workers: got %v, want %v, or contents differ", workers, sink.names(), slices.Sorted(maps.Keys(want)))
		}
		total := 0
		for _, content := range files {
			total += len(content)
		}
		if progress.Load() != int64(total) {
			t.Errorf("%d workers: progress of %d bytes, want %d", workers, progress.Load(), total)
		}
	}
	if got, err := m.hash(data); err != nil || got != m.Want {
		t.Errorf("Hash: %v, %v; want %v", got, err, m.Want)
	}
	goleak.VerifyNone(t)
}

func TestWrongDigest(t *testing.T) {
	m, name := createModule(t, map[string]string{"a": "alpha"})
	right := m.Want
	m.Want, _ = digest.ParseArchive("h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	err = m.Unpack(t.Context(), bytes.NewReader(data), int64(len(data)), &memorySink{}, nil)
	var got *digest.MismatchError
	if !errors.As(err, &got) {
		t.Fatalf("got %v, want a *digest.MismatchError", err)
	}
	want := &digest.MismatchError{What: "module zip example.com/tool@v0.1.0-go1.2.linux-amd64", Want: m.Want.String(), Got: right.String()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestNeedsDigest has Unpack refuse to work unchecked.
func TestNeedsDigest(t *testing.T) {
	sha256, err := digest.ParseArchive("sha256:" + strings.Repeat("0", 64))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []digest.Archive{{}, sha256} {
		m, sink := ModuleZip{Prefix: "m@v1/", Want: want}, &memorySink{}
		data := shape{members: []part{fine}}.build()
		if err := m.Unpack(t.Context(), bytes.NewReader(data), int64(len(data)), sink, nil); err == nil || sink.files != nil {
			t.Errorf("with %q: got %v, sink got %v", want, err, sink.names())
		}
	}
}

// TestManyEntries reads a zip64 record that archive/zip wrote.
func TestManyEntries(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range 66_000 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("m@v1/%d/%d", i%100, i)})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, i)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := ModuleZip{Prefix: "m@v1/"}.hash(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if want, err := reference(b.Bytes()); err != nil || got.String() != want {
		t.Errorf("h1 is %s; dirhash: %s, %v", got, want, err)
	}
}

// TestLargeMember has a member that is larger than all the memory workers may share.
func TestLargeMember(t *testing.T) {
	data := shape{members: []part{
		fine, {name: "m@v1/large", content: strings.Repeat("0123456789abcdef", (memory+1<<20)/16)},
		{name: "m@v1/medium", content: strings.Repeat("x", 4<<20)},
	}}.build()
	got, err := ModuleZip{Prefix: "m@v1/", Limits: Limits{Ratio: 2000}}.hash(data)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := reference(data); err != nil || got.String() != want {
		t.Errorf("h1 is %s; dirhash: %s, %v", got, want, err)
	}
}

func TestWorkerMemory(t *testing.T) {
	budget := semaphore.NewWeighted(memory)
	w := newWorker(t.Context(), bytes.NewReader(nil), budget)
	for _, step := range []struct{ need, held int64 }{
		{memory + 5, memory},
		{memory - 5, memory}, // not worth a new buffer
		{20 << 20, 20 << 20},
		{10 << 20, 20 << 20},
		{10<<20 - 1, 10<<20 - 1},
		{smallRoom, smallRoom},
		{1, smallRoom},
		{smallRoom - 1, smallRoom}, // small ones come in any order
		{0, smallRoom},
	} {
		buf, err := w.room(step.need)
		if err != nil || int64(len(buf)) != step.need {
			t.Fatalf("room for %d: %d, %v", step.need, len(buf), err)
		}
		free := memory - step.held
		if budget.TryAcquire(free + 1) {
			t.Fatalf("room for %d left more than %d", step.need, free)
		}
		if !budget.TryAcquire(free) {
			t.Fatalf("room for %d left less than %d", step.need, free)
		}
		budget.Release(free)
	}
	w.close()
	if !budget.TryAcquire(memory) {
		t.Error("a closed worker holds memory")
	}
}

func TestSinkError(t *testing.T) {
	var s shape
	for i := range 500 {
		s.members = append(s.members, part{name: fmt.Sprintf("m@v1/%d", i), content: "x"})
	}
	boom := errors.New("disk full")
	sink := &memorySink{workers: 4, fail: boom}
	m := ModuleZip{Prefix: "m@v1/"}
	if err := m.unpack(t, s.build(), sink); err != boom {
		t.Errorf("got %v, want the sink's error as it is", err)
	}
	if len(sink.files) > 2*sink.workers {
		t.Errorf("sink got %d files after its error", len(sink.files))
	}
	goleak.VerifyNone(t)
}

// reader counts reads and does something at one of them.
type reader struct {
	io.ReaderAt
	reads atomic.Int64
	at    int64
	do    func() error
	did   atomic.Int64 // how many reads there had been when do returned
}

// after returns how many reads began when do had returned.
func (r *reader) after() int64 { return r.reads.Load() - r.did.Load() }

func (r *reader) ReadAt(p []byte, offset int64) (int, error) {
	if r.reads.Add(1) == r.at {
		err := r.do()
		r.did.Store(r.reads.Load())
		if err != nil {
			return 0, err
		}
	}
	return r.ReaderAt.ReadAt(p, offset)
}

// largeZip has a member of 4 MiB that takes 32 reads, after the few that its structure takes.
func largeZip(stored bool) []byte {
	random := make([]byte, 4<<20)
	rand.NewChaCha8([32]byte{2}).Read(random)
	return shape{members: []part{{name: "m@v1/large", content: string(random), stored: stored}}}.build()
}

func TestCancelled(t *testing.T) {
	for _, stored := range []bool{true, false} {
		data := largeZip(stored)
		for _, at := range []int64{1, 2, 3, 6, 20} {
			ctx, cancel := context.WithCancel(t.Context())
			r := &reader{ReaderAt: bytes.NewReader(data), at: at, do: func() error { cancel(); return nil }}
			sink := &memorySink{}
			m := strict
			m.Want, _ = digest.ParseArchive("h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
			if err := m.Unpack(ctx, r, int64(len(data)), sink, nil); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled at read %d: got %v", at, err)
			}
			if n := r.after(); n > 3 || sink.files != nil {
				t.Errorf("cancelled at read %d: %d reads after that, sink got %v", at, n, sink.names())
			}
		}
	}
	goleak.VerifyNone(t)
}

// TestReadError has a disk that fails not be taken for a refused archive.
func TestReadError(t *testing.T) {
	data, boom := largeZip(false), errors.New("input/output error")
	for at := range int64(36) {
		r := &reader{ReaderAt: bytes.NewReader(data), at: at + 1, do: func() error { return boom }}
		_, err := strict.Hash(t.Context(), r, int64(len(data)))
		var refused *FormatError
		if !errors.Is(err, boom) || errors.As(err, &refused) {
			t.Errorf("failing at read %d: got %v", at+1, err)
		}
	}
	// A file that is shorter than it was said to be.
	_, err := strict.Hash(t.Context(), bytes.NewReader(data), int64(len(data))+10)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("shrunken file: got %v", err)
	}
}

// The structure of a zip takes one read for each member: what is behind its content is read with the header of the next.
func TestReads(t *testing.T) {
	const n = 100
	var s shape
	for i := range n {
		s.members = append(s.members, part{name: fmt.Sprintf("m@v1/%d", i), content: noise(byte(i), 1000), descriptor: i%2 == 0})
	}
	data := s.build()
	r := &reader{ReaderAt: bytes.NewReader(data)}
	members, _, err := ModuleZip{Prefix: "m@v1/"}.plan(t.Context(), r, int64(len(data)))
	if reads := r.reads.Load(); err != nil || len(members) != n || reads > n+5 {
		t.Errorf("%d members by %d reads, %v", len(members), reads, err)
	}
}

// TestMemberOrder has the largest member come first, and small ones as they are in the zip.
func TestMemberOrder(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", smallBuffer/16+1)
	data := shape{members: []part{
		{name: "m@v1/a", content: "1"}, {name: "m@v1/b", content: large}, {name: "m@v1/c", content: "22"}, {name: "m@v1/d", content: large + large},
	}}.build()
	members, _, err := strict.plan(t.Context(), bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	_, err = readMembers(t.Context(), bytes.NewReader(data), members, 1, func(i int, _ []byte) error {
		got = append(got, i)
		return nil
	})
	if err != nil || !slices.Equal(got, []int{3, 1, 0, 2}) {
		t.Errorf("got %v, %v", got, err)
	}
}
