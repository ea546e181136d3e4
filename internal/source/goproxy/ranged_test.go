package goproxy

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
	"gostore/tests/upstream"
)

// treeSink writes files to a directory. It expects nothing else.
type treeSink struct {
	archive.Sink
	dir string
}

func (s treeSink) Workers() int { return 2 }
func (s treeSink) File(path string, _ bool, data []byte) error {
	path = filepath.Join(s.dir, filepath.FromSlash(path))
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600))
}

// neighbours is an upstream whose toolchains share half of their bytes, and Go 1.22.5 on this machine.
type neighbours struct {
	*fixture
	trees   []Tree
	item    release.Item // 1.22.6
	part    string
	want    map[string]string // the tree of 1.22.6
	zip     []byte
	release int // how often the use of trees ended
}

func newNeighbours(t *testing.T) *neighbours {
	n := &neighbours{
		fixture: newFixture(t, upstream.Config{Padding: 600 << 10, Shared: 900 << 10}),
		part:    filepath.Join(t.TempDir(), "part"),
	}
	old, err := n.tree("1.22.5", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	n.item = item("1.22.6", linux, n.mustResolve("1.22.6", linux).Archives[linux])
	now, err := n.tree("1.22.6", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	n.want, n.zip = contents(t, now), n.Zip("1.22.6", linux)
	n.trees = []Tree{treeAt("1.22.5", old)}
	n.Source = n.another()
	n.ClearRequests()
	return n
}

// another returns a Source as another process would have it.
func (n *neighbours) another() *Source {
	s := n.source(n.URL, n.Source.dir)
	s.local = func(context.Context) ([]Tree, func(), error) { return n.trees, func() { n.release++ }, nil }
	return s
}

// tree fetches and unpacks all of a toolchain into dir.
func (f *fixture) tree(version, dir string) (string, error) {
	a := f.mustResolve(version, linux).Archives[linux]
	part, err := f.fetch(f.Source, version, a)
	if err != nil {
		return "", err
	}
	return dir, f.Source.Unpack(f.t.Context(), item(version, linux, a), part, treeSink{dir: dir}, nil)
}

// treeAt describes the toolchain in dir.
func treeAt(version, dir string) Tree {
	return Tree{Version: version, Platform: linux, Dir: dir, Files: func(yield func(string, int64) bool) {
		filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil && !yield(filepath.ToSlash(strings.TrimPrefix(path, dir+string(filepath.Separator))), info.Size()) {
				err = fs.SkipAll
			}
			return err
		})
	}}
}

// contents returns the files below dir.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for path := range treeAt("", dir).Files {
		data, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		files[path] = string(data)
	}
	return files
}

func (n *neighbours) fetchPart(ctx context.Context) error {
	_, err := n.Source.Fetch(ctx, n.item, n.part, nil)
	return err
}

// unpack unpacks the part and compares the tree.
func (n *neighbours) unpack() error {
	n.t.Helper()
	dir := n.t.TempDir()
	if err := n.Source.Unpack(n.t.Context(), n.item, n.part, treeSink{dir: dir}, nil); err != nil {
		return err
	}
	if diff := cmp.Diff(n.want, contents(n.t, dir)); diff != "" {
		n.t.Errorf("tree differs: %.2000s", diff)
	}
	return nil
}

