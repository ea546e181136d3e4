package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gostore/internal/durable"
)

// ForeignHookError says that a hook is there that is not the one in question.
type ForeignHookError struct {
	Path string
	Text string // its contents
}

func (e *ForeignHookError) Error() string { return fmt.Sprintf("%q is a hook already", e.Path) }

// SharedHooksError says that git looks for hooks in a directory that serves other repositories too.
type SharedHooksError struct{ Dir string }

func (e *SharedHooksError) Error() string {
	return fmt.Sprintf("core.hooksPath is %q, which is outside of this repository", e.Dir)
}

// InstallHook makes script the hook of a name, and reports whether it was not already. own tells whether a hook that is there is an older form
// of it; any other is a *ForeignHookError and stays. A directory of hooks outside of the repository is a *SharedHooksError.
//
// The hook is complete and executable before it takes its name.
func (w Worktree) InstallHook(ctx context.Context, name, script string, own func(text string) bool) (path string, changed bool, err error) {
	path, err = w.ownHook(ctx, name)
	if err != nil {
		return path, false, err
	}
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return path, false, err
	case !own(string(data)):
		return path, false, &ForeignHookError{path, string(data)}
	case string(data) == script && executable(path):
		return path, false, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return path, false, err
	}
	return path, true, durable.WriteFile(path, []byte(script), 0o755)
}

// RemoveHook removes the hook of a name, and reports whether there was one. One that own does not know is a *ForeignHookError and stays.
func (w Worktree) RemoveHook(ctx context.Context, name string, own func(text string) bool) (path string, removed bool, err error) {
	path, err = w.ownHook(ctx, name)
	if err != nil {
		return path, false, err
	}
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, false, nil
	case err != nil:
		return path, false, err
	case !own(string(data)):
		return path, false, &ForeignHookError{path, string(data)}
	}
	return path, true, durable.Remove(path)
}

// ownHook returns the path of a hook, if it serves no other repository.
func (w Worktree) ownHook(ctx context.Context, name string) (string, error) {
	dir, err := w.HooksDir(ctx)
	if err != nil {
		return "", err
	}
	out, err := w.run(ctx, nil, "rev-parse", "--show-toplevel", "--git-common-dir")
	if err != nil {
		return "", err
	}
	for home := range strings.Lines(string(out)) {
		home = strings.TrimSuffix(home, "\n")
		if !filepath.IsAbs(home) {
			home = filepath.Join(w.Dir, home)
		}
		if inside(dir, home) {
			return filepath.Join(dir, name), nil
		}
	}
	return "", &SharedHooksError{dir}
}

// inside reports whether a directory, which may not be there yet, is below another, whatever links lead to both.
func inside(dir, home string) bool {
	real := func(path string) string {
		rest := ""
		for {
			if resolved, err := filepath.EvalSymlinks(path); err == nil {
				return filepath.Join(resolved, rest)
			}
			rest, path = filepath.Join(filepath.Base(path), rest), filepath.Dir(path)
		}
	}
	rel, err := filepath.Rel(real(home), real(dir))
	return err == nil && filepath.IsLocal(rel)
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&0o100 != 0
}
