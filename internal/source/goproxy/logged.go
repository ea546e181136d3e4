package goproxy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"gostore/internal/digest"
	"gostore/internal/release"
)

// Logged returns the h1 that the checksum database states for a toolchain's module zip, from a kept proof where there is one, else
// through the proxies, or from the database itself where no proxies are configured. errors.Is(err, fs.ErrNotExist) holds where the database has no record of it, and where all
// proxies are directories without a copy of the database.
func (s *Source) Logged(ctx context.Context, goVersion string, p release.Platform) (digest.Archive, error) {
	session := s.newSession(ctx)
	session.direct = true
	d, err := session.lookup(moduleVersion(goVersion, p))
	if errors.Is(err, errNotLogged) || errors.Is(err, errNotConsulted) {
		return digest.Archive{}, fmt.Errorf("%s: %w: %w", from(goVersion, p), err, fs.ErrNotExist)
	}
	return d, err
}
