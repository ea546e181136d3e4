package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gostore/internal/digest"
	"gostore/store"
)

func TestThroughAPipe(t *testing.T) {
	from, o := bulky(t)
	to := openStore(t)
	r, w := io.Pipe()
	wrote := make(chan error, 1)
	go func() {
		_, err := Write(t.Context(), w, from, Content{Objects: trees(o)})
		w.CloseWithError(err)
		wrote <- err
	}()
	_, err := Read(t.Context(), r, to, Options{})
	if err := errors.Join(err, <-wrote); err != nil {
		t.Fatal(err)
	}
	wantObjects(t, to, o)
}

// inodes returns which file stands at each path below dir.
func inodes(t testing.TB, dir string) map[uint64]string {
	t.Helper()
	found := map[uint64]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(path, ".manifest") {
			return err
		}
		fi, err := e.Info()
		if err == nil && fi.Mode().IsRegular() {
			found[fi.Sys().(*syscall.Stat_t).Ino] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// What an import wrote before it was cut off is in the object that the next one makes, not written
// again.
func TestImportIsResumed(t *testing.T) {
	from, o := bulky(t)
	data := write(t, from, Content{Objects: trees(o)})
	resumed := 0
	for _, cut := range []int{0, 1, 100, len(data) / 4, len(data) / 2, 3 * len(data) / 4, len(data) - 70, len(data) - 1} {
		to := openStore(t)
		if _, err := Read(t.Context(), bytes.NewReader(data[:cut]), to, Options{}); err == nil {
			t.Fatalf("%d of %d bytes are taken for the bundle", cut, len(data))
		}
		wantNothing(t, to)
		kept := inodes(t, filepath.Join(to.Dir(), "downloads"))
		if _, err := Read(t.Context(), bytes.NewReader(data), to, Options{}); err != nil {
			t.Fatal(err)
		}
		wantObjects(t, to, o)
		have := inodes(t, to.Path(o))
		for ino, path := range kept {
			if _, ok := have[ino]; !ok && !strings.HasSuffix(path, ".part") && !half(path) {
				t.Errorf("cut at %d: %s was written again", cut, path)
			}
			resumed++
		}
		if left := downloads(t, to); len(left) > 0 {
			t.Errorf("cut at %d: left behind %v", cut, left)
		}
	}
	if resumed < 500 {
		t.Errorf("%d files were kept in all: the test tests nothing", resumed)
	}
}

// half reports a file that the cut left incomplete: gone after the next import, as all the spool.
func half(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist) && strings.Contains(path, ".d/")
}

// A spooled file that rotted, or was left incomplete, does not get into an object.
func TestSpoolIsNotTrusted(t *testing.T) {
	from, o := bulky(t)
	data := write(t, from, Content{Objects: trees(o)})
	to := openStore(t)
	if _, err := Read(t.Context(), bytes.NewReader(data[:len(data)-1]), to, Options{}); err == nil {
		t.Fatal("read")
	}
	spoilt := 0
	for _, path := range inodes(t, filepath.Join(to.Dir(), "downloads")) {
		if strings.HasSuffix(path, ".part") {
			continue
		}
		switch spoilt++; spoilt % 3 {
		case 0:
			os.Chmod(path, 0o600)
			os.Truncate(path, 1)
		case 1:
			fi, _ := os.Stat(path)
			os.Chmod(path, 0o600)
			os.WriteFile(path, bytes.Repeat([]byte("z"), int(fi.Size())), 0)
			os.Chmod(path, fi.Mode())
			os.Chtimes(path, fi.ModTime(), fi.ModTime())
		}
	}
	if _, err := Read(t.Context(), bytes.NewReader(data), to, Options{}); err != nil {
		t.Fatal(err)
	}
	wantObjects(t, to, o)
}

// Contents that the store shares already are linked, after their bytes were looked at.
func TestSharedContentsAreNotWritten(t *testing.T) {
	from, to := openStore(t), openStore(t)
	had := add(t, to, store.Spec{Name: "had", Version: "1"}, content{"good": noise(1, 5000), "bad": noise(2, 5000)})
	rotten := filepath.Join(to.Path(had), "bad")
	os.Chmod(rotten, 0o600)
	os.WriteFile(rotten, []byte(strings.Repeat("r", 5000)), 0)
	os.Chmod(rotten, 0o444)
	o := add(t, from, store.Spec{Name: "new", Version: "1"}, content{"a": noise(1, 5000), "b": noise(2, 5000), "c": "other"})
	if _, err := Read(t.Context(), bytes.NewReader(write(t, from, Content{Objects: trees(o)})), to, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := to.Verify(t.Context(), o.Tree); err != nil {
		t.Error(err)
	}
	a, _ := os.Stat(filepath.Join(to.Path(o), "a"))
	good, _ := os.Stat(filepath.Join(to.Path(had), "good"))
	if !os.SameFile(a, good) {
		t.Error("a shared content was written again")
	}
	b, _ := os.Stat(filepath.Join(to.Path(o), "b"))
	bad, _ := os.Stat(rotten)
	if os.SameFile(b, bad) {
		t.Error("a rotten content was shared")
	}
}

func TestWhatIsPresentIsNotWrittenButChecked(t *testing.T) {
	w := newWorld(t)
	data := write(t, w.Store, Content{Objects: trees(w.env)})
	to := openStore(t)
	for range 2 {
		if _, err := Read(t.Context(), bytes.NewReader(data), to, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := Read(t.Context(), bytes.NewReader(data), to, Options{})
	if err != nil || !sum.Objects[0].Present || !sum.Objects[2].Present {
		t.Errorf("%+v, %v", sum, err)
	}
	wantObjects(t, to, w.one, w.two, w.env)
	if _, err := Read(t.Context(), bytes.NewReader(data[:len(data)-1]), to, Options{}); err == nil {
		t.Error("a bundle that is cut off was read")
	}
	if kept := inodes(t, filepath.Join(to.Dir(), "downloads")); len(kept) != 1 { // the part itself
		t.Errorf("written again: %v", kept)
	}
	data[len(data)/2] ^= 1
	var damaged *DamagedError
	if _, err := Read(t.Context(), bytes.NewReader(data), to, Options{}); !errors.As(err, &damaged) {
		t.Errorf("%v; want that the bundle is damaged", err)
	}
}

// An archive's entry is made also for an object that is there under another one's.
func TestArchiveOfPresentObjectIsRemembered(t *testing.T) {
	from, to := openStore(t), openStore(t)
	tree := content{"x": "y"}
	a := digest.SHA256([]byte("a"))
	o := add(t, from, store.Spec{Name: "tool", Version: "1", Archive: a}, tree)
	add(t, to, store.Spec{Name: "tool", Version: "1"}, tree)
	if _, err := Read(t.Context(), bytes.NewReader(write(t, from, Content{Objects: trees(o)})), to, Options{}); err != nil {
		t.Fatal(err)
	}
	if got, ok := to.LookupArchive(a); !ok || got != o.Tree {
		t.Errorf("%v, %v", got, ok)
	}
}

// A bundle does not change what an archive is known to unpack to.
func TestArchiveIsNotPairedAgain(t *testing.T) {
	from, to := openStore(t), openStore(t)
	a := digest.SHA256([]byte("a"))
	o := add(t, from, store.Spec{Name: "tool", Version: "1", Archive: a}, content{"x": "evil"})
	was := add(t, to, store.Spec{Name: "tool", Version: "1", Archive: a}, content{"x": "good"})
	_, err := Read(t.Context(), bytes.NewReader(write(t, from, Content{Objects: trees(o)})), to, Options{})
	var mismatch *digest.MismatchError
	if !errors.As(err, &mismatch) {
		t.Errorf("%v; want a mismatch", err)
	}
	wantObjects(t, to, was)
	if got, _ := to.LookupArchive(a); got != was.Tree {
		t.Errorf("the archive leads to %v", got)
	}
}

// An environment finds its tools by their names: where one of them has another here, it would be broken.
func TestObjectUnderAnotherName(t *testing.T) {
	w := newWorld(t)
	to := openStore(t)
	other := add(t, to, store.Spec{Name: "renamed", Version: "1"}, sample)
	_, err := Read(t.Context(), bytes.NewReader(write(t, w.Store, Content{Objects: trees(w.env)})), to, Options{})
	if err == nil || !strings.Contains(err.Error(), other.Base()) || !strings.Contains(err.Error(), w.one.Base()) {
		t.Errorf("%v; want both names", err)
	}
	wantObjects(t, to, other)
}

func TestVouch(t *testing.T) {
	from := openStore(t)
	h1, err := digest.ParseArchive("h1:" + strings.Repeat("A", 43) + "=")
	if err != nil {
		t.Fatal(err)
	}
	big := noise(9, smallContent+1)
	logged := add(t, from, store.Spec{Name: "go", Version: "1", Archive: h1, From: "module@v1"}, content{"a": "small", "b*": big, "c": big})
	plain := add(t, from, store.Spec{Name: "plain", Version: "1", Archive: digest.SHA256(nil)}, content{"a": "p"})
	bare := add(t, from, store.Spec{Name: "bare", Version: "1"}, content{"a": "q"})
	data := write(t, from, Content{
		Objects: trees(logged, plain, bare),
		Proofs:  func(store.Info) ([]File, error) { return []File{{"proof", []byte("yes")}}, nil },
	})
	asked := 0
	vouch := func(c Claim) (string, error) {
		asked++
		if len(c.Proofs) != 1 || string(c.Proofs[0].Data) != "yes" || c.Manifest.Digest() != c.Info.Tree {
			t.Errorf("%+v", c)
		}
		if c.Info.Tool == "plain" {
			if c.SHA256 != nil {
				t.Error("sums where none are needed")
			}
			return "", nil
		}
		if c.Info.Object != logged || c.Info.Archive != h1 || c.Info.From != "module@v1" {
			t.Errorf("%+v", c.Info)
		}
		for path, want := range map[string]string{"a": "small", "b": big, "c": big} {
			e, _ := c.Manifest.Find(path)
			if c.SHA256(e.Content) != sha256.Sum256([]byte(want)) {
				t.Errorf("the SHA-256 of %q is wrong", path)
			}
		}
		return "the log", nil
	}
	to := openStore(t)
	for range 2 { // the second time all is there
		sum, err := Read(t.Context(), bytes.NewReader(data), to, Options{Vouch: vouch})
		if err != nil || asked != 2 {
			t.Fatalf("asked %d times, %v", asked, err)
		}
		for _, o := range sum.Objects {
			if (o.Vouched == "the log") != (o.Tool == "go") {
				t.Errorf("%s is vouched for by %q", o.Object, o.Vouched)
			}
		}
		asked = 0
	}
	refused := errors.New("refused")
	other := openStore(t)
	_, err = Read(t.Context(), bytes.NewReader(data), other, Options{Vouch: func(c Claim) (string, error) {
		if c.Info.Tool == "plain" {
			return "", refused
		}
		return "", nil
	}})
	if !errors.Is(err, refused) {
		t.Errorf("%v; want the refusal", err)
	}
	wantNothing(t, other)
}

func TestProgressReachesTheEnd(t *testing.T) {
	s, o := bulky(t)
	var wrote, total int64
	data := write(t, s, Content{Objects: trees(o), Progress: func(done, all int64) { wrote, total = done, all }})
	if wrote != total || total < 2*frameSize {
		t.Errorf("wrote %d of %d", wrote, total)
	}
	ended := make(chan bool, 1)
	_, err := Read(t.Context(), bytes.NewReader(data), openStore(t), Options{Progress: func(done, all int64) {
		if done == all && all == total {
			ended <- true
		}
	}})
	if err != nil || len(ended) != 1 {
		t.Errorf("%v, %v", err, len(ended))
	}
}

// brokenReader fails after its data.
type brokenReader struct {
	data []byte
	err  error
}

func (r *brokenReader) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, r.err
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

// A reader that fails does not make the bundle a damaged one.
func TestErrorOfTheReader(t *testing.T) {
	s, o := bulky(t)
	data := write(t, s, Content{Objects: trees(o)})
	broken := errors.New("broken")
	for _, n := range []int{0, 2, 1000, len(data) / 2, len(data) - 1, len(data)} {
		to := openStore(t)
		_, err := Read(t.Context(), &brokenReader{data[:n], broken}, to, Options{})
		var damaged *DamagedError
		if !errors.Is(err, broken) || errors.As(err, &damaged) {
			t.Errorf("after %d bytes: %v", n, err)
		}
		wantNothing(t, to)
	}
}

// silent is a reader that says when it has no more data, and then blocks.
type silent struct {
	data  []byte
	empty func()
	until chan struct{}
}

func (s *silent) Read(p []byte) (int, error) {
	if len(s.data) == 0 {
		s.empty()
		<-s.until
		return 0, io.EOF
	}
	n := copy(p, s.data)
	s.data = s.data[n:]
	return n, nil
}

// Ctrl-C ends an import also while nothing comes through the pipe.
func TestImportFromASilentPipeIsInterrupted(t *testing.T) {
	s, o := bulky(t)
	data := write(t, s, Content{Objects: trees(o)})
	for _, n := range []int{0, 1000, len(data) / 2, len(data) - 1, len(data)} {
		ctx, cancel := context.WithCancel(t.Context())
		in := &silent{data[:n], cancel, make(chan struct{})}
		to := openStore(t)
		_, err := Read(ctx, in, to, Options{})
		var damaged *DamagedError
		if !errors.Is(err, context.Canceled) || errors.As(err, &damaged) {
			t.Errorf("after %d bytes: %v", n, err)
		}
		close(in.until)
		wantNothing(t, to)
		c, err := to.Clean(t.Context(), store.CleanOptions{})
		if err != nil || c.Trees > 0 {
			t.Errorf("%+v, %v", c, err)
		}
	}
}
