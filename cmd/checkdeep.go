package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gostore/internal/buildcache"
	"gostore/internal/buildlist"
	"gostore/internal/check"
	"gostore/internal/command"
)

// tooling leases the locked Go, for a rule that asks it.
func (k *checking) tooling(set ...string) (g command.Program, release func(), err error) {
	lease, err := k.lockedGo()
	if errors.Is(err, fs.ErrNotExist) {
		err = advise(err, exitNotFound, "gostore install")
	}
	if err != nil {
		return command.Program{}, nil, err
	}
	if k.app.offlineFlag {
		set = append(set, "GOPROXY=off")
	}
	g = command.Program{Argv: []string{filepath.Join(lease.Path(), "bin", "go")}, Environ: k.goEnviron(set...), Dir: k.project.Dir}
	return g, func() { lease.Release() }, nil // best effort: it ends with the process at the latest
}

// modules compares the require lines of all modules with what their builds select.
func (k *checking) modules() error {
	g, release, err := k.tooling()
	if err != nil {
		return err
	}
	defer release()
	temp, err := k.app.cfg.makeTemp("gostore-modules-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp) // best effort: it is in the directory for temporary files
	var work *check.GoFile
	for i, f := range k.files {
		if f.Path == k.project.Work {
			work = &k.files[i]
		}
	}
	for _, f := range k.files {
		if filepath.Base(f.Path) != "go.mod" || len(f.Needs) == 0 {
			continue
		}
		b, err := buildlist.Ask(k.ctx, g, f, work, temp)
		if err != nil {
			return fmt.Errorf("asking the go command what the build of %s selects: %w", f.Module, err)
		}
		k.found = append(k.found, b.Compare(f)...)
	}
	return nil
}

// cache builds all packages from nothing and compares the build cache with that.
func (k *checking) cache() error {
	g, release, err := k.tooling()
	if err != nil {
		return err
	}
	defer release()
	top, packages := k.packages()
	if len(packages) == 0 {
		return nil
	}
	g.Dir = filepath.Dir(top)
	ask := g
	ask.Argv = append(slices.Clone(g.Argv), "env", "GOCACHE")
	out, _, err := command.Run(k.ctx, ask)
	dir := strings.TrimSuffix(string(out), "\n")
	if err == nil && !filepath.IsAbs(dir) {
		err = fmt.Errorf("there is no build cache: GOCACHE is %q", dir)
	}
	if err != nil {
		return err
	}
	scratch, err := k.app.cfg.makeTemp("gostore-cache-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch) // best effort: it is in the directory for temporary files
	k.app.ui.note("building %s from nothing, to compare it with %s", strings.Join(packages, " "), dir)
	found, err := buildcache.Verify(k.ctx, buildcache.Build{Go: g, Cache: buildcache.Cache(dir), Packages: packages, Scratch: scratch})
	if err != nil {
		return err
	}
	for _, p := range found {
		k.found = append(k.found, poisoned(top, buildcache.Cache(dir), p))
	}
	return nil
}

// packages returns the file that says what is built, go.work or go.mod, and the patterns of all its packages.
func (k *checking) packages() (top string, patterns []string) {
	if k.project.Work != "" {
		top = k.project.Work
	} else if top = k.project.Module; top == "" {
		return "", nil
	}
	for _, f := range k.files {
		if filepath.Base(f.Path) != "go.mod" || k.project.Work == "" && f.Path != top {
			continue
		}
		if rel, err := filepath.Rel(filepath.Dir(top), filepath.Dir(f.Path)); err == nil && rel != "." {
			patterns = append(patterns, "./"+filepath.ToSlash(rel)+"/...")
		} else {
			patterns = append(patterns, "./...")
		}
	}
	return top, patterns
}

// poisoned is the finding for something that is poisoned in a cache.
func poisoned(top string, c buildcache.Cache, p buildcache.Poison) check.Finding {
	what := p.Action
	if p.Package != "" {
		what = "package " + p.Package
	}
	f := check.Finding{Rule: check.RuleCache, Severity: check.Error, File: top, Line: 1,
		Mend: "rm -f " + shellWords(p.Files(c)) + " (or everything: go clean -cache)"}
	if p.Damaged {
		f.Class = check.Integrity
		f.Message = fmt.Sprintf("%s: what the build cache holds since %s has not the digest that its entry promises: it was damaged or edited", what, day(p.Made))
	} else {
		f.Message = fmt.Sprintf("%s: the build cache holds another result since %s than a build gives: %s", what, day(p.Made), p.Why)
	}
	return f
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// shellWords writes paths as a shell reads them.
func shellWords(paths []string) string {
	words := make([]string, len(paths))
	for i, path := range paths {
		words[i] = path
		if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") != "" {
			words[i] = quoteWord(path)
		}
	}
	return strings.Join(words, " ")
}
