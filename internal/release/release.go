// Package release holds the nouns between what a person asks for and what the store keeps:
// a request becomes a release, a release has an archive for each platform.
//
// It is a vocabulary: plain values, their text forms, and the error that says that something
// does not exist. It reads nothing and decides nothing.
package release

import (
	"fmt"
	"io/fs"
	"strings"

	"gostore/internal/digest"
)

// Latest is the version of a request that names none: the newest release that is not a
// pre-release.
const Latest = "latest"

// Request is what a person asked for, such as go@1.22 or npm:prettier@3.
type Request struct {
	Source  string // the kind of source that was written out before a ":", such as "npm"; "" when none was
	Tool    string // "go", a Go package path, or the name of an npm package
	Version string // as the person wrote it; Latest when absent
}

// ParseRequest reads TOOL or TOOL@VERSION, with SOURCE: before it where one is meant. An npm scope
// (@scope/name) is a part of the tool's name.
func ParseRequest(s string) (Request, error) {
	source, rest, written := strings.Cut(s, ":")
	if !written {
		source, rest = "", s
	} else if !isWord(source) {
		return Request{}, fmt.Errorf("request %q: what stands before the \":\" is no source", s)
	}
	at := strings.IndexByte(rest, '@')
	if at == 0 {
		if i := strings.IndexByte(rest[1:], '@'); i >= 0 {
			at = i + 1
		} else if strings.Contains(rest, "/") {
			at = -1
		}
	}
	tool, version, found := rest, "", at >= 0
	if found {
		tool, version = rest[:at], rest[at+1:]
	}
	if err := CheckTool(tool); err != nil {
		return Request{}, err
	}
	if found && version == "" {
		return Request{}, fmt.Errorf("request %q: nothing follows the \"@\"", s)
	}
	if !found {
		version = Latest
	}
	if err := CheckVersion(version); err != nil {
		return Request{}, fmt.Errorf("request %q: %w", s, err)
	}
	if source == moduleWord {
		source = moduleSource
	}
	return Request{source, tool, version}, nil
}

// Go packages are written go:PATH; in locks their source has the name that says what it is.
const (
	moduleWord   = "go"
	moduleSource = "gomodule"
)

// String returns TOOL@VERSION, with SOURCE: before it where one was written out.
func (r Request) String() string {
	return r.Name() + "@" + r.Version
}

// Name returns the request without its version.
func (r Request) Name() string {
	switch r.Source {
	case "":
		return r.Tool
	case moduleSource:
		return moduleWord + ":" + r.Tool
	}
	return r.Source + ":" + r.Tool
}

// CheckTool reports whether name can name a tool: letters, digits and ". _ -" in
// elements separated by "/", none of which begins with "." or "-". The first of several may begin with "@", as npm's
// scopes do. Tool names become parts of file names, so nothing else is let through.
func CheckTool(name string) error {
	if name == "" {
		return fmt.Errorf("tool name is empty")
	}
	if len(name) > 200 {
		return fmt.Errorf("tool name %.20q… is longer than 200 bytes", name)
	}
	plain := name
	if strings.Contains(name, "/") {
		plain = strings.TrimPrefix(name, "@")
	}
	for element := range strings.SplitSeq(plain, "/") {
		switch {
		case element == "":
			return fmt.Errorf("tool name %q: empty element", name)
		case element[0] == '.' || element[0] == '-':
			return fmt.Errorf("tool name %q: element %q begins with %q", name, element, element[:1])
		}
	}
	if i := strings.IndexFunc(plain, notInName("._-/")); i >= 0 {
		return fmt.Errorf("tool name %q: character %q is not allowed", name, []rune(plain[i:])[0])
	}
	return nil
}

// CheckVersion reports whether v can be a version or the request for one: it becomes part of
// a file name as well.
func CheckVersion(v string) error {
	if v == "" {
		return fmt.Errorf("version is empty")
	}
	if len(v) > 100 {
		return fmt.Errorf("version %.20q… is longer than 100 bytes", v)
	}
	if v[0] == '.' || v[0] == '-' {
		return fmt.Errorf("version %q begins with %q", v, v[:1])
	}
	if i := strings.IndexFunc(v, notInName("._-+")); i >= 0 {
		return fmt.Errorf("version %q: character %q is not allowed", v, []rune(v[i:])[0])
	}
	return nil
}

