package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"gostore/internal/enter"
	"gostore/internal/environment"
	"gostore/internal/journal"
	"gostore/internal/link"
	"gostore/internal/project"
	"gostore/internal/roots"
	"gostore/internal/shim"
)

func (a *app) linkCommand() *cobra.Command {
	var remove, asJSON bool
	c := &cobra.Command{
		Use:   "link",
		Short: "Make .gostore in the project: paths to its tools that stay the same, for editors",
		Long: `Installs the tools of the project's gostore.lock and makes the directory .gostore beside it:
bin with the tools' commands, goroot, which is the tree of the locked Go, and env, the
environment. Whatever is locked later, the paths stay: install, shell and the commands in
bin make them follow. git ignores the directory.

A command in bin runs with the project's tools and variables wherever and with whatever
environment an editor starts it. Linking a project trusts it. docs/editors.md has the
settings for editors.`,
		Example: `  gostore link
  gostore link --remove`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if remove {
				return a.unlink(c.Context(), asJSON)
			}
			return a.link(c.Context(), asJSON)
		},
	}
	c.Flags().BoolVar(&remove, "remove", false, "take the directory away")
	jsonFlag(c, &asJSON)
	return c
}

// linkJSON is the answer of link --json.
type linkJSON struct {
	Path        string `json:"path"`   // of the directory
	Linked      bool   `json:"linked"` // false with --remove
	Changed     bool   `json:"changed"`
	Bin         string `json:"bin,omitempty"`
	Goroot      string `json:"goroot,omitempty"` // where it leads, "" where Go is not locked
	Environment string `json:"environment,omitempty"`
}

func (a *app) link(ctx context.Context, asJSON bool) error {
	h, err := a.projectEnvironment(ctx)
	if err != nil {
		return err
	}
	defer h.Release()
	p, err := a.lockedProject()
	if err != nil {
		return err
	}
	dir := filepath.Dir(p.path)
	record := a.record("link")
	changed, err := a.setLinks(ctx, dir, h)
	if err != nil {
		return err
	}
	if !changed {
		record.Outcome = journal.Unchanged
	}
	a.letFollow(ctx, project.Project{Dir: dir}, p.file)
	at := link.Path(dir)
	if asJSON {
		return a.ui.answerJSON(linkJSON{at, true, changed, filepath.Join(at, link.BinDir), goroot(h), h.Env.Path()})
	}
	a.ui.answer("%s leads to %s", a.short(at), describe(environment.Environment{Tools: h.Tools}))
	return nil
}

// setLinks makes a project's links lead to an environment and its Go. The project is registered, and h holds leases on what is linked.
func (a *app) setLinks(ctx context.Context, dir string, h *enter.Held) (changed bool, err error) {
	program, err := a.cfg.shimProgram()
	if err != nil {
		return false, err
	}
	target := link.Target{Environment: h.Env.Path(), Goroot: goroot(h)}
	return link.Set(ctx, dir, target, func(bin string) error {
		d := shim.Directory{Path: bin, Program: program, Store: a.st.Dir(), Project: filepath.Join("..", "..")}
		_, err := d.Fill(ctx, false, func() ([]string, error) { return commandsIn(h.Env.Path()), nil })
		return err
	})
}

// goroot returns the directory of the primary Go among the tools, "" where there is none.
func goroot(h *enter.Held) string {
	for i, t := range h.Tools {
		if t.Name == goTool && !t.Extra {
			return h.Leases[i].Path()
		}
	}
	return ""
}

// relink makes the links of a project that has any follow its environment, whose use does not fail for want of them.
func (a *app) relink(ctx context.Context, p lockedProject, h *enter.Held) {
	dir := filepath.Dir(p.path)
	if link.Leads(dir, h.Env.Path()) || !link.Exists(dir) {
		return
	}
	if _, err := a.setLinks(ctx, dir, h); err != nil {
		a.ui.warn("%s does not follow the lock: %v", a.short(link.Path(dir)), err)
	}
}

// linked reports whether the links of a project lead into the store: its record says to the collector where to look for them.
func (a *app) linked(p roots.Project) bool { return len(link.Trees(a.st, filepath.Dir(p.Lock))) > 0 }

func (a *app) unlink(ctx context.Context, asJSON bool) error {
	p, err := project.Find(a.cfg.Dir)
	if err != nil && !errors.Is(err, project.ErrNone) {
		return err
	}
	at := link.Path(p.Dir)
	record := a.record("link")
	record.Project, record.Detail = p.LockPath(), "removed"
	err = link.Remove(ctx, p.Dir, func(bin string) error { return shim.Remove(ctx, bin) })
	missing := errors.Is(err, fs.ErrNotExist)
	if missing {
		record.Outcome = journal.Unchanged
	}
	if err != nil && !missing {
		return fmt.Errorf("taking %q away: %w", at, err)
	}
	if asJSON {
		return a.ui.answerJSON(linkJSON{Path: at, Changed: !missing})
	}
	if missing {
		a.ui.answer("%s is not linked", a.short(p.Dir))
		return nil
	}
	a.ui.answer("removed %s", a.short(at))
	return nil
}

// explainForeign is for what stands where gostore would put something of its own.
func explainForeign(err error) (int, []string) {
	var directory *link.ForeignError
	var file *shim.ForeignError
	switch {
	case errors.As(err, &directory):
		return exitFailed, []string{"nothing was changed; move it away, and say it again"}
	case errors.As(err, &file):
		return exitFailed, []string{"shims have a directory of their own: name one that is empty or not there"}
	}
	return exitOK, nil
}
