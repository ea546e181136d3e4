package cmd

import (
	"context"
	"fmt"
	goversion "go/version"
	"path/filepath"
	"slices"
	"strings"

	"gostore/internal/definition"
	"gostore/internal/install"
	"gostore/internal/release"
	"gostore/internal/source/asset"
	"gostore/internal/source/godev"
	"gostore/internal/source/gomodule"
	"gostore/internal/source/goproxy"
	"gostore/lock"
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
	if _, _, err := goproxy.ProxyFromEnvironment(context.Background(), a.cfg.getenv); err != nil {
		return []string{sourceGoDev, sourceProxy}
	}
	return []string{sourceProxy, sourceGoDev}
}

// source returns the source of a name, as locks have it.
func (a *app) source(name string) (install.Source, error) {
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
	s, err := godev.New(godev.Config{Client: client, Index: a.cfg.getenv("GOSTORE_GODEV_INDEX"), Logged: a.logged})
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
	c := asset.Config{Client: client, Find: a.findDefinition}
	if a.locking.origin.firstUse {
		dir, done, err := a.scratch(context.Background())
		if err != nil {
			return nil, err
		}
		c.FirstUse = dir
		a.atEnd = append(a.atEnd, done)
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
	temp, done, err := a.scratch(context.Background())
	if err != nil {
		return nil, err
	}
	a.atEnd = append(a.atEnd, done)
	return gomodule.New(gomodule.Config{
		Toolchain: a.toolchain, Exactly: a.exactly, Find: a.findDefinition, Flags: a.flagsFor, Environ: a.cfg.Environ, Offline: offline,
		Proxies: func(ctx context.Context) (string, error) {
			proxies, _, err := goproxy.ProxyFromEnvironment(ctx, a.cfg.getenv)
			return proxies, err
		},
		SumDB: a.cfg.VerifierKey, TreeHeads: filepath.Join(st.Dir(), store.SumDBDir), Temp: temp,
	}), nil
}

// flagsFor returns how a tool is to be made: as the command says, else as it is locked.
func (a *app) flagsFor(tool string) []string {
	var flags []string
	if a.locking.cgo {
		flags = append(flags, "cgo")
	}
	if a.locking.unlogged {
		flags = append(flags, "unlogged")
	}
	if len(flags) > 0 {
		return flags
	}
	if i := slices.IndexFunc(a.makers, func(t lock.Tool) bool { return t.Name == tool }); i >= 0 {
		return a.makers[i].Flags
	}
	return nil
}

// findDefinition returns the definition of a tool; a configuration that cannot be read has none.
func (a *app) findDefinition(tool string) (definition.Definition, bool) {
	set, err := a.definitions()
	if err != nil {
		return definition.Definition{}, false
	}
	return set.Find(tool)
}

// toolchain returns a Go that can make tools: of what is locked, or is being locked, the primary version if it is new enough, else the
// newest. Where no Go is asked for, it is the newest that there is.
func (a *app) toolchain(ctx context.Context, atLeast string) (gomodule.Toolchain, func(), error) {
	var best *lock.Tool
	for i, t := range a.makers {
		if t.Name != goTool {
			continue
		}
		if !t.Extra && !olderGo(t.Version, atLeast) {
			best = &a.makers[i]
			break
		}
		if best == nil || olderGo(best.Version, t.Version) {
			best = &a.makers[i]
		}
	}
	if best == nil {
		found, err := a.makerFor(ctx, atLeast)
		if err != nil {
			return gomodule.Toolchain{}, nil, err
		}
		best = &found
	}
	return a.leaseToolchain(ctx, *best)
}

// makerFor resolves a Go where none is locked. A lock needs one in it; what is made for once does not.
func (a *app) makerFor(ctx context.Context, atLeast string) (lock.Tool, error) {
	if a.locking.command {
		return lock.Tool{}, advise(fmt.Errorf("Go packages are built with the Go that is locked, and none is"), exitUsage,
			"lock one as well: gostore lock --add go@latest")
	}
	return a.resolveOne(ctx, release.Request{Tool: goTool, Version: release.Latest}, []release.Platform{release.Host()})
}

// exactly returns the Go of a version that a tool was locked with.
func (a *app) exactly(ctx context.Context, version string) (gomodule.Toolchain, func(), error) {
	i := slices.IndexFunc(a.makers, func(t lock.Tool) bool { return t.Name == goTool && t.Version == version })
	if i >= 0 {
		return a.leaseToolchain(ctx, a.makers[i])
	}
	t, err := a.resolveOne(ctx, release.Request{Tool: goTool, Version: version}, []release.Platform{release.Host()})
	if err != nil {
		return gomodule.Toolchain{}, nil, err
	}
	return a.leaseToolchain(ctx, t)
}

// leaseToolchain installs a Go for this machine.
func (a *app) leaseToolchain(ctx context.Context, t lock.Tool) (gomodule.Toolchain, func(), error) {
	source, err := a.source(t.Source)
	if err != nil {
		return gomodule.Toolchain{}, nil, err
	}
	host := release.Host()
	item, ok := t.Item(host)
	if !ok {
		return gomodule.Toolchain{}, nil, &release.NotFoundError{Tool: t.Name, Version: t.Version, Platform: &host, Have: platformNames(t)}
	}
	lease, err := install.One(ctx, a.st, install.Job{Source: source, Item: item})
	if err != nil {
		return gomodule.Toolchain{}, nil, err
	}
	release := func() { _ = lease.Release() } // best effort: the lease ends with the process at the latest
	return gomodule.Toolchain{Version: t.Version, Dir: lease.Path()}, release, nil
}

// olderGo reports whether Go version a is older than b.
func olderGo(a, b string) bool { return goversion.Compare("go"+a, "go"+b) < 0 }
