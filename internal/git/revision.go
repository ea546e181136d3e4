package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"strings"

	"gostore/internal/command"
)

// maxSize bounds a file. It is that of a lock.
const maxSize = 16 << 20

// RevisionError says why a file of a revision cannot be read. errors.Is(err, fs.ErrNotExist) holds where the repository, the revision or
// the file is not there.
type RevisionError struct {
	Dir, Revision, Path string
	Problem             string // "no such revision", …
	Err                 error
}

func (e *RevisionError) Error() string {
	return fmt.Sprintf("%q of revision %q, in %q: %s", strings.TrimPrefix(e.Path, "./"), e.Revision, e.Dir, e.Problem)
}

// Unwrap returns the cause.
func (e *RevisionError) Unwrap() error { return e.Err }

// Repository reads what was committed. It runs "cat-file", which shows those bytes: no pager, no filter, no external program that the
// repository's configuration names. Variables that would lead git to another repository are taken away, and a clone that lacks
// a file does not fetch it.
type Repository struct {
	Program string   // its path
	Dir     string   // a directory in the repository
	Environ []string // KEY=VALUE; what is not for this repository is left out
}

// File returns the bytes of a file in a revision. A path that begins with "./" or "../" is one from g.Dir, any other
// one from the top of the repository, as git has it.
func (g Repository) File(ctx context.Context, revision, path string) ([]byte, error) {
	fail := func(problem string, err error) ([]byte, error) {
		return nil, &RevisionError{g.Dir, revision, path, problem, err}
	}
	if revision == "" || strings.HasPrefix(revision, "-") {
		return fail("that is no revision", fs.ErrNotExist)
	}
	data, err := g.run(ctx, "cat-file", "blob", revision+":"+path)
	if err == nil {
		return data, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var failed *command.Error
	var exit *exec.ExitError
	if !errors.As(err, &failed) || !errors.As(err, &exit) {
		return fail(err.Error(), err)
	}
	said := strings.TrimSpace(failed.Stderr)
	if out, err := g.run(ctx, "rev-parse", "--is-inside-work-tree"); err != nil || !bytes.HasPrefix(out, []byte("true")) {
		if strings.Contains(said, "dubious ownership") {
			return fail("git refuses a repository of another user: "+firstLine(said), fs.ErrPermission)
		}
		return fail("that is no working copy of a git repository", fs.ErrNotExist)
	}
	if _, err := g.run(ctx, "rev-parse", "--verify", "--quiet", revision+"^{tree}"); err != nil {
		return fail("no such revision", fs.ErrNotExist)
	}
	if _, err := g.run(ctx, "rev-parse", "--verify", "--quiet", revision+":"+path); err != nil {
		return fail("the revision has no such file", fs.ErrNotExist)
	}
	return fail(firstLine(said), err)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// run runs git and returns what it prints, at most maxSize bytes of it.
func (g Repository) run(ctx context.Context, args ...string) ([]byte, error) {
	out, _, err := command.Run(ctx, command.Program{
		Argv: slices.Concat([]string{g.Program}, harmless, []string{"-c", "protocol.allow=never"}, args),
		Dir:  g.Dir, Environ: clean(g.Environ), Most: maxSize,
	})
	return out, err
}

// clean returns an environment without what leads git elsewhere, and with what keeps it from asking, fetching and waiting.
func clean(environ []string) []string {
	var kept []string
	for _, kv := range environ {
		if !strings.HasPrefix(kv, "GIT_") && !strings.HasPrefix(kv, "LC_") && !strings.HasPrefix(kv, "LANGUAGE=") {
			kept = append(kept, kv)
		}
	}
	return append(kept, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1", "GIT_PAGER=")
}
