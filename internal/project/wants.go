package project

import (
	"cmp"
	goversion "go/version"
	"path/filepath"
	"slices"
	"strings"

	"gostore/internal/release"
	"gostore/lock"
)

// Want is one thing that a project wants, and which file says so.
type Want = lock.Want

// claim is what one file says about one tool, before it is known whether it counts.
type claim struct {
	Want
	source string // claims of one source stand or fall together
	words  string // what the file says, as it says it: "go 1.21"
}

// goTool is the tool that Go's own files speak of.
const goTool = "go"

// Wants returns what the project wants: for each tool what the first of these says that says anything
//
//	gostore.toml
//	gostore.lock, what was asked for when it was made
//	the toolchain line of go.work, then of go.mod
//	.go-version
//	the go line of go.work, then of go.mod: a minimum, met by the newest patch of that version of the language
//
// and what it overrules. The lock's own request for Go does not count when no version that it stands for
// would be enough for a go line: otherwise a project whose go.mod moved on could not be locked again.
//
// The wants are sorted by tool, the primary version before extras, these in the order of their file. Errors
// are those of reading the files; what is wrong with their contents is a lock.ErrorList, a
// *textfile.Error or a *lock.VersionError, all with file and line.
func (p Project) Wants() ([]Want, error) {
	claims, err := p.claims()
	if err != nil {
		return nil, err
	}
	locked, err := p.lockClaims()
	if err != nil {
		return nil, err
	}
	locked = slices.DeleteFunc(locked, func(c claim) bool { return tooOld(c, claims) })
	own := slices.IndexFunc(claims, func(c claim) bool { return c.source != ConfigName })
	if own < 0 {
		own = len(claims)
	}
	return choose(slices.Insert(claims, own, locked...)), nil
}

// Asks returns what the project's files other than the lock ask of it, for lock.Check: the same choice
// as Wants makes, without the lock, and each go line as a minimum even where it is overruled.
func (p Project) Asks() ([]Want, error) {
	claims, err := p.claims()
	if err != nil {
		return nil, err
	}
	asks := choose(claims)
	for _, c := range claims {
		chosen := slices.ContainsFunc(asks, func(w Want) bool { return w.Place() == c.Place() && w.Minimum })
		if c.Minimum && !chosen {
			asks = append(asks, c.Want)
		}
	}
	return asks, nil
}

// claims returns what the files other than the lock say, the strongest first.
func (p Project) claims() ([]claim, error) {
	claims, err := p.read(p.Config, parseConfig)
	if err != nil {
		return nil, err
	}
	work, err := p.read(p.Work, parseGoFile)
	if err != nil {
		return nil, err
	}
	module, err := p.read(p.Module, parseGoFile)
	if err != nil {
		return nil, err
	}
	version, err := p.read(p.Version, parseVersionFile)
	if err != nil {
		return nil, err
	}
	claims = append(claims, pick(work, false)...)
	claims = append(claims, pick(module, false)...)
	claims = append(claims, version...)
	claims = append(claims, pick(work, true)...)
	return append(claims, pick(module, true)...), nil
}

// pick returns the claims that are minimums, or those that are not.
func pick(claims []claim, minimum bool) []claim {
	return slices.DeleteFunc(slices.Clone(claims), func(c claim) bool { return c.Minimum != minimum })
}

// lockClaims returns what the lock repeats of the requests that it was made for.
func (p Project) lockClaims() ([]claim, error) {
	if p.Lock == "" {
		return nil, nil
	}
	f, err := lock.Read(p.Lock)
	if err != nil {
		return nil, err
	}
	var claims []claim
	for _, t := range f.Tools {
		want := Want{Request: release.Request{Tool: t.Name, Version: t.Request}, Extra: t.Extra, File: p.relative(p.Lock)}
		claims = append(claims, claim{want, lock.Name, want.Request.String()})
	}
	return claims, nil
}

// tooOld reports whether c asks for a Go that is below a go line among claims, whichever patch of
// a version of the language is chosen.
func tooOld(c claim, claims []claim) bool {
	asked := "go" + c.Request.Version
	if c.Request.Tool != goTool || c.Extra || !goversion.IsValid(asked) {
		return false
	}
	return slices.ContainsFunc(claims, func(other claim) bool {
		least := "go" + other.AtLeast
		if goversion.Lang(asked) == asked {
			least = goversion.Lang(least)
		}
		return other.Minimum && goversion.Compare(asked, least) < 0 && !strings.HasPrefix(least, asked+".")
	})
}

// choose returns for each tool the claims of the source that comes first.
func choose(claims []claim) []Want {
	sources := map[string]string{}
	var wants []Want
	for _, c := range claims {
		tool := c.Request.Tool
		if _, taken := sources[tool]; !taken {
			sources[tool] = c.source
		}
		if sources[tool] == c.source {
			wants = append(wants, c.Want)
			continue
		}
		first := slices.IndexFunc(wants, func(w Want) bool { return w.Request.Tool == tool })
		if w := &wants[first]; c.Minimum || c.Extra || c.Request != w.Request {
			w.Overruled = append(w.Overruled, c.Place()+": "+c.words)
		}
	}
	slices.SortStableFunc(wants, func(a, b Want) int { return cmp.Compare(a.Request.Tool, b.Request.Tool) })
	return wants
}

// relative returns path as seen from the project's directory.
func (p Project) relative(path string) string {
	if rel, err := filepath.Rel(p.Dir, path); err == nil {
		return rel
	}
	return path
}
