package cmd

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"gostore/internal/project"
	"gostore/lock"
)

// diffOptions are the flags of "gostore diff".
type diffOptions struct {
	profile     string
	files, json bool
}

func (a *app) diffCommand() *cobra.Command {
	var o diffOptions
	c := &cobra.Command{
		Use:   "diff [ONE [OTHER]]",
		Short: "Say how two generations, locks or objects differ",
		Long: `Compares any two of these, by tool and version and by the variables that their environments set, and with --files by file: "+" for
a file that the second one has more, "-" for one that it lacks, "M" for one that differs.

  3, current, work:3     a generation of the profile, or of another one
  gostore.lock, a path   a lock
  HEAD~3:gostore.lock    a lock as git has it in a revision; HEAD~3 alone is this project's
  b3:1f2e, go@1.22.6     an object, by the beginning of its digest, its directory or its name; an environment too

A number of up to nine digits is a generation: write b3: before a digest that looks like one. A single object is compared with the tool of
its name on the other side.

ONE alone is compared with what there is now: a generation or an object with the current generation, a lock with this project's.
Without arguments this project's lock is compared with the one that git has in HEAD.`,
		Example: `  gostore diff 1 2
  gostore diff --files 1 2
  gostore diff 1
  gostore diff gostore.lock current`,
		RunE: func(c *cobra.Command, args []string) error { return a.diff(c.Context(), args, o) },

		ValidArgsFunction: a.completeGenerations,
	}
	a.profileFlag(c, &o.profile)
	c.Flags().BoolVar(&o.files, "files", false, "compare file by file")
	jsonFlag(c, &o.json)
	return c
}

// diffJSON is the answer of diff --json.
type diffJSON struct {
	Was       sideJSON       `json:"was"`
	Is        sideJSON       `json:"is"`
	Identical bool           `json:"identical"`
	Tools     []toolDiff     `json:"tools"`
	Variables []variableDiff `json:"variables"`
}

// sideJSON names what was compared there.
type sideJSON struct {
	Kind string `json:"kind"` // "generation", "lock", "environment", "object"
	Name string `json:"name"`
}

func (a *app) diff(ctx context.Context, args []string, o diffOptions) error {
	was, is, err := a.sides(ctx, args, o.profile)
	if err != nil {
		return err
	}
	alone(&was, &is)
	answer := diffJSON{Was: sideJSON{was.kind, was.name}, Is: sideJSON{is.kind, is.name}, Variables: []variableDiff{}}
	if answer.Tools, err = a.diffTools(was, is, o.files); err != nil {
		return err
	}
	if was.kind != sideObject && is.kind != sideObject { // which alone sets nothing
		answer.Variables = diffVariables(was, is)
	}
	answer.Identical = len(answer.Tools)+len(answer.Variables) == 0
	if o.json {
		return a.ui.answerJSON(answer)
	}
	a.tellDiff(answer)
	return nil
}

func (a *app) tellDiff(d diffJSON) {
	for _, t := range d.Tools {
		a.ui.answer("%s", toolChange(t.Tool, t.Was, t.Is))
		for _, f := range t.Fields {
			a.ui.answer("  %s", lock.Change{Tool: f.Field, Was: f.Was, Is: f.Is})
		}
		for _, f := range t.Files {
			a.ui.answer("  %s %s%s", f.Change, f.Path, fileWords(f))
		}
		if t.Unread != "" {
			a.ui.note("%s: %s", t.Tool, t.Unread)
		}
	}
	for _, v := range d.Variables {
		a.ui.answer("%s: %s -> %s", v.Name, v.Was, v.Is)
	}
	if d.Identical {
		a.ui.note("no difference between %s and %s", d.Was.Name, d.Is.Name)
	}
}

// sides finds what the arguments mean, and what they leave out.
func (a *app) sides(ctx context.Context, args []string, profileName string) (was, is side, err error) {
	switch len(args) {
	case 0:
		if was, err = a.revisionSide(ctx, "HEAD", ""); err == nil {
			is, err = a.projectSide()
		}
	case 1:
		if was, err = a.side(ctx, args[0], profileName); err != nil {
			break
		}
		if was.kind == sideLock {
			is, err = a.projectSide()
		} else {
			is, err = a.generationSide(profileName, currentWord)
		}
	case 2:
		if was, err = a.side(ctx, args[0], profileName); err == nil {
			is, err = a.side(ctx, args[1], profileName)
		}
	default:
		err = usagef("diff compares two things; %d given", len(args))
	}
	return was, is, err
}

// projectSide is the lock of the project around the working directory.
func (a *app) projectSide() (side, error) {
	p, err := project.Find(a.cfg.Dir)
	if err != nil {
		return side{}, noLock(p, err)
	}
	s, err := a.lockSide(filepath.Clean(p.LockPath()))
	return s, noLock(p, err)
}
