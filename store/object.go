package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gostore/internal/digest"
	"gostore/internal/dirent"
)

// Object names a tree in the store.
type Object struct {
	Tree    digest.Tree
	Name    string // of the tool; the last element where that is a path
	Version string // with "-" as "_", so that the directory name can be taken apart
}

// newObject makes the names fit for a directory name.
func newObject(t digest.Tree, name, version string) Object {
	return Object{t, path.Base(name), strings.ReplaceAll(version, "-", "_")}
}

// Base returns the name of the object's directory: <64 hexadecimal digits>-name-version.
func (o Object) Base() string { return o.Tree.Hex() + "-" + o.Name + "-" + o.Version }

// String returns name-version and the beginning of the digest, for people.
func (o Object) String() string {
	return fmt.Sprintf("%s-%s (%.12s)", o.Name, o.Version, o.Tree.Hex())
}

// ParseBase reads what Base returned.
func ParseBase(base string) (Object, error) {
	bad := func() (Object, error) { return Object{}, fmt.Errorf("object name %q: want DIGEST-NAME-VERSION", base) }
	if len(base) < 64 {
		return bad()
	}
	t, err := digest.ParseTreeHex(base[:64])
	if err != nil {
		return bad()
	}
	label, ok := strings.CutPrefix(base[64:], "-")
	cut := strings.LastIndexByte(label, '-')
	if !ok || cut <= 0 || cut == len(label)-1 {
		return bad()
	}
	return Object{t, label[:cut], label[cut+1:]}, nil
}

// Info says where an object came from.
type Info struct {
	Object  `json:"-"`
	Tool    string         `json:"tool"`    // as it was named when the object was added
	Release string         `json:"release"` // its version, likewise
	Archive digest.Archive `json:"archive,omitzero"`
	From    string         `json:"from,omitempty"`
	Files   int            `json:"files"` // entries of the manifest
	Size    int64          `json:"size"`  // bytes of content
	Refs    []digest.Tree  `json:"refs,omitempty"`
	Added   time.Time      `json:"added"`
	Layer   string         `json:"-"` // the root of the layer that has it, "" for an object of the store's own
}

// NotPresentError says that no object has a digest. errors.Is(err, fs.ErrNotExist) holds.
type NotPresentError struct{ Tree digest.Tree }

func (e *NotPresentError) Error() string { return "object " + e.Tree.String() + " is not in the store" }

// Unwrap lets errors.Is find fs.ErrNotExist.
func (e *NotPresentError) Unwrap() error { return fs.ErrNotExist }

// Path returns the directory of an object.
func (s *Store) Path(o Object) string { return s.path(objectsDir, o.Base()) }

// Objects lists the objects in the order of their digests, also those of layers that are in use here.
func (s *Store) Objects() ([]Object, error) {
	now, err := s.List()
	slices.SortFunc(now.Objects, func(a, b Object) int { return bytes.Compare(a.Tree[:], b.Tree[:]) })
	return now.Objects, err
}

// Listing is what store/ held at some moment, in no order.
type Listing struct {
	Objects   []Object
	Asides    []Aside  // the oldest first
	leftovers []string // names of discarded objects and of stages, dead or alive
}

// List lists store/.
func (s *Store) List() (Listing, error) {
	var now Listing
	var asides []string
	err := dirent.Each(s.path(objectsDir), func(name []byte, isDir, known bool) {
		if bytes.HasPrefix(name, []byte(trashPrefix)) || bytes.HasPrefix(name, []byte(stagePrefix)) {
			now.leftovers = append(now.leftovers, string(name))
			return
		}
		if bytes.HasPrefix(name, []byte(asidePrefix)) {
			asides = append(asides, string(name))
			return
		}
		o, err := ParseBase(string(name))
		if err == nil && (known && isDir || s.isObject(o)) {
			now.Objects = append(now.Objects, o)
		}
	})
	now.Asides = s.asides(asides)
	return now, err
}

// isObject reports whether there is a directory at an object's name, or a link to one of a layer.
func (s *Store) isObject(o Object) bool {
	fi, err := os.Lstat(s.Path(o))
	return err == nil && (fi.IsDir() || isLink(fi))
}

