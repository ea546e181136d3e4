package archive

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"gostore/internal/digest"
	"gostore/internal/tree"
)

// ModuleZip says how to unpack a Go module zip, the format of golang.org/x/mod/zip, in which Go toolchains come: every file
// is named <module>@<version>/<path>, there are no directories, links or modes.
type ModuleZip struct {
	Prefix string         // "<module>@<version>/", which every name begins with; it is no part of the tree
	Want   digest.Archive // the h1 that the zip has to have; Unpack needs one

	// Rename returns the path in the tree for a path in the zip (without Prefix); nil leaves all as they are.
	Rename func(path string) string
	// Exec reports whether a file of the tree (after Rename) is executable; nil makes none so.
	Exec func(path string) bool

	// Elsewhere, unless nil, says how to read the content of a member that the zip's file lacks, and returns nil for a member that
	// is there. Open is called from several goroutines at once. A content is taken if its size and CRC are those in the
	// directory; as for the others, the h1 decides.
	Elsewhere func(e Entry) (open func() (io.ReadCloser, error))

	Limits Limits
}

// AssemblyError says that a tree was put together from an archive that lacks some of its contents, and from contents found
// elsewhere, and did not come out right. With the whole archive it may.
type AssemblyError struct{ Err error }

func (e *AssemblyError) Error() string {
	return "putting it together with contents that are here: " + e.Err.Error()
}

// Unwrap returns what was wrong.
func (e *AssemblyError) Unwrap() error { return e.Err }

// file is a member and its place in the tree.
type file struct {
	path string
	exec bool
}

// Unpack reads a zip of size bytes and writes its files to sink, several at once. progress, unless nil, is told the number
// of bytes of each file that sink has taken; it is called from several goroutines at once.
//
// A *FormatError says that the zip was refused: if for its structure, a name or a limit, then before sink
// got anything. A *digest.MismatchError says that all was well but the h1: sink then has the whole tree, and
// the caller has to drop it, as after any error. When ctx ends, its error is returned. With Elsewhere, all of them but those
// of ctx and sink are wrapped in an *AssemblyError.
func (m ModuleZip) Unpack(ctx context.Context, r io.ReaderAt, size int64, sink Sink, progress func(n int64)) error {
	if m.Want.Algorithm() != "h1" {
		return fmt.Errorf("module zip %q: want its h1 digest to compare with, have %q", m.name(), m.Want)
	}
	t := taking{sink: sink, progress: progress}
	err := m.each(ctx, r, size, &t)
	if err != nil && m.Elsewhere != nil && t.failed == nil && ctx.Err() == nil {
		return &AssemblyError{err}
	}
	return err
}

// taking gives files to a sink and remembers the first error that it returned.
type taking struct {
	sink     Sink
	progress func(n int64) // may be nil
	once     sync.Once
	failed   error
}

func (t *taking) result(err error, n int64) error {
	if err != nil {
		t.once.Do(func() { t.failed = err })
	} else if t.progress != nil {
		t.progress(n)
	}
	return err
}

func (t *taking) file(f file, data []byte) error {
	return t.result(t.sink.File(f.path, f.exec, data), int64(len(data)))
}

// recaller is the sink of a taking that knows contents.
type recaller struct {
	Recaller
	t *taking
}

func (r recaller) Recall(path string, exec bool, p digest.Packed) (sum [sha256.Size]byte, ok bool, err error) {
	sum, ok, err = r.Recaller.Recall(path, exec, p)
	if ok || err != nil {
		err = r.t.result(err, p.Size)
	}
	return sum, ok, err
}

// each gives every file to the sink, and compares the h1.
func (m ModuleZip) each(ctx context.Context, r io.ReaderAt, size int64, t *taking) error {
	members, files, err := m.plan(ctx, r, size)
	if err != nil {
		return err
	}
	g := reading{r: r, members: members, files: files, workers: t.sink.Workers()}
	g.use = func(i int, data []byte) error { return t.file(files[i], data) }
	if known, ok := t.sink.(Recaller); ok {
		g.known = recaller{known, t}
	}
	sums, err := g.run(ctx)
	if err != nil {
		return err
	}
	got, err := hash1(members, sums)
	if err != nil {
		return err
	}
	if got != m.Want {
		return &digest.MismatchError{What: "module zip " + m.name(), Want: m.Want.String(), Got: got.String()}
	}
	return nil
}

// Hash returns the h1 of a zip of size bytes after all the checks that Unpack makes, whatever Want is.
func (m ModuleZip) Hash(ctx context.Context, r io.ReaderAt, size int64) (digest.Archive, error) {
	members, _, err := m.plan(ctx, r, size)
	if err != nil {
		return digest.Archive{}, err
	}
	sums, err := readMembers(ctx, r, members, 0, func(int, []byte) error { return nil })
	if err != nil {
		return digest.Archive{}, err
	}
	return hash1(members, sums)
}

func (m ModuleZip) name() string { return strings.TrimSuffix(m.Prefix, "/") }

// plan checks the zip's structure and names, and says where each member goes.
func (m ModuleZip) plan(ctx context.Context, r io.ReaderAt, size int64) ([]member, []file, error) {
	members, err := m.members(ctx, r, size)
	if err != nil {
		return nil, nil, err
	}
	files := make([]file, len(members))
	var names tree.Names
	for i, member := range members {
		path, err := m.place(member.name)
		if err != nil {
			return nil, nil, err
		}
		f := file{path: path, exec: m.Exec != nil && m.Exec(path)}
		kind := tree.File
		if f.exec {
			kind = tree.Exec
		}
		if err := names.Add(path, kind); err != nil {
			return nil, nil, badName(member.name, err)
		}
		files[i] = f
	}
	return members, files, nil
}

func (m ModuleZip) members(ctx context.Context, r io.ReaderAt, size int64) ([]member, error) {
	if m.Elsewhere == nil {
		return readZip(ctx, r, size, m.Limits.withDefaults())
	}
	return readPartial(ctx, r, size, m.Limits.withDefaults(), m.Elsewhere)
}

// Place returns the path in the tree of the member called name, and whether it has one.
func (m ModuleZip) Place(name string) (path string, ok bool) {
	path, err := m.place(name)
	return path, err == nil
}

// place returns the path in the tree of the member called name.
func (m ModuleZip) place(name string) (string, error) {
	path, ok := strings.CutPrefix(name, m.Prefix)
	if !ok {
		return "", refuse(name, "is outside of %q", m.Prefix)
	}
	if strings.HasSuffix(name, "/") {
		return "", refuse(name, "is a directory, module zips have none")
	}
	if err := tree.CheckPath(path); err != nil {
		return "", badName(name, err)
	}
	if m.Rename != nil {
		path = m.Rename(path)
	}
	return path, nil
}

// badName is refuse with package tree's reason.
func badName(name string, err error) error {
	var bad *tree.PathError
	if errors.As(err, &bad) {
		return refuse(name, "%s", bad.Reason)
	}
	return refuse(name, "%v", err)
}

// hash1 returns the h1 digest as golang.org/x/mod/sumdb/dirhash defines it: the SHA-256 of a line for each file, sorted by
// name, of its own SHA-256 in hexadecimal, two spaces and its name in the zip.
func hash1(members []member, sums [][sha256.Size]byte) (digest.Archive, error) {
	order := make([]int, len(members))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(members[a].name, members[b].name) })
	h := sha256.New()
	for _, i := range order {
		fmt.Fprintf(h, "%x  %s\n", sums[i], members[i].name)
	}
	return digest.ParseArchive("h1:" + base64.StdEncoding.EncodeToString(h.Sum(nil)))
}
