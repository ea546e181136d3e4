package cmd

import (
	"context"
	"errors"
	"sync"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/source/goproxy"
)

// proxySource is a goproxy.Source that finds out which proxies there are when it first needs one: that may mean
// to run a go command, which takes longer than everything else that an installed toolchain needs.
type proxySource struct {
	*goproxy.Source // without proxies
	app             *app
	dir             string

	once   sync.Once
	online *goproxy.Source
	err    error
}

func (s *proxySource) connect(ctx context.Context) (*goproxy.Source, error) {
	s.once.Do(func() {
		proxies, origin, err := s.app.moduleProxies(ctx)
		if err != nil {
			s.err = err
			return
		}
		s.app.ui.detail("module proxies as in %s", origin)
		client, err := s.app.client(s.Name())
		if err != nil {
			s.err = err
			return
		}
		s.online, s.err = goproxy.New(goproxy.Config{
			Proxies: proxies, Dir: s.dir, VerifierKey: s.app.cfg.VerifierKey, Client: client, Local: s.app.localToolchains,
			Listed: func(versions []string) { s.app.listed(goTool, versions) },
		})
	})
	return s.online, s.err
}

// Resolve is goproxy.Source.Resolve. What a kept proof says needs no proxy: only the sizes, which a lock
// states and this machine can do without, would be asked for.
func (s *proxySource) Resolve(ctx context.Context, r release.Request, platforms []release.Platform) (release.Release, error) {
	if platforms != nil {
		if found, err := s.Source.Resolve(ctx, r, platforms); err == nil {
			return found, nil
		}
	}
	online, err := s.connect(ctx)
	if err != nil {
		return release.Release{}, err
	}
	found, err := online.Resolve(ctx, r, platforms)
	if err == nil && found.Unlogged {
		s.app.ui.warn("%s %s comes from a directory without a checksum database: nobody else vouches for it", found.Tool, found.Version)
	}
	return found, err
}

// Fetch is goproxy.Source.Fetch.
func (s *proxySource) Fetch(ctx context.Context, item release.Item, part string, progress func(done, total int64)) (string, error) {
	online, err := s.connect(ctx)
	if err != nil {
		return "", err
	}
	return online.Fetch(ctx, item, part, progress)
}

// Unpack is goproxy.Source.Unpack of the source that fetched.
func (s *proxySource) Unpack(ctx context.Context, item release.Item, path string, sink archive.Sink, progress func(n int64)) error {
	online, err := s.connect(ctx)
	if err != nil {
		return err
	}
	return online.Unpack(ctx, item, path, sink, progress)
}

// Doubt is goproxy.Source.Doubt of the source that fetched.
func (s *proxySource) Doubt(item release.Item) bool { return s.online != nil && s.online.Doubt(item) }

// Versions lists what the module proxy has for this machine.
func (s *proxySource) Versions(ctx context.Context, tool string) ([]string, error) {
	if tool != goTool {
		return nil, &release.NotFoundError{Tool: tool, Have: []string{goTool}}
	}
	online, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	return online.Versions(ctx)
}

// proxyList is which module proxies are configured.
type proxyList struct {
	list, origin string
	err          error
}

// moduleProxies returns the module proxies that are configured, and where. It is found out once: that may mean to run a go command.
func (a *app) moduleProxies(ctx context.Context) (list, origin string, err error) {
	a.once.proxies.Lock()
	defer a.once.proxies.Unlock()
	if a.proxies == nil {
		list, origin, err := goproxy.ProxyFromEnvironment(ctx, a.realPath(goTool))
		a.proxies = &proxyList{list, origin, err}
	}
	return a.proxies.list, a.proxies.origin, a.proxies.err
}

// logged returns what the checksum database states for a toolchain, asked through the proxies where there are any.
func (a *app) logged(ctx context.Context, goVersion string, p release.Platform) (digest.Archive, error) {
	source, err := a.source(sourceProxy)
	if err != nil {
		return digest.Archive{}, err
	}
	s := source.(*proxySource)
	online, err := s.connect(ctx)
	var none *goproxy.NoProxyError
	switch {
	case errors.As(err, &none):
		online = s.Source
	case err != nil:
		return digest.Archive{}, err
	}
	return online.Logged(ctx, goVersion, p)
}
