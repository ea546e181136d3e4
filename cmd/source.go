package cmd

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"gostore/internal/definition"
	"gostore/internal/install"
	"gostore/internal/release"
	"gostore/internal/source/asset"
	"gostore/internal/source/godev"
	"gostore/internal/source/gomodule"
	"gostore/internal/source/goproxy"
	"gostore/store"
)

// goTool is the tool whose sources are known to this program.
const goTool = "go"

// The names of sources, as they stand in locks.
const (
	sourceProxy  = "goproxy"
	sourceGoDev  = "godev"
	sourceModule = "gomodule"
	sourceURL    = "url"
	sourcePath   = "path"
)

// sourceFor returns where a request is to be resolved: the source that it writes out, the one that the configuration chooses, else
// the first that the tool has.
func (a *app) sourceFor(r release.Request) (install.Source, error) {
	if r.Source != "" {
		return a.source(r.Source)
	}
	have, err := a.sourcesOf(r.Tool)
	if err != nil {
		return nil, err
	}
	return a.source(a.preferred(r.Tool, have)[0])
}

// sourcesOf returns the sources that a tool has, the usual one first.
func (a *app) sourcesOf(tool string) ([]string, error) {
	if tool == goTool {
		return a.goSources(), nil
	}
	set, err := a.definitions()
	if err != nil {
		return nil, err
	}
	if d, ok := set.Find(tool); ok {
		return d.Sources(), nil
	}
	if domain, _, path := strings.Cut(tool, "/"); path && strings.Contains(domain, ".") && domain[0] != '@' {
		return []string{sourceModule}, nil
	}
	return nil, a.unknownTool(tool)
}

// goSources returns the sources of Go: module proxies where any is configured, else first the downloads of go.dev.
func (a *app) goSources() []string {
	if _, _, err := a.moduleProxies(context.Background()); err != nil {
		return []string{sourceGoDev, sourceProxy}
	}
	return []string{sourceProxy, sourceGoDev}
}

// source returns the source of a name, as locks have it.
func (a *app) source(name string) (install.Source, error) {
	a.once.source.Lock()
	defer a.once.source.Unlock()
	if s, ok := a.sources[name]; ok {
		return s, nil
	}
	make, ok := map[string]func() (install.Source, error){
		sourceProxy:              a.makeProxySource,
		sourceGoDev:              a.makeGoDevSource,
		definition.SourceRelease: a.makeReleaseSource,
		definition.SourceNPM:     a.makeNPMSource,
		sourceModule:             a.makeModuleSource,
		sourceURL:                a.makeURLSource,
		sourcePath:               a.makePathSource,
	}[name]
	if !ok {
		return nil, advise(fmt.Errorf("source %q is not known", name), exitUsage,
			"written out can be npm:PACKAGE and go:PATH; a lock with another one needs a newer gostore")
	}
	s, err := make()
	if err != nil {
		return nil, err
	}
	if a.sources == nil {
		a.sources = map[string]install.Source{}
	}
	a.sources[name] = s
	return s, nil
}

func (a *app) makeProxySource() (install.Source, error) {
	st, err := a.openStore()
	if err != nil {
		return nil, err
	}
	client, err := a.client(sourceProxy)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(st.Dir(), store.SumDBDir)
	offline, err := goproxy.New(goproxy.Config{Dir: dir, VerifierKey: a.cfg.VerifierKey, Client: client})
	if err != nil {
		return nil, err
	}
	return &proxySource{Source: offline, app: a, dir: dir}, nil
}

func (a *app) makeGoDevSource() (install.Source, error) {
	client, err := a.client(sourceGoDev)
	if err != nil {
		return nil, err
	}
	s, err := godev.New(godev.Config{Client: client, Index: a.cfg.getenv("GOSTORE_GODEV_INDEX"), Logged: a.logged,
		Listed: func(versions []string) { a.listed(goTool, versions) }})
	if err != nil {
		return nil, err
	}
	return godevSource{s}, nil
}

// godevSource is a godev.Source that lists versions as the others do.
type godevSource struct{ *godev.Source }

// Versions lists what go.dev has for this machine.
func (s godevSource) Versions(ctx context.Context, tool string) ([]string, error) {
	if tool != goTool {
		return nil, &release.NotFoundError{Tool: tool, Have: []string{goTool}}
	}
	return s.Source.Versions(ctx)
}

func (a *app) makeReleaseSource() (install.Source, error) {
	client, err := a.client(definition.SourceRelease)
	if err != nil {
		return nil, err
	}
	c := asset.Config{Client: client, Find: a.findDefinition, Listed: a.listed}
	if a.locking.origin.firstUse {
		if c.FirstUse, err = a.scratch(context.Background()); err != nil {
			return nil, err
		}
	}
	return asset.New(c), nil
}

func (a *app) makeURLSource() (install.Source, error) {
	client, err := a.client(sourceURL)
	if err != nil {
		return nil, err
	}
	return asset.NewURL(asset.URLConfig{Client: client}), nil
}

func (a *app) makePathSource() (install.Source, error) {
	p, err := a.lockedProject()
	if err != nil {
		return nil, err
	}
	if _, err := a.openStore(); err != nil {
		return nil, err
	}
	return asset.NewPath(asset.PathConfig{Dir: filepath.Dir(p.path), Manifest: a.st.Manifest}), nil
}

func (a *app) makeModuleSource() (install.Source, error) {
	offline, err := a.offline()
	if err != nil {
		return nil, err
	}
	st, err := a.openStore()
	if err != nil {
		return nil, err
	}
	return gomodule.New(gomodule.Config{
		Toolchain: a.toolchain, Exactly: a.exactly, Find: a.findDefinition, Flags: a.flagsFor, Environ: a.cfg.Environ, Offline: offline,
		Proxies: func(ctx context.Context) (string, error) {
			list, _, err := a.moduleProxies(ctx)
			return list, err
		},
		SumDB: a.cfg.VerifierKey, TreeHeads: filepath.Join(st.Dir(), store.SumDBDir), Temp: func() (string, error) { return a.scratch(context.Background()) },
	}), nil
}

// findDefinition returns the definition of a tool; a configuration that cannot be read has none.
func (a *app) findDefinition(tool string) (definition.Definition, bool) {
	set, err := a.definitions()
	if err != nil {
		return definition.Definition{}, false
	}
	return set.Find(tool)
}
