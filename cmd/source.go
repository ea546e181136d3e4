package cmd

import (
	"context"
	"path/filepath"
	"sync"

	"gostore/internal/fetch"
	"gostore/internal/install"
	"gostore/internal/release"
	"gostore/internal/source/goproxy"
	"gostore/store"
)

// goTool is the tool whose sources are known to this program.
const goTool = "go"

// sourceFor returns where a request is to be resolved.
func (a *app) sourceFor(r release.Request) (install.Source, error) {
	if r.Tool != goTool {
		return nil, &release.NotFoundError{Tool: r.Tool, Have: a.toolNames()}
	}
	return a.source("goproxy")
}

// source returns the source of a name, as locks have it.
func (a *app) source(name string) (install.Source, error) {
	return a.goproxy()
}

func (a *app) toolNames() []string { return []string{goTool} }

func (a *app) offline() (bool, error) { return false, nil }

func isLocal(release.Item) bool { return false }

// goproxy returns the source of Go toolchains from module proxies.
func (a *app) goproxy() (install.Source, error) {
	if a.goSource == nil {
		st, err := a.openStore()
		if err != nil {
			return nil, err
		}
		dir := filepath.Join(st.Dir(), store.SumDBDir)
		offline, err := goproxy.New(goproxy.Config{Dir: dir, VerifierKey: a.cfg.VerifierKey})
		if err != nil {
			return nil, err
		}
		a.goSource = &goSource{Source: offline, app: a, dir: dir}
	}
	return a.goSource, nil
}

// goSource is a goproxy.Source that finds out which proxies there are when it first needs one: that may mean
// to run a go command, which takes longer than everything else that an installed toolchain needs.
type goSource struct {
	*goproxy.Source // without proxies
	app             *app
	dir             string

	once   sync.Once
	online *goproxy.Source
	err    error
}

func (s *goSource) connect(ctx context.Context) (*goproxy.Source, error) {
	s.once.Do(func() {
		proxies, origin, err := goproxy.ProxyFromEnvironment(ctx, s.app.cfg.getenv)
		if err != nil {
			s.err = err
			return
		}
		s.app.ui.detail("module proxies as in %s", origin)
		s.online, s.err = goproxy.New(goproxy.Config{
			Proxies: proxies, Dir: s.dir, VerifierKey: s.app.cfg.VerifierKey, Client: &fetch.Client{Stall: s.app.cfg.Stall},
		})
	})
	return s.online, s.err
}

// Resolve is goproxy.Source.Resolve. What a kept proof says needs no proxy: only the sizes, which a lock
// states and this machine can do without, would be asked for.
func (s *goSource) Resolve(ctx context.Context, r release.Request, platforms []release.Platform) (release.Release, error) {
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
func (s *goSource) Fetch(ctx context.Context, item release.Item, part string, progress func(done, total int64)) (string, error) {
	online, err := s.connect(ctx)
	if err != nil {
		return "", err
	}
	return online.Fetch(ctx, item, part, progress)
}
