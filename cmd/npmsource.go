package cmd

import (
	"context"
	"sync"

	"gostore/internal/archive"
	"gostore/internal/definition"
	"gostore/internal/install"
	"gostore/internal/project"
	"gostore/internal/release"
	"gostore/internal/source/npm"
	"gostore/lock"
)

// npmSource is an npm.Source that finds out which registry there is when it first needs one: that may mean to run npm.
type npmSource struct {
	app *app

	once   sync.Once
	online *npm.Source
	err    error
}

func (a *app) makeNPMSource() (install.Source, error) { return &npmSource{app: a}, nil }

func (s *npmSource) connect(ctx context.Context) (*npm.Source, error) {
	s.once.Do(func() { s.online, s.err = s.app.connectNPM(ctx) })
	return s.online, s.err
}

func (a *app) connectNPM(ctx context.Context) (*npm.Source, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	client, err := a.client(definition.SourceNPM)
	if err != nil {
		return nil, err
	}
	environ := a.realPath("npm")
	getenv := func(name string) string {
		if v := environ(name); v != "" || name != "NPM_CONFIG_REGISTRY" {
			return v
		}
		return c.Registry // the user's configuration comes after the environment and before npm's own files
	}
	registry, err := npm.RegistryFromEnvironment(ctx, getenv, a.npmrcDir())
	if err != nil {
		return nil, err
	}
	a.ui.detail("npm registry as in %s", registry.Origin)
	client.Token = registry.Token
	return npm.New(npm.Config{Client: client, Registry: registry, Find: a.findDefinition})
}

// npmrcDir returns the directory whose .npmrc counts for the project, "" where there is none.
func (a *app) npmrcDir() string {
	p, err := project.Find(a.cfg.Dir)
	if err != nil || lock.Public(p.Dir) {
		return ""
	}
	return p.Dir
}

// Name is npm.Source.Name.
func (s *npmSource) Name() string { return definition.SourceNPM }

// Layout is npm.Source.Layout.
func (s *npmSource) Layout(r release.Release) release.Layout { return r.Layout }

// Resolve is npm.Source.Resolve.
func (s *npmSource) Resolve(ctx context.Context, r release.Request, platforms []release.Platform) (release.Release, error) {
	online, err := s.connect(ctx)
	if err != nil {
		return release.Release{}, err
	}
	return online.Resolve(ctx, r, platforms)
}

// Fetch is npm.Source.Fetch.
func (s *npmSource) Fetch(ctx context.Context, item release.Item, part string, progress func(done, total int64)) (string, error) {
	online, err := s.connect(ctx)
	if err != nil {
		return "", err
	}
	return online.Fetch(ctx, item, part, progress)
}

// Unpack is npm.Source.Unpack.
func (s *npmSource) Unpack(ctx context.Context, item release.Item, path string, sink archive.Sink, progress func(n int64)) error {
	online, err := s.connect(ctx)
	if err != nil {
		return err
	}
	return online.Unpack(ctx, item, path, sink, progress)
}

// Doubt is npm.Source.Doubt.
func (s *npmSource) Doubt(item release.Item) bool { return s.online != nil && s.online.Doubt(item) }

// Versions is npm.Source.Versions.
func (s *npmSource) Versions(ctx context.Context, tool string) ([]string, error) {
	online, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	return online.Versions(ctx, tool)
}
