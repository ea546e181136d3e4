package cmd

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gostore/internal/ci"
	"gostore/internal/enter"
	"gostore/internal/environment"
	"gostore/internal/redact"
	"gostore/internal/variables"
)

// jobLog is the log of a job of continuous integration, into which standard error goes. A nil one is any other
// standard error.
type jobLog struct{ system ci.System }

// stamp begins a line with the time, where the system does not.
func (l *jobLog) stamp() string {
	if l == nil || l.system.Stamps() {
		return ""
	}
	return time.Now().UTC().Format("15:04:05Z ")
}

// markErrors makes an error stand out beyond the log.
func (l *jobLog) markErrors(u *ui, err error) {
	if l == nil {
		return
	}
	for _, e := range flatten(err) {
		u.logLine(l.system.Mark(strings.Join(append([]string{e.Error()}, hints(e)...), "\n")))
	}
}

// logLine prints a line that a system reads; an empty one is none.
func (u *ui) logLine(line string) {
	if line == "" {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	fmt.Fprintln(u.stderr, line) // best effort: nowhere to report it
}

// foldLog makes standard error a job's log, without bars and colours, and begins a fold, which the result ends.
func (a *app) foldLog(title string) (unfold func()) {
	l := &jobLog{ci.Detect(a.cfg.getenv)}
	a.ui.log, a.ui.terminal, a.ui.colour = l, false, false
	if a.ui.quiet || l.system.Name == "" {
		return func() {}
	}
	a.ui.logLine(l.system.Open(title, time.Now()))
	return func() { a.ui.logLine(l.system.Close(title, time.Now())) }
}

// exportToJob gives an environment to later steps, where the system has a way to; elsewhere it says how to have it.
func (a *app) exportToJob(ctx context.Context, h *enter.Held) error {
	env, err := environment.Load(h.Env.Path())
	if err != nil {
		return err
	}
	bin := filepath.Join(h.Env.Path(), "bin")
	pathFile, envFile := a.cfg.getenv(ci.GitHubPath), a.cfg.getenv(ci.GitHubEnv)
	if pathFile == "" && envFile == "" {
		a.ui.note(`for the commands that follow: eval "$(gostore env)", or gostore shell -- COMMAND`)
		return nil
	}
	if envFile != "" {
		lines, err := a.forLaterSteps(ctx, env, h)
		if err == nil {
			err = ci.AppendVariables(a.cfg.abs(envFile), lines)
		}
		if err != nil {
			return fmt.Errorf("giving variables to later steps: %w", err)
		}
	}
	if pathFile != "" {
		if err := ci.AppendPath(a.cfg.abs(pathFile), bin); err != nil {
			return fmt.Errorf("giving PATH to later steps: %w", err)
		}
	}
	a.ui.note("later steps have %s on PATH", env)
	return nil
}

// forLaterSteps returns the lines for the variables of an environment, beside PATH. What looks like a secret is left out: these files are
// shown by whoever debugs a job.
func (a *app) forLaterSteps(ctx context.Context, env environment.Environment, h *enter.Held) (string, error) {
	s, err := a.cfg.process().Lay(ctx, env, h.Env.Path(), h)
	if err != nil {
		return "", err
	}
	changes := slices.DeleteFunc(variables.Statement(env.Tools, s.Over(), s.Environ), func(c environment.Setting) bool {
		switch {
		case c.Name == "PATH", strings.HasPrefix(c.Name, "GOSTORE_"), c.Unset && !a.cfg.has(c.Name):
			return true
		case redact.Value(c.Name, c.Value) != c.Value:
			a.ui.warn("%s looks like a secret, so later steps do not get it: have it as a secret of the workflow", c.Name)
			return true
		}
		return false
	})
	var b strings.Builder
	err = variables.Format(&b, "github", changes)
	return b.String(), err
}
