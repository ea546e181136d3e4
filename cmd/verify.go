package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"gostore/internal/environment"
	"gostore/internal/tree"
	"gostore/store"
)

// verifyOptions are the flags of "gostore verify".
type verifyOptions struct {
	json     bool
	subset   string
	resume   bool
	maxTime  time.Duration
	priority string
}

func (a *app) verifyCommand() *cobra.Command {
	var o verifyOptions
	var mend repairOptions
	c := &cobra.Command{
		Use:   "verify [OBJECT]...",
		Short: "Read the store again and name everything that is damaged",
		Long: `Reads every object and every shared content, once, and compares it with what its digest promises;
then everything else that a store keeps: manifests, descriptions, the index, profiles and their
histories, project records, trust, the log, and what is kept of the checksum database. Each damaged,
missing or additional file is named, and the exit status is 3 when there is one. With OBJECT only those
objects are read: a digest or the beginning of one, a directory of the store, or NAME@VERSION.

Nobody has to wait for it, and by default it reads and computes only when nobody else wants to. It can
be stopped at any time. --resume goes on where the last run stopped; so does --max-time, which ends in
order with exit status 8 when the time is over before everything was read. --subset 1/7 reads a seventh
of the store, and seven runs with 1/7 to 7/7 read all of it, whatever is installed in between.

` + aboutRepair,
		Example: `  gostore verify
  gostore verify go@1.22.6
  gostore verify --max-time 10m
  gostore verify --subset 1/7
  gostore verify --repair --dry-run
  gostore verify --repair`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := errors.Join(a.checkVerifyOptions(args, o), mend.check(o)); err != nil {
				return err
			}
			if mend.repair {
				return a.verifyRepair(c.Context(), args, mend, o.json)
			}
			return a.verify(c.Context(), args, o)
		},
		ValidArgsFunction: a.completeObjects,
	}
	f := c.Flags()
	f.StringVar(&o.subset, "subset", "", "read only the `N/OF`-th part of the store, as in 1/7")
	f.BoolVar(&o.resume, "resume", false, "go on with the round that is not complete")
	f.DurationVar(&o.maxTime, "max-time", 0, "end in order after this time, as in 10m, and go on there the next time")
	f.StringVar(&o.priority, "priority", "idle", "`idle` stands back for everything else, normal does not")
	complete := func(words ...string) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return words, cobra.ShellCompDirectiveNoFileComp
		}
	}
	_ = c.RegisterFlagCompletionFunc("priority", complete("idle", "normal")) // fails only for a flag that is not there
	_ = c.RegisterFlagCompletionFunc("subset", complete("1/7", "1/30"))
	_ = c.RegisterFlagCompletionFunc("max-time", complete("10m", "1h"))
	jsonFlag(c, &o.json)
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

func (a *app) verify(ctx context.Context, args []string, o verifyOptions) error {
	if o.priority == "idle" && a.cfg.StandBack != nil {
		if err := a.cfg.StandBack(); err != nil {
			a.ui.detail("running with the usual priority: %v", err)
		}
	}
	st, err := a.openStore()
	if err != nil {
		return err
	}
	defer st.ReadWithoutLease()()
	if len(args) == 0 {
		return a.verifyStore(ctx, o)
	}
	return a.verifyObjects(ctx, args, o.json)
}

func (a *app) checkVerifyOptions(args []string, o verifyOptions) error {
	switch {
	case o.priority != "idle" && o.priority != "normal":
		return usagef("--priority %q: want idle or normal", o.priority)
	case o.maxTime < 0:
		return usagef("--max-time %s: want a time that is not negative", o.maxTime)
	case len(args) > 0 && (o.subset != "" || o.resume || o.maxTime != 0):
		return usagef("--subset, --resume and --max-time are about the whole store, and objects are named").
			withHints("leave either out")
	}
	return nil
}

// verifyObjects reads the objects that are named, whole.
func (a *app) verifyObjects(ctx context.Context, args []string, asJSON bool) error {
	objects, err := a.findObjects(args)
	if err != nil {
		return err
	}
	answer := verifyJSON{}
	var failures []error
	for i, o := range objects {
		a.ui.detail("%d of %d: %s", i+1, len(objects), label(o))
		err := a.st.Verify(ctx, o.Tree)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		v := verdict{Object: label(o), Tree: o.Tree.String(), Intact: err == nil, Faults: []tree.Fault{}}
		var damaged *store.DamagedError
		if errors.As(err, &damaged) {
			v.Faults = damaged.Faults
			for _, f := range damaged.Faults {
				answer.Damage = append(answer.Damage, store.Damage{Kind: store.ObjectDamage, Path: a.fileOf(o, f.Path), Problem: f.Problem, Tree: o.Tree})
			}
			err = a.renewable(err, o)
		}
		answer.Objects = append(answer.Objects, v)
		failures = append(failures, err)
		if !asJSON && err == nil {
			a.answerIntact(o)
		}
	}
	if asJSON {
		failures = append(failures, a.ui.answerJSON(answer.complete()))
	}
	if !asJSON {
		a.tellAsides()
	}
	return errors.Join(failures...)
}

func (a *app) answerIntact(o store.Object) { a.ui.answer("%s %s: intact", shortTree(o), label(o)) }

// fileOf returns the path of a file of an object.
func (a *app) fileOf(o store.Object, path string) string {
	return filepath.Join(a.st.Path(o), filepath.FromSlash(path))
}

// renewable adds to the error about a damaged object how to mend it, and how to have it again.
func (a *app) renewable(err error, o store.Object) error {
	if _, ok := a.st.LayerOf(o); ok {
		return advise(err, exitIntegrity, "to have it again: "+a.renewal(o))
	}
	return advise(err, exitIntegrity, "to mend it: gostore verify --repair "+label(o), "to have it again: "+a.renewal(o))
}

// renewal returns the line of shell that replaces a damaged object.
func (a *app) renewal(o store.Object) string {
	if dir, ok := a.st.LayerOf(o); ok { // the layer is for whoever runs it
		return fmt.Sprintf("GOSTORE_LAYERS=off gostore install %s; whoever runs the layer: GOSTORE_ROOT=%q gostore verify", label(o), dir)
	}
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
