package cmd

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"gostore/gc"
	"gostore/internal/digest"
	"gostore/internal/environment"
	"gostore/store"
)

// neededBy returns the roots that need an object, themselves or by way of an environment, each with what brings it back there.
func (a *app) neededBy(ctx context.Context, o store.Object) []neededBy {
	list := []neededBy{}
	all, err := a.readRoots(pruned{})(ctx)
	if err != nil {
		a.ui.warn("who needs %s is not known: %v", o, err)
		return list
	}
	for _, r := range all {
		if !slices.ContainsFunc(r.Trees, func(t digest.Tree) bool { return a.needs(t, o.Tree) }) {
			continue
		}
		n := neededBy{Kind: r.Kind, Name: r.Name}
		switch r.Kind {
		case "project":
			n.Command = "cd " + quoteWord(filepath.Dir(r.Name)) + " && gostore install"
		case "profile":
			if n.Command = "gostore install " + label(o); o.Name == environment.ObjectName {
				n.Command = "gostore rollback"
			}
		}
		list = append(list, n)
	}
	return list
}

// needs reports whether an object is another, or refers to it.
func (a *app) needs(t, other digest.Tree) bool {
	if t == other {
		return true
	}
	info, err := a.st.Info(t)
	return err == nil && slices.Contains(info.Refs, other)
}

// lines returns a line for each root that needs something.
func lines(list []neededBy) []string {
	var out []string
	for _, n := range list {
		out = append(out, "needed by "+n.Kind+" "+n.Name)
	}
	return out
}

// backTips says how to have an object again, and what else can be done.
func backTips(list []neededBy) []string {
	var tips []string
	for _, n := range list {
		if tip := "to have it again: " + n.Command; n.Command != "" && !slices.Contains(tips, tip) {
			tips = append(tips, tip)
		}
	}
	return append(tips, `"gostore gc" removes what was set aside when it is a week old and nobody uses it`)
}

// dropAsides removes what was set aside long ago and no process uses, for a collection.
func (a *app) dropAsides(list []store.Aside, before time.Time) error {
	processes := sync.OnceValues(func() ([]gc.Root, error) { return gc.Processes(a.st) }) // which takes long, and mostly there is nothing
	gone, err := a.st.DropAsides(list, before, func(s store.Aside) (bool, error) {
		running, err := processes()
		return slices.ContainsFunc(running, func(r gc.Root) bool { return slices.Contains(r.Trees, s.Object.Tree) }), err
	})
	for _, s := range gone {
		a.ui.note("removed %s, which was set aside %s", label(s.Object), when(s.Since))
	}
	return err
}

// tellAsides says what was set aside and is not here again.
func (a *app) tellAsides() {
	list, err := a.st.Asides()
	if err != nil {
		return // whoever asks for the objects says so
	}
	for _, s := range list {
		if _, err := a.st.Lookup(s.Object.Tree); err == nil {
			continue // here again
		}
		a.ui.note("%s is damaged and was set aside %s, as %s", label(s.Object), when(s.Since), s.Path)
	}
}
