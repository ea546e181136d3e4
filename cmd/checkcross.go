package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"gostore/internal/check"
	"gostore/internal/command"
	"gostore/internal/goenv"
	"gostore/internal/release"
	"gostore/store"
)

// lockedGo leases the object of the locked Go and verifies it: only then may its go command be run. Where it is not installed the
// error is fs.ErrNotExist.
func (k *checking) lockedGo() (*store.Lease, error) {
	st, err := k.app.openStore()
	if err != nil {
		return nil, err
	}
	entries := k.lock.Find(goTool)
	if len(entries) == 0 {
		return nil, fmt.Errorf("no Go is locked: %w", fs.ErrNotExist)
	}
	known := lockedTree(st, entries[0], release.Host())
	lease, err := st.Lease(k.ctx, known) // the zero digest is no object's
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &notInstalledError{entries[0].Version, err}
	}
	if err != nil {
		return nil, err
	}
	if err := k.verify(st, known); err != nil {
		lease.Release() // best effort: the error matters more
		return nil, err
	}
	return lease, nil
}

// notInstalledError says that the locked Go is needed and not here.
type notInstalledError struct {
	version string
	err     error
}

func (e *notInstalledError) Error() string { return "go " + e.version + " is not installed" }
func (e *notInstalledError) Unwrap() error { return e.err }

// goEnviron is the environment in which the locked go command is asked: as a build in the project sees it, without what belongs to
// another Go or asks for another one, and with what set says last.
func (k *checking) goEnviron(set ...string) []string {
	var environ []string
	for _, kv := range k.app.cfg.Environ {
		if !strings.HasPrefix(kv, "GOROOT=") {
			environ = append(environ, kv)
		}
	}
	for _, v := range k.settings.Env {
		if v.Unset {
			environ = append(environ, v.Name+"=") // which the go command takes for not set
		} else {
			environ = append(environ, v.Name+"="+v.In(k.project.Dir))
		}
	}
	return append(append(environ, "GOTOOLCHAIN=local"), set...)
}

// cross looks at what this project builds for in this environment.
func (k *checking) cross() error {
	goEntry := k.lock.Find(goTool)
	if len(goEntry) == 0 {
		return nil // GOOS and the others are Go's
	}
	t := check.Target{
		Host: release.Host(), Go: goEntry[0].Version,
		Default: check.Setting{File: k.project.LockPath(), Line: check.ToolLine(k.data, goTool)},
	}
	var err error
	if t.Vars, err = k.variables("GOOS", "GOARCH", "CGO_ENABLED", "CC"); err != nil {
		return err
	}
	if t.Platform() != t.Host {
		ports, err := k.ports()
		if errors.Is(err, fs.ErrNotExist) {
			k.found = append(k.found, check.Finding{Rule: check.RuleCross, Severity: check.Error, File: t.Default.File, Line: t.Default.Line,
				Message: fmt.Sprintf("whether go %s builds for %s is not known: it is not installed", t.Go, t.Platform()), Mend: "gostore install"})
			return nil
		}
		if err != nil {
			return err
		}
		t.Ports = ports
	}
	if t.NeedsC() {
		if err := k.compiler(&t); err != nil {
			return err
		}
	}
	k.found = append(k.found, check.Cross(t)...)
	return nil
}

// variables returns those of some variables that are set, as a build in the project sees them: the project's own settings come before
// the environment, and that before what "go env -w" has written.
func (k *checking) variables(names ...string) (map[string]check.Setting, error) {
	vars, err := k.goEnvFile(names)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if v := k.app.cfg.getenv(name); v != "" {
			vars[name] = check.Setting{Value: v}
		}
	}
	for _, v := range k.settings.Env {
		if slices.Contains(names, v.Name) {
			vars[v.Name] = check.Setting{Value: v.In(k.project.Dir), File: k.project.Config, Line: v.Line}
		}
		if v.Unset {
			delete(vars, v.Name)
		}
	}
	return vars, nil
}

