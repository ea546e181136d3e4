package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/git"
	"gostore/internal/project"
)

// preCommitName is the name of the hook that git runs before it makes a commit.
const preCommitName = "pre-commit"

// preCommitScript is the hook. Its two values are the path of this program, for when git was started where PATH does not have it, and the
// project's directory as seen from the top of the working tree, where git starts hooks.
const preCommitScript = `#!/bin/sh
# Checks what is staged against gostore.lock. Made by "gostore hook pre-commit --install"; --uninstall removes it.
[ -d %[2]s ] || exit 0
gostore=$(command -v gostore) || gostore=%[1]s
if ! [ -x "$gostore" ]; then
	echo "gostore: error: the pre-commit hook finds no gostore, neither on PATH nor at $gostore" >&2
	exit 1
fi
cd %[2]s && exec "$gostore" check --staged -q
`

func (a *app) preCommitCommand() *cobra.Command {
	var install, uninstall bool
	c := &cobra.Command{
		Use:   "pre-commit",
		Short: "Print, install or remove a git hook that checks what is staged",
		Long: `Prints a hook that runs "gostore check --staged" before each commit. --install puts it where git looks for hooks, also in linked
working trees and where core.hooksPath says so. A hook of somebody else's stays as it is: what to add to it is said. Commits
that touch none of the files that the rules look at are not held up.`,
		Example: `  gostore hook pre-commit
  gostore hook pre-commit --install
  gostore hook pre-commit --uninstall`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case install && uninstall:
				return usagef("only one of --install and --uninstall can be given")
			case uninstall:
				return a.removePreCommit(c.Context())
			case install:
				return a.installPreCommit(c.Context())
			}
			a.ui.write(preCommit("."))
			return nil
		},
	}
	c.Flags().BoolVar(&install, "install", false, "make it the pre-commit hook of this repository")
	c.Flags().BoolVar(&uninstall, "uninstall", false, "remove it")
	return c
}

// preCommit returns the hook for a project in a directory of the working tree.
func preCommit(dir string) string {
	program, err := os.Executable()
	if err != nil {
		program = "gostore"
	}
	return fmt.Sprintf(preCommitScript, quoteWord(program), quoteWord(dir))
}

// quoteWord writes a word as a shell reads it.
func quoteWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// preCommitValues are the places in the hook that differ between machines and projects.
var preCommitValues = regexp.MustCompile(`'([^']|'\\'')*'`)

// ownPreCommit reports whether a hook is one that was made here and that nobody changed.
func ownPreCommit(text string) bool {
	bare := func(s string) string { return preCommitValues.ReplaceAllString(s, "''") }
	return bare(text) == bare(preCommit("."))
}

func (a *app) installPreCommit(ctx context.Context) error {
	p, err := project.Find(a.cfg.Dir)
	if err != nil {
		return noLock(p, err)
	}
	w, err := a.worktree(p.Dir)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(git.Top(p.Dir), p.Dir)
	if err != nil {
		return err
	}
	path, changed, err := w.InstallHook(ctx, preCommitName, preCommit(filepath.ToSlash(rel)), ownPreCommit)
	switch {
	case err != nil:
		return adviseHook(err, rel)
	case changed:
		a.ui.note("wrote %s: commits are checked from now on", a.short(path))
	default:
		a.ui.note("%s is installed already", a.short(path))
	}
	return nil
}

func (a *app) removePreCommit(ctx context.Context) error {
	w, err := a.worktree(a.cfg.Dir)
	if err != nil {
		return err
	}
	path, removed, err := w.RemoveHook(ctx, preCommitName, ownPreCommit)
	var foreign *git.ForeignHookError
	switch {
	case errors.As(err, &foreign):
		return advise(fmt.Errorf("%q is not the hook that gostore makes, or was changed since", path), exitFailed, `take the line with "gostore check" out of it`)
	case err != nil:
		return err
	case removed:
		a.ui.note("removed %s", a.short(path))
	default:
		a.ui.note("no pre-commit hook is installed")
	}
	return nil
}

// adviseHook says how else commits can be checked.
func adviseHook(err error, rel string) error {
	line := "gostore check --staged"
	if rel != "." {
		line = "(cd " + quoteWord(filepath.ToSlash(rel)) + " && " + line + ")"
	}
	var foreign *git.ForeignHookError
	var shared *git.SharedHooksError
	switch {
	case errors.As(err, &foreign) && strings.Contains(foreign.Text, "pre-commit.com"):
		return advise(err, exitFailed, "it is that of pre-commit.com: add gostore-check to .pre-commit-config.yaml, as docs/check.md shows")
	case errors.As(err, &foreign):
		return advise(err, exitFailed, "add this line to it: "+line+" || exit 1")
	case errors.As(err, &shared):
		return advise(err, exitFailed, "add this line to the pre-commit hook there: "+line+" || exit 1", "or give this repository hooks of its own: git config core.hooksPath .githooks")
	}
	return err
}
