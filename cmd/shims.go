package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/enter"
	"gostore/internal/environment"
	"gostore/internal/journal"
	"gostore/internal/release"
	"gostore/internal/roots"
	"gostore/internal/shim"
	"gostore/lock"
	"gostore/profile"
	"gostore/store"
)

func (a *app) shimsCommand() *cobra.Command {
	var dir string
	var asJSON bool
	c := &cobra.Command{
		Use:   "shims [COMMAND]...",
		Short: "Fill a directory with a shim for every command of the tools in use",
		Long: `Makes a shim for every command of the tools of registered projects, of the project here and of
the profiles, and for each COMMAND, and removes those that nothing needs any more. A shim
is gostore under the name of the command: it runs the one that the project around the
working directory has locked, else the profile's, else the next on PATH. So one directory
on PATH serves every project, also where no shell prepares anything: in cron, over ssh,
in an editor. A project that is not trusted is an error, not another version.

Once there is the directory, install, switch, rollback and lock add the shims for new
commands. Only this command removes any.`,
		Example: `  gostore shims
  gostore shims gofmt
  gostore shims --dir ~/shims`,
		RunE: func(c *cobra.Command, args []string) error { return a.shims(c.Context(), args, dir, asJSON) },
	}
	c.Flags().StringVar(&dir, "dir", "", "directory to fill instead of the store's own")
	jsonFlag(c, &asJSON)
	c.ValidArgsFunction = cobra.NoFileCompletions
	return c
}

func (a *app) shims(ctx context.Context, args []string, dir string, asJSON bool) error {
	for _, name := range args {
		if named, ok := shim.Named(name); !ok || named != name {
			return usagef("%q cannot be the name of a shim", name).withHints("write the name of a command, such as go; not that of gostore itself")
		}
	}
	if _, err := a.openStore(); err != nil {
		return err
	}
	d, err := a.shimsDirectory(dir)
	if err != nil {
		return err
	}
	record := a.record("shims")
	changes, err := d.Fill(ctx, false, func() ([]string, error) {
		names, err := a.commandsInUse()
		return append(names, args...), err
	})
	if err != nil {
		return err
	}
	record.Detail = fmt.Sprintf("%s: %d added, %d removed", d.Path, len(changes.Added), len(changes.Removed))
	if len(changes.Added)+len(changes.Removed) == 0 {
		record.Outcome = journal.Unchanged
	}
	if asJSON {
		return a.ui.answerJSON(map[string]any{
			"path": d.Path, "added": orEmpty(changes.Added), "removed": orEmpty(changes.Removed), "shims": orEmpty(changes.Shims),
		})
	}
	a.tellShims(d.Path, changes)
	return nil
}

func (a *app) tellShims(dir string, changes shim.Changes) {
	for _, name := range changes.Added {
		a.ui.answer("added %s", name)
	}
	for _, name := range changes.Removed {
		a.ui.answer("removed %s", name)
	}
	a.ui.answer("%s in %s", count(len(changes.Shims), "shim"), dir)
	switch {
	case len(changes.Shims) == 0:
		a.ui.suggest("no project and no profile has tools yet; have some in a project: gostore lock go@1.22")
		a.ui.suggest("or everywhere: gostore switch go@1.22")
	case !slices.Contains(filepath.SplitList(a.cfg.getenv("PATH")), dir):
		a.ui.suggest("to use them everywhere: %s", pathLine(dir))
	}
}

// shimsDirectory describes the directory of shims at dir, or the store's own. The store's leads to the store by a relative
// link, like all links in it.
func (a *app) shimsDirectory(dir string) (shim.Directory, error) {
	program, err := a.cfg.shimProgram()
	if err != nil {
		return shim.Directory{}, err
	}
	d := shim.Directory{Path: filepath.Join(a.st.Dir(), store.ShimsDir), Program: program, Store: ".."}
	if dir == "" {
		return d, nil
	}
	d.Path, d.Store = a.cfg.abs(dir), a.st.Dir()
	if real, err := filepath.EvalSymlinks(d.Path); err == nil { // else Fill makes it
		d.Path = real
	}
	return d, nil
}

