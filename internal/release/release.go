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

// Request is what a person asked for, such as go@1.22.
type Request struct {
	Tool    string // "go", or a module path for tools that are Go modules
	Version string // as the person wrote it; Latest when absent
}

// ParseRequest reads TOOL or TOOL@VERSION.
func ParseRequest(s string) (Request, error) {
	tool, version, found := strings.Cut(s, "@")
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
	return Request{tool, version}, nil
}

// String returns TOOL@VERSION.
func (r Request) String() string { return r.Tool + "@" + r.Version }

// CheckTool reports whether name can name a tool: letters, digits and ". _ -" in
// elements separated by "/", none of which begins with "." or "-". Tool names become parts of
// file names, so nothing else is let through.
func CheckTool(name string) error {
	if name == "" {
		return fmt.Errorf("tool name is empty")
	}
	if len(name) > 200 {
		return fmt.Errorf("tool name %.20q… is longer than 200 bytes", name)
	}
	for element := range strings.SplitSeq(name, "/") {
		switch {
		case element == "":
			return fmt.Errorf("tool name %q: empty element", name)
		case element[0] == '.' || element[0] == '-':
			return fmt.Errorf("tool name %q: element %q begins with %q", name, element, element[:1])
		}
	}
	if i := strings.IndexFunc(name, notInName("._-/")); i >= 0 {
		return fmt.Errorf("tool name %q: character %q is not allowed", name, []rune(name[i:])[0])
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
}

// Release is one exact version of a tool, with an archive for each platform that upstream serves.
type Release struct {
	Tool, Version string
	Source        string // the name of the source that resolved it
	Archives      map[Platform]Archive
	Unlogged      bool // no transparency log vouches for the digests: they come from the upstream alone
}

// Layout is how a release presents itself in an environment.
type Layout struct {
	Dirs      []string          `json:"dirs"`                // directories of the tree whose executables go on PATH
	Names     map[string]string `json:"names,omitempty"`     // further command names, to paths in the tree
	Set       map[string]string `json:"set,omitempty"`       // variables to set
	Unset     []string          `json:"unset,omitempty"`     // variables that must not be inherited
	Check     []string          `json:"check,omitempty"`     // command that tells the version
	CheckWant string            `json:"checkWant,omitempty"` // word that its output must contain
	CheckSkip []string          `json:"checkSkip,omitempty"` // variables that the command must not see: a user's settings that this version may not know

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