// Lookup finds the object with a digest, also one that only a layer has: a *NotPresentError where there is none, a *LayerError where
// a layer has it that cannot be used. It may be gone the moment after; use Lease to hold it.
func (s *Store) Lookup(t digest.Tree) (Object, error) {
	o, linked, err := s.own(t)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.fall(t, err)
	case linked:
		_, err = s.follow(o)
	}
	return o, err
}

// own finds an object in the store's own directory, and says whether it is a link to one of a layer, of whatever kind.
func (s *Store) own(t digest.Tree) (o Object, linked bool, err error) {
	if info, err := s.readInfo(t); err == nil {
		fi, err := os.Lstat(s.Path(info.Object))
		if err == nil && (fi.IsDir() || isLink(fi)) {
			return info.Object, isLink(fi), nil
		}
	}
	for {
		if o, err = s.find(t); err != nil {
			return o, false, err
		}
		if fi, err := os.Lstat(s.Path(o)); !errors.Is(err, fs.ErrNotExist) { // else it went since: look again
			return o, err == nil && isLink(fi), nil
		}
	}
}

// becameLink reports whether there is a link at an object's name, where something else was found before.
func (s *Store) becameLink(o Object) bool {
	fi, err := os.Lstat(s.Path(o))
	return err == nil && isLink(fi)
}

func isLink(fi fs.FileInfo) bool { return fi.Mode()&fs.ModeSymlink != 0 }

// find looks an object up in the directory itself, for when its description is lost.
func (s *Store) find(t digest.Tree) (Object, error) {
	prefix := []byte(t.Hex() + "-")
	var found []string
	err := dirent.Each(s.path(objectsDir), func(name []byte, _, _ bool) { // not parsed: every look-up of what is not there comes here
		if bytes.HasPrefix(name, prefix) {
			found = append(found, string(name))
		}
	})
	if err != nil {
		return Object{}, err
	}
	for _, name := range found {
		if o, err := ParseBase(name); err == nil {
			return o, nil
		}
	}
	return Object{}, &NotPresentError{t}
}

// Info describes an object in the store. A lost or damaged description is made again from the
// object itself as far as it says: with its references, without its origin.
func (s *Store) Info(t digest.Tree) (Info, error) {
	info, err := s.readInfo(t)
	if err == nil {
		if fi, err := os.Lstat(s.Path(info.Object)); err == nil {
			if isLink(fi) {
				info.Layer, _ = s.LayerOf(info.Object)
			}
			return info, nil
		}
	}
	o, linked, err := s.own(t)
	switch {
	case err != nil:
		return Info{}, err
	case linked:
		return s.describeLinked(o), nil
	}
	return s.describe(o)
}

// InfoOf is Info for an object that Objects listed, without looking whether it is there still: the error is
// fs.ErrNotExist at most where it has gone.
func (s *Store) InfoOf(o Object) (Info, error) {
	layer, linked := s.LayerOf(o)
	if info, err := s.readInfo(o.Tree); err == nil && info.Object == o {
		info.Layer = layer
		return info, nil
	}
	if linked {
		return s.describeLinked(o), nil
	}
	return s.describe(o)
}

// describe makes the description of an object from its directory.
func (s *Store) describe(o Object) (Info, error) {
	info := Info{Object: o, Tool: o.Name, Release: o.Version}
	err := filepath.WalkDir(s.Path(o), func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info.Files++
		fi, err := e.Info()
		if err != nil {
			return err
		}
		switch {
		case fi.Mode().IsRegular():
			info.Size += fi.Size()
		case fi.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			sibling, ok := s.sibling(filepath.Join(filepath.Dir(name), target))
			if ok && sibling != o.Tree && !slices.Contains(info.Refs, sibling) {
				info.Refs = append(info.Refs, sibling)
			}
		default:
			info.Added = fi.ModTime()
		}
		return nil
	})
	info.Files-- // the root has no entry
	return info, err
}

// sibling returns the object that a path of this store leads into.
func (s *Store) sibling(name string) (digest.Tree, bool) {
	rel, err := filepath.Rel(s.path(objectsDir), name)
	if err != nil {
		return digest.Tree{}, false
	}
	base, _, _ := strings.Cut(rel, string(filepath.Separator))
	o, err := ParseBase(base)
	return o.Tree, err == nil
}
