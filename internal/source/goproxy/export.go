package goproxy

import (
	"crypto/sha256"
	"fmt"
	"path"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/tree"
)

// HashManifest returns the h1 of the one module zip that unpacks to a tree, for a toolchain: from and goVersion are those of
// its release, sum returns the SHA-256 of a content. A tree to which no zip unpacks is an error: an h1 says nothing about
// modes, links and empty directories, so without this many trees would have the same one.
func HashManifest(from, goVersion string, m tree.Manifest, sum func(digest.Content) [sha256.Size]byte) (digest.Archive, error) {
	if !isOf(from, goVersion) {
		return digest.Archive{}, fmt.Errorf("%q is not where go %s comes from", from, goVersion)
	}
	files := make(map[string][sha256.Size]byte)
	filled := make(map[string]bool) // directories with a file somewhere below
	for _, e := range m.Entries() {
		if e.Kind != tree.File && e.Kind != tree.Exec {
			continue
		}
		if path.Base(e.Path) == "_go.mod" {
			return digest.Archive{}, fmt.Errorf("%q has the name that go.mod has in a module zip", e.Path)
		}
		if (e.Kind == tree.Exec) != executable(e.Path) {
			return digest.Archive{}, fmt.Errorf("%q is of the kind %v, which it would not be", e.Path, e.Kind)
		}
		files[e.Path] = sum(e.Content)
		for dir := path.Dir(e.Path); dir != "." && !filled[dir]; dir = path.Dir(dir) {
			filled[dir] = true
		}
	}
	for _, e := range m.Entries() {
		if e.Kind == tree.Link || e.Kind == tree.Dir && !filled[e.Path] {
			return digest.Archive{}, fmt.Errorf("%q is of the kind %v, and a module zip has only files", e.Path, e.Kind)
		}
	}
	return HashTree(from, files)
}

// isOf reports whether from names a toolchain of a version, whatever its platform.
func isOf(from, goVersion string) bool {
	rest, ok := strings.CutPrefix(from, modulePath+"@v0.0.1-go"+goVersion+".")
	os, arch, cut := strings.Cut(rest, "-")
	return ok && cut && os != "" && arch != "" && !strings.ContainsAny(rest, "./@") && !strings.Contains(arch, "-")
}
