package cmd

import (
	"context"
	"fmt"
	goversion "go/version"
	"slices"

	"gostore/internal/install"
	"gostore/internal/release"
	"gostore/internal/source/gomodule"
	"gostore/lock"
)

// Makers are releases that make others: the Go that builds a Go package. app.makers has those that may, the ones of
// the lock and the ones that are being locked.

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
		return lock.Tool{}, advise(fmt.Errorf("no Go is locked to build a Go package with"), exitUsage,
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
	st, err := a.openStore()
	if err != nil {
		return gomodule.Toolchain{}, nil, err
	}
	source, err := a.source(t.Source)
	if err != nil {
		return gomodule.Toolchain{}, nil, err
	}
	host := release.Host()
	item, ok := t.Item(host)
	if !ok {
		return gomodule.Toolchain{}, nil, &release.NotFoundError{Tool: t.Name, Version: t.Version, Platform: &host, Have: platformNames(t)}
	}
	lease, err := install.One(ctx, st, install.Job{Source: source, Item: item})
	if err != nil {
		return gomodule.Toolchain{}, nil, err
	}
	release := func() { _ = lease.Release() } // best effort: the lease ends with the process at the latest
	return gomodule.Toolchain{Version: t.Version, Dir: lease.Path()}, release, nil
}

// olderGo reports whether Go version a is older than b.
func olderGo(a, b string) bool { return goversion.Compare("go"+a, "go"+b) < 0 }

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
