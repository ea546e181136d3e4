package gomodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/mod/module"

	"gostore/internal/release"
	"gostore/internal/version"
)

// exact and partial are requests: whole versions, and beginnings of them.
var (
	exact   = pattern(`^v?[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+incompatible)?$`)
	partial = pattern(`^v?[0-9]+(\.[0-9]+)?$`)
)

// parseQuery returns the go command's words for a request: v0.21 for the newest release that begins so, latest.
func parseQuery(request string) (string, error) {
	switch {
	case request == release.Latest || request == "stable" || request == "":
		return "latest", nil
	case exact().MatchString(request) || partial().MatchString(request):
		return "v" + strings.TrimPrefix(request, "v"), nil
	}
	return "", &RequestError{request}
}

// listed is what go list -m -json says of a module.
type listed struct {
	Path, Version string
	Versions      []string
	GoVersion     string
	GoMod         string // file
	Error         *struct{ Err string }
}

// listModules runs go list -m for modules, MODULE@QUERY each, and returns its answers in their order.
func (d *download) listModules(ctx context.Context, flags []string, modules []string) ([]listed, error) {
	args := append([]string{"list", "-m", "-e", "-json"}, flags...)
	c := d.command(d.host, append(args, modules...)...)
	c.dir = d.work.path(homeDir) // outside of any module
	out, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	var list []listed
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var l listed
		if err := dec.Decode(&l); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("running %q: its answer is not what is expected: %w", c, err)
		}
		if l.Error != nil {
			err := c.explain(ctx, l.Error.Err, errors.New("it failed"))
			if old := (*ToolchainError)(nil); errors.As(err, &old) {
				return nil, err
			}
		}
		list = append(list, l)
	}
	if len(list) != len(modules) {
		return nil, fmt.Errorf("running %q: it answered %d times, want %d", c, len(list), len(modules))
	}
	return list, nil
}

// prefixes returns the paths of the modules that could have a package, the longest first.
func prefixes(pkg string) []string {
	var list []string
	for p := pkg; strings.Contains(p, "/"); p = path.Dir(p) {
		list = append(list, p)
	}
	if domain, _, _ := strings.Cut(pkg, "/"); module.CheckPath(domain) == nil {
		list = append(list, domain)
	}
	return list
}

// candidates returns the modules that could have a package, each in the version that a query means, the longest path first. That a shorter
// one cannot be read does not matter; which of them have the package is known when they were downloaded.
func (d *download) candidates(ctx context.Context, tool, pkg, query string) ([]listed, error) {
	var modules []string
	for _, p := range prefixes(pkg) {
		modules = append(modules, p+"@"+query)
	}
	list, err := d.listModules(ctx, nil, modules)
	if err != nil {
		return nil, err
	}
	var found []listed
	for i, l := range list {
		switch {
		case l.Error == nil:
			found = append(found, l)
		case len(found) == 0 && !absent().MatchString(l.Error.Err):
			c := d.command(d.host, "list", "-m", modules[i])
			err := c.explain(ctx, l.Error.Err, errors.New("it failed"))
			return nil, d.nothing(ctx, tool, pkg, query, err)
		}
	}
	if len(found) == 0 {
		return nil, d.nothing(ctx, tool, pkg, query, nil)
	}
	return found, nil
}

// nothing explains that no module answers a query: a *release.NotFoundError where it is known which versions there are, or that
// there is no such module; else the error that cause is.
func (d *download) nothing(ctx context.Context, tool, pkg, query string, cause error) error {
	list, err := d.listModules(ctx, []string{"-versions"}, prefixes(pkg))
	if err != nil {
		return errors.Join(cause, err)
	}
	for _, l := range list {
		if l.Error != nil || len(l.Versions) == 0 {
			continue
		}
		if _, there := version.Select(query, l.Versions); there && cause != nil {
			return cause
		}
		return &release.NotFoundError{Tool: tool, Version: query, Have: version.Nearest(query, l.Versions)}
	}
	if cause != nil {
		return cause
	}
	return &release.NotFoundError{Tool: tool}
}
