package enter

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"gostore/internal/environment"
	"gostore/internal/settings"
	"gostore/internal/shim"
	"gostore/internal/sys"
	"gostore/lock"
	"gostore/profile"
	"gostore/store"
)

var (
	// ErrUnknown says that something has to be installed, or explained, first.
	ErrUnknown = errors.New("not known yet")
	// ErrElsewhere says that neither the project nor the profile has the command.
	ErrElsewhere = errors.New("not here")
)

// Shim is a shim that runs: a command that is looked for.
type Shim struct {
	Process
	Command string
	Args    []string // without the command's own name
	Place   shim.Place
	Self    fs.FileInfo // the program of the shim, nil when it cannot be found
	From    string      // the directory in or above which the project is, "" when it is unknown
	Trusts  func(st *store.Store, dir string) bool
}

// NewShim describes the shim that was started as argv, the name included.
func NewShim(p Process, argv []string, command string, trusts func(*store.Store, string) bool) *Shim {
	s := &Shim{Process: p, Command: command, Args: argv[1:], Self: OwnFile(), From: p.Dir, Trusts: trusts}
	s.Place = shim.Locate(argv[0], p.Dir, p.Getenv("PATH"))
	s.Root = s.Place.Store
	if s.Place.Project != "" {
		s.From = s.Place.Project
	}
	return s
}

// OwnFile returns this program's file, nil when it cannot be found.
func OwnFile() fs.FileInfo {
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

// Become becomes the first program of the command's name among
//
//  1. the environment that was entered, which is first on PATH anyway, unless the shim serves one project
//  2. the tools of the project, if it is trusted and was entered before
//  3. the tools of the profile
//
// It returns ErrElsewhere when they have none, ErrUnknown when the long way has to be gone, or why the program cannot be executed.
func (s *Shim) Become() error {
	for _, in := range []func() error{s.entered, s.project, s.profile} {
		if err := in(); !errors.Is(err, ErrElsewhere) {
			return err
		}
	}
	return ErrElsewhere
}

// entered becomes the command of the environment around this process, whose variables are set already and whose leases are inherited.
func (s *Shim) entered() error {
	dir := s.Getenv(environment.VarEnvironment)
	if s.Place.Project != "" || !filepath.IsAbs(dir) {
		return ErrElsewhere
	}
	path := filepath.Join(dir, "bin", s.Command)
	info, err := os.Stat(path)
	if err != nil || s.Self != nil && os.SameFile(info, s.Self) {
		return ErrElsewhere
	}
	return &fs.PathError{Op: "executing", Path: path, Err: sys.Exec(path, s.Argv(path), s.Environ)}
}

// project becomes the command of the project's tools, if all is known of them.
func (s *Shim) project() error {
	if s.From == "" {
		return ErrElsewhere // the working directory was removed: nothing is in or above it
	}
	path, data, err := lock.Find(s.From, settings.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && s.Place.Project == "":
		return ErrElsewhere
	case err != nil:
		return ErrUnknown
	}
	st, err := s.open()
	if err != nil || !s.Trusts(st, filepath.Dir(path)) {
		return ErrUnknown
	}
	h, env, ok := Recall(context.Background(), st, path, data)
	if !ok {
		return ErrUnknown
	}
	defer h.Release()
	return s.In(h, env)
}

// profile becomes the command of the profile's tools.
func (s *Shim) profile() error {
	st, err := s.open()
	if err != nil {
		return ErrUnknown
	}
	p, err := profile.Open(st, profile.Default)
	if err != nil {
		return ErrUnknown
	}
	g, err := p.Current()
	var none *profile.NoGenerationError
	if errors.As(err, &none) {
		return ErrElsewhere
	}
	if err != nil {
		return ErrUnknown
	}
	h, env, err := Hold(context.Background(), st, g.Tree)
	if err != nil {
		return ErrUnknown
	}
	defer h.Release()
	return s.In(h, env)
}

func (s *Shim) open() (*store.Store, error) {
	dir, err := s.StoreRoot()
	if err != nil {
		return nil, err
	}
	return s.OpenStore(dir)
}

// In becomes the command of an environment; ErrElsewhere says that it has none of that name.
func (s *Shim) In(h *Held, env environment.Environment) error {
	path := filepath.Join(h.Env.Path(), "bin", s.Command)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return ErrElsewhere
	}
	v, err := s.WithoutHook().Lay(context.Background(), env, h.Env.Path(), h)
	if err != nil {
		return err
	}
	return h.Become(path, s.Argv(path), v.Environ)
}

// Argv is the command line of the program at path. Programs that look where they were started find their own tree.
func (s *Shim) Argv(path string) []string { return append([]string{path}, s.Args...) }
