package enter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"gostore/internal/digest"
	"gostore/internal/environment"
	"gostore/internal/settings"
	"gostore/internal/sys"
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
	Project Wishes
	Options Options // of the command line
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

// Wishes are what a project's gostore.toml says of how a command starts.
type Wishes struct {
	Said     []variables.Said // its variables
	Isolated string           // where it wants caches of its own, "" where it does not
}

// WishesOf returns the wishes in the settings that were read from the gostore.toml at path.
func WishesOf(path string, s settings.Settings) Wishes {
	var w Wishes
	for _, v := range s.Env {
		w.Said = append(w.Said, variables.Said{
			Setting: environment.Setting{Name: v.Name, Value: v.In(filepath.Dir(path)), Unset: v.Unset},
			Layer:   variables.Project, Place: fmt.Sprintf("%s:%d", path, v.Line),
		})
	}
	if s.Isolate.Caches {
		w.Isolated = fmt.Sprintf("%s:%d", path, s.Isolate.Line)
	}
	return w
}

// WishesBeside reads the wishes of the project with the lock at lockPath.
func WishesBeside(lockPath string) (Wishes, error) {
	path := filepath.Join(filepath.Dir(lockPath), settings.Name)
	s, err := settings.Read(path)
	return WishesOf(path, s), err
}

// Over returns the variables as they are put on top of an environment's own.
func (w Wishes) Over() []environment.Setting { return variables.Settings(w.Said) }

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
	return &os.PathError{Op: "executing", Path: path, Err: sys.Exec(path, command, environ)}
}

// inherit leaves a copy of a lease's descriptor to the program that follows.
func inherit(lease *os.File) error {
	_, err := unix.FcntlInt(lease.Fd(), unix.F_DUPFD, leaseFloor)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EMFILE) { // a lower limit is in force
		_, err = unix.FcntlInt(lease.Fd(), unix.F_DUPFD, 3)
	}
	return err
}
