package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gostore/internal/enter"
	"gostore/internal/environment"
	"gostore/internal/settings"
	"gostore/internal/shim"
	"gostore/internal/sys"
	"gostore/lock"
	"gostore/profile"
	"gostore/store"
)

// shimRun is a shim for which package enter has no answer: something has to be installed, or explained, or looked for further away.
type shimRun struct {
	*enter.Shim
	app *app
}

// runShim is gostore under the name of a command. It becomes the first program of that name among
//
//  1. the environment that was entered, which is first on PATH anyway, unless the shim serves one project
//  2. the tools of the project, which have to be installed, if need be, to know
//  3. the tools of the profile
//  4. the rest of PATH
//
// and returns an exit code only when there is none, or when it must not run.
func runShim(cfg Config, command string) int {
	argv := append([]string{cfg.Program}, cfg.Args...)
	r := &shimRun{Shim: enter.NewShim(cfg.process(), argv, command, func(st *store.Store, dir string) bool { return cfg.trusted(st).Trusts(dir) })}
	cfg.Root = r.Root
	r.app = &app{cfg: cfg, ui: newUI(cfg)}
	err := r.Become()
	if errors.Is(err, enter.ErrUnknown) {
		err = r.theLongWay()
	}
	if errors.Is(err, enter.ErrElsewhere) {
		err = r.path()
	}
	err = r.explained(err)
	r.app.finish()
	r.app.ui.fail(err)
	return exitCode(err)
}

// theLongWay looks at the project and the profile again, and says what is wrong.
func (r *shimRun) theLongWay() error {
	if err := r.project(); !errors.Is(err, enter.ErrElsewhere) {
		return err
	}
	return r.profile()
}

// explained says of a program that cannot be executed which command it is.
func (r *shimRun) explained(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) && failed.Op == "executing" {
		return notExecutable(r.Command, failed.Err)
	}
	return err
}

// project becomes the command of the project's tools.
func (r *shimRun) project() error {
	if r.From == "" {
		return enter.ErrElsewhere // the working directory was removed: nothing is in or above it
	}
	path, data, err := lock.Find(r.From, settings.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return r.unlocked()
	}
	if err != nil {
		return err
	}
	st, err := r.app.openStore()
	if err != nil {
		return err
	}
	if !r.Trusts(st, filepath.Dir(path)) {
		return r.distrusted(st, path, data)
	}
	ctx, stop := stoppable()
	defer stop()
	h, env, err := r.install(ctx)
	if err != nil {
		return err
	}
	defer h.Release()
	return r.In(h, env)
}

// unlocked is for a directory without a lock.
func (r *shimRun) unlocked() error {
	if r.Place.Project == "" {
		return enter.ErrElsewhere
	}
	return advise(&missingLockError{fs.ErrNotExist}, exitNotFound,
		fmt.Sprintf("%q serves the project in %q: lock it again, or take the links away: gostore link --remove", r.Place.Dir, r.Place.Project))
}

// distrusted is for a project that is not trusted. In its own environment, which a person entered by saying so, what that lacks
// is elsewhere.
func (r *shimRun) distrusted(st *store.Store, path string, data []byte) error {
	if tree, ok := st.Recall(enter.Memo(data)); ok && r.Place.Project == "" {
		if o, err := st.Lookup(tree); err == nil && st.Path(o) == r.app.cfg.getenv(environment.VarEnvironment) {
			return enter.ErrElsewhere
		}
	}
	return advise(fmt.Errorf("%q would decide which %q runs, but the project is not trusted", path, r.Command), exitFailed,
		fmt.Sprintf("look at it, then trust it: gostore trust %s", filepath.Dir(path)),
		fmt.Sprintf("to use its tools once: gostore shell -- %s", r.Command))
}

// install is the long way: what "gostore shell" does.
func (r *shimRun) install(ctx context.Context) (*enter.Held, environment.Environment, error) {
	dir := r.app.cfg.Dir
	r.app.cfg.Dir = r.From
	h, err := r.app.projectEnvironment(ctx)
	r.app.cfg.Dir = dir // PATH may have entries that count from it
	if err == nil {
		err = ctx.Err() // nothing stops the command from here on
	}
	if err != nil {
		if ctx.Err() != nil {
			err = &interruptedError{err}
		}
		if h != nil {
			h.Release()
		}
		return nil, environment.Environment{}, err
	}
	r.app.writeRecords(ctx, nil)
	env, err := environment.Load(h.Env.Path())
	if err != nil {
		h.Release()
	}
	return h, env, err
}

// profile becomes the command of the profile's tools.
func (r *shimRun) profile() error {
	p, err := r.app.profile(profile.Default)
	if err != nil {
		return err
	}
	for last := 0; ; {
		g, err := p.Current()
		var none *profile.NoGenerationError
		if errors.As(err, &none) {
			return enter.ErrElsewhere
		}
		if err != nil {
			return err
		}
		h, env, err := enter.Hold(context.Background(), r.app.st, g.Tree)
		if err == nil {
			defer h.Release()
			return r.In(h, env)
		}
		if g.Number == last { // else it was pruned and collected while this looked
			return err
		}
		last = g.Number
	}
}

// path becomes the first program on PATH that is no shim.
func (r *shimRun) path() error {
	cfg := r.app.cfg
	trail := shim.ParseTrail(cfg.getenv(shim.TrailVariable), os.Getpid(), r.Command)
	path, ok := shim.Look(r.Command, cfg.getenv("PATH"), cfg.Dir, r.Self, trail.Tried)
	if !ok {
		return r.nowhere()
	}
	next, ok := trail.Next(os.Getpid(), path)
	if !ok {
		return advise(fmt.Errorf("command %q: started itself again and again through %q", r.Command, path), exitFailed,
			"something on PATH leads back to the shims: take one of the two from PATH")
	}
	environ := append(append([]string{}, cfg.Environ...), shim.TrailVariable+"="+next)
	return notExecutable(r.Command, sys.Exec(path, r.Argv(path), environ))
}

// nowhere says that there is no such command, and what would bring it.
func (r *shimRun) nowhere() error {
	err := fmt.Errorf("command %q: no tool of the project or of profile %q has it, and nothing else on PATH does", r.Command, profile.Default)
	where := "everywhere: gostore switch TOOL@VERSION"
	if r.From != "" {
		if path, _, findErr := lock.Find(r.From, settings.Name); findErr == nil {
			return advise(err, exitNoCommand, fmt.Sprintf("%s decides here; to have the command in the project: gostore lock --add TOOL@VERSION", path), "or "+where)
		}
	}
	return advise(err, exitNoCommand, "to have it in a project: gostore lock TOOL@VERSION", "or "+where,
		`when nothing has it any more, "gostore shims" removes the shim`)
}

// realPath is getenv for those who look for a command on PATH themselves, and must not find gostore again: there shims, which may
// need what the command is looked for, are replaced by the profile's commands.
func (a *app) realPath(name string) func(string) string {
	return func(variable string) string {
		value := a.cfg.getenv(variable)
		if variable != "PATH" {
			return value
		}
		without := shim.Without(name, value, enter.OwnFile())
		if p, err := a.profile(profile.Default); err == nil && without != value {
			return p.Dir() + "/bin" + string(filepath.ListSeparator) + without
		}
		return without
	}
}
