package enter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/environment"
	"gostore/internal/settings"
	"gostore/internal/variables"
	"gostore/store"
)

// leaseFloor is where the descriptors of inherited leases begin: above those that shell scripts
// number by hand, and below the 256 that macOS allows by default.
const leaseFloor = 200

// Held is an environment together with the leases on it and on its tools. A collector can take
// none of them until Release is called, or the processes that inherited the leases have gone.
type Held struct {
	Env    *store.Lease
	Tools  []environment.Tool
	Leases []*store.Lease // of the tools
	Kept   []*os.File     // locks on what else is in use

	// What is on top of the tools' own variables.
	Said     []variables.Said // by the project
	Isolated string           // where the project wants caches of its own, "" where it does not
	Options  Options          // of the command line
}

// Options is what the command line says of variables, above what a project does.
type Options struct {
	Said    []variables.Said
	Isolate bool   // caches of the Go's own
	Home    string // the name of a private home; "" for the account's
}

// Release gives the leases up.
func (h *Held) Release() {
	for _, l := range append(slices.Clone(h.Leases), h.Env) {
		if l != nil {
			_ = l.Release() // best effort: the lease ends with the process at the latest
		}
	}
	for _, f := range h.Kept {
		_ = f.Close() // as above
	}
}

// Hold takes leases on an environment that was built before and on its tools.
func Hold(ctx context.Context, st *store.Store, tree digest.Tree) (*Held, environment.Environment, error) {
	lease, err := st.Lease(ctx, tree)
	if err != nil {
		return nil, environment.Environment{}, err
	}
	h := &Held{Env: lease}
	env, err := environment.Load(lease.Path())
	for _, t := range env.Tools {
		var l *store.Lease
		if l, err = st.Lease(ctx, t.Tree); err != nil {
			break
		}
		h.Leases = append(h.Leases, l)
	}
	if err != nil {
		h.Release()
		return nil, environment.Environment{}, err
	}
	h.Tools = env.Tools
	return h, env, nil
}

// Follow makes the variables of the gostore.toml beside a lock those of h.
func (h *Held) Follow(lockPath string) error {
	path := filepath.Join(filepath.Dir(lockPath), settings.Name)
	s, err := settings.Read(path)
	if err != nil {
		return err
	}
	h.Said = ProjectSaid(path, s)
	if s.Isolate.Caches {
		h.Isolated = fmt.Sprintf("%s:%d", path, s.Isolate.Line)
	}
	return nil
}

// ProjectSaid returns what the gostore.toml at path says of variables.
func ProjectSaid(path string, s settings.Settings) []variables.Said {
	var said []variables.Said
	for _, v := range s.Env {
		said = append(said, variables.Said{
			Setting: environment.Setting{Name: v.Name, Value: v.In(filepath.Dir(path)), Unset: v.Unset},
			Layer:   variables.Project, Place: fmt.Sprintf("%s:%d", path, v.Line),
		})
	}
	return said
}

// Become replaces this process by the program at path and leaves it the leases. It returns only when that failed: an error of executing
// the program as the system reports it, or why it could not inherit the leases.
func (h *Held) Become(path string, command, environ []string) error {
	for _, l := range append([]*store.Lease{h.Env}, h.Leases...) {
		if err := inherit(l.File()); err != nil {
			return fmt.Errorf("keeping %s while %q runs: %w", l.Object(), command[0], err)
		}
	}
	for _, f := range h.Kept {
		if err := inherit(f); err != nil {
			return fmt.Errorf("keeping %q while %q runs: %w", f.Name(), command[0], err)
		}
	}
	return &os.PathError{Op: "executing", Path: path, Err: syscall.Exec(path, command, environ)}
}

// inherit leaves a copy of a lease's descriptor to the program that follows.
func inherit(lease *os.File) error {
	_, err := unix.FcntlInt(lease.Fd(), unix.F_DUPFD, leaseFloor)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EMFILE) { // a lower limit is in force
		_, err = unix.FcntlInt(lease.Fd(), unix.F_DUPFD, 3)
	}
	return err
}
