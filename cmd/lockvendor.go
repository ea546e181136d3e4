package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"gostore/internal/check"
	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/project"
	"gostore/internal/tree"
	"gostore/lock"
	"gostore/store"
)

// vendorOptions are the flags of "gostore lock" about vendor directories.
type vendorOptions struct{ record, drop bool }

// planVendor adds to a plan that vendor directories are recorded, or no more. Without either the record stays as it is.
func (a *app) planVendor(ctx context.Context, p project.Project, o vendorOptions, plan *lockPlan) error {
	if !o.record && !o.drop {
		return nil
	}
	var is map[string]digest.Tree
	if o.record {
		var err error
		if is, err = a.scanVendor(ctx, p); err != nil {
			return err
		}
	}
	first := plan.change
	plan.change = func(f *lock.File) error {
		err := first(f)
		f.Vendor = is
		return err
	}
	return nil
}

// scanVendor returns the tree digests of the project's vendor directories, and keeps their manifests.
func (a *app) scanVendor(ctx context.Context, p project.Project) (map[string]digest.Tree, error) {
	dirs, err := vendorDirs(p)
	if err != nil {
		return nil, err
	}
	if len(dirs) == 0 {
		return nil, advise(fmt.Errorf("no vendor directory in %q", p.Dir), exitNotFound, "make one: gostore shell -- go mod vendor",
			"to take the record out of the lock: gostore lock --no-vendor")
	}
	is := map[string]digest.Tree{}
	for _, dir := range dirs {
		if err := a.keptByGit(ctx, p.Dir, dir); err != nil {
			return nil, err
		}
		m, err := tree.Scan(ctx, filepath.Join(p.Dir, filepath.FromSlash(dir)), runtime.GOMAXPROCS(0))
		if err != nil {
			return nil, fmt.Errorf("recording %s: %w", dir, err)
		}
		is[dir] = m.Digest()
		if st, err := a.openStore(); err == nil {
			keepVendorManifest(st, m) // best effort: without it a later check can only say that something differs
		}
	}
	return is, nil
}

// vendorDirs returns the vendor directories of the project's modules and of its workspace, as the lock names them.
func vendorDirs(p project.Project) ([]string, error) {
	tops := []string{p.Dir}
	if p.Work != "" {
		data, err := project.ReadText(p.Work)
		if err != nil {
			return nil, err
		}
		f, err := check.ParseGoFile(p.Work, data)
		if err != nil {
			return nil, err
		}
		tops = append(tops, f.Use...)
	}
	var dirs []string
	for _, top := range tops {
		rel, err := filepath.Rel(p.Dir, filepath.Join(top, "vendor"))
		if err != nil || !filepath.IsLocal(rel) {
			continue // a module outside of the project, as a workspace may have
		}
		info, err := os.Stat(filepath.Join(p.Dir, rel))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if name := filepath.ToSlash(rel); info.IsDir() && !slices.Contains(dirs, name) {
			dirs = append(dirs, name)
		}
	}
	return dirs, nil
}

// keptByGit refuses a directory that git will not keep whole: elsewhere it would not have the digest.
func (a *app) keptByGit(ctx context.Context, root, dir string) error {
	w, err := a.worktree(root)
	if err != nil {
		return nil // no git, so nothing that it could leave out
	}
	ignored, err := w.Ignored(ctx, dir)
	if err != nil {
		return fmt.Errorf("asking git what it ignores in %s: %w", dir, err)
	}
	if len(ignored) == 0 {
		return nil
	}
	const few = 5
	shown := ignored[:min(few, len(ignored))]
	err = fmt.Errorf("recording %s: git ignores %s in it, so a checkout elsewhere would have another digest: %s",
		dir, count(len(ignored), "file"), strings.Join(shown, ", "))
	return advise(err, exitFailed, "have git keep them: git add -f "+dir, "or remove them: git clean -fX "+dir)
}

// mostVendorManifests is how many manifests are kept. One of a vendor directory of 5,000 files has 600 KB.
const mostVendorManifests = 32

// keepVendorManifest keeps the manifest of a recorded directory in the store, and forgets the oldest ones when there are many.
func keepVendorManifest(st *store.Store, m tree.Manifest) {
	path := vendorManifestPath(st, m.Digest().Hex())
	dir := filepath.Dir(path)
	if os.MkdirAll(dir, 0o755) != nil || durable.WriteFile(path, m.Bytes(), 0o644) != nil {
		return // best effort, as for all that can be made again
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	kept := map[string]time.Time{}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			kept[e.Name()] = info.ModTime()
		}
	}
	names := slices.SortedFunc(maps.Keys(kept), func(a, b string) int { return kept[b].Compare(kept[a]) })
	for _, name := range names[min(len(names), mostVendorManifests):] {
		_ = os.Remove(filepath.Join(dir, name)) // best effort
	}
}

// readVendorManifest returns the manifest with a digest, if it was kept and still has it.
func readVendorManifest(st *store.Store, t digest.Tree) (tree.Manifest, bool) {
	data, err := os.ReadFile(vendorManifestPath(st, t.Hex()))
	if err != nil {
		return tree.Manifest{}, false
	}
	m, err := tree.Parse(data)
	return m, err == nil && m.Digest() == t
}
