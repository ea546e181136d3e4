package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"gostore/internal/check"
	"gostore/internal/digest"
	"gostore/internal/git"
	"gostore/internal/project"
	"gostore/internal/release"
	"gostore/internal/settings"
	"gostore/internal/textfile"
	"gostore/internal/tree"
	"gostore/internal/versionfile"
	"gostore/lock"
	"gostore/store"
)

// checking is one run of "gostore check": it gathers what the rules look at.
type checking struct {
	app     *app
	ctx     context.Context
	project project.Project
	rules   []string

	data  []byte     // of the lock, nil where there is none
	lock  *lock.File // nil where it cannot be read
	files []check.GoFile

	settings settings.Settings    // the project's [env]
	verified map[digest.Tree]bool // objects that were hashed in this run
	found    []check.Finding

	// A copy of what is staged, and what it is a copy of; "" where files are looked at in their places.
	copied, original string
}

func (k *checking) runs(rule string) bool { return slices.Contains(k.rules, rule) }

// run applies the rules and returns what they found. An error means that some of them could not look.
func (k *checking) run() ([]check.Finding, error) {
	if err := k.read(); err != nil {
		return nil, err
	}
	var failures []error
	for _, rule := range []struct {
		name  string
		check func() error
	}{
		{check.RuleGoLine, k.goLine}, {check.RuleVendor, k.vendor}, {check.RuleObjects, k.objects},
		{check.RuleCross, k.cross}, {check.RuleModules, k.modules}, {check.RuleCache, k.cache},
	} {
		if k.runs(rule.name) && k.lock != nil { // a lock that is not there or cannot be read was complained about
			err := rule.check()
			if errors.As(err, new(*store.DamagedError)) && k.runs(check.RuleObjects) {
				continue // the locked Go must not be asked; that rule has named the files
			}
			failures = append(failures, err)
		}
	}
	return check.Merge(k.inPlace(k.found)), errors.Join(failures...)
}

// read reads the project's files, which is also what the rule lock does.
func (k *checking) read() error {
	asks, err := k.project.Asks()
	if err := k.complain(err); err != nil {
		return err
	}
	readable := err == nil
	if k.settings, err = k.project.Settings(); err != nil {
		if err := k.complain(err); err != nil {
			return err
		}
	}
	f, data, err := readLock(k.project)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case missing && readable && len(asks) == 0 && k.copied != "":
		return nil // the commit has no lock, and asks for none
	case missing && readable && len(asks) == 0:
		return noLock(k.project, err)
	case err == nil:
		k.lock, k.data = f, data
	case !missing:
		if err := k.complain(err); err != nil {
			return err
		}
	}
	if k.runs(check.RuleLock) && readable && (err == nil || missing) {
		k.found = append(k.found, check.Lock(k.project.Dir, k.project.LockPath(), k.data, f, asks)...)
	}
	return k.readGoFiles()
}

// complain makes findings of an error about files that people edit, and returns any other error.
func (k *checking) complain(err error) error {
	if err == nil {
		return nil
	}
	found := check.Places(check.RuleLock, err)
	for _, f := range found {
		if !slices.Contains(k.found, f) {
			k.found = append(k.found, f)
		}
	}
	if found == nil {
		return err
	}
	return nil
}

// inPlace names the files that were copied by their own names.
func (k *checking) inPlace(found []check.Finding) []check.Finding {
	for i := range found {
		if rel, err := filepath.Rel(k.copied, found[i].File); k.copied != "" && err == nil && filepath.IsLocal(rel) {
			found[i].File = filepath.Join(k.original, rel)
		}
	}
	return found
}

// readGoFiles reads the go.work and the go.mod files of the project: that of its directory, and those of the workspace.
func (k *checking) readGoFiles() error {
	paths := []string{k.project.Work, k.project.Module}
	for i := 0; i < len(paths); i++ {
		path := paths[i]
		if path == "" || slices.Contains(paths[:i], path) {
			continue
		}
		data, err := project.ReadText(path)
		if errors.Is(err, fs.ErrNotExist) {
			k.found = append(k.found, check.Finding{Rule: check.RuleGoLine, Severity: check.Error, File: k.project.Work, Line: 1,
				Message: "the workspace uses a directory where no go.mod is: " + k.seen(filepath.Dir(path)), Mend: "go work edit -dropuse=" + k.seen(filepath.Dir(path))})
			continue
		}
		var f check.GoFile
		if err == nil {
			f, err = check.ParseGoFile(path, data)
		}
		if err != nil {
			if err := k.complain(err); err != nil {
				return err
			}
			continue
		}
		k.files = append(k.files, f)
		for _, dir := range f.Use {
			paths = append(paths, filepath.Join(dir, "go.mod"))
		}
	}
	return nil
}

// seen returns a path as seen from the workspace.
func (k *checking) seen(path string) string {
	if rel, err := filepath.Rel(filepath.Dir(k.project.Work), path); err == nil {
		return "./" + filepath.ToSlash(rel)
	}
	return path
}

func (k *checking) goLine() error {
	if entries := k.lock.Find(goTool); len(entries) > 0 {
		k.found = append(k.found, check.GoLines(k.files, entries[0].Version)...)
	}
	return nil
}

// objects looks at the objects of what is locked for this platform.
func (k *checking) objects() error {
	st, err := k.app.openStore()
	if err != nil {
		return err
	}
	var tools []check.Installed
	for _, t := range k.lock.Tools {
		if _, ok := t.Item(release.Host()); !ok {
			continue // it is not locked for this platform: nothing is promised
		}
		one := check.Installed{Tool: t.Name, Version: t.Version, Line: check.ToolLine(k.data, t.Name), Err: fs.ErrNotExist}
		if known := lockedTree(st, t, release.Host()); !known.IsZero() {
			one.Err = k.verify(st, known)
		}
		if err := k.ctx.Err(); err != nil {
			return err
		}
		tools = append(tools, one)
	}
	k.found = append(k.found, check.Objects(k.project.LockPath(), tools)...)
	return nil
}