// goEnvFile returns what the file that "go env -w" writes says of variables. The locked Go knows where it is; where that is not installed
// there is nothing that would read it.
func (k *checking) goEnvFile(names []string) (map[string]check.Setting, error) {
	vars := map[string]check.Setting{}
	lease, err := k.lockedGo()
	if errors.Is(err, fs.ErrNotExist) {
		return vars, nil
	}
	if err != nil {
		return nil, err
	}
	defer lease.Release()
	out, _, err := command.Run(k.ctx, command.Program{
		Argv: []string{filepath.Join(lease.Path(), "bin", "go"), "env", "GOENV"}, Dir: k.project.Dir, Environ: k.goEnviron("GOWORK=off"),
	})
	path := strings.TrimSuffix(string(out), "\n")
	if err != nil || !filepath.IsAbs(path) { // "off"
		return vars, err
	}
	f, err := goenv.Read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, name := range names {
		if line, ok := f.Get(name); ok && line.Value != "" {
			vars[name] = check.Setting{Value: line.Value, File: path, Line: line.Number}
		}
	}
	return vars, nil
}

// ports asks the locked Go what it can build for.
func (k *checking) ports() ([]check.Port, error) {
	lease, err := k.lockedGo()
	if err != nil {
		return nil, err
	}
	defer lease.Release()
	out, _, err := command.Run(k.ctx, command.Program{
		Argv: []string{filepath.Join(lease.Path(), "bin", "go"), "tool", "dist", "list", "-json"},
		Dir:  k.project.Dir, Environ: k.goEnviron("GOROOT="+lease.Path(), "GOOS=", "GOARCH=", "GOFLAGS=", "GOWORK=off"),
	})
	if err != nil {
		return nil, err
	}
	var ports []check.Port
	if err := json.Unmarshal(out, &ports); err != nil {
		return nil, fmt.Errorf("reading the platforms of the locked Go: %w", err)
	}
	return ports, nil
}

// compiler finds out which C compiler cgo will run and what it compiles for, and where that will not do, which would.
func (k *checking) compiler(t *check.Target) error {
	p := t.Platform()
	cc := t.Vars["CC"].Value
	if cc == "" {
		cc = "gcc"
		if p.OS == "darwin" || p.OS == "freebsd" || p.OS == "openbsd" {
			cc = "clang"
		}
	}
	argv, err := check.SplitCommand(cc)
	if err != nil {
		t.Command, t.RunErr = []string{cc}, err
		return nil
	}
	t.Command = argv
	t.Machine, t.RunErr = k.machine(argv)
	if err := k.ctx.Err(); err != nil {
		return err
	}
	if t.RunErr == nil && check.Compiles(t.Machine, p) {
		return nil
	}
	var candidates []string
	if v := k.app.cfg.getenv("CC_FOR_" + p.OS + "_" + p.Arch); v != "" { // make.bash reads it, the go command does not
		candidates = append(candidates, v)
	}
	candidates = append(candidates, check.CompilerNames(p)...)
	if target := check.ZigTarget(p); target != "" {
		candidates = append(candidates, "zig cc -target "+target)
	}
	for _, candidate := range candidates {
		argv, err := check.SplitCommand(candidate)
		if err != nil {
			continue
		}
		if machine, err := k.machine(argv); err == nil && check.Compiles(machine, p) {
			t.Others = append(t.Others, candidate)
		}
	}
	return k.ctx.Err()
}

// machine runs a C compiler to hear for what it compiles.
func (k *checking) machine(argv []string) (string, error) {
	path, err := lookPath(argv[0], k.project.Dir, k.app.cfg.Environ)
	if err != nil {
		return "", errors.New("it is not there")
	}
	full := append([]string{path}, argv[1:]...)
	out, _, err := command.Run(k.ctx, command.Program{Argv: append(full, "-dumpmachine"), Dir: k.project.Dir, Environ: k.app.cfg.Environ})
	return strings.TrimSpace(string(out)), err
}
