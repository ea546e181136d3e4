package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"gostore/internal/environment"
	"gostore/internal/tree"
	"gostore/store"
)

func (a *app) verifyCommand() *cobra.Command {
	var asJSON bool
	var mend repairOptions
	c := &cobra.Command{
		Use:   "verify [OBJECT]...",
		Short: "Hash objects again and name every file that is damaged",
		Long: `Reads every file of the store's objects, or of those named, and compares it with what the
object's digest promises. OBJECT is a digest or the beginning of one, a directory of the
store, or NAME@VERSION. The answer names each file that is damaged, missing or additional;
the exit status is 3 when there is one.

` + aboutRepair,
		Example: `  gostore verify
  gostore verify go@1.22.6
  gostore verify --repair --dry-run
  gostore verify --repair`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := mend.check(); err != nil {
				return err
			}
			if mend.repair {
				return a.verifyRepair(c.Context(), args, mend, asJSON)
			}
			return a.verify(c.Context(), args, asJSON)
		},
		ValidArgsFunction: a.completeObjects,
	}
	jsonFlag(c, &asJSON)
	mend.flags(c)
	return c
}

// verdict is what verify found out about one object.
type verdict struct {
	Object string       `json:"object"`
	Tree   string       `json:"tree"`
	Intact bool         `json:"intact"`
	Faults []tree.Fault `json:"faults"`
}

func (a *app) verify(ctx context.Context, args []string, asJSON bool) error {
	objects, err := a.findObjects(args)
	if err != nil {
		return err
	}
	var verdicts []verdict
	var failures []error
	for i, o := range objects {
		a.ui.detail("%d of %d: %s", i+1, len(objects), label(o))
		err := a.st.Verify(ctx, o.Tree)
		if errors.Is(err, fs.ErrNotExist) && len(args) == 0 {
			continue // collected meanwhile
		}
		v := verdict{Object: label(o), Tree: o.Tree.String(), Intact: err == nil, Faults: []tree.Fault{}}
		var damaged *store.DamagedError
		if errors.As(err, &damaged) {
			v.Faults = damaged.Faults
			err = advise(err, exitIntegrity, "to mend it: gostore verify --repair "+label(o), "to have it again: "+a.renewal(o))
		}
		verdicts = append(verdicts, v)
		failures = append(failures, err)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !asJSON && err == nil {
			a.ui.answer("%s %s: intact", shortTree(o), label(o))
		}
	}
	if asJSON {
		if err := a.ui.answerJSON(orEmpty(verdicts)); err != nil {
			return err
		}
	}
	if !asJSON {
		a.tellAsides()
	}
	return errors.Join(failures...)
}

// renewal returns the line of shell that replaces a damaged object.
func (a *app) renewal(o store.Object) string {
	line := fmt.Sprintf("chmod -R u+w %[1]q && rm -rf %[1]q", a.st.Path(o))
	if o.Name == environment.ObjectName {
		return line // whoever needs it next makes it anew
	}
	return line + " && gostore install " + label(o)
}

// findObjects finds the objects that are named, or all of them.
func (a *app) findObjects(args []string) ([]store.Object, error) {
	st, err := a.openStore()
	if err != nil {
		return nil, err
	}
	if len(args) == 0 {
		all, err := st.Objects()
		return sorted(all), err
	}
	var objects []store.Object
	var failures []error
	for _, arg := range args {
		o, err := a.findObject(arg)
		objects = append(objects, o)
		failures = append(failures, err)
	}
	return objects, errors.Join(failures...)
}
