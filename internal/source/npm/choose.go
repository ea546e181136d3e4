package npm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"gostore/internal/release"
	"gostore/internal/version"
)

// latest is the dist-tag that registries give to the version which most people should use.
const latest = "latest"

// maxNear is how many versions an error suggests.
const maxNear = 5

// near returns some versions of list that somebody who asked for want may have meant.
func near(want string, list []string) []string {
	nearest := version.Nearest(want, list)
	return nearest[:min(len(nearest), maxNear)]
}

// pick returns the version of a package that a dependency asks for, as npm chooses it: the one tagged latest if it
// will do, else the newest; what is deprecated only where nothing else will do.
func (c *catalog) pick(ctx context.Context, s spec) (*manifest, error) {
	p, err := c.get(ctx, s.pkg)
	if err != nil {
		return nil, err
	}
	if s.tag != "" {
		return p.tagged(s)
	}
	tagged, err := p.manifest(p.tags[latest])
	if err != nil {
		return nil, err
	}
	if tagged != nil && !bool(tagged.Deprecated) && (s.any() || s.accept.admits(tagged.version)) {
		return tagged, nil
	}
	m, err := p.newest(func(e entry) bool { return s.accept.admits(e.version) })
	if err == nil && m == nil && s.any() { // pre-releases only
		m, err = p.newest(func(entry) bool { return true })
	}
	if err == nil && m == nil {
		err = p.missing(s.text)
	}
	return m, err
}

// tagged returns the version that has a dist-tag.
func (p *packument) tagged(s spec) (*manifest, error) {
	m, err := p.manifest(p.tags[s.tag])
	if err == nil && m == nil {
		err = p.missing(s.text)
	}
	return m, err
}

// missing says that no version of p is what somebody asked for.
func (p *packument) missing(want string) error {
	return fmt.Errorf("package %q has no version %q: %w", p.name, want, fs.ErrNotExist)
}

// newest returns the newest version that admit lets through, one that is deprecated only if there is no other; nil
// if there is none.
func (p *packument) newest(admit func(entry) bool) (*manifest, error) {
	var deprecated *manifest
	for _, e := range p.versions {
		if !admit(e) {
			continue
		}
		m, err := e.manifest(p.name)
		if err != nil {
			return nil, err
		}
		if !m.Deprecated {
			return m, nil
		}
		if deprecated == nil {
			deprecated = m
		}
	}
	return deprecated, nil
}

// request returns the version of a tool that somebody asks for:
//
//	latest, stable  the version with the dist-tag latest, unless that is a pre-release: then the newest release
//	next, …         the version with that dist-tag
//	1.2.3           that one
//	1, 1.2          of the versions that begin so the one tagged latest, else the newest release
//
// What is deprecated is taken only where nothing else will do, or where it is named. A version that does not exist is a *release.NotFoundError.
func (p *packument) request(tool, want string) (*manifest, error) {
	var list []string // without what is deprecated
	all := p.texts()
	if tag := p.tags[want]; tag != "" && want != latest {
		list = []string{tag}
		want = tag
	} else if v, ok := p.preferred(want, all); ok {
		return p.manifest(v)
	} else {
		list = all
	}
	for {
		v, ok := version.Select(want, list)
		if !ok {
			break
		}
		m, err := p.manifest(v)
		if err != nil || m != nil && (!bool(m.Deprecated) || v == want) {
			return m, err
		}
		list = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == v })
	}
	if v, ok := version.Select(want, all); ok {
		return p.manifest(v)
	}
	missing := &release.NotFoundError{Tool: tool, Version: want, Have: near(want, all)}
	if !slices.ContainsFunc(all, func(v string) bool { return !version.IsPrerelease(v) }) {
		return nil, fmt.Errorf("%w: there are pre-releases only, such as %s", missing, all[0])
	}
	return nil, missing
}

// preferred returns the version with the dist-tag latest if it is a release that want means.
func (p *packument) preferred(want string, all []string) (string, bool) {
	v := p.tags[latest]
	if !slices.Contains(all, v) || want != "stable" && slices.Contains(all, want) {
		return "", false
	}
	m, err := p.manifest(v)
	if err != nil || bool(m.Deprecated) {
		return "", false
	}
	return version.Select(want, []string{v})
}

// optionalMissing reports whether err lets an optional dependency be left out: it does not exist.
func optionalMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
