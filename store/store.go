// Package store keeps immutable directory trees under their digests.
//
// # What it keeps
//
// A store is a directory:
//
//	README, format        what this is, and the version of this layout
//	store/<hex>-name-version/   objects: a directory at such a name IS complete and valid
//	store/.stage-<random>/      an object being filled
//	store/.trash-<random>/      an object taken away, not yet unlinked
//	store/<hex>-name-version -> /…/store/<hex>-name-version     an object of a layer; see layer.go
//	layers/<hex>          the filelock of such a link, while it is in use
//	files/ab/cdef…[x]     one hard link per distinct file content of 64 bytes or more
//	meta/<hex>.json       where the object came from, and the manifest where that is short
//	meta/<hex>.manifest   the manifest whose digest the object has, where it is longer; see meta.go
//	meta/<hex>.members    what the packed bytes of its archive's members became: a cache, see members.go
//	index/<archive>       the tree that an archive unpacked to
//	downloads/            partial downloads, each its own filelock
//	profiles/ roots/ sumdb/ trust/ shims/ isolated/ homes/     kept by other packages
//
// # What it promises
//
// At every instant, whatever was killed, an object is absent or complete. Add fills a stage beside
// the final name, writes what describes it, makes all of it durable with one syncfs and only then renames.
// A crash leaves a stage, or descriptions of an object that is not there; both are ignored by every reader
// and removed by Clean. The stage stands in the same directory as the object so that the rename
// needs no write permission on the sealed tree.
//
// A Lease (a shared flock on the object's directory) keeps an object from being collected
// for as long as any process that inherited it lives. The stage is held by the same kind of lock,
// so that there is no moment between filling an object and holding a lease on it.
//
// Objects are sealed: files 0444 or 0555, directories 0555, all with one modification time. Files of equal
// content share one inode; before one is reused its bytes are compared with the wanted ones, or their digest with the wanted
// one, because a shared file that rotted must not spread.
//
// # What it does not promise
//
// The owner of a store can change objects after a chmod; Verify finds that. Locks and
// hard links need a local file system, or NFS with working flock.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"gostore/internal/durable"
	"gostore/internal/guard"
	"gostore/internal/smallfile"
	"gostore/internal/sys"
)

// Directories of a store, relative to its root.
const (
	objectsDir   = "store"
	filesDir     = "files"
	metaDir      = "meta"
	indexDir     = "index"
	downloadsDir = "downloads"
	layersDir    = "layers"
	// ProfilesDir, RootsDir and SumDBDir belong to the packages that keep profiles, registered
	// projects and the state of checksum databases; TrustDir, ShimsDir and CacheDir, which not every store has, to those that keep
	// which projects are trusted, the shims, and what can be made again.
	ProfilesDir = "profiles"
	RootsDir    = "roots"
	SumDBDir    = "sumdb"
	TrustDir    = "trust"
	ShimsDir    = "shims"
	IsolatedDir = "isolated" // caches for one toolchain each, of package isolation
	HomesDir    = "homes"    // private homes, of package isolation
	CacheDir    = "cache"

	// VerifiedDir belongs to package scrub. ReadersName in it is a file that whoever reads objects without a lease keeps open, so that a
	// collector does not take his open files for use.
	VerifiedDir = "verified"
	ReadersName = "readers"
)

// FormatVersion is the version of the layout of stores, the whole contents of the file "format".
const FormatVersion = "1"

const readme = `This folder is a gostore store: toolchains, unpacked once, under the digest of
their contents. Do not edit what is in it; "gostore verify" would say that it is damaged.

  gostore list     what is here
  gostore gc       remove what no project, profile or running program uses

To remove everything: chmod -R u+w on this folder, then rm -rf.
`

// Store is an open store. Its methods may be called from several goroutines.
type Store struct {
	dir  string
	root *os.Root
	user guard.User
	// narrow is set once it is known that the umask takes bits from the modes that objects have.
	narrow atomic.Bool

	sealer     func() func(*os.File) error // nil seals nothing
	sealFailed func(error)

	// below are the layers, read and judged when the first of them is needed.
	below    func() ([]layer, error)
	refusals struct {
		sync.Mutex
		list []error
	}
}

// Options say in whose hands a store is, and what lies below it.
type Options struct {
	User  guard.User // who must be safe from others
	Alone bool       // nobody else uses the machine: the store's own directories are not judged
	// Layers returns the roots of the stores below this one, absolute, the first of which that has an object gives it. It is
	// called once, when something is looked for that the store does not have itself; nil is none.
	Layers func() ([]string, error)
}

// RootError says that a directory cannot serve as a store.
type RootError struct {
	Dir     string
	Problem string // "is not a directory", …
	Err     error  // the cause, may be nil
}

func (e *RootError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("store %q %s: %v", e.Dir, e.Problem, e.Err)
	}
	return fmt.Sprintf("store %q %s", e.Dir, e.Problem)
}

// Unwrap returns the cause.
func (e *RootError) Unwrap() error { return e.Err }

