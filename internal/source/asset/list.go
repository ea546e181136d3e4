package asset

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gostore/internal/definition"
	"gostore/internal/source/listing"
	"gostore/internal/version"
)

const (
	// listLimit bounds lists of versions. GitHub's answer for a repository with 150,000 pull requests, which are listed
	// with the tags, has 40 MB.
	listLimit = 64 << 20

	// older is how many versions before the newest are tried where the newest has no archives yet: a tag
	// is there before the build that it starts has ended.
	older = 3

	// maxNearest is how many versions are named instead of one that does not exist.
	maxNearest = 5
)

var (
	errNoList     = errors.New("its definition does not say where versions are listed")
	errNoVersions = errors.New("lists no versions")
)

// list reads the versions that upstream lists.
func (s *Source) list(ctx context.Context, d definition.Definition) (listing.Index, error) {
	url, parse := reader(d.Versions)
	if url == "" {
		return listing.Index{}, fmt.Errorf("%q: %w", d.Name, errNoList)
	}
	data, err := s.client.Get(ctx, url, listLimit)
	if err != nil {
		return listing.Index{}, fmt.Errorf("listing the versions of %q: %w", d.Name, err)
	}
	x, err := parse(data)
	if err != nil {
		return listing.Index{}, fmt.Errorf("listing the versions of %q: %w", d.Name, indexError(url, err))
	}
	if s.listed != nil {
		s.listed(d.Name, x.Versions)
	}
	return x, nil
}

// reader returns where versions are listed, and what reads the list.
func reader(v definition.Versions) (url string, parse func([]byte) (listing.Index, error)) {
	of := func(read func([]byte) ([]string, error)) func([]byte) (listing.Index, error) {
		return func(data []byte) (listing.Index, error) {
			entries, err := read(data)
			if err != nil {
				return listing.Index{}, err
			}
			return matching(v, listing.Index{Versions: entries})
		}
	}
	switch {
	case v.Git != "":
		return strings.TrimSuffix(v.Git, "/") + "/info/refs?service=git-upload-pack", of(listing.Tags)
	case v.JSON != "":
		return v.JSON, of(func(data []byte) ([]string, error) { return listing.JSON(data, v.Path) })
	case v.Text != "":
		return v.Text, of(listing.Lines)
	case v.Format == definition.FormatNode:
		return v.Index, index(listing.Node)
	case v.Format == definition.FormatZig:
		return v.Index, index(listing.Zig)
	}
	return "", nil
}

// index adds to the reader of an index that it must not be empty.
func index(read func([]byte) (listing.Index, error)) func([]byte) (listing.Index, error) {
	return func(data []byte) (listing.Index, error) {
		x, err := read(data)
		if err == nil {
			x, err = matching(definition.Versions{}, x)
		}
		return x, err
	}
}

// matching leaves of an index what is a version, without what the definition says stands around it.
func matching(v definition.Versions, x listing.Index) (listing.Index, error) {
	var versions []string
	for _, entry := range x.Versions {
		if version, ok := v.Match(entry); ok {
			versions = append(versions, version)
		}
	}
	if len(versions) == 0 {
		return listing.Index{}, errNoVersions
	}
	x.Versions = versions
	return x, nil
}

// candidates returns the versions that a request means, the best first: one where it names one, else the newest and
// some before it. A channel of the index comes before everything else.
func candidates(request string, x listing.Index, order version.Order) []string {
	channel, ok := x.Channels[strings.ToLower(request)]
	if ok {
		newest := slices.SortedFunc(slices.Values(channel), func(a, b string) int { return order.Compare(b, a) })
		return newest[:min(len(newest), 1+older)]
	}
	var found []string
	list := slices.Clone(x.Versions)
	for len(found) <= older {
		v, ok := order.Select(request, list)
		if !ok {
			break
		}
		found = append(found, v)
		if sameVersion(v, request) {
			break
		}
		list = slices.DeleteFunc(list, func(w string) bool { return w == v })
	}
	return found
}

// sameVersion reports whether a request is this version, as package version has it.
func sameVersion(v, request string) bool {
	return strings.TrimPrefix(v, "v") == strings.TrimPrefix(request, "v")
}

// exact returns the version that a request surely names: three numbers, or a pre-release. It can be asked for without any
// list, and is there even if a list has only the newest.
func exact(request string) (string, bool) {
	v := strings.TrimPrefix(request, "v")
	if v == "" || v[0] < '0' || v[0] > '9' {
		return "", false
	}
	numbers, _, _ := strings.Cut(v, "+")
	numbers, _, _ = strings.Cut(numbers, "-")
	return v, strings.Count(numbers, ".") >= 2 || version.IsPrerelease(v)
}
