package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/filelock"
	"gostore/internal/sys"
)

// linkLock is the path of the filelock of a link. Their directory is made with the first. The file is made before the link and stays as long
// as it, so that a collector needs no space to claim it.
func (s *Store) linkLock(t digest.Tree) (string, error) {
	if err := os.Mkdir(s.path(layersDir), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return s.path(layersDir, t.Hex()), nil
}

// LayerOf returns the root of the layer to which an object of the store is a link. It only reads the link.
func (s *Store) LayerOf(o Object) (string, bool) {
	target, err := os.Readlink(s.Path(o))
	if err != nil {
		return "", false
	}
	return layerOf(target, o)
}

// layerOf takes the target of an object's link apart, and says whether it is one that link makes.
func layerOf(target string, o Object) (dir string, ok bool) {
	dir = filepath.Dir(filepath.Dir(target))
	return dir, filepath.IsAbs(target) && target == filepath.Join(dir, objectsDir, o.Base())
}

// Usable returns why an object cannot be used, nil if it can: a *LayerError for one of a layer.
func (s *Store) Usable(o Object) error {
	fi, err := os.Lstat(s.Path(o))
	if err == nil && isLink(fi) {
		_, err = s.follow(o)
	}
	return err
}

// follow returns where a layer's object is, if it can be used. Otherwise the error is a *LayerError, or fs.ErrNotExist when the
// link has gone.
func (s *Store) follow(o Object) (string, error) {
	target, err := os.Readlink(s.Path(o))
	if errors.Is(err, unix.EINVAL) {
		return "", fs.ErrNotExist // it is an object of the store's own by now
	}
	if err != nil {
		return "", err
	}
	dir, ok := layerOf(target, o)
	if !ok {
		return "", &LayerError{Layer: target, Object: o, Problem: LayerStrange}
	}
	list, err := s.below()
	if err != nil {
		return "", &LayerError{Layer: dir, Object: o, Problem: LayerUnlisted, Err: err}
	}
	i := slices.IndexFunc(list, func(l layer) bool { return l.dir == dir })
	if i < 0 {
		return "", &LayerError{Layer: dir, Object: o, Problem: LayerUnlisted}
	}
	if err := list[i].err; err != nil {
		return "", about(o, err)
	}
	var st unix.Stat_t
	if err = sys.Lstat(target, &st); err == nil {
		err = s.user.Dir(target, &st)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return "", &LayerError{Layer: dir, Object: o, Problem: LayerWithout}
	}
	if err != nil {
		return "", about(o, layerError(dir, err))
	}
	return target, nil
}

// about names the object in an error of a layer.
func about(o Object, err error) error {
	var e *LayerError
	if !errors.As(err, &e) {
		return err
	}
	named := *e
	named.Object = o
	return &named
}

// fall looks for an object in the layers and takes the first into use that can be; missing is the error where none has it.
func (s *Store) fall(t digest.Tree, missing error) (Object, error) {
	list, err := s.below()
	if err != nil {
		return Object{}, err
	}
	for _, l := range list {
		if l.err != nil {
			continue // whoever installs is told
		}
		info, err := readInfoFile(filepath.Join(l.dir, metaDir, t.Hex()+infoSuffix), t)
		if err != nil || len(info.Refs) > 0 {
			continue
		}
		var st unix.Stat_t
		target := filepath.Join(l.dir, objectsDir, info.Base())
		if sys.Lstat(target, &st) != nil || uint32(st.Mode)&unix.S_IFMT != unix.S_IFDIR {
			continue // described, and collected or linked from elsewhere
		}
		if err := s.mayTake(info.Object, l.dir, target); err != nil {
			s.refuse(err)
			continue
		}
		return info.Object, s.link(info, target)
	}
	return Object{}, missing
}

// mayTake returns why an object is not to be taken from a layer into use, a *LayerError. One that is locked exclusively is about to be collected, or
// held back by somebody.
func (s *Store) mayTake(o Object, dir, target string) error {
	f, err := filelock.TryShareDir(target)
	if errors.Is(err, filelock.ErrBusy) {
		return &LayerError{Layer: dir, Object: o, Problem: LayerLocked}
	}
	if err == nil {
		err = errors.Join(s.judgeTree(target), f.Close())
	}
	if err != nil {
		return about(o, layerError(dir, err))
	}
	return nil
}

// refuse keeps why an object that a layer has was not taken from it.
func (s *Store) refuse(err error) {
	s.refusals.Lock()
	defer s.refusals.Unlock()
	if !slices.ContainsFunc(s.refusals.list, func(e error) bool { return e.Error() == err.Error() }) {
		s.refusals.list = append(s.refusals.list, err)
	}
}

// Refused returns why objects that layers have were not taken from them, since the store was opened: a *LayerError each.
func (s *Store) Refused() []error {
	s.refusals.Lock()
	defer s.refusals.Unlock()
	return slices.Clone(s.refusals.list)
}

// judgeLinked is judgeTree for an object that is in use.
func (s *Store) judgeLinked(o Object) error {
	dir, err := s.follow(o)
	if err == nil {
		err = s.judgeTree(dir)
	}
	if err == nil || errors.As(err, new(*LayerError)) {
		return err
	}
	return about(o, layerError(filepath.Dir(filepath.Dir(dir)), err))
}

// judgeTree looks at every file of a layer's object: nobody but root and the user may have, or write, one of them.
func (s *Store) judgeTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := sys.Lstat(path, &st); err != nil {
			return &os.PathError{Op: "lstat", Path: path, Err: err}
		}
		if e.IsDir() {
			return s.user.Dir(path, &st)
		}
		if e.Type() == fs.ModeSymlink { // its mode says nothing, and its directory is closed
			st.Mode &^= 0o022
		}
		return s.user.File(path, &st)
	})
}

