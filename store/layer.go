package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/guard"
	"gostore/internal/smallfile"
	"gostore/internal/sys"
)

// Layers are stores below this one, which somebody else fills, such as the administrator of a machine. What a layer has need not be
// copied: an object of a layer that is used here is present by a link at the object's own name,
//
//	store/<hex>-name-version -> /opt/gostore/store/<hex>-name-version
//
// so that everything that refers to objects (environments, profiles, the links in projects) is the same wherever they lie.
// There is a description of it in meta/ and an entry in index/; the manifest is read from the layer.
//
// # What is taken from a layer
//
// Only objects that refer to no others: an environment's links lead to its neighbours, so one in a layer would lead past this store, to
// objects on which nobody here holds a lease. An environment is a few links and made anew.
//
// # Whom a layer must be safe from
//
// A link is followed only if it leads to the object of the same name in one of the layers that are configured at that moment, and if nobody
// but root and the user can write in any directory on the way there, the object's own included (package guard). When an object is taken into use for the
// first time every file in it is looked at as well.
//
// # Locks
//
// A lease on a layer's object is two: a shared flock on the object's directory in the layer, which its collector respects, and one on
// layers/<hex>, which this store's own does. Nothing in a layer is locked exclusively, created or changed. Anybody who can read a
// layer can lock its directories and never let go; so nothing is waited for there longer than a collector's claim takes, and then it is an error
// that says so.
//
// # What a crash leaves
//
// Taking an object into use writes its description, makes the filelock, then the link, and syncs its directory. A description without a link, and a filelock without
// one, are removed by Clean. A link whose object has gone is a *LayerError until LeaseOrDetach removes it.

// LayerError says why a layer, or an object of it, cannot be used.
type LayerError struct {
	Layer   string // its root
	Object  Object // the zero one where the whole layer is concerned and nothing of it is used here
	Problem string // "is not there", …
	Err     error  // the cause, may be nil; a *guard.Error where others could change it
}

func (e *LayerError) Error() string {
	text := fmt.Sprintf("the layer %q %s", e.Layer, e.Problem)
	if e.Object != (Object{}) {
		text = fmt.Sprintf("object %s is in the layer %q, which %s", e.Object, e.Layer, e.Problem)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause, unless that is that something does not exist: a link is there, and no look-up should take it for a miss.
func (e *LayerError) Unwrap() error {
	if errors.Is(e.Err, fs.ErrNotExist) {
		return nil
	}
	return e.Err
}

// Problems of a LayerError.
const (
	LayerGone       = "is not there"
	LayerUnreadable = "cannot be read"
	LayerExposed    = "can be changed by others"
	LayerForeign    = "is not a store"
	LayerUnlisted   = "is not among the layers that are configured"
	LayerWithout    = "does not have it any more"
	LayerLocked     = "holds it back: another process has locked it"
	LayerStrange    = "is none: a link at the object's name leads there"
)

// layer is a store below this one.
type layer struct {
	dir string
	err error // why nothing of it can be used, a *LayerError
}

// readLayers reads and judges the layers. One that is this store itself is left out, so that an administrator can work on a
// layer that the whole machine has.
func (s *Store) readLayers(read func() ([]string, error)) ([]layer, error) {
	if read == nil {
		return nil, nil
	}
	dirs, err := read()
	if err != nil {
		return nil, err
	}
	var self fs.FileInfo
	err = sys.Again(func() (err error) {
		self, err = s.root.Stat(".")
		return err
	})
	if err != nil {
		return nil, err
	}
	var list []layer
	for _, dir := range dirs {
		if fi, err := os.Stat(dir); err == nil && os.SameFile(fi, self) {
			continue
		}
		list = append(list, layer{dir, s.judgeLayer(dir)})
	}
	return list, nil
}

// judgeLayer returns why a layer cannot be used, nil if it can.
func (s *Store) judgeLayer(dir string) error {
	err := s.user.Path(dir)
	for _, sub := range []string{objectsDir, metaDir, indexDir} {
		if err == nil {
			err = judgeIn(s.user, dir, sub)
		}
	}
	var data []byte
	if err == nil {
		data, err = smallfile.Read(filepath.Join(dir, "format"))
	}
	if err == nil {
		err = checkFormat(dir, data)
	}
	if err == nil {
		return nil
	}
	return layerError(dir, err)
}

// layerError turns what the file system, or a judgement, said of a layer into a *LayerError.
func layerError(dir string, err error) error {
	e := &LayerError{Layer: dir, Problem: LayerUnreadable, Err: err}
	var fault *guard.Error
	var root *RootError
	switch {
	case errors.As(err, &fault):
		e.Problem = LayerExposed
	case errors.As(err, &root):
		e.Problem, e.Err = root.Problem, root.Err
	case errors.Is(err, fs.ErrNotExist):
		e.Problem, e.Err = LayerForeign, nil
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			e.Problem = LayerGone
		}
	case errors.Is(err, unix.ENOTDIR):
		e.Problem, e.Err = LayerForeign, nil
	}
	return e
}

// LayerState is a layer and why it cannot be used, nil if it can.
type LayerState struct {
	Dir string
	Err error
}

// Layers returns the layers that are configured, in their order. The error is why that is not known.
func (s *Store) Layers() ([]LayerState, error) {
	list, err := s.below()
	var states []LayerState
	for _, l := range list {
		states = append(states, LayerState{l.dir, l.err})
	}
	return states, err
}

// ObjectDirs returns the directories in which objects are: the store's own and those of its layers.
func (s *Store) ObjectDirs() []string {
	dirs := []string{s.path(objectsDir)}
	list, _ := s.below() // what is not known holds nothing that was used
	for _, l := range list {
		dirs = append(dirs, filepath.Join(l.dir, objectsDir))
	}
	return dirs
}

// layerIndex reads an entry of the layers' indexes.
func (s *Store) layerIndex(name string) (digest.Tree, bool) {
	list, _ := s.below() // the look-up that follows says why
	for _, l := range list {
		if l.err != nil {
			continue
		}
		if t, ok := readIndexFile(filepath.Join(l.dir, indexDir, name)); ok {
			return t, true
		}
	}
	return digest.Tree{}, false
}

// layerMeta returns the directory of descriptions of the layer that has an object, fs.ErrNotExist where none has.
func (s *Store) layerMeta(t digest.Tree) (string, error) {
	o, linked, err := s.own(t)
	if err != nil {
		return "", err
	}
	if !linked {
		return "", fs.ErrNotExist
	}
	dir, err := s.follow(o)
	return filepath.Join(filepath.Dir(filepath.Dir(dir)), metaDir), err
}

// describeLinked describes an object of a layer whose description here was lost. It works without the layer.
func (s *Store) describeLinked(o Object) Info {
	dir, ok := s.LayerOf(o)
	info := Info{Object: o, Tool: o.Name, Release: o.Version, Layer: dir}
	if !ok {
		return info
	}
	kept, err := readInfoFile(filepath.Join(dir, metaDir, o.Tree.Hex()+infoSuffix), o.Tree)
	if err == nil && len(kept.Refs) == 0 && kept.Object == o {
		kept.Layer = dir
		return kept
	}
	return info
}
