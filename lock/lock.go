// Package lock keeps gostore.lock: which exact releases a project uses, and the digest of each
// one's archive for every platform, so that every machine gets the same bytes.
//
// The file is TOML with one byte sequence for one meaning: what Format writes is a function of
// the tools alone, without times, machine names or the order of commands, so that a diff shows
// what changed and nothing else. docs/lock-format.md is the normative text for its readers.
//
// Parse is strict about meaning (an unknown or a missing key, a digest in the wrong notation or
// two entries that contradict each other are errors, all reported with file, line and
// column) and lenient about form, because people merge the file: order, spacing and
// comments may be anything.
//
// Write and Update leave the old file or the new one, never a part of one and nothing beside it.
// Two Updates of one file never lose a change; that holds between processes on a file system
// that can lock directories, which some network file systems cannot.
//
// The package resolves nothing and asks no network. It does not say whether a digest is the right one:
// that is for the source that a tool came from.
package lock

import (
	"cmp"
	"maps"
	"slices"

	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/version"
)

// Name is the name of the file in a project's directory.
const Name = "gostore.lock"

// Version is the version of the format that this package reads and writes.
const Version = 1

// File is the meaning of a lock file.
type File struct {
	Tools []Tool
	// Vendor has the tree digests of the project's vendor directories, by their paths relative to the project with
	// slashes ("vendor", "tools/vendor"). It is nil where none are recorded.
	Vendor map[string]digest.Tree
}

// Tool is one locked release.
type Tool struct {
	Name    string // "go"
	Request string // what was asked for, "1.22"; what an update asks for again
	Version string // what it was resolved to, "1.22.6"
	Source  string // the name of the source that resolved it, "goproxy"
	// Extra is set on versions beside the primary one, of which a tool has exactly one: extras
	// are in the environment under their versioned names only.
	Extra bool

	// What follows is as in release.Release.
	Origin    string
	FirstUse  bool
	With      string
	Flags     []string
	Parts     []release.Part
	Layout    release.Layout
	Platforms map[release.Platform]release.Archive
}

// Of returns the tool that locks r, resolved from the version of a request.
func Of(r release.Release, request string, extra bool) Tool {
	return Tool{
		Name: r.Tool, Request: request, Version: r.Version, Source: r.Source, Extra: extra,
		Origin: r.Origin, FirstUse: r.FirstUse, With: r.With, Flags: r.Flags, Parts: r.Parts,
		Layout: r.Layout, Platforms: maps.Clone(r.Archives),
	}
}

// Release returns t as what a source resolved it to.
func (t Tool) Release() release.Release {
	return release.Release{
		Tool: t.Name, Version: t.Version, Source: t.Source, Archives: maps.Clone(t.Platforms),
		Origin: t.Origin, FirstUse: t.FirstUse, With: t.With, Flags: t.Flags, Parts: t.Parts, Layout: t.Layout,
	}
}

// Item returns what t is made from on a platform, and whether it is locked for it.
func (t Tool) Item(p release.Platform) (release.Item, bool) { return t.Release().Item(p) }

// compare is the order of tools in the file.
func (t Tool) compare(u Tool) int {
	return cmp.Or(
		cmp.Compare(t.Name, u.Name),
		compareBool(t.Extra, u.Extra),
		version.CompareNatural(t.Version, u.Version),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// Find returns the entries of a tool, the primary one first.
func (f *File) Find(name string) []Tool {
	var found []Tool
	for _, t := range f.Tools {
		if t.Name == name {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, Tool.compare)
	return found
}

// Set enters tools. A primary takes the place of the tool's primary, an extra that of the extra with
// the same request; an entry with the same version goes as well, except that an extra of the
// primary's version changes nothing but what is known of it. Sizes and tree digests that the file knows and the new
// entry does not are kept wherever the archive's digest is the same.
func (f *File) Set(tools ...Tool) {
	for _, t := range tools {
		t.Platforms = maps.Clone(t.Platforms)
		for _, old := range f.Tools {
			t.learn(old)
		}
		primary := slices.IndexFunc(f.Tools, func(old Tool) bool {
			return old.Name == t.Name && !old.Extra && old.Version == t.Version
		})
		if t.Extra && primary >= 0 {
			f.Tools[primary].learn(t)
			continue
		}
		f.Tools = slices.DeleteFunc(f.Tools, func(old Tool) bool {
			return old.Name == t.Name && (old.Version == t.Version ||
				old.Extra == t.Extra && (!t.Extra || old.Request == t.Request))
		})
		f.Tools = append(f.Tools, t)
	}
	slices.SortFunc(f.Tools, Tool.compare)
}

// learn takes from u what t does not know of the same archives, and of what they come to where that is made from the
// same.
func (t *Tool) learn(u Tool) {
	if t.Name != u.Name {
		return
	}
	for p, a := range t.Platforms {
		known := u.Platforms[p]
		if known.Digest != a.Digest {
			continue
		}
		a.Size = cmp.Or(a.Size, known.Size)
		mine, _ := t.Item(p)
		theirs, _ := u.Item(p)
		if mine.Key() == theirs.Key() {
			a.Tree = cmp.Or(a.Tree, known.Tree)
		}
		t.Platforms[p] = a
	}
}

// FillTrees records the trees of what is locked, as far as lookup knows what an item's key came to. It reports whether
// there was news.
func (f *File) FillTrees(lookup func(key digest.Archive) (digest.Tree, bool)) bool {
	news := false
	for _, t := range f.Tools {
		for p, a := range t.Platforms {
			item, _ := t.Item(p)
			if known, ok := lookup(item.Key()); ok && a.Tree.IsZero() {
				a.Tree = known
				t.Platforms[p] = a
				news = true
			}
		}
	}
	return news
}

// Remove takes all entries of a tool out, and reports whether there were any.
func (f *File) Remove(name string) bool {
	n := len(f.Tools)
	f.Tools = slices.DeleteFunc(f.Tools, func(t Tool) bool { return t.Name == name })
	return len(f.Tools) < n
}

// RemoveExtra takes the extras of a tool out that have this version or request, and reports whether there
// were any.
func (f *File) RemoveExtra(name, version string) bool {
	n := len(f.Tools)
	f.Tools = slices.DeleteFunc(f.Tools, func(t Tool) bool {
		return t.Name == name && t.Extra && (t.Version == version || t.Request == version)
	})
	return len(f.Tools) < n
}
