package store

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"gostore/internal/checked"
	"gostore/internal/digest"
	"gostore/internal/smallfile"
	"gostore/internal/tree"
)

// What is said of an object is in meta/: the description, and the manifest in a file of its own. A short manifest is in the description
// instead: of a small object half of what it costs to add, and to collect, is the number of its files.

const (
	manifestSuffix = ".manifest"
	infoSuffix     = ".json"

	// shortManifest is how many bytes of a manifest go into a description, which package smallfile then reads at once: together they have less
	// than 2 KiB. That is the environment of a tool or two.
	shortManifest = 1536
)

// description is what is in the file of a description.
type description struct {
	Info
	Manifest string `json:"manifest,omitempty"` // where it is short; else, and where an earlier gostore wrote it, it is in a file of its own
}

func (s *Store) metaPath(t digest.Tree, suffix string) string {
	return s.path(metaDir, t.Hex()+suffix)
}

// Manifest returns the manifest of an object. One that is lost or damaged is made again from the
// object; when that no longer has its digest the error is a *DamagedError.
func (s *Store) Manifest(t digest.Tree) (tree.Manifest, error) {
	if m, err := s.KeptManifest(t); err == nil {
		return m, nil
	}
	return s.rescan(t)
}

// KeptManifest returns the manifest that is kept of an object, that of a layer's from the layer. It is believed only if it has the digest. The error
// is fs.ErrNotExist where none is kept.
func (s *Store) KeptManifest(t digest.Tree) (tree.Manifest, error) {
	text, err := s.ManifestText(t)
	if err != nil {
		return tree.Manifest{}, err
	}
	m, err := tree.Parse(text)
	if err != nil {
		return tree.Manifest{}, err
	}
	if m.Digest() != t {
		return tree.Manifest{}, &digest.MismatchError{What: "manifest", Want: t.String(), Got: m.Digest().String()}
	}
	return m, nil
}

// ManifestText is KeptManifest as it is kept, right or not.
func (s *Store) ManifestText(t digest.Tree) ([]byte, error) {
	text, err := manifestIn(s.path(metaDir), t)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	dir, err := s.layerMeta(t)
	if err != nil {
		return nil, err
	}
	return manifestIn(dir, t)
}

// manifestIn reads the text of a manifest that is kept in a directory. What can be read of a damaged description is as good as that of a whole one: the
// digest tells whether it is right.
func manifestIn(dir string, t digest.Tree) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(dir, t.Hex()+manifestSuffix))
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	data, err := smallfile.Read(filepath.Join(dir, t.Hex()+infoSuffix))
	if err != nil {
		return nil, err
	}
	var d description
	if json.Unmarshal(data, &d) != nil || d.Manifest == "" {
		return nil, fs.ErrNotExist
	}
	return []byte(d.Manifest), nil
}

// DescriptionText returns the text of the kept description of a tree, right or not.
func (s *Store) DescriptionText(t digest.Tree) ([]byte, error) {
	return smallfile.Read(s.metaPath(t, infoSuffix))
}

// DescribedManifest returns the manifest that is in the text of a description, if it is that of a tree.
func DescribedManifest(text []byte, t digest.Tree) (tree.Manifest, bool) {
	var d description
	if json.Unmarshal(text, &d) != nil || d.Manifest == "" {
		return tree.Manifest{}, false
	}
	m, err := tree.Parse([]byte(d.Manifest))
	return m, err == nil && m.Digest() == t
}

// writeManifest writes a manifest into a file of its own.
func (s *Store) writeManifest(m tree.Manifest) error {
	return s.replace(path.Join(metaDir, m.Digest().Hex()+manifestSuffix), m.Write)
}

// short returns the text of a manifest that goes into a description, "" of any other.
func short(m tree.Manifest) string {
	if len(m.Entries()) > shortManifest/len("d a\n") {
		return ""
	}
	if text := m.Bytes(); len(text) <= shortManifest {
		return string(text)
	}
	return ""
}

// writeInfo writes a description.
func (s *Store) writeInfo(d description) error {
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	hex := d.Tree.Hex()
	return s.writeAtomic(path.Join(metaDir, hex+infoSuffix), checked.Add(hex, append(data, '\n')))
}

// encode returns the text of a description as stores had it before there were checks in it.
func (i Info) encode() ([]byte, error) {
	data, err := json.Marshal(i)
	return append(data, '\n'), err
}

// readInfo reads the kept description, which is believed only if its check is right. The object need not be there.
func (s *Store) readInfo(t digest.Tree) (Info, error) {
	return readInfoFile(s.metaPath(t, infoSuffix), t)
}

func readInfoFile(path string, t digest.Tree) (Info, error) {
	data, err := smallfile.Read(path)
	if err != nil {
		return Info{}, err
	}
	var info Info
	if err := json.Unmarshal(data, &info); err != nil {
		return Info{}, err
	}
	if err := checked.Verify(t.Hex(), data, info.encode); err != nil {
		return Info{}, err
	}
	if info.Tool == "" || info.Release == "" {
		return Info{}, errors.New("incomplete description")
	}
	info.Object = newObject(t, info.Tool, info.Release)
	return info, nil
}
