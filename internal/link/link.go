// Package link keeps .gostore, the directory in a project through which editors find the project's tools at paths that
// stay the same:
//
//	.gitignore   "*": git does not see the directory
//	bin/         a shim for each command, which goes by this project from wherever it is started
//	goroot       a link to the tree of the locked Go, where Go is locked
//	env          a link to the project's environment
//
// The links are absolute and lead into the store. They are roots for its collector, which reads them (Trees) as it
// reads the links of profiles: what they lead to at that moment stays. For that the collector must know of the project, so
// whoever calls Set registers it first, and holds leases on what the links are to lead to until Set has returned.
//
// # What a crash leaves, and why nothing that is linked is collected
//
// Set makes bin, then goroot, then env, each link by a rename, and each durable before the next. Whatever it was killed after, each link
// leads to the old tree or to the new one, never nowhere. env comes last and says that all of it is done: Leads, which
// every start in the project asks, compares env alone, and so a Set that was killed is done again.
//
// The old trees are reachable through the links until the rename, when nothing needs them any more. The new ones are leased from
// before the rename until after it: a collector that claimed one of them before the lease was taken has removed it before it
// was linked; one that tries during the lease is refused; one that claims after the lease reads the links once more
// with the claim held, and then finds it.
//
// It does not promise that the links are right when the lock was changed and nobody used the project since.
package link

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/filelock"
	"gostore/store"
)

// Dir is the name of the directory in the project.
const Dir = ".gostore"

// BinDir is where in it the shims are.
const BinDir = "bin"

const (
	ignoreName = ".gitignore"
	gorootName = "goroot"
	envName    = "env"

	// ignoreText is also how the directory is told from others of its name.
	ignoreText = "# Made by \"gostore link\"; \"gostore link --remove\" takes it away.\n*\n"
)

// Target is where the links of a project lead.
type Target struct {
	Environment string // the environment's directory in the store, absolute
	Goroot      string // that of the locked Go's tree, "" where Go is not locked
}

// ForeignError says that what stands at the directory's path is not gostore's.
type ForeignError struct {
	Path    string
	Problem string
}

func (e *ForeignError) Error() string { return fmt.Sprintf("%q %s", e.Path, e.Problem) }

// Path returns the path of the directory of a project.
func Path(project string) string { return filepath.Join(project, Dir) }

// Exists reports whether a project is linked: whether Set was ever done, and Remove was not begun.
func Exists(project string) bool {
	_, err := os.Readlink(filepath.Join(project, Dir, envName))
	return err == nil && check(project) == nil
}

// Leads reports whether nothing is to be done for the environment in dir: the project's links lead to it, or it has none. It is one
// readlink.
func Leads(project, dir string) bool {
	target, err := os.Readlink(filepath.Join(project, Dir, envName))
	return err != nil || target == dir
}

// Set makes the project's links lead to t, and bin whatever fill makes of the directory at the path that it is handed. A directory of
// that name which is not gostore's is a *ForeignError, and left as it is. It reports whether a link changed.
func Set(ctx context.Context, project string, t Target, fill func(bin string) error) (changed bool, err error) {
	dir := Path(project)
	if _, err := os.Stat(project); err != nil {
		return false, err
	}
	if err := check(project); err != nil && !errors.Is(err, fs.ErrNotExist) { // what is not a directory is told as what it is
		return false, err
	}
	if err := durable.MkdirAll(dir, 0o755); err != nil {
		return false, err
	}
	held, err := filelock.LockDir(ctx, dir)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	if err := check(project); err != nil { // it may have been replaced until the filelock was had
		return false, err
	}
	if err := sweep(dir); err != nil {
		return false, err
	}
	if _, err := os.Lstat(filepath.Join(dir, ignoreName)); errors.Is(err, fs.ErrNotExist) {
		if err := durable.WriteFile(filepath.Join(dir, ignoreName), []byte(ignoreText), 0o644); err != nil {
			return false, err
		}
	}
	if err := fill(filepath.Join(dir, BinDir)); err != nil {
		return false, err
	}
	if !Leads(project, t.Environment) || !Exists(project) {
		// Who added the objects may not have made their names durable yet; the links are not to outlive them.
		if err := durable.SyncDir(filepath.Dir(t.Environment)); err != nil {
			return false, err
		}
	}
	goroot, err := point(filepath.Join(dir, gorootName), t.Goroot)
	if err != nil {
		return false, err
	}
	env, err := point(filepath.Join(dir, envName), t.Environment)
	return goroot || env, err
}

// point makes the link at path lead to target, or removes it where target is "".
func point(path, target string) (changed bool, err error) {
	now, err := os.Readlink(path)
	switch {
	case err == nil && now == target, errors.Is(err, fs.ErrNotExist) && target == "":
		return false, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, &ForeignError{path, "is no link"}
	case target == "":
		return true, durable.Remove(path)
	}
	return true, durable.Symlink(target, path)
}

// check says whether the directory is gostore's: one that has gostore's .gitignore, or nothing yet because Set was killed.
func check(project string) error {
	dir := Path(project)
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		return &ForeignError{dir, "is a link"}
	case !info.IsDir():
		return &ForeignError{dir, "is no directory"}
	}
	text, err := os.ReadFile(filepath.Join(dir, ignoreName))
	if err == nil && string(text) == ignoreText {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), durable.TempPrefix) {
			return &ForeignError{dir, "was not made by gostore"}
		}
	}
	return nil
}

// sweep removes what a killed Set left: the caller holds the filelock, so nobody else's.
func sweep(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, durable.TempPrefix+"*")) // a dir with "[" in its name: best effort
	if err != nil {
		return nil
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// Remove takes the links away, and with removeBin the shims; the error is fs.ErrNotExist where there is no such directory. env goes first: from then on the
// project is not linked, and a Remove that was killed is done again.
func Remove(ctx context.Context, project string, removeBin func(bin string) error) error {
	dir := Path(project)
	if err := check(project); err != nil {
		return err
	}
	held, err := filelock.LockDir(ctx, dir)
	if err != nil {
		return err
	}
	defer held.Close()
	if err := sweep(dir); err != nil {
		return err
	}
	for _, name := range []string{envName, gorootName} {
		if _, err := point(filepath.Join(dir, name), ""); err != nil {
			return err
		}
	}
	if err := removeBin(filepath.Join(dir, BinDir)); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, ignoreName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.Remove(dir)
}

// Trees returns the digests of the objects of st that the links of a project lead to. A project that is not linked, or whose
// directory cannot be looked at, has none.
func Trees(st *store.Store, project string) []digest.Tree {
	var trees []digest.Tree
	for _, name := range []string{envName, gorootName} {
		target, err := os.Readlink(filepath.Join(project, Dir, name))
		if err != nil {
			continue
		}
		o, err := store.ParseBase(filepath.Base(target))
		if err == nil && sameDir(filepath.Dir(target), filepath.Dir(st.Path(o))) {
			trees = append(trees, o.Tree)
		}
	}
	return trees
}

// sameDir reports whether two paths name one directory: a store may be reached through a link.
func sameDir(a, b string) bool {
	if a == b {
		return true
	}
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