// link makes a layer's object present.
func (s *Store) link(info Info, target string) error {
	describing, err := filelock.ShareDir(context.Background(), s.path(metaDir)) // Clean holds it for moments
	if err != nil {
		return err
	}
	defer describing.Close()
	info.Added = time.Now().UTC().Truncate(time.Second)
	if err := s.writeInfo(description{Info: info}); err != nil { // its manifest is in the layer
		return err
	}
	if err := s.makeLinkLock(info.Tree); err != nil {
		return err
	}
	err = os.Symlink(target, s.Path(info.Object))
	if errors.Is(err, fs.ErrExist) {
		return nil // somebody else was faster, with a link or with the object itself
	}
	if err != nil {
		return err
	}
	return durable.SyncDir(s.path(objectsDir))
}

// makeLinkLock makes the filelock of a link durably.
func (s *Store) makeLinkLock(t digest.Tree) error {
	path, err := s.linkLock(t)
	if err != nil {
		return err
	}
	f, err := filelock.ShareFile(context.Background(), path) // a collector's claim is held for moments
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), durable.SyncDir(s.path(layersDir)))
}

// rememberLinked keeps which tree an archive unpacked to, as a layer knows it: without the layer it shall be known what is missing.
func (s *Store) rememberLinked(a digest.Archive, t digest.Tree) {
	if known, ok := s.readIndex(a.FileName()); ok && known == t {
		return
	}
	_ = s.writeIndex(a, t) // best effort: the lease that is held lets it stay, and the next install writes it again
}

// claimPatience is how long a collector of a layer may claim an object until it counts as locked by somebody who never lets go:
// a claim is held for the time that reading the roots takes.
const claimPatience = 2 * time.Second

// leaseLinked takes a lease on an object of a layer. The error is fs.ErrNotExist when the link went meanwhile, or became something else.
func (s *Store) leaseLinked(ctx context.Context, o Object) (*Lease, error) {
	path, err := s.linkLock(o.Tree)
	if err != nil {
		return nil, err
	}
	own, err := filelock.ShareFile(ctx, path)
	if err != nil {
		return nil, err
	}
	f, err := s.shareLinked(ctx, o)
	if err != nil {
		own.Close() // best effort: a lock ends with its process at the latest
		return nil, err
	}
	return &Lease{o, s.Path(o), f, own}, nil
}

// shareLinked takes the shared lock on the object's directory in the layer, once it was judged.
func (s *Store) shareLinked(ctx context.Context, o Object) (*os.File, error) {
	for until := time.Now().Add(claimPatience); ; {
		target, err := s.follow(o)
		if err != nil {
			return nil, err
		}
		f, err := filelock.TryShareDir(target)
		layer := filepath.Dir(filepath.Dir(target))
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
			// Collected since it was looked at: look again.
		case !errors.Is(err, filelock.ErrBusy):
			return nil, about(o, layerError(layer, err))
		case time.Now().After(until):
			return nil, &LayerError{Layer: layer, Object: o, Problem: LayerLocked}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// claimLink claims a link to a layer's object. The layer is neither asked nor locked: what becomes of the link is this store's own.
func (s *Store) claimLink(o Object) (*Claim, error) {
	path, err := s.linkLock(o.Tree)
	if err != nil {
		return nil, err
	}
	lock, err := filelock.TryLock(path)
	if err != nil {
		return nil, err
	}
	if fi, err := os.Lstat(s.Path(o)); err != nil || !isLink(fi) {
		return nil, errors.Join(fs.ErrNotExist, lock.Remove()) // gone, or an object of the store's own since
	}
	return &Claim{store: s, object: o, link: lock}, nil
}

// LeaseOrDetach is Lease for whoever can make the object anew: a link to a layer's object that cannot be used is removed. Then the error is
// a *NotPresentError, unless another layer has it. In the layer nothing changes, and what became an object of the store's own
// meanwhile stays.
func (s *Store) LeaseOrDetach(ctx context.Context, t digest.Tree) (*Lease, error) {
	lease, err := s.Lease(ctx, t)
	if broken := (*LayerError)(nil); !errors.As(err, &broken) {
		return lease, err
	}
	o, linked, err := s.own(t)
	if err == nil && linked {
		err = sys.Unlink(s.Path(o))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
		return nil, &os.PathError{Op: "unlink", Path: s.Path(o), Err: err}
	}
	return s.Lease(ctx, t)
}

// cleanLinks removes the filelocks of links that are gone.
func (s *Store) cleanLinks() error {
	entries, err := os.ReadDir(s.path(layersDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		t, hexErr := digest.ParseTreeHex(e.Name())
		if hexErr != nil {
			continue
		}
		if _, linked, ownErr := s.own(t); ownErr == nil && linked {
			continue
		}
		lock, lockErr := filelock.TryLock(s.path(layersDir, e.Name()))
		if lockErr == nil { // else somebody holds it, or is about to make the link
			err = errors.Join(err, lock.Remove())
		}
	}
	return err
}
