package cmd

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gostore/internal/digest"
	"gostore/internal/install"
	"gostore/internal/journal"
	"gostore/internal/redact"
	"gostore/lock"
	"gostore/profile"
	"gostore/store"
)

// logWait is how long a command that is done waits for others that write to the log. Each needs about a millisecond.
const logWait = 20 * time.Second

// record says that the command which runs changes something: from here on it is in the log, however it ends; only wrong usage is not. It is called
// before anything changes. What the command enters into the record until it
// ends stands in the log with it; who, where, the variables, the outcome and the objects that were installed are entered for it. So
// the least that a command needs is one line:
//
//	a.record("trust").Project = path
//
// A command that found nothing to do sets the Outcome to journal.Unchanged.
func (a *app) record(action string) *journal.Record {
	r := &journal.Record{Action: action, Dir: a.cfg.Dir}
	a.records = append(a.records, r)
	return r
}

// writeRecords writes what the command recorded to the log, with how it ended. Run calls it; who replaces the process by another
// or lives on for long calls it before.
//
// The log serves the work and not the other way round: what was done stays done, and the command's status what it is, when
// the log cannot be written. Then there is a warning.
func (a *app) writeRecords(ctx context.Context, err error) {
	if len(a.records) == 0 && a.installed.Count > 0 {
		a.record("install") // by a command that is about something else, as "shell" is
	}
	records := a.records
	a.records = nil
	if err != nil && exitCode(err) == exitUsage {
		return
	}
	for i, r := range records {
		if i == 0 {
			joinObjects(&r.Added, a.installed)
			a.installed = journal.Objects{}
		}
		if logErr := a.writeRecord(ctx, r, err); logErr != nil {
			a.warnUnlogged(logErr, err)
			return
		}
	}
}

func (a *app) writeRecord(ctx context.Context, r *journal.Record, err error) error {
	st, openErr := a.openStore()
	if openErr != nil {
		return openErr
	}
	switch {
	case ctx.Err() != nil && err != nil:
		r.Outcome, r.Error = journal.Interrupted, err.Error()
	case err != nil:
		r.Outcome, r.Error = journal.Failed, err.Error()
	case r.Outcome == "":
		r.Outcome = journal.Done
	}
	r.Project = cmp.Or(r.Project, a.project)
	r.Who, r.Time, r.Version = a.actor(), time.Now().UTC().Truncate(time.Millisecond), version
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logWait)
	defer cancel()
	_, err = journal.In(st.Dir()).Append(ctx, *r, a.cfg.Environ)
	return err
}

// warnUnlogged says that the log lacks what the command did. Of a store that could not be used the command itself says more.
func (a *app) warnUnlogged(logErr, err error) {
	var root *store.RootError
	if err != nil && errors.As(err, &root) {
		return
	}
	a.ui.warn("not in the log: %v", logErr)
	switch {
	case errors.Is(logErr, syscall.ENOSPC), errors.Is(logErr, syscall.EDQUOT):
		a.ui.suggest(`the disk is full: "gostore gc" makes room and needs none`)
	case errors.Is(logErr, fs.ErrPermission) && !errors.As(logErr, &root):
		a.ui.suggest("the log has to be writable for whoever changes the store: see whose it is with ls -l")
	}
}

// recordLock enters a change of a lock file.
func recordLock(r *journal.Record, path string, was, is *lock.File) {
	r.Project = path
	for _, c := range lock.Diff(was, is) {
		tool := c.Tool
		if c.Field != "" {
			tool += ": " + c.Field
		}
		r.Changes = append(r.Changes, journal.Change{Tool: tool, Was: c.Was, Is: c.Is})
	}
	r.From, r.To = lockPoint(was), lockPoint(is)
	if r.From == r.To {
		r.Outcome = journal.Unchanged
	}
}

// lockPoint names the bytes of a lock as gostore writes it; one without tools is none.
func lockPoint(f *lock.File) journal.Point {
	if f == nil || len(f.Tools) == 0 {
		return journal.Point{}
	}
	return journal.Point{Digest: digest.Sum(f.Format()).Hex()}
}

