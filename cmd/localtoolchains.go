package cmd

import (
	"context"
	"regexp"
	"sync"

	"gostore/internal/enter"
	"gostore/internal/release"
	"gostore/internal/source/goproxy"
	"gostore/internal/tree"
	"gostore/store"
)

// platformIn finds the platform in where a Go toolchain came from: a module version, or the name of an archive.
var platformIn = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\.([a-z0-9]+)-([a-z0-9]+)(\.|$)`) })

// localToolchains returns the Go toolchains of the store, leased, whose contents need not be downloaded again.
func (a *app) localToolchains(ctx context.Context) ([]goproxy.Tree, func(), error) {
	objects, err := a.st.Objects()
	if err != nil {
		return nil, nil, err
	}
	h := &enter.Held{}
	var trees []goproxy.Tree
	for _, o := range objects {
		if o.Name != goTool {
			continue
		}
		lease, err := a.st.Lease(ctx, o.Tree)
		if err != nil {
			continue // collected meanwhile
		}
		h.Leases = append(h.Leases, lease)
		if t, ok := a.localToolchain(lease); ok {
			trees = append(trees, t)
		}
	}
	return trees, h.Release, nil
}

func (a *app) localToolchain(l *store.Lease) (goproxy.Tree, bool) {
	info, infoErr := a.st.Info(l.Object().Tree)
	m, err := a.st.Manifest(l.Object().Tree)
	if infoErr != nil || err != nil {
		return goproxy.Tree{}, false
	}
	t := goproxy.Tree{Version: info.Release, Dir: l.Path(), Files: func(yield func(string, int64) bool) {
		for _, e := range m.Entries() {
			if (e.Kind == tree.File || e.Kind == tree.Exec) && !yield(e.Path, e.Size) {
				return
			}
		}
	}}
	if found := platformIn().FindStringSubmatch(info.From); found != nil {
		t.Platform = release.Platform{OS: found[1], Arch: found[2]}
	}
	return t, true
}
