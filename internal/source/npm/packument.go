package npm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"gostore/internal/digest"
)

// packument is what a registry says about a package: https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md,
// the full document.
type packument struct {
	name     string
	tags     map[string]string
	versions []entry // sorted, newest first
}

// entry is a version of a package, whose description is read when it is needed: what is odd in one version does not
// matter for the others.
type entry struct {
	text    string
	version semver
	data    json.RawMessage
}

// parsePackument reads the document about the package name. Versions that are none by semver.org are left out; without any other
// errors.Is(err, fs.ErrNotExist) holds.
func parsePackument(name string, data []byte) (*packument, error) {
	var doc struct {
		Name     string                     `json:"name"`
		Tags     map[string]string          `json:"dist-tags"`
		Versions map[string]json.RawMessage `json:"versions"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("the registry's answer about package %q: %w", name, err)
	}
	if doc.Name != name {
		return nil, fmt.Errorf("the registry's answer about package %q is about %.80q", name, doc.Name)
	}
	p := &packument{name: name, tags: doc.Tags}
	for text, data := range doc.Versions {
		if v, ok := parseVersion(text); ok {
			p.versions = append(p.versions, entry{text, v, data})
		}
	}
	if len(p.versions) == 0 {
		return nil, fmt.Errorf("package %q has no versions in the registry, so it was unpublished: %w", name, fs.ErrNotExist)
	}
	slices.SortFunc(p.versions, func(a, b entry) int {
		if c := b.version.compare(a.version); c != 0 {
			return c
		}
		return strings.Compare(a.text, b.text)
	})
	return p, nil
}

// texts returns the versions, newest first.
func (p *packument) texts() []string {
	list := make([]string, len(p.versions))
	for i, e := range p.versions {
		list[i] = e.text
	}
	return list
}

// manifest returns what is said about one version, nil if it does not exist.
func (p *packument) manifest(version string) (*manifest, error) {
	i := slices.IndexFunc(p.versions, func(e entry) bool { return e.text == version })
	if i < 0 {
		return nil, nil
	}
	return p.versions[i].manifest(p.name)
}

func (e entry) manifest(name string) (*manifest, error) {
	m := &manifest{version: e.version}
	if err := json.Unmarshal(e.data, m); err != nil {
		return nil, fmt.Errorf("the registry's answer about package %s@%s: %w", name, e.text, err)
	}
	if m.Name != name || m.Version != e.text {
		return nil, fmt.Errorf("the registry's answer about package %s@%s is about %.80q", name, e.text, m.Name+"@"+m.Version)
	}
	return m, nil
}

// manifest is what a registry says about one version of a package: its package.json and where its tarball is.
type manifest struct {
	Name       string `json:"name"`
	Version    string `json:"version"`
	Bin        bins   `json:"bin"`
	OS         words  `json:"os"`
	CPU        words  `json:"cpu"`
	Libc       words  `json:"libc"`
	Engines    table  `json:"engines"`
	Deprecated flag   `json:"deprecated"`
	Needs      table  `json:"dependencies"`
	Optional   table  `json:"optionalDependencies"`
	Peers      table  `json:"peerDependencies"`
	PeerMeta   metas  `json:"peerDependenciesMeta"`
	Bundle     bundle `json:"bundleDependencies"`
	Bundled    bundle `json:"bundledDependencies"` // another spelling
	Dist       struct {
		Integrity string `json:"integrity"`
		Tarball   string `json:"tarball"`
	} `json:"dist"`

	version semver
}

// String returns NAME@VERSION.
func (m *manifest) String() string { return m.Name + "@" + m.Version }

// errNoIntegrity says that there is nothing by which a tarball could be checked.
var errNoIntegrity = errors.New("the registry states no SHA-512 for it (dist.integrity), and a SHA-1 is not enough; take another version, or one that was published after 2017")

// digest returns the SHA-512 of the tarball. dist.integrity is Subresource Integrity as W3C defines it: digests separated by
// spaces, each perhaps with options after a "?".
func (m *manifest) digest() (digest.Archive, error) {
	for field := range strings.FieldsSeq(m.Dist.Integrity) {
		field, _, _ = strings.Cut(field, "?")
		if !strings.HasPrefix(field, "sha512-") {
			continue
		}
		d, err := digest.ParseArchive(field)
		if err != nil {
			return d, fmt.Errorf("package %s: %w", m, err)
		}
		return d, nil
	}
	return digest.Archive{}, fmt.Errorf("package %s: %w", m, errNoIntegrity)
}

// bundles reports whether the tarball holds the dependency name itself.
func (m *manifest) bundles(name string) bool {
	return m.Bundle.has(name) || m.Bundled.has(name)
}

// What people publish has all kinds of shapes. The types below take what they understand and leave the rest out, as npm does.

// words is a list of words, or one alone.
type words []string

// UnmarshalJSON reads a string or an array of strings; everything else is an empty list.
func (w *words) UnmarshalJSON(data []byte) error {
	var one string
	var many []string
	switch {
	case json.Unmarshal(data, &one) == nil && one != "":
		*w = words{one}
	case json.Unmarshal(data, &many) == nil:
		*w = many
	}
	return nil
}

// table is an object with strings.
type table map[string]string

// UnmarshalJSON reads an object, without those of its values that are no strings; everything else is an empty table.
func (t *table) UnmarshalJSON(data []byte) error {
	var values map[string]json.RawMessage
	if json.Unmarshal(data, &values) != nil || len(values) == 0 {
		return nil
	}
	*t = make(table, len(values))
	for name, data := range values {
		var text string
		if json.Unmarshal(data, &text) == nil {
			(*t)[name] = text
		}
	}
	return nil
}

// metas says of peer dependencies whether they are optional.
type metas map[string]bool

// UnmarshalJSON reads an object of objects; everything else is an empty one.
func (m *metas) UnmarshalJSON(data []byte) error {
	var values map[string]struct {
		Optional flag `json:"optional"`
	}
	if json.Unmarshal(data, &values) != nil {
		return nil
	}
	*m = make(metas, len(values))
	for name, v := range values {
		(*m)[name] = bool(v.Optional)
	}
	return nil
}

// flag is a truth value; a text that is not empty is true, as the reasons in "deprecated" are.
type flag bool

// UnmarshalJSON never fails.
func (f *flag) UnmarshalJSON(data []byte) error {
	var text string
	var truth bool
	*f = json.Unmarshal(data, &truth) == nil && flag(truth) || json.Unmarshal(data, &text) == nil && text != ""
	return nil
}

// bundle is a list of names, or true for all dependencies.
type bundle struct {
	all   bool
	names []string
}

// UnmarshalJSON reads a truth value or a list; everything else is an empty list.
func (b *bundle) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &b.all) != nil {
		b.all = false
		_ = json.Unmarshal(data, &b.names) // what is no list is an empty one
	}
	return nil
}

func (b bundle) has(name string) bool { return b.all || slices.Contains(b.names, name) }

// bins is the field "bin": the one command's path, or paths by command.
type bins struct {
	only string
	all  table
}

// UnmarshalJSON reads a string or an object; everything else is no command.
func (b *bins) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &b.only) != nil {
		b.only = ""
		return b.all.UnmarshalJSON(data)
	}
	return nil
}