// verify hashes an object, once in a run.
func (k *checking) verify(st *store.Store, t digest.Tree) error {
	if k.verified[t] {
		return nil
	}
	err := st.Verify(k.ctx, t)
	if err == nil {
		if k.verified == nil {
			k.verified = map[digest.Tree]bool{}
		}
		k.verified[t] = true
	}
	return err
}

// mostModules bounds a modules.txt, in bytes. The largest known ones have some hundred kilobytes.
const mostModules = 16 << 20

// vendor compares the vendor directories that are recorded, and those of all modules with their go.mod.
func (k *checking) vendor() error {
	var dirs []check.VendorDir
	for dir, want := range k.lock.Vendor {
		d := check.VendorDir{Path: dir, Want: want}
		d.Is, d.Err = tree.Scan(k.ctx, filepath.Join(k.project.Dir, filepath.FromSlash(dir)), runtime.GOMAXPROCS(0))
		if err := k.ctx.Err(); err != nil {
			return err
		}
		if d.Err == nil && d.Is.Digest() != want {
			d.Was, d.Known = k.recorded(d)
		}
		dirs = append(dirs, d)
	}
	k.found = append(k.found, check.Vendor(k.project.Dir, k.project.LockPath(), k.data, dirs)...)
	for _, g := range k.files {
		path := filepath.Join(filepath.Dir(g.Path), "vendor", "modules.txt")
		data, err := textfile.Read(path, mostModules)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		list, workspace := check.ParseModules(data)
		if !workspace {
			k.found = append(k.found, check.Vendored(g, path, list, false)...)
			continue
		}
		for _, member := range k.files {
			k.found = append(k.found, check.Vendored(member, path, list, true)...)
		}
	}
	return nil
}

// recorded finds the manifest that a vendor directory had when it was recorded: as this machine kept it, or as git has it in the
// newest commit, or in the one that changed the lock last.
func (k *checking) recorded(d check.VendorDir) (tree.Manifest, bool) {
	if st, err := k.app.openStore(); err == nil {
		if m, ok := readVendorManifest(st, d.Want); ok {
			return m, true
		}
	}
	dir := k.project.Dir
	if k.copied != "" {
		rel, err := filepath.Rel(k.copied, dir)
		if err != nil {
			return tree.Manifest{}, false
		}
		dir = filepath.Join(k.original, rel)
	}
	w, err := k.app.worktree(dir)
	if err != nil {
		return tree.Manifest{}, false // the digests have to do
	}
	commits := []string{"HEAD"}
	if commit, err := w.LastChange(k.ctx, lock.Name); err == nil {
		commits = append(commits, commit)
	}
	for _, commit := range commits {
		if m, err := w.Manifest(k.ctx, commit, d.Path); err == nil && m.Digest() == d.Want {
			return m, true
		}
	}
	return tree.Manifest{}, false
}

// worktree returns a directory as git sees it; an error says that there is no git, or nothing that it keeps.
func (a *app) worktree(dir string) (git.Worktree, error) {
	if git.Top(dir) == "" {
		return git.Worktree{}, advise(fmt.Errorf("%q is in no working tree of git", dir), exitNotFound)
	}
	program, err := lookPath("git", a.cfg.Dir, a.cfg.Environ)
	return git.Worktree{Dir: dir, Program: program, Environ: a.cfg.Environ}, err
}

// stagedRules are the rules that look at files that are committed.
var stagedRules = []string{check.RuleLock, check.RuleGoLine, check.RuleVendor}

// concerns reports whether a file of a repository is one that the staged rules look at.
func concerns(name string) bool {
	switch filepath.Base(name) {
	case lock.Name, project.ConfigName, "go.mod", "go.work":
		return true
	}
	return versionfile.ParserOf(name) != nil || slices.Contains(strings.Split(filepath.ToSlash(filepath.Dir(name)), "/"), "vendor")
}

// useStaged makes the rules look at a copy of what is staged. done removes it. Nothing is to be done where what is staged concerns
// no rule.
func (k *checking) useStaged() (done func(), concerned bool, err error) {
	done = func() {}
	w, err := k.app.worktree(k.project.Dir)
	if err != nil {
		return done, false, err
	}
	w.Dir = git.Top(k.project.Dir)
	changed, err := w.Staged(k.ctx)
	if err != nil || !slices.ContainsFunc(changed, concerns) {
		return done, false, err
	}
	rel, err := filepath.Rel(w.Dir, k.project.Dir)
	if err != nil {
		return done, false, err
	}
	k.original = w.Dir
	if k.copied, err = k.app.cfg.makeTemp("gostore-staged-"); err != nil {
		return done, false, err
	}
	done = func() { os.RemoveAll(k.copied) } // best effort: it is in the directory for temporary files
	if err := w.CopyIndex(k.ctx, k.copied, concerns); err != nil {
		return done, false, err
	}
	k.project, err = project.Find(filepath.Join(k.copied, rel))
	if errors.Is(err, project.ErrNone) {
		return done, false, nil // the commit has none of its files
	}
	return done, true, err
}

// vendorCache is where the manifests of recorded vendor directories are kept, below the store's root: with them a later check can name
// the files that differ.
const vendorCache = "cache/vendor"

func vendorManifestPath(st *store.Store, hex string) string {
	return filepath.Join(st.Dir(), filepath.FromSlash(vendorCache), hex+".manifest")
}
