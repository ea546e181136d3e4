package cmd

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/enter"
	"gostore/internal/environment"
	"gostore/internal/goenv"
	"gostore/internal/isolation"
	"gostore/internal/release"
	"gostore/internal/settings"
	"gostore/internal/variables"
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

// options returns what the flags say. It complains of all that make no sense.
func (o overlayOptions) options() (enter.Options, error) {
	said, err := o.settings()
	return enter.Options{Said: said, Isolate: o.isolate, Home: o.home}, err
}

// settings returns what --env and --unset say.
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
	if reason := settings.Taken(s.Name); reason != "" {
		return errors.New(reason)
	}
	return nil
}

// readGoEnv reads a file that the go command reads; one that is not there says nothing.
func (c Config) readGoEnv(path string) (goenv.File, error) {
	if path == "" {
		return goenv.File{}, nil
	}
	f, err := goenv.Read(c.abs(path))
	if errors.Is(err, fs.ErrNotExist) {
		return goenv.File{}, nil
	}
	return f, err
}
