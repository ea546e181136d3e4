package npm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/url"
	"path"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"gostore/internal/fetch"
	"gostore/internal/release"
)

// packumentLimit bounds what is read about one package. The largest known have 60 MB; that of typescript has 11 MB.
const packumentLimit = 256 << 20

// lookups is how many packuments are read at once.
const lookups = 8

// catalog is what the registry said while one request was resolved: each package is asked for once, so that a tree
// is made of one state of it.
type catalog struct {
	source *Source
	mu     sync.Mutex
	asked  map[string]*answer
}

type answer struct {
	once sync.Once
	doc  *packument
	err  error
}

func (s *Source) newCatalog() *catalog { return &catalog{source: s, asked: map[string]*answer{}} }

// get returns what the registry says about a package. errors.Is(err, fs.ErrNotExist) holds if it has none of that name, or no version
// of it.
func (c *catalog) get(ctx context.Context, name string) (*packument, error) {
	c.mu.Lock()
	a := c.asked[name]
	if a == nil {
		a = new(answer)
		c.asked[name] = a
	}
	c.mu.Unlock()
	a.once.Do(func() { a.doc, a.err = c.source.packument(ctx, name) })
	return a.doc, a.err
}

// ahead reads what is said about several packages at once. Errors are told by get.
func (c *catalog) ahead(ctx context.Context, names iter.Seq[string]) {
	var g errgroup.Group
	g.SetLimit(lookups)
	for name := range names {
		g.Go(func() error {
			_, _ = c.get(ctx, name) // get remembers the error
			return nil
		})
	}
	_ = g.Wait() // there is none
}

// packument asks the registry.
func (s *Source) packument(ctx context.Context, name string) (*packument, error) {
	if err := checkPackage(name); err != nil {
		return nil, err
	}
	base, err := s.registry.base(name)
	if err != nil {
		return nil, err
	}
	data, err := s.client.Get(ctx, packumentURL(base, name), packumentLimit)
	if err != nil {
		return nil, fmt.Errorf("looking up package %q: %w", name, err)
	}
	return parsePackument(name, data)
}

// packumentURL returns where the document about a package is. The slash in a name with a scope is escaped: it is one
// element of the path for a registry. In a directory it is the file index.json below the name.
func packumentURL(base, name string) string {
	if strings.HasPrefix(base, "file:") {
		return base + "/" + name + "/index.json"
	}
	return base + "/" + strings.Replace(name, "/", "%2f", 1)
}

// tarballURL returns where registries have the tarball of a version.
func tarballURL(base, name, version string) string {
	return base + "/" + name + "/-/" + unscoped(name) + "-" + version + ".tgz"
}

// statedURL returns where the registry says that a tarball is, for those that have it elsewhere. Registries that copy others
// name those others' hosts: the place is taken, but the host is always that of the registry.
func (s *Source) statedURL(ctx context.Context, name, version string) (string, error) {
	p, err := s.packument(ctx, name)
	if err != nil {
		return "", err
	}
	m, err := p.manifest(version)
	if err != nil {
		return "", err
	}
	if m == nil {
		return "", &release.NotFoundError{Tool: name, Version: version, Have: near(version, p.texts())}
	}
	base, err := s.registry.base(name)
	if err != nil {
		return "", err
	}
	stated, err := rehost(m.Dist.Tarball, base)
	if err != nil {
		return "", fmt.Errorf("package %s: %w", m, err)
	}
	return stated, nil
}

// rehost returns the place of a stated URL in the registry at base.
func rehost(stated, base string) (string, error) {
	u, err := url.Parse(stated)
	if err != nil {
		return "", fmt.Errorf("the registry states a tarball URL that is none: %w", err)
	}
	registry, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	elsewhere := registry.Scheme == "file" && u.Scheme == "file" && !strings.HasPrefix(u.Path, registry.Path+"/")
	if elsewhere || u.Path == "" || path.Clean(u.Path) != u.Path || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != registry.Scheme {
		return "", fmt.Errorf("the registry states the tarball URL %q, which is no place in it", fetch.Redact(stated))
	}
	if u.Host != registry.Host {
		u.Path, u.RawPath = registry.Path+u.Path, ""
		u.RawQuery = ""
	}
	u.Scheme, u.Host, u.User, u.Fragment = registry.Scheme, registry.Host, registry.User, ""
	return u.String(), nil
}

// notFound says for a tool what err says about its package, if that does not exist.
func notFound(err error, tool string) error {
	var known *release.NotFoundError
	if errors.Is(err, fs.ErrNotExist) && !errors.As(err, &known) {
		return fmt.Errorf("%w: %w", &release.NotFoundError{Tool: tool}, err)
	}
	return err
}
