package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/adopt"
	"gostore/internal/install"
	"gostore/internal/release"
	"gostore/internal/tree"
)

// importFromOptions are the flags of "gostore import-from".
type importFromOptions struct {
	dir          string
	dryRun, json bool
}

func (a *app) importFromCommand() *cobra.Command {
	var o importFromOptions
	c := &cobra.Command{
		Use:   "import-from MANAGER...",
		Short: "Bring Go toolchains that another version manager installed into the store",
		Long: `Finds what asdf, goenv, gvm, mise, the go command itself (gotoolchain: the toolchains in the module cache) or
golang.org/dl (sdk) have installed, verifies each Go toolchain against the Go checksum database, and copies it into the
store. Nothing is downloaded but the database's answers, and nothing of the other manager is changed.

A toolchain that is not what the database states is not adopted, and neither is what nobody vouches for: Go built from
sources, and all other tools. The answer says which, and why; the exit status is 3 when a toolchain was changed. Files that
were added beside it, such as programs in its bin, are left out.

The directory is the one that the manager's own variables name (ASDF_DATA_DIR, GOENV_ROOT, GVM_ROOT, MISE_DATA_DIR,
GOMODCACHE, GOPATH), or its default; --dir names another. Nothing keeps what was adopted: the next "gostore gc" removes it unless a
project or a profile uses it by then.`,
		Example: `  gostore import-from sdk
  gostore import-from goenv gotoolchain
  gostore import-from asdf --dry-run
  gostore import-from gotoolchain --dir ~/go/pkg/mod`,
		ValidArgs: adopt.Managers,
		RunE:      func(c *cobra.Command, args []string) error { return a.importFrom(c.Context(), args, o) },
	}
	f := c.Flags()
	f.StringVar(&o.dir, "dir", "", "the manager's directory, where it is neither its default nor named by its variables")
	f.BoolVar(&o.dryRun, "dry-run", false, "verify and report, and put nothing into the store")
	jsonFlag(c, &o.json)
	return c
}

// check reports arguments that are wrong.
func (o importFromOptions) check(managers []string) error {
	if len(managers) == 0 {
		return usagef("import-from needs the name of a version manager: %s", strings.Join(adopt.Managers, ", "))
	}
	for i, name := range managers {
		if !slices.Contains(adopt.Managers, name) {
			return usagef("%q is no version manager that is known", name).withHints(didYouMean(nearest(name, adopt.Managers)),
				"known are "+strings.Join(adopt.Managers, ", "))
		}
		if slices.Contains(managers[:i], name) {
			return usagef("%s is given twice", name)
		}
	}
	if o.dir != "" && len(managers) > 1 {
		return usagef("--dir is for one manager; %d are given", len(managers))
	}
	return nil
}

func (a *app) importFrom(ctx context.Context, managers []string, o importFromOptions) error {
	if err := o.check(managers); err != nil {
		return err
	}
	var found []foundJSON
	var failures []error
	for _, name := range managers {
		results, dir, err := a.adopt(ctx, name, o)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		for _, r := range results {
			failures = append(failures, adoptError(r))
			found = append(found, asFound(name, dir, r))
		}
		if !o.json {
			a.tellAdopted(name, dir, results, o.dryRun)
		}
	}
	if o.json {
		if err := a.ui.answerJSON(map[string]any{"found": orEmpty(found), "dryRun": o.dryRun}); err != nil {
			return err
		}
	} else if !o.dryRun {
		a.suggestLocking(found)
	}
	return errors.Join(failures...)
}

// adopt finds what a manager has and adopts it.
func (a *app) adopt(ctx context.Context, manager string, o importFromOptions) (results []adopt.Result, dir string, err error) {
	dir = o.dir
	if dir == "" {
		dir = adopt.Place(manager, a.cfg.getenv)
	}
	if dir == "" {
		return nil, "", advise(fmt.Errorf("looking for what %s has installed: HOME is not set", manager), exitFailed, "name its directory: --dir DIR")
	}
	dir = a.cfg.abs(dir)
	list, err := adopt.Find(manager, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, dir, advise(fmt.Errorf("%s has nothing installed here: %w", manager, err), exitNotFound, "if it is elsewhere: --dir DIR")
	}
	if err != nil {
		return nil, dir, fmt.Errorf("looking for what %s has installed: %w", manager, err)
	}
	c, err := a.adoptConfig(o)
	if err != nil {
		return nil, dir, err
	}
	board := a.ui.board(ctx)
	defer board.close()
	c.Progress = func(in adopt.Installed) func(done, total int64) {
		task := board.task(in.Tool + " " + in.Version)
		return func(done, total int64) { task(install.Copying, done, total) }
	}
	results = adopt.All(ctx, c, list)
	return results, dir, ctx.Err()
}

func (a *app) adoptConfig(o importFromOptions) (adopt.Config, error) {
	st, err := a.openStore()
	if err != nil {
		return adopt.Config{}, err
	}
	source, err := a.source(sourceProxy)
	if err != nil {
		return adopt.Config{}, err
	}
	offline := source.(*proxySource).Source // a zip that is here needs no proxy
	return adopt.Config{Store: st, Logged: a.logged, Unpack: offline.Unpack, Alike: a.alike, DryRun: o.dryRun}, nil
}

// alike returns the manifest of a Go toolchain of the store.
func (a *app) alike(goVersion string, p release.Platform) (tree.Manifest, bool) {
	objects, err := a.st.Objects()
	if err != nil {
		return tree.Manifest{}, false
	}
	for _, o := range objects {
		if o.Name != goTool {
			continue
		}
		info, err := a.st.Info(o.Tree)
		if err != nil || info.Release != goVersion {
			continue
		}
		found := platformIn().FindStringSubmatch(info.From)
		if found == nil || found[1] != p.OS || found[2] != p.Arch {
			continue
		}
		if m, err := a.st.Manifest(o.Tree); err == nil {
			return m, true
		}
	}
	return tree.Manifest{}, false
}
