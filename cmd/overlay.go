package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gostore/internal/environment"
	"gostore/internal/isolation"
	"gostore/internal/project"
	"gostore/internal/release"
	"gostore/internal/variables"
	"gostore/store"
)

// overlayOptions are the flags that stand above what a project says about variables.
type overlayOptions struct {
	set, unset []string
	isolate    bool
	home       string
}

// overlayFlags adds them to a command.
func overlayFlags(c *cobra.Command, o *overlayOptions) {
	f := c.Flags()
	f.StringArrayVarP(&o.set, "env", "e", nil, "NAME=VALUE: set a variable, whatever the project says, may be repeated")
	f.StringArrayVar(&o.unset, "unset", nil, "NAME: do not set a variable, whatever is inherited, may be repeated")
	f.BoolVar(&o.isolate, "isolate", false, "give this Go its own GOCACHE, GOMODCACHE, GOPATH and GOBIN")
	f.StringVar(&o.home, "private-home", "", "NAME: a home directory of this name instead of the account's")
}

// settings returns what --env and --unset say. It complains of all flags that make no sense.
func (o overlayOptions) settings() ([]variables.Said, error) {
	if o.home != "" && !isolation.IsHomeName(o.home) {
		return nil, usagef("--private-home: %v", &isolation.NameError{Name: o.home})
	}
	var said []variables.Said
	add := func(flag string, s environment.Setting) error {
		if err := settable(s); err != nil {
			return usagef("%s %s: %v", flag, s.Name, err)
		}
		if slices.ContainsFunc(said, func(other variables.Said) bool { return other.Name == s.Name }) {
			return usagef("%s %s: the variable is named twice", flag, s.Name)
		}
		said = append(said, variables.Said{Setting: s, Layer: variables.CommandLine, Place: flag})
		return nil
	}
	for _, word := range o.set {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			return nil, usagef("--env %q: want NAME=VALUE", word).withHints("a variable that is not to be set: --unset " + word)
		}
		if err := add("--env", environment.Setting{Name: name, Value: value}); err != nil {
			return nil, err
		}
	}
	for _, name := range o.unset {
		if err := add("--unset", environment.Setting{Name: name, Unset: true}); err != nil {
			return nil, err
		}
	}
	return said, nil
}

func settable(s environment.Setting) error {
	if !release.IsVariable(s.Name) {
		return errors.New(`a name has letters, digits and "_"`)
	}
	if reason := project.Taken(s.Name); reason != "" {
		return errors.New(reason)
	}
	return nil
}

// follow makes the variables of the gostore.toml beside a lock those of h.
func (h *held) follow(lockPath string) error {
	path := filepath.Join(filepath.Dir(lockPath), project.ConfigName)
	s, err := project.ReadSettings(path)
	if err != nil {
		return err
	}
	h.said = projectSaid(path, s)
	if s.Isolate.Caches {
		h.isolated = fmt.Sprintf("%s:%d", path, s.Isolate.Line)
	}
	return nil
}

func projectSaid(path string, s project.Settings) []variables.Said {
	var said []variables.Said
	for _, v := range s.Env {
		said = append(said, variables.Said{
			Setting: environment.Setting{Name: v.Name, Value: v.In(filepath.Dir(path)), Unset: v.Unset},
			Layer:   variables.Project, Place: fmt.Sprintf("%s:%d", path, v.Line),
		})
	}
	return said
}

// settingsBeside returns the variables that the gostore.toml beside a lock sets.
func settingsBeside(lockPath string) ([]environment.Setting, error) {
	var h held
	err := h.follow(lockPath)
	return variables.Settings(h.said), err
}

// applied is what a program in an environment sees, and why.
type applied struct {
	said    []variables.Said // on top of the tools
	environ []string
}

// over returns the settings on top of the tools.
func (v applied) over() []environment.Setting { return variables.Settings(v.said) }

// lay puts what the project and the command line say on top of the environment in dir. Caches that are taken into use are held by h.
func (c Config) lay(ctx context.Context, env environment.Environment, dir string, h *held) (applied, error) {
	said, err := c.isolate(ctx, env, h, h.isolated, variables.Project)
	if err != nil {
		return applied{}, err
	}
	said = append(said, h.said...)
	if h.options.isolate {
		own, err := c.isolate(ctx, env, h, "--isolate", variables.CommandLine)
		if err != nil {
			return applied{}, err
		}
		if own == nil {
			return applied{}, usagef("--isolate: none of the tools is a Go, whose caches could be isolated")
		}
		said = append(said, own...)
	}
	home, err := c.privateHome(h.options.home)
	if err != nil {
		return applied{}, err
	}
	own, err := h.options.settings()
	if err != nil {
		return applied{}, err
	}
	v := applied{said: append(append(said, home...), own...)}
	v.environ = env.Apply(dir, c.Environ, v.over()...)
	return v, c.cover(env, dir, &v)
}

// isolate returns the caches of the environment's Go, taken into use; none where place, who wants it, is "".
func (c Config) isolate(ctx context.Context, env environment.Environment, h *held, place string, layer variables.Layer) ([]variables.Said, error) {
	i := slices.IndexFunc(env.Tools, func(t environment.Tool) bool { return t.Name == goTool && !t.Extra })
	if place == "" || i < 0 {
		return nil, nil
	}
	root, err := c.rootDir()
	if err != nil {
		return nil, err
	}
	t := env.Tools[i]
	space, err := isolation.Open(ctx, root, store.Object{Tree: t.Tree, Name: t.Name, Version: t.Version}, time.Now())
	if err != nil {
		return nil, err
	}
	h.kept = append(h.kept, space.File)
	var said []variables.Said
	for _, v := range space.Variables() {
		said = append(said, variables.Said{Setting: environment.Setting{Name: v.Name, Value: v.Value}, Layer: layer, Place: place})
	}
	return said, nil
}

// privateHome returns what makes programs live in a private home; nothing where name is "". gostore itself stays with the store that it has.
func (c Config) privateHome(name string) ([]variables.Said, error) {
	if name == "" {
		return nil, nil
	}
	root, err := c.rootDir()
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
func (c Config) cover(env environment.Environment, dir string, v *applied) error {
	path := variables.GoEnvPath(runtime.GOOS, v.environ)
	if path == "" {
		return nil
	}
	data, err := os.ReadFile(c.abs(path))
	if err != nil {
		return nil // the go command does without one that it cannot read, too
	}
	back := variables.Returning(variables.ParseFile(path, data), v.environ, takenAway(env, v.said))
	if len(back) == 0 {
		return nil
	}
	root, err := c.rootDir()
	if err != nil {
		return err
	}
	own, err := isolation.Cover(root, variables.Without(data, back), time.Now())
	if err != nil {
		return err
	}
	v.said = append(v.said, variables.Said{
		Setting: environment.Setting{Name: "GOENV", Value: own}, Layer: variables.Tools,
		Place: fmt.Sprintf("%s without %s", path, strings.Join(back, ", ")),
	})
	v.environ = env.Apply(dir, c.Environ, v.over()...)
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

// readGoEnv reads a file that the go command reads; one that is not there says nothing.
func (c Config) readGoEnv(path string) (variables.File, error) {
	if path == "" {
		return variables.File{}, nil
	}
	data, err := os.ReadFile(c.abs(path))
	if errors.Is(err, fs.ErrNotExist) {
		return variables.File{}, nil
	}
	return variables.ParseFile(path, data), err
}
