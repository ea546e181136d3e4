// Package definition says how tools are obtained and how they present themselves: as data, in TOML.
//
// Definitions are built in, and extended or overridden, a whole definition by its name, by the user's and the project's own
// files. docs/tools.md describes every key for the people who write them.
//
// The package promises that what Parse accepted can be used without looking again: every URL is https and names its host
// literally, every template expands for every platform, every path stays inside the tree, and no variable is set that
// belongs to gostore or the shell. It fetches nothing, and whether what a definition says of an upstream is true it does not know.
package definition

import (
	"cmp"
	"slices"
	"strings"

	"gostore/internal/release"
	"gostore/internal/version"
)

// Definition describes a tool. It is obtained in the ways whose fields are set: URL or an index that states URLs, Module, NPM. A
// definition without any is of a tool that this program knows by itself. Its maps and slices belong to whoever made it: they
// are not to be changed.
type Definition struct {
	Name  string
	About string // one line
	Home  string // URL of its home page
	Place string // FILE:LINE, or "built in"

	Module string // the path of the Go package that is built
	NPM    string // the npm package; a template with {os} and {arch} where there is one per platform

	// The rest is for releases that are downloaded from URL; Platforms, OS and Arch are for NPM as well.

	URL       string     // template of an archive's URL; "" where Versions states the URLs
	Checksums string     // template of the URL of a file with checksums; "" where Versions states them, or with FirstUse
	FirstUse  bool       // upstream publishes no checksums: those of the first download count, and locks say so
	Signature *Signature // what signs the archives; nil for nothing
	Versions  Versions
	Platforms []release.Platform // none stands for DefaultPlatforms
	OS, Arch  map[string]string  // upstream's names for them, where they are not Go's: by OS/ARCH, else by OS or ARCH
	Ext       map[string]string  // the value of {ext}: by OS/ARCH, else by OS, else "default"

	// Layout may hold {version}, {major} and {minor}; LayoutFor replaces them.
	Layout release.Layout
}

// Versions says where the versions of a tool are listed. One of Git, JSON, Text and Index is set.
type Versions struct {
	Git  string // URL of a git repository: its tags
	Tag  string // what a tag, or an entry of a list, looks like: template with {version}; see Match for ""
	JSON string // URL of a JSON document
	Path string // where the versions are in it: names separated by dots, "*" for every element, "@key" for the keys of an object: "versions.@key", "*.version"
	Text string // URL of a text: a version in each line

	// Index is the URL of an index whose format this program knows, which Format names: FormatZig or FormatNode.
	Index, Format string

	Order version.Order // how versions are ordered
}

// The formats of Versions.Index.
const (
	FormatNode = "node" // https://nodejs.org/dist/index.json: versions, and the channels that lts names
	FormatZig  = "zig"  // https://ziglang.org/download/index.json: versions with URL, SHA-256 and size for each {arch}-{os}
)

// Signature says how archives are signed.
type Signature struct {
	Minisign string // public key: base64, without its comment line
	URL      string // template of the signature's URL; {url} is the archive's
}

// Names of the sources that obtain tools by definition; locks have them too.
const (
	SourceRelease = "release"  // by URL
	SourceModule  = "gomodule" // by Module
	SourceNPM     = "npm"      // by NPM
)

// builtinPlace is the Place of definitions that are a part of this program.
const builtinPlace = "built in"

// Sources returns the names of the sources that can obtain the tool, the one to prefer first: SourceRelease, SourceModule,
// SourceNPM. It is empty for a tool that this program knows by itself.
func (d Definition) Sources() []string {
	var names []string
	if d.URL != "" || d.Versions.Format == FormatZig {
		names = append(names, SourceRelease)
	}
	if d.Module != "" {
		names = append(names, SourceModule)
	}
	if d.NPM != "" {
		names = append(names, SourceNPM)
	}
	return names
}

// DefaultPlatforms returns the platforms of a definition that states none: Linux and macOS on amd64 and arm64, sorted.
func DefaultPlatforms() []release.Platform {
	return []release.Platform{{OS: "darwin", Arch: "amd64"}, {OS: "darwin", Arch: "arm64"}, {OS: "linux", Arch: "amd64"}, {OS: "linux", Arch: "arm64"}}
}

// Serves reports whether upstream publishes the tool for p. Not every version needs to have every platform.
func (d Definition) Serves(p release.Platform) bool {
	return slices.Contains(d.platforms(), p)
}

func (d Definition) platforms() []release.Platform {
	if len(d.Platforms) == 0 {
		return DefaultPlatforms()
	}
	return d.Platforms
}

// Upstream returns upstream's names for a platform.
func (d Definition) Upstream(p release.Platform) (os, arch string) {
	os = cmp.Or(d.OS[p.String()], d.OS[p.OS], p.OS)
	arch = cmp.Or(d.Arch[p.String()], d.Arch[p.Arch], p.Arch)
	return os, arch
}

// ext returns the value of {ext}, and whether there is one.
func (d Definition) ext(p release.Platform) (string, bool) {
	for _, key := range []string{p.String(), p.OS, anyOS} {
		if s, ok := d.Ext[key]; ok {
			return s, true
		}
	}
	return "", false
}

// anyOS is the key of Ext for every system that has none of its own.
const anyOS = "default"

// LayoutFor returns how one version of the tool presents itself: Layout with the version in place of its variables. {dir} in
// the values of environment variables stays, it is for package environment. Where Check is set and CheckWant is not, the
// version is wanted.
func (d Definition) LayoutFor(version string) release.Layout {
	put := func(s string) string { return fillVersion(s, version) }
	l := d.Layout
	l.Dirs = mapSlice(l.Dirs, put)
	l.Names = mapValues(l.Names, put)
	l.Set = mapValues(l.Set, put)
	l.Check = mapSlice(l.Check, put)
	l.CheckWant = put(l.CheckWant)
	if len(l.Check) > 0 && l.CheckWant == "" {
		l.CheckWant = version
	}
	return l
}

// mapSlice returns f of each element, and nil for nil.
func mapSlice(list []string, f func(string) string) []string {
	if list == nil {
		return nil
	}
	mapped := make([]string, len(list))
	for i, s := range list {
		mapped[i] = f(s)
	}
	return mapped
}

// mapValues returns m with f of each value, and nil for nil.
func mapValues(m map[string]string, f func(string) string) map[string]string {
	if m == nil {
		return nil
	}
	mapped := make(map[string]string, len(m))
	for k, s := range m {
		mapped[k] = f(s)
	}
	return mapped
}

// Match returns the version that a tag, or an entry of a list, stands for, by the template Tag; without one, tags of a
// git repository begin with "v" and entries of other lists are versions as they are. A version begins with a digit: what does not
// is no version.
func (v Versions) Match(entry string) (version string, ok bool) {
	tag := v.Tag
	switch {
	case tag == "" && v.Git != "":
		tag = "v{version}"
	case tag == "":
		tag = "{version}"
	}
	before, after, _ := strings.Cut(tag, "{version}")
	version, ok = strings.CutPrefix(entry, before)
	if !ok {
		return "", false
	}
	version, ok = strings.CutSuffix(version, after)
	if !ok || version == "" || version[0] < '0' || version[0] > '9' || release.CheckVersion(version) != nil {
		return "", false
	}
	return version, true
}
