package cmd

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gostore/internal/journal"
)

// logOptions are the flags of "gostore log".
type logOptions struct {
	last            int
	since, before   string
	action, profile string
	env, json       bool
	verify          bool
	head            string // "" without --head, headHere where nothing is given to it
	prune, dryRun   bool
}

// headHere is the value of --head alone: print the log's own.
const headHere = "print"

// largeLog is from when on "gostore log" says how to make the log smaller: some fifty thousand records.
const largeLog = 32 << 20

func (a *app) logCommand() *cobra.Command {
	var o logOptions
	c := &cobra.Command{
		Use:   "log",
		Short: "Say what was done to the store, when and by whom",
		Long: `Prints the audit log, the newest record last: every command that changed something or tried to, with who gave it,
what it changed, and how it ended. --env adds which of the variables that matter to toolchains were not what they
had been at the record before.

Each record carries the digest of the one before. --verify finds records that were changed, moved or removed, and exits
with 3. Whoever owns the store could write all of it anew: against that, keep what --head prints in another place, and
give it to --verify --head later. docs/audit-log.md describes the records and what can be found out.

--prune cuts off the records made before --before, an age (90d) or a date (2026-01-31), and leaves one that says so.`,
		Example: `  gostore log
  gostore log -n 20 --env
  gostore log --since 7d --action switch
  gostore log --verify
  gostore log --head
  gostore log --prune --before 365d`,
		RunE: func(c *cobra.Command, args []string) error {
			if o.verify && o.head == headHere && len(args) == 1 {
				o.head, args = args[0], nil // an argument, as pflag has it, because the value may be left out
			}
			if len(args) > 0 {
				return usagef("log takes no arguments; %d given", len(args))
			}
			if err := o.check(c); err != nil {
				return err
			}
			return a.logAnswer(c.Context(), o)
		},
	}
	f := c.Flags()
	f.IntVarP(&o.last, "last", "n", 0, "print only this many of the newest records")
	f.StringVar(&o.since, "since", "", "print only records since then: an age, such as 7d, or a date, such as 2026-01-31")
	f.StringVar(&o.action, "action", "", "print only records of this action, such as switch")
	f.StringVar(&o.profile, "profile", "", "print only records about this profile")
	f.BoolVar(&o.env, "env", false, "print which variables differ from the record before")
	f.BoolVar(&o.verify, "verify", false, "check that no record was changed or removed")
	f.StringVar(&o.head, "head", "", "print number and digest of the last record; with --verify, check that this one is there")
	f.Lookup("head").NoOptDefVal = headHere
	f.BoolVar(&o.prune, "prune", false, "cut off the records made before --before")
	f.StringVar(&o.before, "before", "", "with --prune: an age or a date")
	f.BoolVar(&o.dryRun, "dry-run", false, "with --prune: only say how many records would go")
	jsonFlag(c, &o.json)
	_ = c.RegisterFlagCompletionFunc("profile", a.completeProfiles) // these fail only for a flag that is not there
	_ = c.RegisterFlagCompletionFunc("action", a.completeActions)
	return c
}

// check reports flags that do not go together.
func (o logOptions) check(c *cobra.Command) error {
	filters := o.since != "" || o.action != "" || o.profile != "" || c.Flags().Changed("last") || o.env
	switch {
	case c.Flags().Changed("last") && o.last < 1:
		return usagef("-n %d: want a number from 1", o.last)
	case o.prune && (o.verify || o.head != "" || filters):
		return usagef("--prune goes with --before, --dry-run and --json only")
	case o.prune && o.before == "":
		return usagef("--prune needs --before, an age or a date").withHints("gostore log --prune --before 365d")
	case !o.prune && (o.before != "" || o.dryRun):
		return usagef("--before and --dry-run go with --prune")
	case (o.verify || o.head != "") && filters:
		return usagef("--verify and --head are about the whole log: leave the other flags out")
	}
	return nil
}

// logAnswer does what the flags say.
func (a *app) logAnswer(ctx context.Context, o logOptions) error {
	st, err := a.openStore()
	if err != nil {
		return err
	}
	log := journal.In(st.Dir())
	if o.prune {
		return a.logPrune(ctx, log, o)
	}
	contents, err := log.Read()
	if err != nil {
		return err
	}
	switch {
	case o.verify:
		return a.logVerify(log, contents, o)
	case o.head != "":
		return a.logHead(contents, o)
	}
	return a.logPrint(contents, o)
}

// logPrint prints the records that the flags choose. What is wrong with the log does not keep what can be read of it from being shown.
func (a *app) logPrint(contents journal.Contents, o logOptions) error {
	records, err := chosen(contents.Records, o)
	if err != nil {
		return err
	}
	if o.json {
		list := []logRecordJSON{}
		for _, r := range records {
			list = append(list, newLogRecordJSON(r))
		}
		err = a.ui.answerJSON(list)
	} else {
		a.logTable(records, o.env)
	}
	if contents.Size > largeLog {
		a.ui.suggest("the log has %s; to keep a year of it: gostore log --prune --before 365d", size(contents.Size))
	}
	if err == nil {
		err = damage(contents.Problems)
	}
	return err
}

// chosen returns the records that the flags choose.
func chosen(all []journal.Record, o logOptions) ([]journal.Record, error) {
	var since time.Time
	if o.since != "" {
		var err error
		if since, err = parseTime(o.since, time.Now()); err != nil {
			return nil, err
		}
	}
	records := slices.DeleteFunc(slices.Clone(all), func(r journal.Record) bool {
		return r.Time.Before(since) || o.action != "" && r.Action != o.action || o.profile != "" && r.Profile != o.profile
	})
	if o.last > 0 && len(records) > o.last {
		records = records[len(records)-o.last:]
	}
	return records, nil
}

// parseTime reads an age, or a date with or without a time of day, which is local unless it says otherwise.
func parseTime(s string, now time.Time) (time.Time, error) {
	if age, err := parseAge(s); err == nil {
		return now.Add(-age), nil
	}
	for _, layout := range []string{time.DateOnly, time.DateTime, "2006-01-02 15:04", "2006-01-02T15:04:05", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("time %q: want an age, such as 30d or 12h, or a date, such as 2026-01-31", s)
}

func (a *app) logTable(records []journal.Record, env bool) {
	if len(records) == 0 {
		a.ui.note("no records")
		return
	}
	rows := [][]string{{"TIME", "WHO", "ACTION", "WHAT"}}
	for _, r := range records {
		rows = append(rows, []string{when(r.Time), person(r.Who), r.Action, recordWords(r, a.cfg.home)})
		if !env {
			continue
		}
		for _, d := range r.Differences {
			rows = append(rows, []string{"", "", "", "  " + variableWords(d)})
		}
	}
	a.ui.table(rows)
}

// logRecordJSON is a record in the answer of log --json.
type logRecordJSON struct {
	journal.Record
	Digest      string               `json:"digest"` // of the record's line
	Differences []journal.Difference `json:"differences"`
}

func newLogRecordJSON(r journal.Record) logRecordJSON {
	return logRecordJSON{r, r.Head().Digest.Hex(), orEmpty(r.Differences)}
}

func (a *app) completeActions(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if a.storeExists() {
		if st, err := a.openStore(); err == nil {
			contents, _ := journal.In(st.Dir()).Read() // best effort
			for _, r := range contents.Records {
				names = append(names, r.Action)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
}
