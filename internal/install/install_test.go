package install

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/store"
)

// fake is a source whose archives hold one file, named after the version.
type fake struct {
	fetched atomic.Int32
	fetch   func(part string) error // instead of writing the part
	content string                  // of the file that is unpacked
	unpack  func() error            // before anything else in Unpack
}

func (f *fake) Name() string                          { return "fake" }
func (f *fake) Layout(release.Release) release.Layout { return release.Layout{} }

func (f *fake) Resolve(context.Context, release.Request, []release.Platform) (release.Release, error) {
	return release.Release{}, errors.ErrUnsupported
}

func (f *fake) Fetch(_ context.Context, item release.Item, part string, progress func(done, total int64)) (string, error) {
	f.fetched.Add(1)
	if f.fetch != nil {
		return part, f.fetch(part)
	}
	progress(1, 2)
	return part, os.WriteFile(part, []byte(item.Version), 0o600)
}

func (f *fake) Unpack(_ context.Context, item release.Item, path string, sink archive.Sink, progress func(int64)) error {
	if f.unpack != nil {
		if err := f.unpack(); err != nil {
			return errors.Join(err, sink.File("half", false, []byte("half")))
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if string(data) != item.Version {
		return &digest.MismatchError{What: "archive", Want: item.Archive.Digest.String(), Got: "other"}
	}
	progress(int64(len(data)))
	return sink.File("bin/tool", true, append(data, f.content...))
}

func archiveOf(t *testing.T, version string) release.Archive {
	t.Helper()
	sum := sha256.Sum256([]byte(version))
	d, err := digest.ParseArchive("sha256:" + hex.EncodeToString(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	return release.Archive{From: "fake " + version, Digest: d}
}

func item(version string, a release.Archive) release.Item {
	return release.Item{Tool: "tool", Version: version, Archive: a}
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				os.Chmod(path, 0o755)
			}
			return nil
		})
	})
	return st
}

func parts(t *testing.T, st *store.Store) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(st.Dir(), "downloads", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestOneDownloadForManyAtOnce(t *testing.T) {
	st, src := openStore(t), &fake{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			lease, err := One(t.Context(), st, Job{Source: src, Item: item("1", archiveOf(t, "1"))})
			if err != nil {
				t.Error(err)
				return
			}
			defer lease.Release()
			if data, err := os.ReadFile(filepath.Join(lease.Path(), "bin/tool")); err != nil || string(data) != "1" {
				t.Errorf("object holds %q, %v", data, err)
			}
		})
	}
	wg.Wait()
	if n := src.fetched.Load(); n != 1 {
		t.Errorf("%d downloads, want 1", n)
	}
	if left := parts(t, st); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestPhases(t *testing.T) {
	st, src := openStore(t), &fake{}
	var mu sync.Mutex
	var seen []string
	job := Job{Source: src, Item: item("1", archiveOf(t, "1")), Progress: func(p Phase, _, _ int64) {
		mu.Lock()
		defer mu.Unlock()
		if len(seen) == 0 || seen[len(seen)-1] != p.String() {
			seen = append(seen, p.String())
		}
	}}
	for range 2 { // the second time there is nothing to do
		lease, err := One(t.Context(), st, job)
		if err != nil {
			t.Fatal(err)
		}
		lease.Release()
	}
	if got, want := strings.Join(seen, " "), "waiting downloading unpacking installed"; got != want {
		t.Errorf("phases %q, want %q", got, want)
	}
}

// What was downloaded is away before the object is synced, which would write it to the disk too, but not before it is unpacked.
func TestUnpackedPartIsNotSynced(t *testing.T) {
	st, src := openStore(t), &fake{}
	path := filepath.Join(st.Dir(), "downloads", archiveOf(t, "1").Digest.FileName()+".part")
	beside := []string{path + ".etag", filepath.Join(path+".d", "more")}
	src.fetch = func(part string) error {
		err := errors.Join(os.WriteFile(part, []byte("1"), 0o600), os.WriteFile(part+".etag", []byte("1"), 0o600), os.MkdirAll(part+".d", 0o700))
		return errors.Join(err, os.WriteFile(filepath.Join(part+".d", "more"), []byte("1"), 0o600))
	}
	broken := errors.New("disk full")
	src.unpack = func() error { return broken }
	job := Job{Source: src, Item: item("1", archiveOf(t, "1"))}
	if _, err := One(t.Context(), st, job); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	for _, name := range append(beside, path) {
		if fi, err := os.Stat(name); err != nil || fi.Size() == 0 {
			t.Errorf("after a failure to unpack: %v", err)
		}
	}
	src.unpack = nil
	job.Progress = func(p Phase, _, _ int64) {
		if p != Installed {
			return
		}
		if fi, err := os.Stat(path); err != nil || fi.Size() != 0 {
			t.Errorf("the download is not empty: %v", err)
		}
		for _, name := range beside {
			if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is there still: %v", name, err)
			}
		}
	}
	lease, err := One(t.Context(), st, job)
	if err != nil {
		t.Fatal(err)
	}
	lease.Release()
	if left := parts(t, st); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestFailureJoinsAndFinishesTheOthers(t *testing.T) {
	st, good := openStore(t), &fake{}
	broken := errors.New("broken")
	bad := &fake{fetch: func(string) error { return broken }}
	_, err := All(t.Context(), st, []Job{
		{Source: bad, Item: item("1", archiveOf(t, "1"))},
		{Source: good, Item: item("2", archiveOf(t, "2"))},
		{Source: bad, Item: item("3", archiveOf(t, "3"))},
	})
	if !errors.Is(err, broken) || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("error %v, want two lines", err)
	}
	tree, ok := st.LookupArchive(archiveOf(t, "2").Digest)
	if !ok {
		t.Fatal("the good release is not in the store")
	}
	claim, err := st.Claim(tree)
	if err != nil {
		t.Fatalf("a lease was left: %v", err)
	}
	claim.Release()
}

