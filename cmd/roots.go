package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gostore/gc"
	"gostore/internal/digest"
	"gostore/internal/enter"
	"gostore/internal/link"
	"gostore/internal/roots"
	"gostore/lock"
	"gostore/profile"
	"gostore/store"
)

func (a *app) rootsCommand() *cobra.Command {
	var forget string
	var asJSON bool
	c := &cobra.Command{
		Use:   "roots",
		Short: "List what keeps objects in the store, and how much each keeps",
		Long: `Lists everything that "gostore gc" keeps objects for: generations of profiles, projects whose
lock was used, running processes. SIZE is what a root reaches, ALONE what would go with it.

A project stays registered when its folder is away, as its disk may come back. --forget
takes it off the list; using it again puts it back.`,
		Example: `  gostore roots
  gostore roots --forget ~/src/old-project`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("forget") {
				return a.forget(c.Context(), forget)
			}
			return a.roots(c.Context(), asJSON)
		},
	}
	c.Flags().StringVar(&forget, "forget", "", "take the project in this directory, or with this lock, off the list")
	jsonFlag(c, &asJSON)
	return c
}

// rootJSON is a root in the answer of roots --json and gc --json.
type rootJSON struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Note    string `json:"note,omitempty"`
	Objects int    `json:"objects"`
	Size    int64  `json:"size"`
	Alone   int64  `json:"alone"`
}

func (a *app) roots(ctx context.Context, asJSON bool) error {
	st, err := a.openStore()
	if err != nil {
		return err
	}
	plan, err := gc.Plan(ctx, st, a.readRoots(pruned{}), gc.Options{})
	if err != nil {
		return err
	}
	if asJSON {
		list := []rootJSON{}
		for _, k := range plan.Roots {
			list = append(list, rootJSON{k.Kind, k.Name, k.Note, k.Objects, k.Size, k.Alone})
		}
		return a.ui.answerJSON(list)
	}
	if len(plan.Roots) == 0 {
		a.ui.note(`nothing keeps anything: "gostore gc" would remove every object`)
		return nil
	}
	rows := [][]string{{"KIND", "NAME", "OBJECTS", "SIZE", "ALONE", "NOTE"}}
	for _, k := range plan.Roots {
		rows = append(rows, []string{k.Kind, k.Name, fmt.Sprint(k.Objects), size(k.Size), size(k.Alone), k.Note})
	}
	a.ui.table(rows, 2, 3, 4)
	a.tellAsides()
	return nil
}

// forget takes a project off the list of registered ones.
func (a *app) forget(ctx context.Context, path string) error {
	st, err := a.openStore()
	if err != nil {
		return err
	}
	path = a.cfg.abs(path)
	if filepath.Base(path) != lock.Name {
		path = filepath.Join(path, lock.Name)
	}
	if dir := filepath.Dir(path); a.linked(roots.Project{Lock: path}) {
		return advise(fmt.Errorf("the links in %q still lead to its tools", link.Path(dir)), exitFailed, "take them away first: gostore link --remove, there")
	}
	a.record("forget").Project = path
	err = roots.Forget(ctx, enter.RootsDir(st), path)
	if errors.Is(err, fs.ErrNotExist) {
		return advise(fmt.Errorf("no project %q is registered", path), exitNotFound, `"gostore roots" lists the projects`)
	}
	if err == nil {
		a.ui.answer("forgot %s", path)
	}
	return err
}

// pruned is what a collection leaves out because it is going to be removed first.
type pruned struct {
	generations []profile.Root
	projects    []string // paths of locks
}

func (p pruned) hasGeneration(r profile.Root) bool {
	return slices.ContainsFunc(p.generations, func(o profile.Root) bool { return o.Profile == r.Profile && o.Number == r.Number })
}