// both fetches and unpacks, and returns how many bytes of the zip were sent.
func (n *neighbours) both() (sent int64) {
	n.t.Helper()
	if err := n.fetchPart(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	if err := n.unpack(); err != nil {
		n.t.Fatal(err)
	}
	_, sent = n.Count(".zip")
	return sent
}

// assemblyFails fetches, and unpacks what turns out wrong.
func (n *neighbours) assemblyFails() {
	n.t.Helper()
	if err := n.fetchPart(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	var assembly *archive.AssemblyError
	if err := n.unpack(); !errors.As(err, &assembly) {
		n.t.Fatalf("unpacking what is wrong: %v", err)
	}
}

// inPart is how much of the file is in the part.
func (n *neighbours) inPart() (bytes int64) {
	held, _, _ := fetch.Held(n.part)
	for _, r := range held {
		bytes += r.End - r.Start
	}
	return bytes
}

func TestNeighbourCostsLittle(t *testing.T) {
	n := newNeighbours(t)
	sent := n.both()
	if sent*100 > int64(len(n.zip))*60 || sent != n.inPart() {
		t.Errorf("%d bytes of %d were sent, %d are held", sent, len(n.zip), n.inPart())
	}
	for _, q := range n.Requests() {
		if strings.HasSuffix(q.Path, ".zip") && q.Status != http.StatusPartialContent {
			t.Errorf("request for %q is answered with %d", q.Range, q.Status)
		}
	}
	if n.release != 2 {
		t.Errorf("the use of trees ended %d times, want after Fetch and after Unpack", n.release)
	}
	n.ClearRequests()
	n.Source = n.another()
	if again := n.both(); again != 0 {
		t.Errorf("%d bytes were fetched again", again)
	}
}

// Progress is about what has to be fetched.
func TestProgressByRanges(t *testing.T) {
	n := newNeighbours(t)
	var last [2]int64
	_, err := n.Source.Fetch(t.Context(), n.item, n.part, func(done, total int64) { last = [2]int64{done, total} })
	if err != nil || last[0] != last[1] || last[1] < n.inPart()/2 || last[1] > n.inPart() {
		t.Errorf("last progress %v for %d bytes, %v", last, n.inPart(), err)
	}
}

func TestWholeWhereRangesDoNotHelp(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(n *neighbours)
	}{
		{"the server ignores ranges", func(n *neighbours) { n.Fault(upstream.Fault{Path: ".zip", NoRange: true}) }},
		{"no tree", func(n *neighbours) { n.trees = nil }},
		{"an empty tree", func(n *neighbours) { n.trees = []Tree{treeAt("1.22.5", n.t.TempDir())} }},
		{"hardly anything is here", func(n *neighbours) {
			if err := os.Remove(filepath.Join(n.trees[0].Dir, "src/shared.bin")); err != nil {
				n.t.Fatal(err)
			}
		}},
		{"trees cannot be read", func(n *neighbours) {
			n.Source.local = func(context.Context) ([]Tree, func(), error) { return nil, nil, errors.New("no") }
		}},
		{"files are gone", func(n *neighbours) {
			n.trees[0].Files = maps.All(map[string]int64{"src/shared.bin": 900 << 10})
			n.trees[0].Dir = n.t.TempDir()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newNeighbours(t)
			tt.set(n)
			if n.both(); n.inPart() != int64(len(n.zip)) {
				t.Errorf("the part has %d bytes of %d", n.inPart(), len(n.zip))
			}
		})
	}
}

// The server's errors come through, and are not tried twice.
func TestRangedErrors(t *testing.T) {
	for _, tt := range []struct {
		status, requests int
	}{{404, 1}, {500, 5}} {
		n := newNeighbours(t)
		n.Fault(upstream.Fault{Path: ".zip", Status: tt.status})
		err := n.fetchPart(t.Context())
		var status *fetch.StatusError
		if !errors.As(err, &status) || status.Code != tt.status {
			t.Errorf("status %d: %v", tt.status, err)
		}
		if requests, _ := n.Count(".zip"); requests != tt.requests {
			t.Errorf("status %d: %d requests, want %d", tt.status, requests, tt.requests)
		}
	}
}

// A process that ends in the middle leaves what the next one goes on with.
func TestRangedResumes(t *testing.T) {
	n := newNeighbours(t)
	ctx, cancel := context.WithCancel(t.Context())
	n.Source.client.Pause = func(context.Context, time.Duration) error { cancel(); return ctx.Err() }
	n.Fault(upstream.Fault{Path: ".zip", CutAt: 200 << 10})
	if err := n.fetchPart(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	had := n.inPart()
	if had < 200<<10 {
		t.Fatalf("the part holds %d bytes only", had)
	}
	n.ClearFaults()
	n.ClearRequests()
	n.Source = n.another()
	if sent := n.both(); sent != n.inPart()-had || n.inPart()*100 > int64(len(n.zip))*60 {
		t.Errorf("%d bytes were sent to get from %d to %d of %d", sent, had, n.inPart(), len(n.zip))
	}
}

// collide changes data without changing its CRC-32.
func collide(data []byte) []byte {
	data = bytes.Clone(data)
	generator := uint64(1<<32 | 0x04c11db7) // adding a multiple of it changes no remainder
	for i := range 33 {
		data[100+i/8] ^= byte(generator>>(32-i)&1) << (i % 8)
	}
	return data
}

// What has the right name, size and CRC may still be wrong. Then the whole zip is fetched.
func TestLocalContentIsWrong(t *testing.T) {
	n := newNeighbours(t)
	path := filepath.Join(n.trees[0].Dir, "src/shared.bin")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := collide(good)
	if bytes.Equal(bad, good) || crc32.ChecksumIEEE(bad) != crc32.ChecksumIEEE(good) {
		t.Fatal("no collision")
	}
	if err := os.WriteFile(path, bad, 0o600); err != nil {
		t.Fatal(err)
	}
	n.assemblyFails()
	if n.both(); n.inPart() != int64(len(n.zip)) {
		t.Errorf("the part has %d bytes of %d", n.inPart(), len(n.zip))
	}
}

// Contents that have gone or changed between Fetch and Unpack are fetched.
func TestLocalContentVanishes(t *testing.T) {
	n := newNeighbours(t)
	if err := n.fetchPart(t.Context()); err != nil {
		t.Fatal(err)
	}
	trees := n.trees
	n.trees = nil
	var assembly *archive.AssemblyError
	if err := n.unpack(); !errors.As(err, &assembly) {
		t.Fatalf("unpacking without trees: %v", err)
	}
	n.trees = trees
	if n.both(); n.inPart() != int64(len(n.zip)) {
		t.Errorf("the part has %d bytes of %d", n.inPart(), len(n.zip))
	}
}

// A file that changes on the server while its ranges are fetched is fetched as a whole.
func TestChangesBetweenRanges(t *testing.T) {
	for _, tt := range []struct {
		name     string
		noETag   bool
		assembly bool // is known only when it is unpacked
		change   func(zip []byte) []byte
	}{
		{name: "told by the validator", change: func(zip []byte) []byte { return damaged(zip) }},
		{name: "told by the length", noETag: true, change: func(zip []byte) []byte { return append(zip, 'x') }},
		{name: "told by nothing", noETag: true, assembly: true, change: func(zip []byte) []byte { zip[len(zip)/3] ^= 1; return zip }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newNeighbours(t)
			tail := upstream.Fault{Path: ".zip", Times: 1, NoETag: tt.noETag}
			rest := upstream.Fault{Path: ".zip", NoETag: tt.noETag}
			if tt.assembly {
				rest.Rewrite = tt.change
			} else {
				tail.Rewrite = tt.change
			}
			n.Fault(tail)
			n.Fault(rest)
			if tt.assembly {
				n.assemblyFails()
				n.ClearFaults()
			}
			n.both()
		})
	}
}

// damaged changes a byte of the last member's CRC in the directory.
func damaged(zip []byte) []byte {
	at := bytes.LastIndex(zip, []byte("PK\x01\x02"))
	zip[at+16] ^= 1
	return zip
}

// A directory that lies leads to the refusal that the whole zip leads to.
func TestDirectoryLies(t *testing.T) {
	for _, tt := range []struct {
		name string
		lie  func(zip []byte) []byte
	}{
		{"overlap", func(zip []byte) []byte {
			clear(zip[bytes.LastIndex(zip, []byte("PK\x01\x02"))+42:][:4])
			return zip
		}},
		{"CRC", func(zip []byte) []byte { return damaged(zip) }},
		{"a content that is here for one that is not", func(zip []byte) []byte {
			at := bytes.Index(zip, []byte("PK\x01\x02")) // LICENSE
			binary.LittleEndian.PutUint32(zip[at+24:], 900<<10)
			return zip
		}},
		{"beyond the end", func(zip []byte) []byte {
			binary.LittleEndian.PutUint32(zip[len(zip)-6:], 1<<31)
			return zip
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newNeighbours(t)
			n.Fault(upstream.Fault{Path: ".zip", Rewrite: tt.lie})
			var err error
			for again := (*archive.AssemblyError)(nil); ; {
				if err = n.fetchPart(t.Context()); err == nil {
					err = n.unpack()
				}
				if !errors.As(err, &again) {
					break
				}
				again = nil
			}
			var refused *archive.FormatError
			var mismatch *digest.MismatchError
			if !errors.As(err, &refused) && !errors.As(err, &mismatch) {
				t.Errorf("error is %v", err)
			}
		})
	}
}
