package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gostore/internal/environment"
	"gostore/profile"
)

// watchCommand is what "gostore switch --for" leaves running until the time of a trial is up.
const watchCommand = "trial"

// watchPause is how often the watcher looks at the clock: a machine that slept meanwhile is late by no more.
const watchPause = 30 * time.Second

func (a *app) keepCommand() *cobra.Command {
	var name string
	var asJSON bool
	c := &cobra.Command{
		Use:   "keep",
		Short: "Keep the generation that \"gostore switch --for\" tries",
		Long: `Ends the trial of a profile's current generation: it stays current. Without this the generation
before it is current again when the time of the trial is up.`,
		Example: `  gostore switch --for 10m go@1.26
  gostore keep`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.keep(c.Context(), name, asJSON) },
	}
	a.profileFlag(c, &name)
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) keep(ctx context.Context, name string, asJSON bool) error {
	p, err := a.settledProfile(ctx, name)
	if err != nil {
		return err
	}
	record := a.record("keep")
	record.Profile = name
	g, err := p.Keep(ctx, a.who(), time.Now())
	recordGeneration(record, g, err)
	if err != nil {
		return err
	}
	if asJSON {
		return a.tellSwitch(ctx, p, g, nil, true)
	}
	a.ui.answer("%s keeps generation %d: %s", p.Name(), g.Number, describe(environment.Environment{Tools: g.Tools}))
	return nil
}

// settledProfile opens a profile in which no trial is overdue. Usually the watcher has seen to that; it ends with the
// machine, or is killed.
func (a *app) settledProfile(ctx context.Context, name string) (*profile.Profile, error) {
	p, err := a.profile(name)
	if err != nil {
		return nil, err
	}
	trial, err := p.Trial()
	if err == nil && (trial == nil || time.Now().Before(trial.Until)) {
		return p, nil
	}
	from, to, err := p.EndTrial(ctx, a.trialEnds(), time.Now())
	var broken *profile.BrokenError
	switch {
	case err == nil:
		a.recordTrialEnd(ctx, name, to, "the time of a trial was up")
		a.ui.note("the trial of generation %d is over: %s is at generation %d again", from.Number, name, to.Number)
	case errors.As(err, &broken):
		a.ui.warn("%v", err) // what was asked for may mend it
	case !errors.Is(err, profile.ErrUnchanged):
		return nil, err
	}
	return p, nil
}

// recordTrialEnd writes the end of a trial to the log: it is done, whatever becomes of the command that runs.
func (a *app) recordTrialEnd(ctx context.Context, name string, to profile.Generation, why string) {
	record := a.record("rollback")
	record.Profile, record.Detail = name, why
	recordGeneration(record, to, nil)
	a.writeRecords(ctx, nil)
}

// trialEnds says in the history that nobody asked for a rollback now.
func (a *app) trialEnds() profile.Who {
	who := a.who()
	who.Command = "(the time of a trial was up)"
	return who
}

// try is what follows a switch to a generation on trial: the watcher, and the command that is to be tried.
func (a *app) try(ctx context.Context, p *profile.Profile, o switchOptions) error {
	trial, err := p.Trial()
	if err != nil {
		return err
	}
	if trial != nil { // else nothing changed, and nothing is on trial
		if err := a.startWatcher(p); err != nil {
			a.ui.warn("nothing waits for the end of the trial, so the next gostore command after it will see to that: %v", err)
		}
		a.ui.note("generation %d is current again at %s, unless you say: gostore keep%s",
			trial.Back.Number, trial.Until.Local().Format(time.TimeOnly), profileWord(o.profile))
	}
	if len(o.command) == 0 {
		return nil
	}
	a.writeRecords(ctx, nil) // the switch is done, and the command may take long
	failure := a.runOnTrial(ctx, p, time.Now().Add(o.trial), o.command)
	if failure == nil || trial == nil {
		return failure
	}
	_, to, err := p.StopTrial(context.WithoutCancel(ctx), a.who(), time.Now())
	switch {
	case err == nil:
		a.recordTrialEnd(ctx, o.profile, to, "what was to be tried failed: "+failure.Error())
		a.ui.note("%s is at generation %d again", p.Name(), to.Number)
	case !errors.Is(err, profile.ErrUnchanged): // else its time was up, or somebody kept it
		return errors.Join(failure, err)
	}
	return failure
}

// runOnTrial runs a command in the current generation of a profile, until a time at the most.
func (a *app) runOnTrial(ctx context.Context, p *profile.Profile, until time.Time, command []string) error {
	g, err := p.Tools()
	if err != nil {
		return err
	}
	environ := environment.Environment{Tools: g.Tools}.Apply(p.Dir(), a.cfg.Environ)
	path, err := lookPath(command[0], a.cfg.Dir, environ)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, command[1:]...)
	cmd.Args[0], cmd.Env, cmd.Dir = command[0], environ, a.cfg.Dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.cfg.Stdin, a.cfg.Stdout, a.cfg.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	err = cmd.Run()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("command %q: not done when the trial was over", command[0])
	case err != nil:
		return fmt.Errorf("command %q: %w", command[0], err)
	}
	return nil
}

// startWatcher starts a process that ends the trial when its time is up, and waits until it says that it has seen the trial. It belongs
// to no terminal and holds nothing open of it, so that a login or a script ends without it.
func (a *app) startWatcher(p *profile.Profile) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ready, says, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	cmd := exec.Command(self, watchCommand, "--profile", p.Name())
	cmd.Args[0] = "gostore"
	cmd.Env = append(slices.Clone(a.cfg.Environ), "GOSTORE_ROOT="+a.st.Dir())
	cmd.Dir, cmd.Stdout = "/", says
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := errors.Join(cmd.Start(), says.Close()); err != nil {
		return err
	}
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("the process that is to wait has ended: %w", cmd.Wait())
	}
	return cmd.Process.Release()
}

func (a *app) watchCommand() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:    watchCommand,
		Short:  "Wait for the end of a trial",
		Hidden: true,
		Args:   noArgs,
		RunE:   func(c *cobra.Command, _ []string) error { return a.watchTrial(c.Context(), name) },
	}
	a.profileFlag(c, &name)
	return c
}

// watchTrial waits until the running trial is over in one way or another.
func (a *app) watchTrial(ctx context.Context, name string) error {
	p, err := a.profile(name)
	if err != nil {
		return err
	}
	first, err := p.Trial()
	if err != nil || first == nil {
		return err
	}
	a.ui.answer("ready") // startWatcher waits for it, and reads no more
	for {
		trial, err := p.Trial()
		if err != nil || trial == nil || !trial.Until.Equal(first.Until) {
			return err
		}
		left := time.Until(trial.Until)
		if left <= 0 {
			_, err := a.settledProfile(ctx, name)
			return err
		}
		select {
		case <-time.After(min(left, watchPause)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// trialMistake explains a trial that cannot be.
func trialMistake(err error, o switchOptions) error {
	var none *profile.NoGenerationError
	if o.trial > 0 && errors.As(err, &none) {
		return advise(err, exitNotFound, "there is nothing to go back to yet: make the first generation without --for")
	}
	return err
}

// profileWord is what a command needs to mean a profile.
func profileWord(name string) string {
	if name == profile.Default {
		return ""
	}
	return " --profile " + name
}
