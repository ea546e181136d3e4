package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"gostore/internal/environment"
	"gostore/internal/shim"
	"gostore/profile"
	"gostore/store"
)

// errElsewhere says that the command is to be looked for in the next place.
var errElsewhere = errors.New("not here")

// shimRun is a shim that runs: a command that is looked for.
type shimRun struct {
	app     *app
	command string
	place   shim.Place
	self    fs.FileInfo // gostore's own program, nil when it cannot be found
	from    string      // the directory in or above which the project is, "" when it is unknown
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
	r := &shimRun{command: command, place: shim.Locate(cfg.Program, cfg.Dir, cfg.getenv("PATH")), self: ownFile(), from: cfg.Dir}
	cfg.Root = r.place.Store
	if r.place.Project != "" {
		r.from = r.place.Project
	}
	r.app = &app{cfg: cfg, ui: newUI(cfg)}
	err := errElsewhere
	for _, in := range []func() error{r.entered, r.project, r.profile, r.path} {
		if err = in(); !errors.Is(err, errElsewhere) {
			break
		}
	}
	r.app.finish()
	r.app.ui.fail(err)
	return exitCode(err)
}

// ownFile returns gostore's program, nil when it cannot be found.
func ownFile() fs.FileInfo {
	path, err := os.Executable()
	if err != nil {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil // it was replaced while it runs; shims are known by their directories, too
	}
	return info
}

// entered becomes the command of the environment around this process, whose variables are set already and whose leases are inherited.
func (r *shimRun) entered() error {
	dir := r.app.cfg.getenv(environment.VarEnvironment)
	if r.place.Project != "" || !filepath.IsAbs(dir) {
		return errElsewhere
	}
	path := filepath.Join(dir, "bin", r.command)
	info, err := os.Stat(path)
	if err != nil || r.self != nil && os.SameFile(info, r.self) {
		return errElsewhere
	}
	return notExecutable(r.command, syscall.Exec(path, r.argv(path), r.app.cfg.Environ))
}

// project becomes the command of the project's tools.
func (r *shimRun) project() error {
	if r.from == "" {
		return errElsewhere // the working directory was removed: nothing is in or above it
	}
	path, data, err := findLock(r.from)
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
	if !r.app.cfg.trusted(st).Trusts(filepath.Dir(path)) {
		return r.distrusted(st, path, data)
	}
	h, env, ok := recalled(context.Background(), st, path, data)
	if !ok {
		ctx, stop := stoppable()
		defer stop()
		if h, env, err = r.install(ctx); err != nil {
			return err
		}
	}
	defer h.release()
	return r.in(h, env)
}

// unlocked is for a directory without a lock.
func (r *shimRun) unlocked() error {
	if r.place.Project == "" {
		return errElsewhere
	}
	return advise(&missingLockError{fs.ErrNotExist}, exitNotFound,
		fmt.Sprintf("%q serves the project in %q: lock it again, or take the links away: gostore link --remove", r.place.Dir, r.place.Project))
}

// distrusted is for a project that is not trusted. In its own environment, which a person entered by saying so, what that lacks
// is elsewhere.
func (r *shimRun) distrusted(st *store.Store, path string, data []byte) error {
	if tree, ok := st.Recall(memo(data)); ok && r.place.Project == "" {
		if o, err := st.Lookup(tree); err == nil && st.Path(o) == r.app.cfg.getenv(environment.VarEnvironment) {
			return errElsewhere
		}
	}
	return advise(fmt.Errorf("%q would decide which %q runs, but the project is not trusted", path, r.command), exitFailed,
		fmt.Sprintf("look at it, then trust it: gostore trust %s", filepath.Dir(path)),
		fmt.Sprintf("to use its tools once: gostore shell -- %s", r.command))
}

// install is the long way: what "gostore shell" does.
func (r *shimRun) install(ctx context.Context) (*held, environment.Environment, error) {
	dir := r.app.cfg.Dir
	r.app.cfg.Dir = r.from
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
			h.release()
		}
		return nil, environment.Environment{}, err
	}
	r.app.writeRecords(ctx, nil)
	env, err := environment.Load(h.env.Path())
	if err != nil {
		h.release()
	}
	return h, env, err
}

// profile becomes the command of the profile's tools.
func (r *shimRun) profile() error {
	p, err := r.app.profile(defaultProfile)
	if err != nil {
		return err
	}
	for last := 0; ; {
		g, err := p.Current()
		var none *profile.NoGenerationError
		if errors.As(err, &none) {
			return errElsewhere
		}
		if err != nil {
			return err
		}
		h, env, err := hold(context.Background(), r.app.st, g.Tree)
		if err == nil {
			defer h.release()
			return r.in(h, env)
		}
		if g.Number == last { // else it was pruned and collected while this looked
			return err
		}
		last = g.Number
	}
}

// in becomes the command of an environment, or looks elsewhere where that has none.
func (r *shimRun) in(h *held, env environment.Environment) error {
	path := filepath.Join(h.env.Path(), "bin", r.command)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return errElsewhere
	}
	cfg := r.app.cfg
	cfg.Environ = cfg.withoutHook()
	v, err := cfg.lay(context.Background(), env, h.env.Path(), h)
	if err != nil {
		return err
	}
	r.app.finish()
	return h.become(path, r.argv(path), v.environ)
}

// path becomes the first program on PATH that is no shim.
func (r *shimRun) path() error {
	cfg := r.app.cfg
	trail := shim.ParseTrail(cfg.getenv(shim.TrailVariable), os.Getpid(), r.command)
	path, ok := shim.Look(r.command, cfg.getenv("PATH"), cfg.Dir, r.self, trail.Tried)
	if !ok {
		return r.nowhere()
	}
	next, ok := trail.Next(os.Getpid(), path)
	if !ok {
		return advise(fmt.Errorf("command %q: started itself again and again through %q", r.command, path), exitFailed,
			"something on PATH leads back to the shims: take one of the two from PATH")
	}
	environ := append(append([]string{}, cfg.Environ...), shim.TrailVariable+"="+next)
	return notExecutable(r.command, syscall.Exec(path, r.argv(path), environ))
}

// nowhere says that there is no such command, and what would bring it.
func (r *shimRun) nowhere() error {
	err := fmt.Errorf("command %q: no tool of the project or of profile %q has it, and nothing else on PATH does", r.command, defaultProfile)
	where := "everywhere: gostore switch TOOL@VERSION"
	if r.from != "" {
		if path, _, findErr := findLock(r.from); findErr == nil {
			return advise(err, exitNoCommand, fmt.Sprintf("%s decides here; to have the command in the project: gostore lock --add TOOL@VERSION", path), "or "+where)
		}
	}
	return advise(err, exitNoCommand, "to have it in a project: gostore lock TOOL@VERSION", "or "+where,
		`when nothing has it any more, "gostore shims" removes the shim`)
}

// argv is the command line of the program at path. Programs that look where they were started find their own tree.
func (r *shimRun) argv(path string) []string { return append([]string{path}, r.app.cfg.Args...) }

// realPath is getenv for those who look for a command on PATH themselves, and must not find gostore again: there shims, which may
// need what the command is looked for, are replaced by the profile's commands.
func (a *app) realPath(name string) func(string) string {
	return func(variable string) string {
		value := a.cfg.getenv(variable)
		if variable != "PATH" {
			return value
		}
		without := shim.Without(name, value, ownFile())
		if p, err := a.profile(defaultProfile); err == nil && without != value {
			return p.Dir() + "/bin" + string(filepath.ListSeparator) + without
		}
		return without
	}
}
