package cmd

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"gostore/internal/bundle"
	"gostore/internal/install"
	"gostore/internal/journal"
)

func (a *app) importCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Bring the tools of a bundle into the store",
		Long: `Reads what "gostore export" wrote, from a file or from standard input, and checks every byte before
anything of it can be used. A bundle that is cut off or changed anywhere is refused. An import that was interrupted goes on where it was.
After it "gostore install" and "gostore shell" need no network for these tools.

The contents are proven by their digests. That they are what upstream's archive holds is proven for Go toolchains, by
the checksum database's proof in the bundle; for all else it is what the maker of the bundle says, and the answer names those.
Nothing keeps what was imported: use it before the next "gostore gc".`,
		Example: `  gostore import tools.bundle
  ssh host gostore export | gostore import -`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef(`import takes one file, or "-" for standard input; %d given`, len(args))
			}
			return a.importBundle(c.Context(), args[0], asJSON)
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) importBundle(ctx context.Context, name string, asJSON bool) error {
	st, err := a.openStore()
	if err != nil {
		return err
	}
	var in io.Reader = a.cfg.Stdin
	if name != "-" {
		f, err := os.Open(a.cfg.abs(name))
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	} else if isTerminal(a.cfg.Stdin) {
		return usagef("a bundle is not typed in").withHints("give its file, or send it: ssh host gostore export | gostore import -")
	}
	record := a.record("import")
	record.Detail = name
	board := a.ui.board(ctx)
	task := board.task("bundle")
	sum, err := bundle.Read(ctx, in, st, bundle.Options{
		Vouch:    a.vouch,
		Progress: func(done, total int64) { task(install.Copying, done, total) },
	})
	board.close()
	if err != nil {
		return err
	}
	recordImport(record, sum)
	if err := a.keepProofs(sum); err != nil {
		a.ui.warn("keeping the checksum database's proofs: %v", err)
	}
	if asJSON {
		return a.ui.answerJSON(summaryJSON(sum, name))
	}
	for _, o := range sum.Objects {
		a.ui.answer("%s@%s: %s", o.Tool, o.Release, judged(o))
	}
	return nil
}

// recordImport enters which objects came.
func recordImport(r *journal.Record, sum bundle.Summary) {
	for _, o := range sum.Objects {
		if !o.Present {
			r.Added.Add(o.Tree, o.Tool, o.Release)
		}
	}
	if r.Added.Count == 0 {
		r.Outcome = journal.Unchanged
	}
}

// judged says what became of an object, and who says that it is what it should be.
func judged(o bundle.Object) string {
	what := "imported"
	if o.Present {
		what = "already here"
	}
	switch {
	case o.Vouched != "":
		return what + ", vouched for by " + o.Vouched
	case o.Archive.IsZero() || len(o.Refs) > 0:
		return what
	}
	return what + ", as the bundle says"
}

// explainBundle is for bundles that were refused.
func explainBundle(err error) (int, []string) {
	var damaged *bundle.DamagedError
	var newer *bundle.NewerError
	switch {
	case errors.As(err, &newer):
		return exitFailed, []string{"update gostore, or export the bundle with an older one"}
	case errors.As(err, &damaged):
		return exitIntegrity, []string{"nothing of it was imported: copy or export it again"}
	}
	return exitOK, nil
}