// IsVariable reports whether POSIX shells take name for a variable's.
func IsVariable(name string) bool {
	for i, r := range []byte(name) {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// notInName reports characters other than ASCII letters, digits and those in extra.
func notInName(extra string) func(rune) bool {
	return func(r rune) bool {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return false
		}
		return !strings.ContainsRune(extra, r)
	}
}

// Archive is what one upstream serves for one platform of a release.
type Archive struct {
	From   string         // where from, in the source's own terms: a module version, a URL
	Digest digest.Archive // what upstream states for it; always known
	Size   int64          // bytes to download as upstream served it; a hint, 0 when not stated
	Tree   digest.Tree    // the tree it unpacks to; zero until somebody unpacked it

	// Logged is another digest of the contents, which a transparency log states: the h1 of the same Go
	// toolchain's module zip. It is absent where there is none, or where Digest is it.
	Logged digest.Archive
}

// Part is something that a release is made of beside its archive: a dependency.
type Part struct {
	Name   string // in the source's own terms, one printable word: golang.org/x/mod@v0.30.0
	Digest digest.Archive
}

// Compare orders parts by name.
func (p Part) Compare(q Part) int { return strings.Compare(p.Name, q.Name) }

// Release is one exact version of a tool, with an archive for each platform that upstream serves.
type Release struct {
	Tool, Version string
	Source        string // the name of the source that resolved it
	Archives      map[Platform]Archive
	Unlogged      bool // no transparency log vouches for the digests: they come from the upstream alone

	Origin   string   // where to look again, for a release that no index lists: a URL with {version}, {os}, {arch}, or a path
	FirstUse bool     // nobody stated the digests: they are those of what was served the first time
	With     string   // the release that makes the tool from its archive, as go@1.26.10; "" when none does
	Flags    []string // how it is made, in the source's own terms: cgo; sorted
	Parts    []Part   // sorted by name
	Layout   Layout   // zero where the source knows it from the version
}

// Item is what one object is made from: a release on one platform.
type Item struct {
	Tool, Version string
	Source        string
	With          string
	Flags         []string
	Parts         []Part
	Platform      Platform
	Archive       Archive
}

// Item returns what r is made from on a platform, and whether r is there for it.
func (r Release) Item(p Platform) (Item, bool) {
	a, ok := r.Archives[p]
	return Item{r.Tool, r.Version, r.Source, r.With, r.Flags, r.Parts, p, a}, ok
}

// Key names what i becomes: equal keys, equal trees. For a plain archive it is the archive's own digest. For what is
// made from more than that it is the SHA-256 of a text that lists all of it, a line each, in quotes as Go has them:
//
//	gostore recipe 1
//	source "gomodule"
//	tool "golang.org/x/tools/gopls" "v0.21.1"
//	platform "linux/amd64"
//	archive "h1:…" "golang.org/x/tools/gopls@v0.21.1"
//	with "go@1.26.10"
//	flag "cgo"
//	part "golang.org/x/mod@v0.30.0" "h1:…"
func (i Item) Key() digest.Archive {
	if i.With == "" && len(i.Flags) == 0 && len(i.Parts) == 0 {
		return i.Archive.Digest
	}
	var b strings.Builder
	fmt.Fprintf(&b, "gostore recipe 1\nsource %q\ntool %q %q\nplatform %q\narchive %q %q\nwith %q\n",
		i.Source, i.Tool, i.Version, i.Platform, i.Archive.Digest, i.Archive.From, i.With)
	for _, f := range i.Flags {
		fmt.Fprintf(&b, "flag %q\n", f)
	}
	for _, p := range i.Parts {
		fmt.Fprintf(&b, "part %q %q\n", p.Name, p.Digest)
	}
	return digest.SHA256([]byte(b.String()))
}

// Layout is how a release presents itself in an environment. Without Dirs and Names the tree decides: the
// executables of its directory bin, where there is none those at its top; and a tree that is one program is the command that is
// named after the tool.
type Layout struct {
	Dirs      []string          `json:"dirs"`                // directories of the tree whose executables go on PATH
	Names     map[string]string `json:"names,omitempty"`     // further command names, to paths in the tree
	Set       map[string]string `json:"set,omitempty"`       // variables to set; {dir} in a value is the tree's directory
	Unset     []string          `json:"unset,omitempty"`     // variables that must not be inherited
	Check     []string          `json:"check,omitempty"`     // command that tells the version
	CheckWant string            `json:"checkWant,omitempty"` // word that its output must contain
	CheckSkip []string          `json:"checkSkip,omitempty"` // variables that the command must not see: a user's settings that this version may not know

	// Runner is the tool of the same environment that runs the commands in Names, which are scripts of its language: node.
	Runner string `json:"runner,omitempty"`

	// HomeVar is a variable to set to the tree, for tools that cannot find it themselves. Their commands are
	// scripts that set it, and also Default, where the user has set nothing.
	HomeVar string            `json:"homeVar,omitempty"`
	Default map[string]string `json:"default,omitempty"`
}

// NotFoundError says that a tool, a version, or a platform of a version does not exist upstream.
// errors.Is(err, fs.ErrNotExist) holds.
type NotFoundError struct {
	Tool     string
	Version  string    // "" when the tool is not known at all
	Platform *Platform // set when the version exists, but not for this platform
	Have     []string  // what exists instead, nearest first
}

func (e *NotFoundError) Error() string {
	switch {
	case e.Version == "":
		return fmt.Sprintf("tool %q is not known", e.Tool)
	case e.Platform != nil:
		return fmt.Sprintf("%s@%s is not served for %s", e.Tool, e.Version, e.Platform)
	default:
		return fmt.Sprintf("%s@%s does not exist", e.Tool, e.Version)
	}
}

// Unwrap lets errors.Is find fs.ErrNotExist.
func (e *NotFoundError) Unwrap() error { return fs.ErrNotExist }
