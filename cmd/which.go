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
	"gostore/internal/release"
	"gostore/internal/shim"
	"gostore/lock"
	"gostore/profile"
)

func (a *app) whichCommand() *cobra.Command {
	var name string
	var asJSON bool
	c := &cobra.Command{
		Use:   "which COMMAND",
		Short: "Print the path of the program that a command name stands for",
		Long: `Looks for the command where a shim does: among the tools of the project's gostore.lock, where
there is one, then among those of the profile, then on the rest of PATH. Prints the path of
the real program.`,
		Example: `  gostore which go
  gostore which gofmt`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("which takes the name of one command; %d given", len(args))
			}
			return a.which(c.Context(), args[0], name, asJSON)
		},
	}
	a.profileFlag(c, &name)
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) which(ctx context.Context, command, profileName string, asJSON bool) error {
	path, t, from, err := a.findCommand(ctx, command, profileName)
	if err != nil {
		return err
	}
	if asJSON {
		return a.ui.answerJSON(map[string]string{
			"command": command, "path": path, "tool": t.Name, "version": t.Version, "from": from,
		})
	}
	if t.Name == "" {
		a.ui.detail("no tool of the project or of profile %q has it; it is on %s", profileName, from)
	} else {
		a.ui.detail("%s, as %s says", t, from)
	}
	a.ui.answer("%s", path)
	return nil
}

// findCommand looks for a command in the project, then in the profile.
func (a *app) findCommand(ctx context.Context, command, profileName string) (path string, t environment.Tool, from string, err error) {
	tools, missing, from, err := a.projectTools()
	if err != nil {
		return "", t, "", err
	}
	if path, t, ok := a.commandOf(tools, command); ok {
		return path, t, from, nil
	}
	p, err := a.settledProfile(ctx, profileName)
	if err != nil {
		return "", t, "", err
	}
	own, err := p.Tools()
	var none *profile.NoGenerationError
	if err != nil && !errors.As(err, &none) {
		return "", t, "", err
	}
	if path, t, ok := a.commandOf(own.Tools, command); ok && len(missing) == 0 {
		return path, t, fmt.Sprintf("profile %q", profileName), nil
	}
	if err := a.withheld(missing, own.Tools); err != nil {
		return "", t, "", err
	}
	if len(missing) > 0 {
		return "", t, "", advise(fmt.Errorf("%s says %s %s, which is not installed", from, missing[0].Name, missing[0].Version), exitNotFound,
			"install it: gostore install")
	}
	if path, ok := shim.Look(command, a.cfg.getenv("PATH"), a.cfg.Dir, enter.OwnFile(), nil); ok {
		return path, environment.Tool{}, "PATH", nil
	}
	return "", t, "", advise(fmt.Errorf("no tool of the project or of profile %q has a command %q, nor has PATH", profileName, command), exitNotFound,
		`"gostore list" shows the tools`)
}

// projectTools returns the tools of the project's lock that are installed, and the others; neither where
// there is no lock.
func (a *app) projectTools() (tools []environment.Tool, missing []lock.Tool, path string, err error) {
	st, err := a.openStore()
	if err != nil {
		return nil, nil, "", err
	}
	p, err := a.lockedProject()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, "", nil
	}
	if err != nil {
		return nil, nil, "", err
	}
	for _, t := range p.file.Tools {
		tree := lockedTree(st, t, release.Host())
		if _, err := st.Lookup(tree); err != nil {
			missing = append(missing, t)
			continue
		}
		source, err := a.source(t.Source)
		if err != nil {
			return nil, nil, "", err
		}
		tools = append(tools, asEnvironment(t, source, release.Host(), tree))
	}
	return tools, missing, a.short(p.path), nil
}

// commandOf returns the program that a command of one of the tools is.
func (a *app) commandOf(tools []environment.Tool, command string) (string, environment.Tool, bool) {
	for _, t := range tools {
		o, err := a.st.Lookup(t.Tree)
		if err != nil {
			continue
		}
		m, err := a.st.Manifest(t.Tree)
		if err != nil {
			continue
		}
		names, err := t.Commands(m)
		if path, ok := names[command]; ok && err == nil {
			return filepath.Join(a.st.Path(o), path), t, true
		}
	}
	return "", environment.Tool{}, false
}
