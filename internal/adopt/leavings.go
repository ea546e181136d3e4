package adopt

import (
	"go/version"
	"maps"
	"path"
	"slices"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/source/goproxy"
	"gostore/internal/tree"
)

// match finds out which of the files are the toolchain that the database states: all of them, those with the names of a distribution that is
// here already, or those that are left without what leavings names. It returns nil and the h1 of what was left of them last if
// none is right. An h1 says which names there are and what each holds, so no choice of names can make another toolchain pass.
func (c Config) match(r *Result, found contents) (files contents, left []string, got digest.Archive, err error) {
	keeps := []func(string) bool{func(string) bool { return true }}
	if c.Alike != nil {
		if m, ok := c.Alike(r.Version, r.Platform); ok {
			keeps = append(keeps, namesOf(m))
		}
	}
	for i, keep := range append(keeps, leavings(r.Version, r.Platform, found)...) {
		kept, without := found.without(keep)
		if i > 0 && slices.Equal(without, left) { // as the one before
			continue
		}
		left = without
		sums, ok := kept.sums()
		if !ok {
			continue
		}
		h1, err := goproxy.HashTree(goproxy.Module(r.Version, r.Platform), sums)
		if err != nil {
			return nil, nil, got, err
		}
		if h1 == r.Want {
			return kept, without, h1, nil
		}
		got = h1
	}
	return nil, nil, got, nil
}

// namesOf keeps the names that a manifest has.
func namesOf(m tree.Manifest) func(string) bool {
	return func(path string) bool {
		_, ok := m.Find(path)
		return ok
	}
}

// leavings returns rules, each of which keeps what may be the toolchain, one stricter than the other: what people, Go itself and
// other version managers put into a toolchain's directory is left out. What belongs there is not the same for all versions: programs in bin are go
// and gofmt, and godoc before Go 1.13; before Go 1.20 there were archives of the standard library in pkg/OS_ARCH, for the platform and
// perhaps for the race detector.
func leavings(goVersion string, p release.Platform, found contents) []func(string) bool {
	programs := []string{"go", "gofmt"}
	if before(goVersion, "1.13") {
		programs = append(programs, "godoc")
	}
	checkout := slices.ContainsFunc(slices.Collect(maps.Keys(found)), func(name string) bool { return strings.HasPrefix(name, ".git/") })
	never := func(name string) bool {
		return !ofManager(name) && !ofSources(name, checkout) && (topOf(name) != "bin" || slices.Contains(programs, program(name)))
	}
	packages := func(of ...string) func(string) bool {
		return func(name string) bool {
			rest, below := strings.CutPrefix(name, "pkg/")
			return never(name) && (!below || slices.Contains(of, topOf(rest)))
		}
	}
	rules := []func(string) bool{never}
	if before(goVersion, "1.20") {
		own := p.OS + "_" + p.Arch
		rules = append(rules, packages("include", "tool", own, own+"_race"), packages("include", "tool", own))
	}
	return append(rules, packages("include", "tool"))
}

// ofManager reports whether a name is one that version managers leave: golang.org/dl marks what it has unpacked, gvm lists the files that it
// has installed, and systems describe directories.
func ofManager(name string) bool {
	return name == ".unpacked-success" || name == "manifest" || path.Base(name) == ".DS_Store"
}

// ofSources reports whether a name is one that a checkout of Go's sources or a build from them has, and cmd/distpack leaves out; or what belongs to a
// GOPATH that is the same directory.
func ofSources(name string, checkout bool) bool {
	switch name {
	case "VERSION.cache", "src/cmd/dist/dist", "src/cmd/dist/dist.exe":
		return true
	case ".gitattributes", ".gitignore":
		return checkout
	}
	for _, dir := range []string{".git/", "pkg/obj/", "pkg/bootstrap/", "pkg/distpack/", "pkg/mod/", "pkg/sumdb/"} {
		if strings.HasPrefix(name, dir) {
			return true
		}
	}
	return strings.HasSuffix(name, ".exe~")
}

// program returns which program of bin a name is; "" for what is deeper.
func program(name string) string {
	dir, base := path.Split(name)
	if dir != "bin/" {
		return ""
	}
	return strings.TrimSuffix(base, ".exe")
}

func topOf(name string) string {
	top, _, _ := strings.Cut(name, "/")
	return top
}

func before(goVersion, other string) bool {
	return version.Compare(version.Lang("go"+goVersion), "go"+other) < 0
}