// program returns the path of gostore's own program, for what is to call it later.
func (c Config) program() (string, error) {
	executable, err := os.Executable()
	if err != nil {
		return "", err
	}
	program, err := shim.Program(c.Program, c.Dir, c.getenv("PATH"), executable)
	var temporary *shim.TemporaryError
	if errors.As(err, &temporary) {
		return "", advise(err, exitFailed, "install gostore first: go build -o ~/bin/gostore ./cmd/gostore")
	}
	return program, err
}

// shimProgram returns what shims lead to: gostore-shim where it stands beside gostore, which starts faster, else gostore.
func (c Config) shimProgram() (string, error) {
	program, err := c.program()
	if err != nil {
		return "", err
	}
	small := filepath.Join(filepath.Dir(program), "gostore-shim")
	if canExecute(small, small) == nil {
		return small, nil
	}
	return program, nil
}

// commandsInUse returns the names of the commands of all tools that projects and profiles use on this machine.
func (a *app) commandsInUse() ([]string, error) {
	var names []string
	profiles, err := profile.List(a.st)
	if err != nil {
		return nil, err
	}
	for _, name := range profiles {
		p, err := profile.Open(a.st, name)
		if err != nil {
			return nil, err
		}
		if g, err := p.Current(); err == nil { // one that is broken has no commands
			names = append(names, commandsIn(g.Dir)...)
		}
	}
	for p, err := range roots.List(enter.RootsDir(a.st)) {
		if err != nil {
			return nil, err
		}
		names = append(names, a.commandsOf(p)...)
	}
	if p, err := a.lockedProject(); err == nil {
		names = append(names, a.statedCommands(p.file.Tools)...)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return names, nil
}

// commandsOf returns the commands of a registered project's environments.
func (a *app) commandsOf(p roots.Project) []string {
	if p.Platform != release.Host() {
		return nil
	}
	var names []string
	for _, t := range p.Trees {
		if o, err := a.st.Lookup(t); err == nil && o.Name == environment.ObjectName {
			names = append(names, commandsIn(a.st.Path(o))...)
		}
	}
	return names
}

// commandsIn returns the commands of the environment in dir. One that was collected meanwhile has none.
func commandsIn(dir string) []string {
	entries, _ := os.ReadDir(filepath.Join(dir, "bin"))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// statedCommands returns the commands of locked tools as far as they are known: those of a tool that is installed, those that the
// description of another names.
func (a *app) statedCommands(tools []lock.Tool) []string {
	var names []string
	for _, t := range tools {
		source, err := a.source(t.Source)
		if err != nil {
			continue // best effort: what is installed is known by its environment
		}
		tree := lockedTree(a.st, t, release.Host())
		known := asEnvironment(t, source, release.Host(), tree)
		if m, err := a.st.Manifest(tree); err == nil {
			commands, _ := known.Commands(m) // a tool that is at odds with its description is an error where it is used
			names = append(names, slices.Collect(maps.Keys(commands))...)
			continue
		}
		for name := range known.Layout.Names {
			if !t.Extra || strings.HasSuffix(name, t.Version) {
				names = append(names, name)
			}
		}
		if len(known.Layout.Check) > 0 && !t.Extra {
			names = append(names, known.Layout.Check[0])
		}
	}
	return names
}

// addShims adds the shims that are missing for commands to the store's own directory of shims, where there is one. Nothing fails for
// want of a shim.
func (a *app) addShims(ctx context.Context, commands []string) {
	dir := filepath.Join(a.st.Dir(), store.ShimsDir)
	if !shim.Is(dir) || shim.Has(dir, commands) {
		return
	}
	d, err := a.shimsDirectory("")
	if err == nil {
		_, err = d.Fill(ctx, true, func() ([]string, error) { return commands, nil })
	}
	if err != nil {
		a.ui.warn("the shims are not up to date: %v", err)
	}
}

// pathLine returns the command that puts a directory first on PATH, for sh, bash, zsh and fish: in quotation marks PATH is one word
// to fish as well.
func pathLine(dir string) string {
	return `export PATH=` + shellWord(dir) + `:"$PATH"`
}

// shellWord returns a word of a command as a shell reads it, quoted where it has to be.
func shellWord(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:=,%"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return quoteWord(word)
}

// commandLine returns the words of a command as somebody would type them.
func commandLine(words []string) string {
	var quoted []string
	for _, word := range words {
		quoted = append(quoted, shellWord(word))
	}
	return strings.Join(quoted, " ")
}
