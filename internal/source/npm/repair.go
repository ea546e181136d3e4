package npm

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"gostore/internal/archive"
	"gostore/internal/release"
)

// holding returns those of an item's tarballs that hold paths of its tree.
func holding(item release.Item, paths []string) ([]tarball, error) {
	all, err := tarballs(item)
	if err != nil {
		return nil, err
	}
	var list []tarball
	for _, name := range paths {
		best := -1
		for i, t := range all { // those above come before those in their node_modules
			if t.place == "" || strings.HasPrefix(name, path.Join(libDir, t.place)+"/") {
				best = i
			}
		}
		if best >= 0 && !slices.Contains(list, all[best]) {
			list = append(list, all[best])
		}
	}
	return list, nil
}

// Holding returns the packages, as NAME@VERSION, that hold paths of an item's tree.
func Holding(item release.Item, paths []string) ([]string, error) {
	list, err := holding(item, paths)
	var names []string
	for _, t := range list {
		names = append(names, t.String())
	}
	return names, err
}

// FetchOnly is Fetch of the tarballs alone that hold paths of the item's tree. It always returns a directory.
func (s *Source) FetchOnly(ctx context.Context, item release.Item, paths []string, part string, progress func(done, total int64)) (string, error) {
	list, err := holding(item, paths)
	if err != nil {
		return "", err
	}
	return s.fetchAll(ctx, list, part, progress)
}

// UnpackOnly unpacks what FetchOnly returned for the same paths, each tarball compared with its digest. The item's tree has other things
// beside.
func (s *Source) UnpackOnly(ctx context.Context, item release.Item, paths []string, dir string, sink archive.Sink, progress func(n int64)) error {
	list, err := holding(item, paths)
	if err != nil {
		return err
	}
	for _, t := range list {
		if err := t.unpack(ctx, filepath.Join(dir, t.digest.FileName()), sink, progress); err != nil {
			return fmt.Errorf("unpacking package %s: %w", t, err)
		}
	}
	return nil
}
