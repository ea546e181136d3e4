package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gostore/internal/enter"
	"gostore/internal/environment"
	"gostore/internal/hook"
	"gostore/internal/release"
	"gostore/internal/roots"
	"gostore/internal/settings"
	"gostore/lock"
)

// visit is what a hook found in the directory that its shell is in.
type visit struct {
	project string // its directory; "" where there is none
	remark  string // why its environment is not applied; "" where it is
	bin     string
	apply   func(hook.Vars) hook.Vars
	tools   environment.Environment
	over    []environment.Setting
	watch   hook.Watch
}

// hook prints what a shell has to change, and says what it is in a line. It installs nothing and asks no server. An
// error that is about the project is a remark as well: it must not be repeated before each prompt.
func (a *app) hook(ctx context.Context, shell string, anew bool) error {
	now := hook.VarsOf(a.cfg.Environ)
	if now[environment.VarShell] != "" { // "gostore shell" says which tools there are
		a.ui.answer("%s", hook.Result{}.Code(shell))
		return nil
	}
	old, err := hook.Decode(now[hook.VarState])
	if err != nil {
		a.ui.warn("%s is not what a hook wrote, so what an earlier one changed cannot be undone: %v", hook.VarState, err)
	}
	if shell == "fish" {
		old.Uncover(now)
	}
	v := a.visit(ctx)
	next, after, err := v.enter(old, now, anew)
	if err != nil { // too much to remember; the remark is not
		v.remark = a.nothingApplied(v.project, err)
		next, after, _ = v.enter(old, now, anew)
	}
	if v.remark != "" && (next.Project != old.Project || next.Told != old.Told) {
		a.ui.note("%s", v.remark)
	}
	changes := now.Diff(after)
	if a.cfg.getenv("GOSTORE_HOOK_QUIET") == "" && v.remark == "" {
		a.tellVisit(v, old, changes)
	}
	a.ui.answer("%s", strings.TrimSuffix(hook.Result{Changes: changes, Watch: v.watch}.Code(shell), "\n"))
	return nil
}

// enter returns the state of the shell after it, and its variables, with the state among them.
func (v visit) enter(old hook.State, now hook.Vars, anew bool) (next hook.State, after hook.Vars, err error) {
	switch {
	case v.project == "":
		after = old.Leave(now)
	case v.remark != "":
		next, after = hook.State{Project: v.project, Told: v.remark}, old.Leave(now)
	default:
		next, after = old.Enter(now, v.project, v.bin, anew, v.apply)
	}
	text, err := next.Encode()
	if text != "" {
		after[hook.VarState] = text
	}
	return next, after, err
}

// tellVisit says what a shell entered or left, if that changes anything.
func (a *app) tellVisit(v visit, old hook.State, changes []hook.Change) {
	if v.project == "" {
		if old.Bin != "" {
			a.ui.note("left %s", a.cfg.home(old.Project))
		}
		return
	}
	same := old.Project == v.project && old.Bin == v.bin
	for _, c := range changes {
		if c.Name != hook.VarState && (c.Name != "PATH" || !same) {
			a.ui.note("+%s (project %s%s)", manyWords(v.tools.String()), a.cfg.home(v.project), variableNames(v.over))
			return
		}
	}
}

// manyWords shortens a list that would not stand in a line.
func manyWords(text string) string {
	const most = 8
	words := strings.Fields(text)
	switch {
	case len(words) == 0:
		return "no tools"
	case len(words) > most+1:
		return fmt.Sprintf("%s and %d more", strings.Join(words[:most], " "), len(words)-most)
	}
	return text
}

// variableNames returns the names of a project's variables as the end of a remark.
func variableNames(over []environment.Setting) string {
	if len(over) == 0 {
		return ""
	}
	var names []string
	for _, v := range over {
		names = append(names, v.Name)
	}
	return "; " + manyWords(strings.Join(names, " "))
}

// visit looks at the directory.
func (a *app) visit(ctx context.Context) visit {
	path, data, err := lock.Find(a.cfg.Dir, settings.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return visit{}
	}
	v := visit{project: filepath.Dir(path)}
	if err == nil {
		err = a.lookAround(ctx, &v, path, data)
	}
	if err != nil {
		v.remark = a.nothingApplied(v.project, err)
	}
	return v
}

func (a *app) nothingApplied(project string, err error) string {
	first, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Sprintf("%s: %s; nothing is applied", a.cfg.home(project), first)
}

