package project

import (
	"cmp"
	goversion "go/version"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"gostore/internal/release"
	"gostore/internal/version"
	"gostore/lock"
)

// Want is one thing that a project wants, and which file says so.
type Want = lock.Want

// claim is what one file says about one tool, before it is known whether it counts.
type claim struct {
	Want
	source string // claims of one source stand or fall together
	words  string // what the file says, as it says it: "go 1.21"

	none    bool   // nothing is asked for, and what other files say of the tool is overruled
	foreign bool   // the tool has no built-in definition; perhaps the project has one
	remark  string // why the words ask for nothing; "" when they do
}

// goTool is the tool that Go's own files speak of.
const goTool = "go"

// Wants returns what the project wants: for each tool what the first of these says that says anything
//
//	gostore.toml
//	gostore.lock, what was asked for when it was made
//	the toolchain line of go.work, then of go.mod
//	.go-version
//	mise.toml and .tool-versions, of each directory the first before the second, the nearest directory first
//	.node-version, then .nvmrc
//	package.json, volta
//	the go line of go.work, then of go.mod: a minimum, met by the newest patch of that version of the language
//	package.json, devEngines, then engines: a minimum as well
//
// and what it overrules. A mise.toml comes before the .tool-versions beside it because mise, which reads both, has it so, and asdf reads
// only the other. The lock's own request does not count when no version that it stands for
// would be enough for a minimum: otherwise a project whose go.mod moved on could not be locked again.
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
// as Wants makes, without the lock, and each minimum even where it is overruled.
func (p Project) Asks() ([]Want, error) {
	claims, err := p.claims()
	if err != nil {
		return nil, err
	}
	asks := choose(claims)
	for _, c := range claims {
		chosen := slices.ContainsFunc(asks, func(w Want) bool { return w.Place() == c.Place() && w.Minimum })
		none := slices.ContainsFunc(claims, func(o claim) bool { return o.none && o.Request.Tool == c.Request.Tool })
		if c.Minimum && !chosen && !none {
			asks = append(asks, c.Want)
		}
	}
	return asks, nil
}

// claims returns what the files other than the lock ask for, the strongest first.
func (p Project) claims() ([]claim, error) {
	all, err := p.said()
	return slices.DeleteFunc(all, func(c claim) bool { return c.remark != "" }), err
}

// Remarks returns what the project's files say that asks for nothing here, and why, a line each: FILE:LINE: WORDS: WHY.
func (p Project) Remarks() ([]string, error) {
	all, err := p.said()
	return remarks(all), err
}

func remarks(all []claim) []string {
	var lines []string
	for _, c := range all {
		if c.remark != "" {
			lines = append(lines, c.Place()+": "+printable(c.words)+": "+c.remark)
		}
	}
	return lines
}

// printable returns words as they are, and in quotes when a terminal might not show them so.
func printable(words string) string {
	if words == "" || strings.ContainsFunc(words, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return strconv.Quote(words)
	}
	return words
}

// said returns what the files other than the lock say, the strongest first.
func (p Project) said() ([]claim, error) {
	var all []claim
	add := func(path string, parse parser) error {
		claims, err := p.read(path, parse)
		all = append(all, claims...)
		return err
	}
	if err := add(p.Config, parseConfig); err != nil {
		return nil, err
	}
	settings := len(all)
	if err := add(p.Work, parseGoFile); err != nil {
		return nil, err
	}
	if err := add(p.Module, parseGoFile); err != nil {
		return nil, err
	}
	if err := add(p.Version, parserOf(pinName)); err != nil {
		return nil, err
	}
	for _, path := range p.Others {
		if err := add(path, parserOf(path)); err != nil {
			return nil, err
		}
	}
	rest := slices.Concat(pick(all[settings:], false), pick(all[settings:], true))
	return p.judge(append(all[:settings:settings], rest...))
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
		claims = append(claims, claim{Want: want, source: lock.Name, words: want.Request.String()})
	}
	return claims, nil
}

// tooOld reports whether c asks for something that is below a minimum among claims, whichever of the versions that it
// stands for is chosen.
func tooOld(c claim, claims []claim) bool {
	if c.Extra {
		return false
	}
	return slices.ContainsFunc(claims, func(other claim) bool {
		if !other.Minimum || other.Request.Tool != c.Request.Tool {
			return false
		}
		if c.Request.Tool == goTool {
			return belowGo("go"+c.Request.Version, "go"+other.AtLeast)
		}
		return below(c.Request.Version, other.AtLeast)
	})
}

func belowGo(asked, least string) bool {
	if !goversion.IsValid(asked) {
		return false
	}
	if goversion.Lang(asked) == asked {
		least = goversion.Lang(least)
	}
	return goversion.Compare(asked, least) < 0 && !strings.HasPrefix(least, asked+".")
}

func below(asked, least string) bool {
	return strings.IndexAny(asked, "0123456789") == 0 && version.Compare(asked, least) < 0 && !strings.HasPrefix(least, asked+".")
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
			if !c.none {
				wants = append(wants, c.Want)
			}
			continue
		}
		first := slices.IndexFunc(wants, func(w Want) bool { return w.Request.Tool == tool })
		if first < 0 {
			continue
		}
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
