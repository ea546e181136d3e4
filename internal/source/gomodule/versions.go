package gomodule

import (
	"context"
	"errors"

	"gostore/internal/release"
)

// Versions returns the versions of the module with the longest path that could have a tool's package, as the module proxies list them, oldest
// first. Whether each of them has the package is not looked at. A module without versions, or none at all, is a
// *release.NotFoundError.
func (s *Source) Versions(ctx context.Context, tool string) ([]string, error) {
	pkg, err := s.packagePath(tool)
	if err != nil {
		return nil, err
	}
	if s.config.Offline {
		return nil, s.offline(pkg + "@latest")
	}
	dir, done, err := s.workDir()
	if err != nil {
		return nil, err
	}
	defer done()
	t, giveBack, err := s.config.Toolchain(ctx, oldest)
	if err != nil {
		return nil, err
	}
	defer giveBack()
	d, err := s.newDownload(ctx, dir, t, nil)
	if err != nil {
		return nil, err
	}
	list, err := d.listModules(ctx, []string{"-versions"}, prefixes(pkg))
	if err != nil {
		return nil, err
	}
	var unread error
	for _, l := range list {
		if len(l.Versions) > 0 {
			return l.Versions, nil
		}
		if l.Error != nil && !absent().MatchString(l.Error.Err) && unread == nil {
			unread = d.command(d.host, "list", "-m", "-versions", l.Path).explain(ctx, l.Error.Err, errors.New("it failed"))
		}
	}
	if unread != nil {
		return nil, unread
	}
	return nil, &release.NotFoundError{Tool: tool}
}
