// Package git asks git what it knows of a working tree: what is staged, what is ignored, and what a directory
// held in a commit.
//
// It runs the git command and changes nothing in a repository. Of the programs that a repository's configuration names, which may be a
// stranger's, git starts none for that, except filters of the files that CopyIndex writes, as git does for a commit. Names are read with NUL
// between them, so that any name is possible. A Worktree is handed the environment as it is: inside a hook that says which index is meant. A Repository, which somebody
// asks for a revision, is read with none of that.
package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gostore/internal/command"
	"gostore/internal/digest"
	"gostore/internal/tree"
)

// Worktree is a directory in a working tree of git.
type Worktree struct {
	Dir     string   // absolute; names are relative to it
	Program string   // the git command
	Environ []string // of the process
}

// Top returns the nearest directory with a .git at or above dir, "" where there is none. It looks at names alone.
func Top(dir string) string {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// harmless are flags that keep git from starting programs of the repository's configuration: a monitor of files, gpg, a pager.
var harmless = []string{"--no-pager", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false"}

func (w Worktree) run(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	out, _, err := command.Run(ctx, command.Program{
		Argv: slices.Concat([]string{w.Program}, harmless, args), Dir: w.Dir, Environ: w.Environ, Stdin: stdin,
	})
	return out, err
}

// names splits what git wrote with -z.
func names(out []byte) []string {
	var list []string
	for name := range strings.SplitSeq(string(out), "\x00") {
		if name != "" {
			list = append(list, name)
		}
	}
	return list
}

// Staged returns the files of the directory that the next commit changes, removed ones included.
func (w Worktree) Staged(ctx context.Context) ([]string, error) {
	out, err := w.run(ctx, nil, "diff", "--cached", "--name-only", "--no-renames", "--relative", "-z")
	return names(out), err
}

// Ignored returns the files below dir that git is told to ignore and does not keep: a checkout elsewhere will not have them.
func (w Worktree) Ignored(ctx context.Context, dir string) ([]string, error) {
	out, err := w.run(ctx, nil, "ls-files", "--others", "--ignored", "--exclude-standard", "-z", "--", dir)
	return names(out), err
}

// CopyIndex writes the staged contents of those files of the directory that keep accepts below to, under the same names.
func (w Worktree) CopyIndex(ctx context.Context, to string, keep func(name string) bool) error {
	out, err := w.run(ctx, nil, "ls-files", "--cached", "-z")
	if err != nil {
		return err
	}
	var list bytes.Buffer
	for _, name := range names(out) {
		if keep(name) {
			list.WriteString(name + "\x00")
		}
	}
	if list.Len() == 0 {
		return nil
	}
	// The prefix goes before the names from the top of the working tree, so git is run there.
	up, err := w.run(ctx, nil, "rev-parse", "--show-prefix")
	if err != nil {
		return err
	}
	if prefix := strings.TrimSuffix(string(up), "\n"); prefix != "" {
		whole, err := os.MkdirTemp(to, ".whole-")
		if err != nil {
			return err
		}
		if _, err := w.run(ctx, list.Bytes(), "checkout-index", "-z", "--stdin", "--prefix="+whole+"/"); err != nil {
			return err
		}
		return moveUp(filepath.Join(whole, filepath.FromSlash(prefix)), to)
	}
	_, err = w.run(ctx, list.Bytes(), "checkout-index", "-z", "--stdin", "--prefix="+to+"/")
	return err
}

// moveUp moves what is in a directory to another.
func moveUp(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// HooksDir returns the directory in which git looks for hooks, with core.hooksPath and linked working trees seen to.
func (w Worktree) HooksDir(ctx context.Context) (string, error) {
	out, err := w.run(ctx, nil, "rev-parse", "--git-path", "hooks")
	if err != nil {
		return "", err
	}
	dir := strings.TrimSuffix(string(out), "\n")
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(w.Dir, dir)
	}
	return dir, nil
}

// LastChange returns the last commit that changed a file, fs.ErrNotExist where there is none.
func (w Worktree) LastChange(ctx context.Context, file string) (string, error) {
	out, err := w.run(ctx, nil, "log", "-n", "1", "--format=%H", "--", file)
	commit := strings.TrimSpace(string(out))
	if err == nil && commit == "" {
		err = fs.ErrNotExist
	}
	return commit, err
}

// Manifest returns what the directory dir held in a commit, as a tree. What can be in no tree is an error; fs.ErrNotExist says that the
// commit has no such directory.
func (w Worktree) Manifest(ctx context.Context, commit, dir string) (tree.Manifest, error) {
	out, err := w.run(ctx, nil, "ls-tree", "--full-tree", "-r", "-t", "-z", commit+":./"+dir)
	var failed *command.Error
	if errors.As(err, &failed) {
		return tree.Manifest{}, fmt.Errorf("%s in %s: %w", dir, commit, fs.ErrNotExist)
	}
	if err != nil {
		return tree.Manifest{}, err
	}
	var entries []tree.Entry
	var wanted bytes.Buffer
	for _, line := range names(out) {
		e, blob, err := parseTreeLine(line)
		if err != nil {
			return tree.Manifest{}, err
		}
		entries = append(entries, e)
		if blob != "" {
			wanted.WriteString(blob + "\n")
		}
	}
	blobs, err := w.run(ctx, wanted.Bytes(), "cat-file", "--batch")
	if err != nil {
		return tree.Manifest{}, err
	}
	if err := fill(entries, blobs); err != nil {
		return tree.Manifest{}, fmt.Errorf("reading %s in %s: %w", dir, commit, err)
	}
	return tree.New(entries)
}

// parseTreeLine reads a line of ls-tree: MODE TYPE HASH, a tab, and the name. blob is "" for a directory.
func parseTreeLine(line string) (e tree.Entry, blob string, err error) {
	head, name, ok := strings.Cut(line, "\t")
	words := strings.Fields(head)
	if !ok || len(words) != 3 {
		return e, "", fmt.Errorf("reading what git says: %q is no line of a tree", line)
	}
	e.Path, blob = path.Clean(name), words[2]
	switch words[0] {
	case "040000":
		e.Kind, blob = tree.Dir, ""
	case "100755":
		e.Kind = tree.Exec
	case "120000":
		e.Kind = tree.Link
	case "100644", "100664":
		e.Kind = tree.File
	default:
		return e, "", fmt.Errorf("reading what git says: %q has the mode %s", name, words[0])
	}
	return e, blob, nil
}

// fill takes the contents of files and links from what "cat-file --batch" wrote: for each HASH TYPE SIZE, the bytes, a line feed.
func fill(entries []tree.Entry, blobs []byte) error {
	for i := range entries {
		e := &entries[i]
		if e.Kind == tree.Dir {
			continue
		}
		head, rest, _ := bytes.Cut(blobs, []byte("\n"))
		words := strings.Fields(string(head))
		if len(words) != 3 {
			return fmt.Errorf("%q is not at hand: %s", e.Path, head)
		}
		n, err := strconv.Atoi(words[2])
		if err != nil || n < 0 || n >= len(rest) {
			return fmt.Errorf("%q is cut off", e.Path)
		}
		if e.Kind == tree.Link {
			e.Target = string(rest[:n])
		} else {
			e.Content, e.Size = digest.Sum(rest[:n]), int64(n)
		}
		blobs = rest[n+1:]
	}
	return nil
}
