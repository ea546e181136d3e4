package asset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode"

	"gostore/internal/archive"
	"gostore/internal/definition"
	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/tree"
)

// PathConfig says where files of this machine are.
type PathConfig struct {
	Dir  string           // where relative paths begin: the directory of the lock
	Host release.Platform // what is resolved when no platforms are given; zero is this one

	// Path is the archive or directory, only for Resolve; {version}, {os} and {arch} in it are replaced. It becomes the release's Origin, and
	// what it is replaced by the archive's From, as it is but with slashes.
	Path   string
	Layout release.Layout // zero where the tree decides

	// Manifest returns the manifest of a tree, where it is known, to say what changed in a directory. It may be nil.
	Manifest func(digest.Tree) (tree.Manifest, error)
}

// Path gets releases from files and directories of this machine. It is safe for concurrent use.
//
// The digest of an archive is its SHA-256. The digest of a directory is the SHA-256 of its manifest, as package tree defines it, and
// its tree digest is known with it. A directory may hold what a tree can hold: files, directories, and links that
// stay inside and lead to something; everything else is an error that names it.
type Path struct {
	c PathConfig
}

// NewPath returns a source of what c describes. It reads nothing.
func NewPath(c PathConfig) *Path {
	if c.Host == (release.Platform{}) {
		c.Host = release.Host()
	}
	return &Path{c}
}

// Name returns "path", which stands in locks.
func (s *Path) Name() string { return "path" }

// Layout returns the one that was given when the release was resolved.
func (s *Path) Layout(r release.Release) release.Layout { return r.Layout }

// derived is a version that stands for a content.
var derived = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^0-[0-9a-f]{12}$`) })

// Resolve reads the archive or directory and returns it as a release of any tool, for the platforms or, with nil, the host. For the request
// "latest", and for a version that was made so before, the version is "0-" and the first 12 digits of the digest of the first platform in
// their order, so that another content is another version; any other request is the version. What does not exist is a
// *release.NotFoundError.
func (s *Path) Resolve(ctx context.Context, req release.Request, platforms []release.Platform) (release.Release, error) {
	if platforms == nil {
		platforms = []release.Platform{s.c.Host}
	}
	if derived().MatchString(req.Version) {
		req.Version = release.Latest
	}
	r := release.Release{
		Tool: req.Tool, Version: req.Version, Source: s.Name(), Unlogged: true,
		Origin: filepath.ToSlash(s.c.Path), Layout: s.c.Layout, Archives: map[release.Platform]release.Archive{},
	}
	if req.Version == release.Latest && strings.Contains(r.Origin, "{version}") {
		return release.Release{}, fmt.Errorf("%s: %q holds {version}: the request has to name one", req, s.c.Path)
	}
	for _, p := range platforms {
		a, err := s.read(ctx, r, p)
		if err != nil {
			return release.Release{}, fmt.Errorf("%s: %w", req, err)
		}
		r.Archives[p] = a
	}
	if r.Version == release.Latest {
		first := slices.MinFunc(platforms, release.Platform.Compare)
		r.Version = "0-" + hex.EncodeToString(r.Archives[first].Digest.Bytes())[:12]
	}
	return r, nil
}

// read returns what stands at the path for a platform.
func (s *Path) read(ctx context.Context, r release.Release, p release.Platform) (release.Archive, error) {
	from := r.Origin
	if strings.Contains(from, "{") {
		var err error
		if from, err = (definition.Definition{}).Expand(from, r.Version, p); err != nil {
			return release.Archive{}, err
		}
	}
	if i := strings.IndexFunc(from, func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsGraphic(c) }); i >= 0 || from == "" {
		return release.Archive{}, fmt.Errorf("path %q: a lock can hold no empty path, and none with spaces", from)
	}
	path := s.local(from)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return release.Archive{}, fmt.Errorf("%w: %w", &release.NotFoundError{Tool: r.Tool, Version: r.Version}, err)
	case err != nil:
		return release.Archive{}, err
	case info.IsDir():
		m, err := scan(ctx, path)
		return release.Archive{From: from, Digest: digestOf(m), Tree: m.Digest()}, err
	case !info.Mode().IsRegular():
		return release.Archive{}, fmt.Errorf("path %q: neither a file nor a directory", from)
	}
	return hashFile(ctx, path, from)
}

// local returns where a path of a lock is on this machine.
func (s *Path) local(from string) string {
	path := filepath.FromSlash(from)
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.c.Dir, path)
}

// Fetch returns where the item's file or directory is.
func (s *Path) Fetch(_ context.Context, item release.Item, _ string, _ func(done, total int64)) (string, error) {
	path := s.local(item.Archive.From)
	_, err := os.Stat(path)
	return path, err
}

// Unpack unpacks what Fetch returned, or copies it if it is a directory. What is not as it was when the lock was made is
// a *digest.MismatchError, which for a directory names what changed, if the manifest of what it was is known.
func (s *Path) Unpack(ctx context.Context, item release.Item, path string, sink archive.Sink, progress func(n int64)) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return unpack(ctx, item, path, sink, progress)
	}
	m, err := scan(ctx, path)
	if err != nil {
		return err
	}
	if got := digestOf(m); got != item.Archive.Digest {
		what := fmt.Sprintf("directory %q%s", item.Archive.From, s.changes(item.Archive.Tree, m))
		return &digest.MismatchError{What: what, Want: item.Archive.Digest.String(), Got: got.String()}
	}
	if err := copyTree(ctx, path, m, sink, progress); err != nil {
		return fmt.Errorf("copying %q: %w", item.Archive.From, err)
	}
	return nil
}

// digestOf returns what stands for a directory in the place of an archive's digest: the SHA-256 of its manifest.
func digestOf(m tree.Manifest) digest.Archive {
	h := sha256.New()
	_ = m.Write(h) // a hash takes everything
	return digest.SHA256Sum([sha256.Size]byte(h.Sum(nil)))
}

// maxChanges is how many changes are named.
const maxChanges = 5

// changes says what changed in a directory, for a message; "" when that is not known.
func (s *Path) changes(was digest.Tree, is tree.Manifest) string {
	if s.c.Manifest == nil || was.IsZero() {
		return ""
	}
	old, err := s.c.Manifest(was)
	if err != nil {
		return ""
	}
	var names []string
	changes := tree.Diff(old, is)
	for _, c := range changes[:min(len(changes), maxChanges)] {
		verb := "changed"
		switch {
		case c.Was == nil:
			verb = "new"
		case c.Is == nil:
			verb = "gone"
		}
		names = append(names, fmt.Sprintf("%q is %s", c.Path, verb))
	}
	if more := len(changes) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return ", in which " + strings.Join(names, ", ") + ","
}

// Versions returns an error: a file has no list of versions.
func (s *Path) Versions(context.Context, string) ([]string, error) {
	return nil, errors.New("a path has one version, that which is there now")
}

// scan returns the manifest of a directory, and an error if a link in it leads out of it or to nothing.
func scan(ctx context.Context, dir string) (tree.Manifest, error) {
	m, err := tree.Scan(ctx, dir, runtime.GOMAXPROCS(0))
	if err != nil {
		return m, err
	}
	for _, e := range m.Entries() {
		_, err := tree.Resolve(e.Path, func(path string) (tree.Kind, string, bool) {
			e, ok := m.Find(path)
			return e.Kind, e.Target, ok
		})
		if err != nil {
			return tree.Manifest{}, fmt.Errorf("scanning %q: %w", dir, err)
		}
	}
	return m, nil
}