// Problems of a RootError that have an advice of their own.
const (
	NewerFormat = "has a newer format"       // a newer program made the store
	Exposed     = "can be changed by others" // Err is a *guard.Error
)

// Open opens the store in dir, an absolute path, for the user of this process, without layers.
func Open(dir string) (*Store, error) {
	return OpenWith(dir, Options{User: guard.User{ID: os.Geteuid()}})
}

// OpenWith opens the store in dir, an absolute path, and makes it where it is missing. A dir that cannot be a
// store, or that others could change, gives a *RootError.
func OpenWith(dir string, opt Options) (*Store, error) {
	if !filepath.IsAbs(dir) {
		return nil, &RootError{Dir: dir, Problem: "is not an absolute path"}
	}
	if err := opt.Judge(dir); err != nil {
		return nil, err
	}
	data, err := smallfile.Read(filepath.Join(dir, "format"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err = create(dir); err == nil {
			err = opt.Judge(dir) // somebody else may have been faster
		}
	case err == nil:
		err = checkFormat(dir, data)
	}
	if err != nil {
		return nil, rootError(dir, err)
	}
	if err := sys.Access(dir, unix.W_OK); err != nil {
		return nil, &RootError{dir, "is not writable", err}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, rootError(dir, err)
	}
	s := &Store{dir: dir, root: root, user: opt.User}
	s.below = sync.OnceValues(func() ([]layer, error) { return s.readLayers(opt.Layers) })
	return s, nil
}

// trustedDirs are the directories in the root that lead to what is executed.
var trustedDirs = []string{objectsDir, filesDir, metaDir, indexDir, ProfilesDir}

// Judge returns a *RootError where others could change the store in dir, or exchange it: its directories would be filled, and what lies in them
// started, in the belief that it is the user's. What is not there yet has nothing against it.
func (o Options) Judge(dir string) error {
	if o.Alone {
		return nil
	}
	err := o.User.Path(dir)
	for _, sub := range trustedDirs {
		if err == nil {
			err = judgeIn(o.User, dir, sub)
		}
	}
	if fault := (*guard.Error)(nil); errors.As(err, &fault) {
		return &RootError{dir, Exposed, err}
	}
	if err != nil {
		return rootError(dir, err)
	}
	return nil
}

// judgeIn judges a directory in a directory that was judged; one that is not there is none.
func judgeIn(u guard.User, dir, sub string) error {
	path := filepath.Join(dir, sub)
	var st unix.Stat_t
	err := sys.Lstat(path, &st)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err == nil {
		err = u.Dir(path, &st)
	}
	if errors.Is(err, unix.ENOTDIR) {
		return &RootError{dir, fmt.Sprintf("is damaged: %q is not a directory", path), nil}
	}
	return err
}

// Close releases the store. Leases outlive it.
func (s *Store) Close() error { return s.root.Close() }

// Dir returns the root directory of the store.
func (s *Store) Dir() string { return s.dir }

// create makes the layout. The format file comes last: a directory without it is completed by
// the next Open.
func create(dir string) error {
	if err := durable.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := checkForeign(dir); err != nil {
		return err
	}
	// store/ says whose directory this is, and so must not be missing after a power cut that the others survived.
	if err := durable.MkdirAll(filepath.Join(dir, objectsDir), 0o755); err != nil {
		return err
	}
	for _, sub := range []string{filesDir, metaDir, indexDir, downloadsDir, ProfilesDir, RootsDir, SumDBDir} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err := durable.WriteFile(filepath.Join(dir, "README"), []byte(readme), 0o644); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, "format"), []byte(FormatVersion+"\n"), 0o644)
}

// checkForeign refuses a directory that holds something, but nothing that a store begins with: a
// mistyped root must not be filled with folders.
func checkForeign(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == objectsDir || strings.HasPrefix(e.Name(), durable.TempPrefix) {
			return nil
		}
	}
	if len(entries) > 0 {
		return &RootError{Dir: dir, Problem: "is not empty and is not a store"}
	}
	return nil
}

func checkFormat(dir string, data []byte) error {
	version := strings.TrimSuffix(string(data), "\n")
	if version == FormatVersion {
		return nil
	}
	if version != "" && strings.Trim(version, "0123456789") == "" {
		return &RootError{Dir: dir, Problem: NewerFormat,
			Err: fmt.Errorf("%s, this gostore knows %s", version, FormatVersion)}
	}
	return &RootError{Dir: dir, Problem: "has a damaged format file", Err: fmt.Errorf("%.40q", data)}
}

// rootError turns what the file system said into a *RootError.
func rootError(dir string, err error) error {
	var already *RootError
	switch {
	case errors.As(err, &already):
		return err
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, fs.ErrExist):
		return &RootError{dir, "is not a directory", err}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		return &RootError{dir, "is not writable", err}
	default:
		return &RootError{dir, "cannot be used", err}
	}
}

// path returns an absolute path in the store.
func (s *Store) path(elements ...string) string {
	return filepath.Join(append([]string{s.dir}, elements...)...)
}
