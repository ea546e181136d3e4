package lock

import (
	"fmt"
	goversion "go/version"
	"slices"
	"strings"

	"gostore/internal/release"
	"gostore/internal/version"
)

// Want is one thing that a project says it wants, and where it says so.
type Want struct {
	Request release.Request // what to resolve
	// Minimum is set where the project states the least that it works with instead of what to
	// use, as a bare go line does; AtLeast is that version. Request then asks for the newest
	// release that is a sensible choice.
	Minimum   bool
	AtLeast   string
	Extra     bool     // wanted beside the primary version
	Complete  bool     // File lists every version of the tool that is wanted: an extra that it does not list is stale
	File      string   // which file says so, relative to the project's directory
	Line      int      // and in which line; 0 when the file is not one of lines that people write
	Overruled []string // what other files say instead, "go.mod:5: go 1.21"
}

// Place returns FILE:LINE, or FILE.
func (w Want) Place() string {
	if w.Line == 0 {
		return w.File
	}
	return fmt.Sprintf("%s:%d", w.File, w.Line)
}

// asks is the part of a message that says what w wants.
func (w Want) asks() string {
	switch {
	case w.Minimum:
		return "at least " + w.AtLeast
	case w.Request.Source != "":
		return w.Request.String()
	case w.Extra:
		return w.Request.Version + " as an extra"
	}
	return w.Request.Version
}

// Difference is one point in which a lock is not what the project wants.
type Difference struct {
	Tool   string `json:"tool"`
	Asked  string `json:"asked"`  // "1.22", "at least 1.22.5", "1.21 as an extra"; "" when nothing asks for what is locked
	By     string `json:"by"`     // FILE:LINE that asks, or that would have to
	Locked string `json:"locked"` // the version that is locked instead; "" when there is none
}

func (d Difference) String() string {
	switch {
	case d.Asked == "":
		return fmt.Sprintf("%s: %s is locked as an extra, but %s does not ask for it", d.Tool, d.Locked, d.By)
	case d.Locked == "":
		return fmt.Sprintf("%s: %s asks for %s, but nothing like it is locked", d.Tool, d.By, d.Asked)
	}
	return fmt.Sprintf("%s: %s asks for %s, but %s is locked", d.Tool, d.By, d.Asked, d.Locked)
}

// OutdatedError says that a lock is not what its project wants.
type OutdatedError struct {
	File        string // the lock file
	Differences []Difference
}

// Error returns a line for each difference.
func (e *OutdatedError) Error() string {
	var b strings.Builder
	b.WriteString(e.File + " is out of date")
	for _, d := range e.Differences {
		b.WriteString("\n" + d.String())
	}
	return b.String()
}

// Check compares a lock with what its project wants. It returns nothing when the lock is up to date.
//
// A wanted version is there when an entry in the wanted role repeats the request word for word, or
// when its version is the one requested or begins with its elements: 1.22.6 is a 1.22, 1.2.3 is
// not. A minimum is met by a primary version that is not below it, in the order of the tool's versions. An extra is also
// there when the primary version is the one requested.
func Check(f *File, wants []Want) []Difference {
	var found []Difference
	missing := map[string]bool{}
	for _, w := range wants {
		entries := f.Find(w.Request.Tool)
		d := Difference{Tool: w.Request.Tool, Asked: w.asks(), By: w.Place()}
		switch {
		case slices.ContainsFunc(entries, w.metBy):
			continue
		case len(entries) == 0 && missing[d.Tool]:
			continue // one complaint is enough for a tool that is not there at all
		case len(entries) == 0:
			missing[d.Tool] = true
		case !w.Extra:
			d.Locked = entries[0].Version
		}
		found = append(found, d)
	}
	return append(found, stale(f, wants)...)
}

// metBy reports whether t is what w wants. A source that is written out is wanted as well.
func (w Want) metBy(t Tool) bool {
	switch {
	case w.Request.Source != "" && w.Request.Source != t.Source:
		return false
	case w.Minimum:
		return !t.Extra && w.enough(t.Version)
	case w.Extra:
		return t.Extra && t.Request == w.Request.Version || isOf(t.Version, w.Request.Version)
	}
	return !t.Extra && (t.Request == w.Request.Version || isOf(t.Version, w.Request.Version))
}

// enough reports whether a version is at least the minimum.
func (w Want) enough(v string) bool {
	if w.Request.Tool == "go" {
		return goversion.Compare("go"+v, "go"+w.AtLeast) >= 0
	}
	return version.Compare(v, w.AtLeast) >= 0
}

// isOf reports whether v is the one requested, or one of those that it stands for.
func isOf(v, requested string) bool {
	rest, ok := strings.CutPrefix(v, requested)
	return ok && (rest == "" || rest[0] == '.')
}

// Contradiction says how an entry contradicts itself, "" where it does not: its digests may be right, and of another tool or
// version. The version is one that the request stands for, where both are numbers; and what is fetched is of that tool and
// version, where the source has one tool only, or writes versions into names.
func (t Tool) Contradiction() string {
	if numbers(t.Request) && numbers(t.Version) && !isOf(t.Version, t.Request) {
		return fmt.Sprintf("%s is locked to %s, which is no %s, though that was requested", t.Name, t.Version, t.Request)
	}
	switch t.Source {
	case "goproxy", "godev":
		if t.Name != "go" {
			return fmt.Sprintf("%s is locked from %s, which has nothing but go", t.Name, t.Source)
		}
	case "gomodule", "npm":
	default:
		return ""
	}
	for _, p := range sortedPlatforms(t) {
		if from := t.Platforms[p].From; !hasWord(from, t.Version) {
			return fmt.Sprintf("%s is locked to %s, but fetched for %s from %s", t.Name, t.Version, p, from)
		}
	}
	return ""
}

// numbers reports whether a version is nothing but numbers and dots.
func numbers(v string) bool { return strings.Trim(v, "0123456789.") == "" }

// hasWord reports whether s has word with no digit before or after it.
func hasWord(s, word string) bool {
	for i := 0; ; i++ {
		j := strings.Index(s[i:], word)
		if j < 0 {
			return false
		}
		i += j
		if end := i + len(word); !digitAt(s, i-1) && !digitAt(s, end) {
			return true
		}
	}
}

func digitAt(s string, i int) bool { return i >= 0 && i < len(s) && '0' <= s[i] && s[i] <= '9' }

// stale returns the extras that nothing asks for, of tools whose wanted versions are all in one file.
func stale(f *File, wants []Want) []Difference {
	var found []Difference
	for _, t := range f.Tools {
		if !t.Extra {
			continue
		}
		complete := slices.IndexFunc(wants, func(w Want) bool { return w.Complete && w.Request.Tool == t.Name })
		wanted := slices.ContainsFunc(wants, func(w Want) bool { return w.Request.Tool == t.Name && w.Extra && w.metBy(t) })
		if complete >= 0 && !wanted {
			found = append(found, Difference{Tool: t.Name, By: wants[complete].File, Locked: t.Version})
		}
	}
	return found
}
