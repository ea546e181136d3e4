package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"gostore/internal/buildlist"
	"gostore/internal/check"
	"gostore/internal/command"
)

// tooling leases the locked Go, for a rule that asks it.
func (k *checking) tooling(set ...string) (g command.Program, release func(), err error) {
	lease, err := k.lockedGo()
	if errors.Is(err, fs.ErrNotExist) {
		err = advise(err, exitNotFound, "gostore install")
	}
	if err != nil {
		return command.Program{}, nil, err
	}
	if k.app.offlineFlag {
		set = append(set, "GOPROXY=off")
	}
	g = command.Program{Argv: []string{filepath.Join(lease.Path(), "bin", "go")}, Environ: k.goEnviron(set...), Dir: k.project.Dir}
	return g, func() { lease.Release() }, nil // best effort: it ends with the process at the latest
}

// modules compares the require lines of all modules with what their builds select.
func (k *checking) modules() error {
	g, release, err := k.tooling()
	if err != nil {
		return err
	}
	defer release()
	var work *check.GoFile
	for i, f := range k.files {
		if f.Path == k.project.Work {
			work = &k.files[i]
		}
	}
	for _, f := range k.files {
		if filepath.Base(f.Path) != "go.mod" || len(f.Needs) == 0 {
			continue
		}
		b, err := buildlist.Ask(k.ctx, g, f, work, k.app.cfg.tempDir())
		if err != nil {
			return fmt.Errorf("asking the go command what the build of %s selects: %w", f.Module, err)
		}
		k.found = append(k.found, b.Compare(f)...)
	}
	return nil
}

func (k *checking) cache() error { return nil }
