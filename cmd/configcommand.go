package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/config"
	"gostore/internal/layers"
	"gostore/internal/project"
	"gostore/internal/verity"
)

// configOptions are the flags of "gostore config".
type configOptions struct{ unset, path, json bool }

func (a *app) configCommand() *cobra.Command {
	var o configOptions
	c := &cobra.Command{
		Use:   "config [KEY [VALUE]...]",
		Short: "Show and change the configuration",
		Long: `Without KEY, shows what holds here, and who says so: a variable of the environment, a line of your file,
or the project's gostore.toml. With KEY, prints what holds for it, a value a line. With a VALUE, writes it
into your file, the rest of which stays as it is written; with --unset, takes it out again. Of a list all
values are given at once. A value that cannot be is refused, and the file is left alone.

` + keyTable() + `

Mirrors and definitions of tools are tables, which are edited in the file; --path prints where it is.`,
		Example: `  gostore config
  gostore config network.proxy http://proxy.example.org:3128
  gostore config trust ~/work ~/src
  gostore config trust
  gostore config --unset trust
  gostore config --path`,
		RunE: func(c *cobra.Command, args []string) error { return a.configure(c.Context(), args, o) },
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return completeConfig(args)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.unset, "unset", false, "take KEY out of your file")
	f.BoolVar(&o.path, "path", false, "print the path of your file")
	jsonFlag(c, &o.json)
	return c
}

// keyTable lists the keys for the help.
func keyTable() string {
	var lines []string
	for _, k := range config.Keys {
		lines = append(lines, fmt.Sprintf("  %-18s%s", k.Name, k.About))
	}
	return strings.Join(lines, "\n")
}

