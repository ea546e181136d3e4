package lock

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/release"
)

// Change is one point in which two locks differ.
type Change struct {
	Tool string `json:"tool"` // "go", "go@1.21" for the extra with that request, or the path of a vendor directory
	// Field is "" for the whole entry, a key ("version"), a platform ("linux/amd64") for its whole line, or a
	// platform and a key ("linux/amd64 archive").
	Field string `json:"field"`
	Was   string `json:"was"` // "" for what was not there; the version for an entry, the digest for a platform or directory
	Is    string `json:"is"`
}

func (c Change) String() string {
	what := c.Tool
	if c.Field != "" {
		what += ": " + c.Field
	}
	switch {
	case c.Was == "":
		return fmt.Sprintf("%s: added %s", what, c.Is)
	case c.Is == "":
		return fmt.Sprintf("%s: removed %s", what, c.Was)
	}
	return fmt.Sprintf("%s: %s -> %s", what, c.Was, c.Is)
}

// Diff returns how to come from one lock to another, in the file's order; nil means an empty lock. A new version brings new
// archives with it: then of platforms only those are mentioned that came or went.
func Diff(was, is *File) []Change {
	left, right := tools(was), tools(is)
	partner := pair(left, right)
	var changes []Change
	for i, t := range left {
		if j, ok := partner[i]; ok {
			changes = append(changes, diffTool(t, right[j])...)
		} else {
			changes = append(changes, Change{Tool: label(t), Was: t.Version})
		}
	}
	matched := make(map[int]bool, len(partner))
	for _, j := range partner {
		matched[j] = true
	}
	for j, t := range right {
		if !matched[j] {
			changes = append(changes, Change{Tool: label(t), Is: t.Version})
		}
	}
	return append(changes, diffVendor(vendor(was), vendor(is))...)
}

func vendor(f *File) map[string]digest.Tree {
	if f == nil {
		return nil
	}
	return f.Vendor
}

func tools(f *File) []Tool {
	if f == nil {
		return nil
	}
	return slices.SortedFunc(slices.Values(f.Tools), Tool.compare)
}

// pair says which entry became which: first those in the same role with the same version, then primaries and extras
// with the same request.
func pair(left, right []Tool) map[int]int {
	partner := make(map[int]int, len(left))
	taken := make(map[int]bool, len(right))
	for _, same := range []func(a, b Tool) bool{
		func(a, b Tool) bool { return a.Version == b.Version },
		func(a, b Tool) bool { return !a.Extra || a.Request == b.Request },
	} {
		for i, a := range left {
			if _, done := partner[i]; done {
				continue
			}
			for j, b := range right {
				if !taken[j] && a.Name == b.Name && a.Extra == b.Extra && same(a, b) {
					partner[i], taken[j] = j, true
					break
				}
			}
		}
	}
	return partner
}

func label(t Tool) string {
	if t.Extra {
		return t.Name + "@" + t.Request
	}
	return t.Name
}

func diffTool(a, b Tool) []Change {
	var changes []Change
	add := func(field, was, is string) {
		if was != is {
			changes = append(changes, Change{label(a), field, was, is})
		}
	}
	add("request", a.Request, b.Request)
	add("version", a.Version, b.Version)
	add("source", a.Source, b.Source)
	for _, key := range bothKeys(making(a), making(b)) {
		add(key, making(a)[key], making(b)[key])
	}
	for _, p := range bothPlatforms(a, b) {
		x, hadIt := a.Platforms[p]
		y, hasIt := b.Platforms[p]
		if !hadIt || !hasIt {
			add(p.String(), x.Digest.String(), y.Digest.String())
		} else if a.Version == b.Version {
			add(p.String()+" from", x.From, y.From)
			add(p.String()+" archive", x.Digest.String(), y.Digest.String())
			add(p.String()+" logged", x.Logged.String(), y.Logged.String())
			add(p.String()+" size", size(x), size(y))
			add(p.String()+" tree", tree(x), tree(y))
		}
	}
	return changes
}

// making returns what an entry says of how its tool is made and presented, as the file has it: by key, and of a part by its
// name. Those of another version are other parts: they say nothing beyond that.
func making(t Tool) map[string]string {
	var b bytes.Buffer
	formatMaking(&b, t)
	formatLayout(&b, t.Layout)
	keys := map[string]string{}
	for line := range strings.Lines(b.String()) {
		if key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " = "); ok {
			keys[key] = value
		}
	}
	for _, part := range t.Parts {
		keys["part "+part.Name] = part.Digest.String()
	}
	return keys
}

func bothKeys(a, b map[string]string) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func bothPlatforms(a, b Tool) []release.Platform {
	all := append(sortedPlatforms(a), sortedPlatforms(b)...)
	slices.SortFunc(all, release.Platform.Compare)
	return slices.Compact(all)
}

func size(a release.Archive) string {
	if a.Size == 0 {
		return ""
	}
	return strconv.FormatInt(a.Size, 10)
}

func tree(a release.Archive) string { return treeText(a.Tree) }
