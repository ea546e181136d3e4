package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/environment"
	"gostore/internal/project"
	"gostore/internal/release"
	"gostore/internal/revision"
	"gostore/lock"
	"gostore/profile"
	"gostore/store"
)

// The kinds of what can be compared.
const (
	sideGeneration  = "generation"
	sideLock        = "lock"
	sideEnvironment = "environment"
	sideObject      = "object"
)

// currentWord means the current generation.
const currentWord = "current"

// side is one of the two things that "gostore diff" compares.
type side struct {
	kind  string
	name  string // as a person would call it
	tools []sideTool
	file  *lock.File // of a lock
}

// sideTool is a tool of a side, as far as it is known there.
type sideTool struct {
	name, version string
	extra         bool
	tree          digest.Tree    // zero where it is not known: a lock need not say it
	archive       digest.Archive // for this platform
	layout        release.Layout
}

// generationArg takes apart what names a generation: NUMBER or current, PROFILE: before it or not.
func generationArg(arg string) (name, number string, ok bool) {
	name, number, ok = strings.Cut(arg, ":")
	if !ok {
		name, number = "", arg
	}
	isNumber := number != "" && len(number) <= 9 && strings.Trim(number, "0123456789") == ""
	return name, number, (isNumber || number == currentWord) && name != "b3" && (name == "" && !ok || profile.CheckName(name) == nil)
}

// side finds what an argument means. The rule, in this order: a number of up to nine digits, or "current", is a generation, with
// PROFILE: before it of another profile; "b3:" begins a digest; a file or directory that exists is a lock, or an object of the
// store; then an object by its digest or NAME@VERSION; REVISION:PATH and REVISION are locks as git has them.
func (a *app) side(ctx context.Context, arg, profileName string) (side, error) {
	if name, number, ok := generationArg(arg); ok {
		return a.generationSide(cmp.Or(name, profileName), number)
	}
	if strings.HasPrefix(arg, "b3:") {
		return a.objectSide(arg)
	}
	if s, ok, err := a.pathSide(arg); ok {
		return s, err
	}
	if o, err := a.objectSide(arg); err == nil || exitCode(err) != exitNotFound || strings.Contains(arg, "@") && !strings.ContainsAny(arg, ":{") {
		return o, err
	}
	rev, path, named := strings.Cut(arg, ":")
	if !named {
		return a.revisionSide(ctx, rev, "")
	}
	return a.revisionSide(ctx, rev, path)
}

func (a *app) generationSide(name, number string) (side, error) {
	p, err := a.profile(name)
	if err != nil {
		return side{}, err
	}
	if number == currentWord {
		g, err := p.Tools()
		return environmentSide(sideGeneration, fmt.Sprintf("%s generation %d", name, g.Number), g.Tools), err
	}
	list, err := p.Generations()
	if err != nil {
		return side{}, err
	}
	missing := &profile.NoGenerationError{Profile: name}
	missing.Number, _ = strconv.Atoi(number) // at most nine digits
	for _, g := range list {
		missing.Have = append(missing.Have, g.Number)
		if g.Number == missing.Number {
			env, err := environment.Load(g.Dir)
			return environmentSide(sideGeneration, fmt.Sprintf("%s generation %d", name, g.Number), env.Tools), err
		}
	}
	return side{}, missing
}

func environmentSide(kind, name string, tools []environment.Tool) side {
	s := side{kind: kind, name: name}
	for _, t := range tools {
		s.tools = append(s.tools, sideTool{t.Name, t.Version, t.Extra, t.Tree, t.Archive, t.Layout})
	}
	return s
}

// objectSide finds an object of the store, which may be an environment.
func (a *app) objectSide(arg string) (side, error) {
	o, err := a.findObject(arg)
	if err != nil {
		return side{}, err
	}
	name := fmt.Sprintf("%s %s", shortTree(o), label(o))
	if o.Name == environment.ObjectName {
		env, err := environment.Load(a.st.Path(o))
		return environmentSide(sideEnvironment, name, env.Tools), err
	}
	return side{kind: sideObject, name: name, tools: []sideTool{{name: o.Name, version: o.Version, tree: o.Tree}}}, nil
}

// pathSide finds a file or a directory; it reports whether the argument is one.
func (a *app) pathSide(arg string) (s side, ok bool, err error) {
	path := a.cfg.abs(arg)
	fi, err := os.Stat(path)
	if err != nil {
		return s, false, nil
	}
	if !fi.IsDir() {
		s, err = a.lockSide(path)
		return s, true, err
	}
	if _, err := os.Stat(filepath.Join(path, lock.Name)); err == nil {
		s, err = a.lockSide(filepath.Join(path, lock.Name))
		return s, true, err
	}
	st, err := a.openStore()
	if err != nil {
		return s, true, err
	}
	if o, err := store.ParseBase(filepath.Base(path)); err == nil && st.Path(o) == path {
		s, err = a.objectSide(path)
		return s, true, err
	}
	return s, false, nil
}

// lockSide reads a lock of the working copy.
func (a *app) lockSide(path string) (side, error) {
	f, err := lock.Read(path)
	if err != nil {
		return side{}, err
	}
	return a.asSide(a.short(path), f)
}

// revisionSide reads a lock as a revision has it: the file that path names to git, or that of this project.
func (a *app) revisionSide(ctx context.Context, rev, path string) (side, error) {
	git := revision.Git{Dir: a.cfg.Dir, Environ: a.cfg.Environ}
	if path == "" {
		p, err := project.Find(a.cfg.Dir)
		if err != nil && !errors.Is(err, project.ErrNone) {
			return side{}, err
		}
		git.Dir, path = filepath.Dir(p.LockPath()), "./"+lock.Name
	}
	name := rev + ":" + strings.TrimPrefix(path, "./")
	var err error
	if git.Program, err = lookPath("git", a.cfg.Dir, a.cfg.Environ); err != nil {
		return side{}, advise(fmt.Errorf("reading %q: git is not on PATH", name), exitNotFound,
			"a generation is a number, PROFILE:NUMBER or current; an object a digest or NAME@VERSION; a lock a file",
			"anything else is a revision, for which git is needed")
	}
	data, err := git.File(ctx, rev, path)
	if errors.Is(err, fs.ErrNotExist) {
		return side{}, advise(err, exitNotFound, "a generation is a number, PROFILE:NUMBER or current; an object a digest or NAME@VERSION; a lock a file",
			"REVISION:PATH is a path from the top of the repository; REVISION:./PATH one from here")
	}
	if err != nil {
		return side{}, err
	}
	f, err := lock.Parse(name, data)
	if err != nil {
		return side{}, err
	}
	return a.asSide(name, f)
}

// asSide returns a lock as what is installed of it on this platform.
func (a *app) asSide(name string, f *lock.File) (side, error) {
	s := side{kind: sideLock, name: name, file: f}
	st, err := a.openStore()
	if err != nil {
		return s, err
	}
	tools := slices.Clone(f.Tools)
	slices.SortStableFunc(tools, func(x, y lock.Tool) int { // the primary one first
		switch {
		case x.Extra == y.Extra:
			return 0
		case y.Extra:
			return -1
		}
		return 1
	})
	for _, t := range tools {
		layout := t.Layout
		if source, err := a.source(t.Source); err == nil { // else the lock is of another gostore, and says what it says
			layout = source.Layout(t.Release())
		}
		s.tools = append(s.tools, sideTool{t.Name, t.Version, t.Extra, lockedTree(st, t, release.Host()), t.Platforms[release.Host()].Digest, layout})
	}
	return s, nil
}