// lookAround fills in v for the project with a lock.
func (a *app) lookAround(ctx context.Context, v *visit, path string, data []byte) (err error) {
	st, err := a.openStore()
	if err != nil {
		return err
	}
	wishes, err := enter.WishesBeside(path)
	if err != nil {
		return err
	}
	v.over = wishes.Over()
	list := a.cfg.trusted(st)
	if !list.Trusts(v.project) {
		v.watch.Absent = []string{list.Record(v.project)}
		f, err := lock.Parse(path, data)
		if err == nil {
			v.remark = fmt.Sprintf(`%s is not trusted, so nothing of it is applied (%s%s): "gostore trust" shows and allows them`,
				a.cfg.home(v.project), manyWords(toolList(f.Tools)), variableNames(v.over))
		}
		return err
	}
	h, env, err := a.present(ctx, path, data)
	var absent *missingToolsError
	if errors.As(err, &absent) {
		v.watch.Absent = []string{st.MemoryPath(enter.Memo(data))}
		v.remark = fmt.Sprintf("%s of %s: not installed: gostore install", manyWords(toolList(absent.tools)), a.cfg.home(v.project))
		return nil
	}
	if err != nil {
		return err
	}
	defer h.Release()
	h.Project = wishes
	if err := roots.Register(ctx, enter.RootsDir(st), enter.ProjectRoot(path, h.Env.Object().Tree, env.Tools)); err != nil {
		return err
	}
	if err := a.use(ctx, v, h, env); err != nil {
		return err
	}
	v.watch.Present = []string{h.Env.Path()}
	if list.Recorded(v.project) {
		v.watch.Present = append(v.watch.Present, list.Record(v.project))
	}
	return nil
}

// use makes v one with the environment that h holds. A hook sets neither how deep in environments the shell is nor which is the
// innermost: that is what "gostore shell" says, with which hooks keep still.
func (a *app) use(ctx context.Context, v *visit, h *enter.Held, env environment.Environment) error {
	laid, err := a.cfg.process().Lay(ctx, env, h.Env.Path(), h)
	if err != nil {
		return err
	}
	v.bin, v.tools, v.over = filepath.Join(h.Env.Path(), "bin"), env, laid.Over()
	v.apply = func(vars hook.Vars) hook.Vars {
		cfg := a.cfg
		cfg.Environ = vars.Environ() // with what an earlier hook did undone
		again, err := cfg.process().Lay(ctx, env, h.Env.Path(), h)
		if err != nil { // it succeeded a moment ago
			again = laid
		}
		applied := hook.VarsOf(again.Environ)
		for _, name := range []string{environment.VarShell, environment.VarEnvironment} {
			if was, ok := vars[name]; ok {
				applied[name] = was
			} else {
				delete(applied, name)
			}
		}
		return applied
	}
	return nil
}

// toolList returns tools as NAME@VERSION, separated by spaces.
func toolList(tools []lock.Tool) string {
	var names []string
	for _, t := range tools {
		names = append(names, t.Name+"@"+t.Version)
	}
	return strings.Join(names, " ")
}

// missingToolsError says which tools of a lock are not in the store.
type missingToolsError struct{ tools []lock.Tool }

func (e *missingToolsError) Error() string { return toolList(e.tools) + ": not installed" }

// present returns the environment of a lock, leased, if everything in it is in the store.
func (a *app) present(ctx context.Context, path string, data []byte) (*enter.Held, environment.Environment, error) {
	if tree, ok := a.st.Recall(enter.Memo(data)); ok {
		if h, env, err := enter.Hold(ctx, a.st, tree); err == nil {
			return h, env, nil
		}
	}
	f, err := lock.Parse(path, data)
	if err != nil {
		return nil, environment.Environment{}, err
	}
	absent := slices.DeleteFunc(slices.Clone(f.Tools), func(t lock.Tool) bool {
		_, err := a.st.Lookup(lockedTree(a.st, t, release.Host()))
		return err == nil
	})
	if len(absent) > 0 {
		return nil, environment.Environment{}, &missingToolsError{absent}
	}
	a.offlineFlag = true
	h, err := a.assemble(ctx, f.Tools)
	if err != nil {
		return nil, environment.Environment{}, err
	}
	env, err := environment.Load(h.Env.Path())
	if err != nil {
		h.Release()
		return nil, environment.Environment{}, err
	}
	enter.Remember(a.st, data, h.Env.Object().Tree)
	return h, env, nil
}

// direnv prints the variables of an environment for an .envrc. A person wrote that, so what is missing is installed.
func (a *app) direnv(ctx context.Context, args []string) error {
	h, err := a.shellEnvironment(ctx, args)
	if err != nil {
		return err
	}
	defer h.Release()
	env, err := environment.Load(h.Env.Path())
	if err != nil {
		return err
	}
	var v visit
	if err := a.use(ctx, &v, h, env); err != nil {
		return err
	}
	now := hook.VarsOf(a.cfg.Environ)
	a.ui.write(hook.Result{Changes: now.Diff(v.apply(now))}.Code(hook.Direnv))
	return nil
}

// home writes a path for people: below the home directory with "~".
func (c Config) home(path string) string {
	if rel, err := filepath.Rel(c.getenv("HOME"), path); err == nil && filepath.IsLocal(rel) && c.getenv("HOME") != "" {
		path = filepath.Join("~", rel)
	}
	return plain(path)
}

// plain quotes what a stranger wrote where it could disturb a terminal.
func plain(text string) string {
	if quoted := strconv.Quote(text); strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) || r == utf8.RuneError }) {
		return quoted
	}
	return text
}
