package store

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"gostore/internal/digest"
	"gostore/internal/filelock"
	"gostore/internal/guard"
)

// over opens a new store over others.
func over(t *testing.T, below ...*Store) *Store {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	t.Cleanup(func() { unseal(dir) })
	return reopen(t, dir, os.Geteuid(), below...)
}

// reopen opens a store for a user.
func reopen(t *testing.T, dir string, uid int, below ...*Store) *Store {
	t.Helper()
	s, err := OpenWith(dir, Options{User: guard.User{ID: uid}, Alone: true, Layers: func() (dirs []string, err error) {
		for _, b := range below {
			dirs = append(dirs, b.Dir())
		}
		return dirs, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

var layered = content{"bin/tool*": "#!", "data": string(big("layered"))}

// withLayer makes a layer with an object, and a store over it.
func withLayer(t *testing.T) (layer, s *Store, o Object) {
	t.Helper()
	layer = open(t)
	lease, err := layer.Add(t.Context(), Spec{Name: "tool", Version: "1", Archive: digest.SHA256([]byte("archive"))}, layered.fill)
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	return layer, over(t, layer), lease.Object()
}

// problemOf returns the Problem of a *LayerError, "" for another error.
func problemOf(err error) string {
	var e *LayerError
	if errors.As(err, &e) {
		return e.Problem
	}
	return ""
}

// A lease on a layer's object keeps both collectors away: the layer's from the object, the store's own from the link.
func TestLayerLease(t *testing.T) {
	layer, s, o := withLayer(t)
	lease, err := s.LeaseArchive(t.Context(), digest.SHA256([]byte("archive")))
	if err != nil || lease.Object() != o {
		t.Fatalf("%+v, %v", lease, err)
	}
	if data, err := os.ReadFile(filepath.Join(lease.Path(), "data")); err != nil || string(data) != layered["data"] {
		t.Errorf("data: %.20q, %v", data, err)
	}
	info, err := s.Info(o.Tree)
	if err != nil || info.Layer != layer.Dir() || info.Archive != digest.SHA256([]byte("archive")) {
		t.Errorf("%+v, %v", info, err)
	}
	if m, err := s.Manifest(o.Tree); err != nil || m.Digest() != o.Tree {
		t.Errorf("manifest: %v", err)
	}
	for _, st := range []*Store{layer, s} {
		if _, err := st.Claim(o.Tree); !errors.Is(err, filelock.ErrBusy) {
			t.Errorf("%s: claimed what is leased: %v", st.Dir(), err)
		}
	}
	if err := lease.Release(); err != nil {
		t.Fatal(err)
	}
	claim, err := s.Claim(o.Tree)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(claim.Discard(), claim.Release()); err != nil {
		t.Error(err)
	}
	if list, err := s.Objects(); err != nil || len(list) != 0 {
		t.Errorf("left %v, %v", list, err)
	}
	if err := layer.Verify(t.Context(), o.Tree); err != nil {
		t.Errorf("the layer: %v", err)
	}
}

// What refers to other objects is not taken: it would lead past the store.
func TestLayerEnvironmentsAreNotTaken(t *testing.T) {
	layer, s, o := withLayer(t)
	lease, err := layer.Add(t.Context(), Spec{Name: "environment", Version: "1", Refs: []digest.Tree{o.Tree}}, content{"l": "->../" + o.Base()}.fill)
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	if _, err := s.Lease(t.Context(), lease.Object().Tree); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("taken: %v", err)
	}
}

// The first layer that has an object gives it; one below that is itself a layer's link is none of its own.
func TestLayersInTheirOrder(t *testing.T) {
	layer, middle, o := withLayer(t)
	if _, err := middle.Lookup(o.Tree); err != nil {
		t.Fatal(err)
	}
	top := over(t, middle, layer)
	if _, err := top.Lookup(o.Tree); err != nil {
		t.Fatal(err)
	}
	if dir, ok := top.LayerOf(o); !ok || dir != layer.Dir() {
		t.Errorf("taken from %q, %v", dir, ok)
	}
}

func TestLayerOfAnotherUser(t *testing.T) {
	layer, s, o := withLayer(t)
	uid := os.Geteuid()
	if uid == 0 {
		err := filepath.WalkDir(layer.Dir(), func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, 64124, 64124))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s = reopen(t, s.Dir(), uid+64123, layer)
	states, err := s.Layers()
	if err != nil || len(states) != 1 || problemOf(states[0].Err) != LayerExposed {
		t.Errorf("%+v, %v", states, err)
	}
	if _, err := s.Lookup(o.Tree); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("looked up: %v", err)
	}
}

// A directory that somebody locks and does not let go holds nobody up for long.
func TestLayerLocked(t *testing.T) {
	t.Parallel()
	layer, s, o := withLayer(t)
	if _, err := s.Lookup(o.Tree); err != nil {
		t.Fatal(err)
	}
	held, err := filelock.TryExclusiveDir(layer.Path(o))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if _, err := s.Lease(t.Context(), o.Tree); problemOf(err) != LayerLocked { // a lease is waited for
		t.Errorf("%v", err)
	}
	if _, err := s.LeaseOrDetach(t.Context(), o.Tree); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is not made anew: %v", err)
	}
	if refused := s.Refused(); len(refused) != 1 || problemOf(refused[0]) != LayerLocked {
		t.Errorf("%v", refused)
	}
}

// What a crash leaves before the link, and what an end without Release leaves, goes with the next Clean; a link whose description was lost is
// described from the layer, and without it.
func TestLayerCrashes(t *testing.T) {
	layer, s, o := withLayer(t)
	if _, err := s.Lookup(o.Tree); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.metaPath(o.Tree, infoSuffix)); err != nil {
		t.Fatal(err)
	}
	for _, archive := range []digest.Archive{digest.SHA256([]byte("archive")), {}} {
		if info, err := s.Info(o.Tree); err != nil || info.Object != o || info.Archive != archive || info.Layer != layer.Dir() {
			t.Errorf("%+v, %v", info, err)
		}
		if err := os.RemoveAll(filepath.Join(layer.Dir(), metaDir)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(s.Path(o)); err != nil {
		t.Fatal(err)
	}
	lock, err := s.linkLock(o.Tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{lock, s.metaPath(o.Tree, infoSuffix)} {
		if err := os.WriteFile(path, []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Clean(t.Context(), CleanOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{lock, s.metaPath(o.Tree, infoSuffix)} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("left %s", path)
		}
	}
}

// An object that was added while another took it from a layer is one object, and a link that cannot be used gives way to it.
func TestAddOverLink(t *testing.T) {
	layer, s, o := withLayer(t)
	if _, err := s.Lookup(o.Tree); err != nil {
		t.Fatal(err)
	}
	lease, err := s.Add(t.Context(), Spec{Name: "tool", Version: "1", Archive: digest.SHA256([]byte("another"))}, layered.fill)
	if err != nil {
		t.Fatal(err)
	}
	lease.Release()
	if dir, ok := s.LayerOf(o); !ok || dir != layer.Dir() {
		t.Errorf("it is in %q, %v", dir, ok)
	}
	alone := reopen(t, s.Dir(), os.Geteuid())
	if _, err := alone.Lease(t.Context(), o.Tree); problemOf(err) != LayerUnlisted {
		t.Errorf("without the layer: %v", err)
	}
	if _, err := alone.LeaseOrDetach(t.Context(), o.Tree); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if lease, err = alone.Add(t.Context(), Spec{Name: "tool", Version: "1"}, layered.fill); err != nil {
		t.Fatal(err)
	}
	lease.Release()
	if err := errors.Join(s.Usable(o), s.Verify(t.Context(), o.Tree)); err != nil {
		t.Error(err)
	}
	if _, ok := s.LayerOf(o); ok {
		t.Error("it is a link still")
	}
}

// While some take an object from a layer, collectors take the link away: whoever has a lease has the link.
func TestLayerConcurrent(t *testing.T) {
	_, s, o := withLayer(t)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 60 {
				if rand.IntN(3) == 0 {
					tryDiscard(t, s, o)
				} else {
					use(t, s, o)
				}
			}
		})
	}
	wait.Wait()
}

func tryDiscard(t *testing.T, s *Store, o Object) {
	claim, err := s.Claim(o.Tree)
	if errors.Is(err, filelock.ErrBusy) || errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = errors.Join(claim.Discard(), claim.Release())
	}
	if err != nil {
		t.Error(err)
	}
}

func use(t *testing.T, s *Store, o Object) {
	lease, err := s.Lease(t.Context(), o.Tree)
	if err != nil {
		t.Error(err)
		return
	}
	defer lease.Release()
	for range 3 {
		if data, err := os.ReadFile(filepath.Join(lease.Path(), "data")); err != nil || string(data) != layered["data"] {
			t.Errorf("leased, and not there: %v", err)
		}
	}
}

// A root that belongs to somebody else is refused.
func TestRootOfAnotherUser(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "root")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	user := guard.User{ID: os.Geteuid() + 64123}
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, 64124, 64124); err != nil {
			t.Fatal(err)
		}
		user.ID = 0
	}
	var root *RootError
	if _, err := OpenWith(dir, Options{User: user}); !errors.As(err, &root) || root.Problem != Exposed {
		t.Errorf("opened: %v", err)
	}
	s, err = OpenWith(dir, Options{User: user, Alone: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}