// recordGeneration enters a change of a profile. The profile's own history has it as well; the log says which of its records.
func recordGeneration(r *journal.Record, g profile.Generation, err error) {
	if errors.Is(err, profile.ErrUnchanged) {
		r.Outcome = journal.Unchanged
	}
	if g.By.Number == 0 {
		return
	}
	r.History = g.By.Head().String()
	r.From, r.To = generationPoint(g.By.From), generationPoint(g.By.To)
	for _, c := range g.By.Changes {
		r.Changes = append(r.Changes, journal.Change(c))
	}
}

func generationPoint(p profile.Point) journal.Point {
	if p.Number == 0 {
		return journal.Point{}
	}
	return journal.Point{Generation: p.Number, Digest: p.Tree.String()}
}

// recordRemoved enters what a collection did.
func recordRemoved(r *journal.Record, answer gcJSON) {
	r.Generations, r.Projects, r.Bytes = answer.Generations, answer.Projects, answer.Bytes
	for _, o := range answer.Objects {
		if tree, err := digest.ParseTree(o.Tree); err == nil {
			r.Removed.Add(tree, o.Name, o.Version)
		}
	}
	if r.Removed.Count+len(r.Generations)+len(r.Projects) == 0 && r.Bytes == 0 {
		r.Outcome = journal.Unchanged
	}
}

// joinObjects adds one list of objects to another.
func joinObjects(to *journal.Objects, more journal.Objects) {
	to.Count += more.Count
	to.Names = append(to.Names, more.Names...)
}

// absent returns the positions of the jobs whose objects the store does not have, for noteInstalled.
func (a *app) absent(jobs []install.Job) []int {
	var missing []int
	for i, job := range jobs {
		if _, ok := a.has(job); !ok {
			missing = append(missing, i)
		}
	}
	return missing
}

// noteInstalled notes for the log which objects came, whatever became of the others.
func (a *app) noteInstalled(jobs []install.Job, missing []int) {
	a.once.log.Lock()
	defer a.once.log.Unlock()
	for _, i := range missing {
		if tree, ok := a.has(jobs[i]); ok {
			a.installed.Add(tree, jobs[i].Item.Tool, jobs[i].Item.Version)
		}
	}
}

// has looks an item's object up.
func (a *app) has(job install.Job) (digest.Tree, bool) {
	tree, ok := a.st.LookupArchive(job.Item.Key())
	if !ok {
		return tree, false
	}
	_, err := a.st.Lookup(tree)
	return tree, err == nil
}

// actor says who gives this command. All of it is as good as what tells it: a variable can be set by anybody, the login's
// number, which only root can change, comes from the kernel.
func (a *app) actor() journal.Who {
	w := journal.Who{
		UID:      os.Getuid(),
		SudoUser: a.cfg.getenv("SUDO_USER"), SudoUID: a.cfg.getenv("SUDO_UID"),
		Command: append([]string{filepath.Base(cmp.Or(a.cfg.Program, "gostore"))}, a.cfg.Args...), // a shim has another name
	}
	if w.SudoUser == "" {
		w.SudoUser = a.cfg.getenv("DOAS_USER")
	}
	if u, err := user.Current(); err == nil {
		w.User = u.Username
	}
	if f, ok := a.cfg.Stdin.(*os.File); ok && isTerminal(f) {
		w.Terminal = terminalName(f)
	}
	w.Host, _ = os.Hostname() // best effort
	w.LoginUID = loginUID()
	return w
}

// loginUID returns as whom the session began where the kernel keeps account of it, "" elsewhere.
func loginUID() string {
	const unset = "4294967295"
	data, err := os.ReadFile("/proc/self/loginuid")
	if id := strings.TrimSpace(string(data)); err == nil && id != unset {
		return id
	}
	return ""
}

// who is actor as the history of a profile has it.
func (a *app) who() profile.Who {
	w := a.actor()
	return profile.Who{
		User: w.User, UID: w.UID, SudoUser: w.SudoUser, Terminal: w.Terminal, Host: w.Host,
		Command: commandLine(redact.Arguments(w.Command)),
	}
}