// readRoots reads everything that keeps objects alive, except what is pruned. Leases are not among it: the
// collector meets them itself.
func (a *app) readRoots(without pruned) gc.Roots {
	return func(ctx context.Context) ([]gc.Root, error) {
		recorded, err := a.recordedRoots(without)(ctx)
		if err != nil {
			return nil, err
		}
		processes, err := gc.Processes(a.st)
		return append(recorded, processes...), err
	}
}

// recordedRoots is readRoots without running processes.
func (a *app) recordedRoots(without pruned) gc.Roots {
	return func(context.Context) ([]gc.Root, error) {
		generations, err := profileRoots(a.st, without)
		if err != nil {
			return nil, err
		}
		projects, err := projectRoots(a.st, without)
		if err != nil {
			return nil, err
		}
		return slices.Concat(generations, projects), nil
	}
}

func profileRoots(st *store.Store, without pruned) ([]gc.Root, error) {
	generations, err := profile.Trees(st)
	if err != nil {
		return nil, err
	}
	var list []gc.Root
	for _, g := range generations {
		if without.hasGeneration(g) {
			continue
		}
		r := gc.Root{Kind: "profile", Name: fmt.Sprintf("%s generation %d", g.Profile, g.Number), Trees: []digest.Tree{g.Tree}}
		if g.Number == 0 {
			r.Name = g.Profile
		}
		if g.Current {
			r.Note = "current"
		}
		list = append(list, r)
	}
	return list, nil
}

// projectRoots returns the registered projects, each with what its links lead to at this moment. A record that is damaged stops the collection: what it kept
// alive is not known.
func projectRoots(st *store.Store, without pruned) ([]gc.Root, error) {
	var list []gc.Root
	for p, err := range roots.List(enter.RootsDir(st)) {
		var damaged *roots.DamagedError
		if errors.As(err, &damaged) {
			return nil, advise(err, exitFailed, "use the project once more, or remove the file: then its objects can go")
		}
		if err != nil {
			return nil, err
		}
		if !slices.Contains(without.projects, p.Lock) {
			r := currentRoot(st, p)
			r.Trees = append(slices.Clone(r.Trees), link.Trees(st, filepath.Dir(p.Lock))...)
			list = append(list, r)
		}
	}
	return list, nil
}

// currentRoot says what a project needs now: what its lock says, and those environments of which it needs every
// part. A lock that cannot be read keeps what it was last known to need. So does a tool of which the index does not say what it came to, as it
// does not when the entry was damaged: what was recorded under the tool's name and version stays.
func currentRoot(st *store.Store, p roots.Project) gc.Root {
	r := gc.Root{Kind: "project", Name: p.Lock, Trees: p.Trees, Note: "used " + p.Used.Local().Format(time.DateOnly)}
	f, err := lock.Read(p.Lock)
	if err != nil {
		r.Note += ", kept as last seen: " + because(err)
		return r
	}
	var now []digest.Tree
	for _, t := range f.Tools {
		if tree := lockedTree(st, t, p.Platform); !tree.IsZero() {
			now = append(now, tree)
		} else {
			now = append(now, recordedTrees(st, p, t)...)
		}
	}
	for _, t := range p.Trees {
		info, err := st.Info(t)
		if err == nil && len(info.Refs) > 0 && !slices.ContainsFunc(info.Refs, func(ref digest.Tree) bool { return !slices.Contains(now, ref) }) {
			now = append(now, t)
		}
	}
	r.Trees = now
	return r
}

// recordedTrees returns what a project was recorded to need that is named like a tool of its lock.
func recordedTrees(st *store.Store, p roots.Project, t lock.Tool) []digest.Tree {
	return slices.DeleteFunc(slices.Clone(p.Trees), func(tree digest.Tree) bool {
		info, err := st.Info(tree)
		return err != nil || info.Object != store.NewObject(tree, t.Name, t.Version)
	})
}

// because says in a few words why a lock cannot be read.
func because(err error) string {
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "the lock is not there"
	case errors.As(err, &path):
		return path.Err.Error()
	}
	return "the lock cannot be understood"
}
