package store

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/durable"
)

// CheckNames looks at what does not belong to one slice: the entries of the index, and whether each name in the store's directories is one
// that something there can have. What is wrong with an entry that leads to no object does not matter; it is about to be removed.
func (s *Store) CheckNames() ([]Damage, error) {
	var damage []Damage
	wrong := func(kind, problem string, elements ...string) {
		damage = append(damage, Damage{Kind: kind, Path: s.path(elements...), Problem: problem})
	}
	objects, shards, metas, index, err := s.listDirs()
	if err != nil {
		return nil, err
	}
	if data, err := os.ReadFile(s.path("format")); err != nil || string(data) != FormatVersion+"\n" {
		wrong(NameDamage, "is not what was written to it", "format")
	}
	for _, name := range objects {
		_, err := ParseBase(name)
		_, aside := s.parseAside(name)
		if err != nil && !aside && !strings.HasPrefix(name, stagePrefix) && !strings.HasPrefix(name, trashPrefix) {
			wrong(NameDamage, "has a name that no object has", objectsDir, name)
		}
	}
	for _, name := range shards {
		if len(name) != 2 || strings.Trim(name, "0123456789abcdef") != "" {
			wrong(NameDamage, "has a name that no directory of contents has", filesDir, name)
		}
	}
	for _, name := range metas {
		base, isManifest := strings.CutSuffix(name, manifestSuffix)
		base, isInfo := strings.CutSuffix(base, infoSuffix)
		base, isMembers := strings.CutSuffix(base, membersSuffix)
		if _, err := digest.ParseTreeHex(base); err != nil || !isManifest && !isInfo && !isMembers {
			wrong(NameDamage, "has a name that no description has", metaDir, name)
		}
	}
	for _, name := range index {
		data, err := os.ReadFile(s.path(indexDir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // collected meanwhile
		}
		if err != nil {
			wrong(IndexDamage, "cannot be read: "+err.Error(), indexDir, name)
		} else if _, ok := parseIndex(name, data); !ok {
			wrong(IndexDamage, "is not what was written to it", indexDir, name)
		}
	}
	return damage, nil
}

// listDirs lists the directories of a store, without temporary files.
func (s *Store) listDirs() (objects, shards, metas, index []string, err error) {
	for _, dir := range []struct {
		name string
		to   *[]string
	}{{objectsDir, &objects}, {filesDir, &shards}, {metaDir, &metas}, {indexDir, &index}} {
		entries, err := os.ReadDir(s.path(dir.name))
		if err != nil {
			return nil, nil, nil, nil, err
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), durable.TempPrefix) {
				*dir.to = append(*dir.to, e.Name())
			}
		}
	}
	return objects, shards, metas, index, nil
}
