package enter

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"gostore/internal/environment"
	"gostore/internal/goenv"
	"gostore/internal/hook"
	"gostore/internal/isolation"
	"gostore/internal/smallfile"
	"gostore/internal/variables"
	"gostore/store"
)

// goTool is the tool whose caches can be isolated.
const goTool = "go"

// ErrNoCaches says that caches are to be isolated and none of the tools is a Go.
var ErrNoCaches = errors.New("none of the tools is a Go, whose caches could be isolated")

// Applied is what a program in an environment sees, and why.
type Applied struct {
	Said    []variables.Said // on top of the tools
	Environ []string
}

// Over returns the settings on top of the tools.
func (v Applied) Over() []environment.Setting { return variables.Settings(v.Said) }

// Lay puts what the project and the command line say on top of the environment in dir. Caches that are taken into use are held by h.
func (p Process) Lay(ctx context.Context, env environment.Environment, dir string, h *Held) (Applied, error) {
	said, err := p.isolate(ctx, env, h, h.Project.Isolated, variables.Project)
	if err != nil {
		return Applied{}, err
	}
	said = append(said, h.Project.Said...)
	if h.Options.Isolate {
		own, err := p.isolate(ctx, env, h, "--isolate", variables.CommandLine)
		if err != nil {
			return Applied{}, err
		}
		if own == nil {
			return Applied{}, ErrNoCaches
		}
		said = append(said, own...)
	}
	home, err := p.privateHome(h.Options.Home)
	if err != nil {
		return Applied{}, err
	}
	v := Applied{Said: append(append(said, home...), h.Options.Said...)}
	v.Environ = env.Apply(dir, p.Environ, v.Over()...)
	return v, p.cover(env, dir, &v)
}

// isolate returns the caches of the environment's Go, taken into use; none where place, who wants it, is "".
func (p Process) isolate(ctx context.Context, env environment.Environment, h *Held, place string, layer variables.Layer) ([]variables.Said, error) {
	i := slices.IndexFunc(env.Tools, func(t environment.Tool) bool { return t.Name == goTool && !t.Extra })
	if place == "" || i < 0 {
		return nil, nil
	}
	root, err := p.StoreRoot()
	if err != nil {
		return nil, err
	}
	t := env.Tools[i]
	space, err := isolation.Open(ctx, root, store.Object{Tree: t.Tree, Name: t.Name, Version: t.Version}, time.Now())
	if err != nil {
		return nil, err
	}
	h.Kept = append(h.Kept, space.File)
	var said []variables.Said
	for _, v := range space.Variables() {
		said = append(said, variables.Said{Setting: environment.Setting{Name: v.Name, Value: v.Value}, Layer: layer, Place: place})
	}
	return said, nil
}

// privateHome returns what makes programs live in a private home; nothing where name is "". gostore itself stays with the store that it has.
func (p Process) privateHome(name string) ([]variables.Said, error) {
	if name == "" {
		return nil, nil
	}
	root, err := p.StoreRoot()
	if err != nil {
		return nil, err
	}
	home, err := isolation.Home(root, name)
	if err != nil {
		return nil, err
	}
	list := []environment.Setting{{Name: "HOME", Value: home}, {Name: "GOSTORE_ROOT", Value: root}}
	for _, name := range isolation.HomeUnset {
		list = append(list, environment.Setting{Name: name, Unset: true})
	}
	var said []variables.Said
	for _, s := range list {
		said = append(said, variables.Said{Setting: s, Layer: variables.CommandLine, Place: "--private-home"})
	}
	return said, nil
}

// cover keeps variables that are taken away, by tools or by what is on top of them, from coming back through the go env file: GOENV then
// names one without them.
func (p Process) cover(env environment.Environment, dir string, v *Applied) error {
	path := goenv.Path(runtime.GOOS, Process{Environ: v.Environ}.Getenv)
	if path == "" {
		return nil
	}
	data, err := smallfile.Read(p.Abs(path))
	if err != nil {
		return nil // the go command does without one that it cannot read, too
	}
	back := variables.Returning(goenv.Parse(path, data), v.Environ, takenAway(env, v.Said))
	if len(back) == 0 {
		return nil
	}
	root, err := p.StoreRoot()
	if err != nil {
		return err
	}
	own, err := isolation.Cover(root, goenv.Without(data, back), time.Now())
	if err != nil {
		return err
	}
	v.Said = append(v.Said, variables.Said{
		Setting: environment.Setting{Name: "GOENV", Value: own}, Layer: variables.Tools,
		Place: fmt.Sprintf("%s without %s", path, strings.Join(back, ", ")),
	})
	v.Environ = env.Apply(dir, p.Environ, v.Over()...)
	return nil
}

// takenAway returns the variables that tools, or what is on top of them, do not want set.
func takenAway(env environment.Environment, said []variables.Said) []string {
	var names []string
	for _, t := range env.Tools {
		names = append(names, t.Layout.Unset...)
	}
	for _, s := range said {
		if s.Unset || s.Value == "" {
			names = append(names, s.Name)
		}
	}
	return names
}

// WithoutHook returns p with what a prompt hook did to the shell that started it undone: another environment is to be entered,
// which need not be the one of the project that the shell is in.
func (p Process) WithoutHook() Process {
	text := p.Getenv(hook.VarState)
	state, err := hook.Decode(text)
	if text != "" && err == nil {
		p.Environ = state.Leave(hook.VarsOf(p.Environ)).Environ()
	}
	return p
}