func completeConfig(args []string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		k, err := config.FindKey(args[0])
		switch {
		case err == nil && k.Paths:
			return nil, cobra.ShellCompDirectiveDefault
		case err == nil && len(args) == 1:
			return k.Words, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, k := range config.Keys {
		names = append(names, strings.TrimSuffix(k.Name, "TOOL"))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) configure(ctx context.Context, args []string, o configOptions) error {
	switch {
	case o.path && (o.unset || len(args) > 0):
		return usagef("--path takes no key")
	case o.unset && len(args) != 1:
		return usagef("--unset takes one key; %d given", len(args))
	case o.path:
		return a.configPath(o.json)
	case len(args) == 0:
		return a.showConfig(o.json)
	}
	k, err := config.FindKey(args[0])
	if err != nil {
		return unknownKey(args[0], err)
	}
	if len(args) == 1 && !o.unset {
		return a.showKey(k, o.json)
	}
	return a.setKey(ctx, k, args[1:], o.json)
}

// unknownKey says which keys there are.
func unknownKey(name string, err error) error {
	first, _, _ := strings.Cut(name, ".")
	if first == "mirror" || first == "tool" {
		return advise(err, exitUsage, "mirrors and definitions of tools are tables: edit them in the file that gostore config --path names")
	}
	var names []string
	for _, k := range config.Keys {
		names = append(names, k.Name)
	}
	return usagef("%v", err).withHints(didYouMean(nearest(name, names)), `"gostore config --help" lists the keys`)
}

// configPath prints where the user's file is, whether it is there or not.
func (a *app) configPath(asJSON bool) error {
	path, err := a.userConfig()
	if err != nil {
		return err
	}
	if asJSON {
		return a.ui.answerJSON(map[string]string{"path": path})
	}
	a.ui.answer("%s", path)
	return nil
}

func (a *app) userConfig() (string, error) {
	path, _ := layers.File(a.cfg.getenv)
	if path == "" {
		return "", advise(errors.New("nothing says where your configuration is"), exitFailed, "set HOME, or GOSTORE_CONFIG to a file")
	}
	return a.cfg.abs(path), nil
}

// settings returns what holds here.
func (a *app) settings() ([]config.Setting, error) {
	own, err := a.projectConfig()
	if err != nil {
		return nil, err
	}
	file := ""
	if p, err := project.Find(a.cfg.Dir); err == nil {
		file = p.Config
	}
	all, err := config.Effective(a.cfg.getenv, own, file)
	if err != nil || slices.ContainsFunc(all, func(s config.Setting) bool { return s.Key == layers.Key }) {
		return all, err
	}
	nothing := func(string) string { return "" }
	dirs, err := layers.Read(nothing, systemSettings)
	if err == nil && len(dirs) > 0 {
		all = slices.Insert(all, 0, config.Setting{Key: layers.Key, Values: dirs, From: layers.SystemFile(systemSettings)})
	}
	return all, err
}

// systemSettings is the directory of the system's settings.
const systemSettings = "/etc"

func (a *app) showConfig(asJSON bool) error {
	all, err := a.settings()
	if err != nil {
		return err
	}
	if asJSON {
		return a.ui.answerJSON(orEmpty(all))
	}
	var rows [][]string
	for _, s := range all {
		rows = append(rows, []string{s.Key, strings.Join(s.Values, " "), s.From})
	}
	a.ui.table(rows)
	return nil
}

// showKey prints what holds for a key.
func (a *app) showKey(k config.Key, asJSON bool) error {
	all, err := a.settings()
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(s config.Setting) bool { return s.Key != k.Name })
	if len(all) == 0 {
		return advise(fmt.Errorf("%s is not set", k.Name), exitNotFound, "to set it: gostore config "+k.Name+" VALUE")
	}
	if asJSON {
		return a.ui.answerJSON(all)
	}
	for _, s := range all {
		for _, v := range s.Values {
			a.ui.answer("%s", v)
		}
	}
	return nil
}

// setKey writes values for a key, none to take it out.
func (a *app) setKey(ctx context.Context, k config.Key, values []string, asJSON bool) error {
	if len(values) > 1 && !k.List {
		return usagef("%s has one value; %d given", k.Name, len(values))
	}
	path, err := a.userConfig()
	if err != nil {
		return err
	}
	for i, v := range values {
		if k.Paths && v != "" && !strings.HasPrefix(v, "~") {
			values[i] = a.cfg.abs(v) // relative to where it is said, and not to the file
		}
	}
	err = config.Set(ctx, path, a.cfg.getenv("HOME"), k, values...)
	var bad *config.ValueError
	switch {
	case errors.Is(err, config.ErrUnset):
		return advise(fmt.Errorf("%s %w: %q", k.Name, err, path), exitNotFound)
	case errors.As(err, &bad):
		return advise(err, exitUsage, "the file was left alone; docs/configuration.md says what the keys may be")
	case err != nil:
		return err
	}
	a.remarkSetting(k, values)
	if asJSON {
		return a.ui.answerJSON(config.Setting{Key: k.Name, Values: orEmpty(values), From: path})
	}
	return nil
}

// remarkSetting says what does not follow from a setting although one could think so.
func (a *app) remarkSetting(k config.Key, values []string) {
	if all, err := a.settings(); err == nil {
		for _, s := range all {
			if s.Key == k.Name && !filepath.IsAbs(s.From) && s.From != "built in" && k.Name != "trust" {
				a.ui.warn("%s in the environment hides it here", s.From)
			}
		}
	}
	if k.Name != "seal" || len(values) == 0 || values[0] != config.SealVerity {
		return
	}
	st, err := a.openStore()
	if err == nil {
		err = verity.Probe(st.Dir(), verity.Seal)
	}
	switch {
	case errors.Is(err, verity.ErrUnsupported):
		a.ui.warn("the file system of %q, or this kernel, has no fs-verity: objects are sealed by their modes only, until it has", st.Dir())
	case err != nil:
		a.ui.warn("whether the store can be sealed cannot be told: %v", err)
	default:
		a.ui.note("objects that are added from now on are sealed; those that are there stay as they are")
	}
}
