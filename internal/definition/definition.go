// Package definition says how tools are obtained and how they present themselves: as data, in TOML.
//
// Definitions are built in, and extended or overridden, a whole definition by its name, by the user's and the project's own files.
package definition

import "gostore/internal/release"

// Definition describes a tool. It is obtained in the ways whose fields are set: Module, NPM, or URL.
type Definition struct {
	Name  string
	About string // one line
	Home  string // URL of its home page
	Place string // FILE:LINE, or "built in"

	Module string // the path of the Go package that is built
	NPM    string // the npm package; a template where there is one per platform

	// The rest is for releases that are downloaded from URL.

	URL       string     // template of an archive's URL; "" where Versions states the URLs
	Checksums string     // template of the URL of a file with checksums; "" where Versions states them
	Signature *Signature // what signs the archives; nil for nothing
	Versions  Versions
	Platforms []release.Platform
	OS, Arch  map[string]string // upstream's names for them, where they are not Go's
	Ext       map[string]string // by Go's OS, or "default": the value of {ext}

	Layout release.Layout
}

// Versions says where the versions of a tool are listed. One of Git, JSON, Text and Index is set.
type Versions struct {
	Git  string // URL of a git repository: its tags
	Tag  string // what a tag looks like: template with {version}; "" is v{version}
	JSON string // URL of a JSON document
	Path string // where the versions are in it: names separated by dots, "*" for every element, "@key" for the keys of an object: "versions.@key", "*.version"
	Text string // URL of a text: a version in each line

	// Index is the URL of an index whose format this program knows, which Format names: "zig" or "node".
	Index, Format string
}

// Signature says how archives are signed.
type Signature struct {
	Minisign string // public key
	URL      string // template of the signature's URL; {url} is the archive's
}
