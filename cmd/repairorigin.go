package cmd

import (
	"context"
	"iter"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"gostore/internal/definition"
	"gostore/internal/enter"
	"gostore/internal/environment"
	"gostore/internal/release"
	"gostore/internal/repair"
	"gostore/internal/roots"
	"gostore/internal/source/asset"
	"gostore/internal/source/goproxy"
	"gostore/internal/tree"
	"gostore/lock"
	"gostore/store"
)

// knownLock is a lock that may say what an object was made from.
type knownLock struct {
	path string
	file *lock.File
}

// knownLocks returns the locks that the flags name, that of the project, and those of the registered projects; what cannot be read
// among the last is passed over.
func (a *app) knownLocks(named []string) ([]knownLock, error) {
	var list []knownLock
	for _, name := range named {
		path := a.cfg.abs(name)
		f, err := lock.Read(path)
		if err != nil {
			return nil, err
		}
		list = append(list, knownLock{path, f})
	}
	if p, err := a.lockedProject(); err == nil {
		list = append(list, knownLock{p.path, p.file})
	}
	for p, err := range roots.List(enter.RootsDir(a.st)) {
		if err != nil {
			continue // "gostore gc" reports it
		}
		if f, err := lock.Read(p.Lock); err == nil && !slices.ContainsFunc(list, func(k knownLock) bool { return k.path == p.Lock }) {
			list = append(list, knownLock{p.Lock, f})
		}
	}
	return list, nil
}

// origins returns from what an object was made: as the locks say, and as the store itself does, which is enough for what is made
// of one archive. Last comes what only has its name: its contents are tried, too.
func (a *app) origins(locks []knownLock) func(context.Context, store.Object) []repair.Origin {
	return func(_ context.Context, o store.Object) []repair.Origin {
		info, err := a.st.Info(o.Tree)
		if err != nil {
			info = store.Info{Object: o}
		}
		var sure, called []repair.Origin
		for _, k := range locks {
			for item := range k.items() {
				switch {
				case a.cameTo(item, info):
					sure = a.addOrigin(sure, k.path, item, true)
				case store.NewObject(o.Tree, item.Tool, item.Version) == o:
					called = a.addOrigin(called, k.path, item, false)
				}
			}
		}
		if item, ok := a.itemOf(info); ok {
			sure = a.addOrigin(sure, "", item, true)
		}
		if item, ok := a.toolchainNamed(o); ok && len(sure) == 0 {
			called = a.addOrigin(called, "", item, false)
		}
		return append(sure, called...)
	}
}

// toolchainNamed makes an item of a Go toolchain of which nothing but its name and its manifest is known. It has no digest, so single
// files of it can be had, and not the whole.
func (a *app) toolchainNamed(o store.Object) (release.Item, bool) {
	m, err := a.st.Manifest(o.Tree)
	if o.Name != goTool || err != nil {
		return release.Item{}, false
	}
	for _, e := range m.Entries() {
		name, ok := strings.CutPrefix(e.Path, "pkg/tool/")
		system, arch, two := strings.Cut(name, "_")
		if ok && two && e.Kind == tree.Dir && !strings.Contains(name, "/") {
			p := release.Platform{OS: system, Arch: arch}
			return release.Item{Tool: goTool, Version: o.Version, Source: sourceProxy, Platform: p,
				Archive: release.Archive{From: goproxy.Module(o.Version, p), Tree: o.Tree}}, true
		}
	}
	return release.Item{}, false
}

// items yields what a lock says of every tool and platform.
func (k knownLock) items() iter.Seq[release.Item] {
	return func(yield func(release.Item) bool) {
		for _, t := range k.file.Tools {
			for _, p := range slices.SortedFunc(maps.Keys(t.Platforms), release.Platform.Compare) {
				if item, ok := t.Item(p); ok && !yield(item) {
					return
				}
			}
		}
	}
}

// cameTo reports whether an object is known to be made from an item.
func (a *app) cameTo(item release.Item, info store.Info) bool {
	if item.Archive.Tree == info.Tree || info.Archive == item.Key() {
		return true
	}
	t, ok := a.st.LookupArchive(item.Key())
	return ok && t == info.Tree
}

// addOrigin adds an item with its source, unless it is there. A path of a lock begins where the lock is.
func (a *app) addOrigin(list []repair.Origin, lockPath string, item release.Item, sure bool) []repair.Origin {
	if slices.ContainsFunc(list, func(o repair.Origin) bool { return o.Item.Key() == item.Key() }) {
		return list
	}
	if item.Source == sourcePath {
		source := asset.NewPath(asset.PathConfig{Dir: filepath.Dir(lockPath), Manifest: a.st.Manifest})
		return append(list, repair.Origin{Item: item, Source: source, Sure: sure})
	}
	source, err := a.source(item.Source)
	if err != nil {
		a.ui.warn("%s@%s: %v", item.Tool, item.Version, err)
		return list
	}
	return append(list, repair.Origin{Item: item, Source: source, Sure: sure})
}

// toolchainModule finds version and platform in the module version of a Go toolchain.
var toolchainModule = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^golang\.org/toolchain@v0\.0\.1-go([0-9a-z.]+)\.([a-z0-9]+)-([a-z0-9]+)$`)
})

// itemOf makes an item of what the store says of an object.
func (a *app) itemOf(info store.Info) (release.Item, bool) {
	item := release.Item{Tool: info.Tool, Version: info.Release, Platform: release.Host()}
	item.Archive = release.Archive{From: info.From, Digest: info.Archive, Tree: info.Tree}
	algorithm := info.Archive.Algorithm()
	module := toolchainModule().FindStringSubmatch(info.From)
	switch {
	case algorithm == "h1" && module != nil:
		item.Source, item.Platform = sourceProxy, release.Platform{OS: module[2], Arch: module[3]}
	case strings.Contains(info.From, "://") && (algorithm == "sha256" || algorithm == "sha512"):
		item.Source = a.sourceOfURL(info.Tool)
	case algorithm == "sha512":
		item.Source = definition.SourceNPM
	default:
		return item, false
	}
	return item, true
}

// sourceOfURL guesses which source a URL is of, which decides about mirrors only.
func (a *app) sourceOfURL(tool string) string {
	if tool == goTool {
		return sourceGoDev
	}
	if _, ok := a.findDefinition(tool); ok {
		return definition.SourceRelease
	}
	return sourceURL
}

// rebuilt returns how the files of environments are made again: of the tools that the environment itself names, or a lock.
func (a *app) rebuilt(locks []knownLock) func(context.Context, store.Diagnosis, func(string, bool, []byte) error) error {
	return func(_ context.Context, d store.Diagnosis, give func(string, bool, []byte) error) error {
		if d.Object.Name != environment.ObjectName {
			return nil
		}
		var candidates [][]environment.Tool
		if own, err := environment.Load(a.st.Path(d.Object)); err == nil {
			candidates = append(candidates, own.Tools)
		}
		for _, k := range locks {
			candidates = append(candidates, a.lockedTools(k.file))
		}
		for _, tools := range candidates {
			_ = environment.Rebuild(a.st, tools, give) // best effort: the digests tell what is right
		}
		return nil
	}
}

// lockedTools returns the tools of a lock for this machine as an environment has them.
func (a *app) lockedTools(f *lock.File) []environment.Tool {
	var tools []environment.Tool
	host := release.Host()
	for _, t := range f.Tools {
		source, err := a.source(t.Source)
		tree := lockedTree(a.st, t, host)
		if err != nil || tree.IsZero() {
			return nil
		}
		tools = append(tools, asEnvironment(t, source, host, tree))
	}
	return tools
}
