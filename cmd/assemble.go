package cmd

import (
	"context"
	"errors"
	"fmt"
	"runtime/trace"
	"slices"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/enter"
	"gostore/internal/environment"
	"gostore/internal/install"
	"gostore/internal/release"
	"gostore/internal/source/goproxy"
	"gostore/lock"
	"gostore/store"
)

// assemble installs tools for this platform and puts them side by side.
func (a *app) assemble(ctx context.Context, tools []lock.Tool) (*enter.Held, error) {
	h, err := a.install(ctx, tools)
	if err != nil {
		return nil, err
	}
	h.Env, err = environment.Build(ctx, a.st, h.Tools)
	if err != nil {
		h.Release()
		return nil, err
	}
	return h, nil
}

// install installs tools for this platform; the result has no environment.
func (a *app) install(ctx context.Context, tools []lock.Tool) (*enter.Held, error) {
	return a.installFor(ctx, tools, release.Host())
}

// installFor installs tools for a platform. Offline, all that is missing is named at once.
func (a *app) installFor(ctx context.Context, tools []lock.Tool, p release.Platform) (*enter.Held, error) {
	st, err := a.openStore()
	if err != nil {
		return nil, err
	}
	a.makers = append(slices.Clone(tools), a.makers...)
	board := a.ui.board(ctx)
	defer board.close()
	jobs := make([]install.Job, len(tools))
	failures := make([]error, len(tools))
	for i, t := range tools {
		jobs[i], failures[i] = a.job(t, p, board)
	}
	if err := errors.Join(failures...); err != nil {
		return nil, err
	}
	if err := a.mustBeHere(ctx, jobs, p); err != nil {
		return nil, err
	}
	missing := a.absent(jobs)
	leases, err := install.All(ctx, st, jobs)
	a.noteInstalled(jobs, missing)
	a.noteLayers(jobs, missing)
	if err != nil {
		return nil, err
	}
	h := &enter.Held{Leases: leases}
	for i, t := range tools {
		h.Tools = append(h.Tools, asEnvironment(t, jobs[i].Source, p, leases[i].Object().Tree))
	}
	return h, nil
}

// asEnvironment returns a locked tool as a part of an environment.
func asEnvironment(t lock.Tool, source install.Source, p release.Platform, tree digest.Tree) environment.Tool {
	return environment.Tool{
		Name: t.Name, Request: t.Name + "@" + t.Request, Version: t.Version, Source: t.Source, Extra: t.Extra,
		Tree: tree, Archive: t.Platforms[p].Digest, Layout: source.Layout(t.Release()),
	}
}

// job describes what to install for a tool.
func (a *app) job(t lock.Tool, p release.Platform, board *board) (install.Job, error) {
	source, err := a.source(t.Source)
	if err != nil {
		return install.Job{}, err
	}
	item, ok := t.Item(p)
	if !ok {
		return install.Job{}, advise(fmt.Errorf("%s: %w", lock.Name,
			&release.NotFoundError{Tool: t.Name, Version: t.Version, Platform: &p, Have: platformNames(t)}), 0,
			fmt.Sprintf("if upstream serves it by now: gostore lock --update %s", t.Name))
	}
	return install.Job{Source: source, Item: item, Progress: board.task(t.Name + " " + t.Version), Replace: a.replaceLayered}, nil
}

// lockedTree returns the tree that a locked tool has on a platform as far as it is known; zero where it is not.
func lockedTree(st *store.Store, t lock.Tool, p release.Platform) digest.Tree {
	item, ok := t.Item(p)
	if !ok {
		return digest.Tree{}
	}
	if tree, known := st.LookupArchive(item.Key()); known {
		return tree
	}
	return item.Archive.Tree
}

// resolve finds the releases for requests, all that fail at once. The first request for a tool
// is its primary one. With platforms nil every platform is resolved. What makes other tools is resolved before them.
func (a *app) resolve(ctx context.Context, requests []release.Request, platforms []release.Platform) ([]lock.Tool, error) {
	found := make([]lock.Tool, len(requests))
	failures := make([]error, len(requests))
	for _, makers := range []bool{true, false} {
		for i, r := range requests {
			if (r.Tool == goTool) != makers {
				continue
			}
			if found[i], failures[i] = a.resolveOne(ctx, r, platforms); failures[i] == nil && makers {
				a.makers = append([]lock.Tool{found[i]}, a.makers...)
			}
		}
	}
	var tools []lock.Tool
	for i, t := range found {
		if failures[i] != nil {
			continue
		}
		t.Extra = slices.ContainsFunc(tools, func(o lock.Tool) bool { return o.Name == t.Name })
		tools = append(tools, t)
	}
	return tools, errors.Join(failures...)
}

func (a *app) resolveOne(ctx context.Context, r release.Request, platforms []release.Platform) (lock.Tool, error) {
	ctx, task := trace.NewTask(ctx, "resolve "+r.String())
	defer task.End()
	source, err := a.sourceFor(r)
	if err != nil {
		return lock.Tool{}, err
	}
	found, err := source.Resolve(ctx, r, platforms)
	if err != nil {
		err = fmt.Errorf("resolving %s: %w", r, err)
		if platforms != nil {
			err = a.offerInstalled(r.Tool, err)
		}
		return lock.Tool{}, err
	}
	a.ui.detail("%s is %s %s, from %s", r, found.Tool, found.Version, found.Source)
	a.resolved(r.Name(), found.Version)
	return lock.Of(found, r.Version, false), nil
}

// offerInstalled adds to an error for want of an upstream which versions of the tool can do without one.
func (a *app) offerInstalled(tool string, err error) error {
	var none *goproxy.NoProxyError
	if exitCode(err) != exitNetwork && !errors.As(err, &none) {
		return err
	}
	objects, listErr := a.st.Objects()
	if listErr != nil {
		return err // the first error matters more
	}
	var here []string
	for _, o := range sorted(objects) {
		if o.Name == tool {
			here = append(here, label(o))
		}
	}
	if len(here) == 0 {
		return err
	}
	return advise(err, 0, "here already, and usable without a network: "+strings.Join(here, ", "))
}

// resolveHost reads TOOL@VERSION arguments and resolves them for this platform only: for commands that
// leave no lock behind.
func (a *app) resolveHost(ctx context.Context, args []string) ([]lock.Tool, error) {
	requests, err := parseRequests(args)
	if err != nil {
		return nil, err
	}
	return a.resolve(ctx, requests, []release.Platform{release.Host()})
}

// parseRequests reads TOOL@VERSION arguments.
func parseRequests(args []string) ([]release.Request, error) {
	var requests []release.Request
	for _, arg := range args {
		r, err := release.ParseRequest(arg)
		if err != nil {
			return nil, usagef("%v", err).withHints("write TOOL@VERSION, such as go@1.22")
		}
		if slices.ContainsFunc(requests, func(o release.Request) bool { return o.Tool == r.Tool && o.Version == r.Version }) {
			return nil, usagef("%s is given twice", r)
		}
		requests = append(requests, r)
	}
	return requests, nil
}