func TestPartIsKeptUnlessItIsWrong(t *testing.T) {
	st, src := openStore(t), &fake{}
	src.fetch = func(part string) error {
		if err := os.WriteFile(part, []byte("half"), 0o600); err != nil {
			t.Error(err)
		}
		return context.Canceled
	}
	job := Job{Source: src, Item: item("1", archiveOf(t, "1"))}
	if _, err := One(t.Context(), st, job); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if left := parts(t, st); len(left) != 1 {
		t.Errorf("after an interruption there are %q, want the part", left)
	}
	src.fetch = func(part string) error { return os.WriteFile(part, []byte("wrong"), 0o600) }
	var mismatch *digest.MismatchError
	if _, err := One(t.Context(), st, job); !errors.As(err, &mismatch) {
		t.Fatal(err)
	}
	if left := parts(t, st); len(left) != 0 {
		t.Errorf("after a mismatch there are %q, want nothing", left)
	}
	if objects, err := st.Objects(); err != nil || len(objects) > 0 {
		t.Errorf("objects %v, %v", objects, err)
	}
}

// What was put together wrongly with contents that were here is fetched once more, as a whole, and then decides.
func TestAssemblyIsTriedAgain(t *testing.T) {
	for _, always := range []bool{false, true} {
		st, src := openStore(t), &fake{}
		src.unpack = func() error {
			if src.fetched.Load() == 1 || always {
				return &archive.AssemblyError{Err: &digest.MismatchError{What: "archive", Want: "a", Got: "b"}}
			}
			return nil
		}
		lease, err := One(t.Context(), st, Job{Source: src, Item: item("1", archiveOf(t, "1"))})
		if (err != nil) != always || src.fetched.Load() != 2 {
			t.Fatalf("wrong always %v: %v after %d downloads", always, err, src.fetched.Load())
		}
		if left := parts(t, st); len(left) > 0 {
			t.Errorf("wrong always %v: left behind: %q", always, left)
		}
		if always {
			continue
		}
		defer lease.Release()
		if files, err := os.ReadDir(lease.Path()); err != nil || len(files) != 1 {
			t.Errorf("object holds %v, %v: the first attempt is part of it", files, err)
		}
	}
}

func TestPromisedTree(t *testing.T) {
	st, src := openStore(t), &fake{}
	a := archiveOf(t, "1")
	a.Tree = digest.Tree{1}
	var mismatch *digest.MismatchError
	if _, err := One(t.Context(), st, Job{Source: src, Item: item("1", a)}); !errors.As(err, &mismatch) {
		t.Errorf("unpacking to another tree: %v", err)
	}
	lease, err := One(t.Context(), st, Job{Source: src, Item: item("1", archiveOf(t, "1"))})
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	if _, err := One(t.Context(), st, Job{Source: src, Item: item("1", a)}); !errors.As(err, &mismatch) {
		t.Errorf("an index that knows better: %v", err)
	}

	// An archive that nobody unpacked here: that the lock names a tree which is here proves nothing.
	other := archiveOf(t, "another archive of the same tree")
	other.Tree = lease.Object().Tree
	before := src.fetched.Load()
	same, err := One(t.Context(), st, Job{Source: src, Item: item("1", other)})
	if err == nil {
		same.Release()
	}
	if src.fetched.Load() == before {
		t.Error("the lock's word was taken for what an archive unpacks to")
	}

	// This very archive, whose index entry was lost.
	if err := os.RemoveAll(filepath.Join(st.Dir(), "index")); err != nil {
		t.Fatal(err)
	}
	right := archiveOf(t, "1")
	right.Tree = lease.Object().Tree
	before = src.fetched.Load()
	again, err := One(t.Context(), st, Job{Source: src, Item: item("1", right)})
	if err != nil {
		t.Fatal(err)
	}
	again.Release()
	if src.fetched.Load() != before {
		t.Error("it was downloaded although it is there")
	}
}
