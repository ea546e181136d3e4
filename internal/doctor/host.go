package doctor

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"gostore/internal/loader"
	"gostore/internal/roots"
	"gostore/internal/startfile"
	"gostore/profile"
	"gostore/store"
)

// Host is everything that probes may ask about the machine and about gostore on it. A field that is empty, or a function that is
// nil, is something that is not known; then what needs it is not looked at.
type Host struct {
	Environ []string // NAME=VALUE
	Before  []string // Environ without what a prompt hook added for the project; nil where none did
	Dir     string   // the working directory
	Etc     string   // the system's settings: /etc
	UID     int      // of the user
	Umask   int
	Now     time.Time
	Loader  loader.Host
	Mounts  []byte // the text of /proc/mounts
	Version string // of this gostore
	Self    string // path of this gostore

	// Statfs describes the file system that a path is on.
	Statfs func(path string) (Filesystem, error)
	// Lock takes the exclusive filelock on a directory twice at once, and returns an error unless the second is refused.
	Lock func(dir string) error
	// Run runs a command with nothing on its standard input, in the environment given, until limit.
	Run func(ctx context.Context, limit time.Duration, environ []string, argv ...string) (Output, error)
	// Dial opens a connection to HOST:PORT, and closes it.
	Dial func(ctx context.Context, address string) error
	// ServerDate asks a server for the time. When an answer was got without a usable time, the time is zero.
	ServerDate func(ctx context.Context, url string) (time.Time, error)
	// Offline is set when nothing may be asked of the network.
	Offline bool

	Project     Project
	Wanted      []Command // commands that should be found on PATH, the project's before the profile's
	Tools       []Tool    // of the project and the profile, that are installed
	Root        string    // the store's directory
	Store       *store.Store
	StoreErr    error // why there is a directory and no Store
	Profiles    []ProfileState
	Registered  func() []Registered
	Kept        func(ctx context.Context) (Kept, error) // what roots keep
	ModuleProxy Upstream
	Registry    Upstream // of npm packages
	ConfigErr   error    // why the configuration cannot be used

	asking sync.Once // of the servers, whose answers are
	asked  []dated
}

// Project is what is known of the project around the working directory.
type Project struct {
	Lock    string   // path, "" without one
	Err     error    // why the lock cannot be used
	Missing []string // NAME@VERSION of tools that are locked and not installed
}

// Command is a command that a tool of the project or of the profile has.
type Command struct {
	Name          string
	Path          string // of the program in the store, "" where it is not installed
	Tool, Version string
	From          string // who says so: a path, or `profile "default"`
	OfProfile     bool
}

// Tool is a tool that is installed.
type Tool struct {
	Label    string   // NAME@VERSION
	Dir      string   // its object
	Programs []string // paths of its commands
	Parts    []string // paths of its other executables, which its commands start
}

// ProfileState is a profile and what is wrong with it.
type ProfileState struct {
	Name        string
	Bin         string // the directory for PATH
	Current     int    // generation, 0 for none
	Err         error
	Generations []profile.Generation
}

// Registered is a registered project.
type Registered struct {
	roots.Project
	RecordErr error // the record cannot be understood; then there is no project
	LockErr   error // the lock cannot be read; nil for one that can
}

// Kept is what roots keep in the store.
type Kept struct {
	Alone     map[string]int64 // bytes that would go with a root, by kind and name
	Dead      int64            // bytes of content that nothing keeps
	Leftovers int64            // bytes of disk that interrupted work left, for long enough not to be wanted
}

// Upstream is a list of servers that is configured, and where.
type Upstream struct {
	Value  string
	Origin string
	Err    error
}

// Filesystem is what statfs says.
type Filesystem struct {
	Type              int64 // magic number
	Size, Free        int64 // bytes, free for this user
	Inodes, FreeNodes int64 // 0, 0 where the file system does not count them
	ReadOnly, NoExec  bool
	Device            uint64
}

// Output is what a command printed.
type Output struct {
	Stdout, Stderr string
	Status         int  // exit status
	Late           bool // it was ended by the limit
}

// getenv returns a variable. The last setting counts, as in a child process.
func (h *Host) getenv(name string) string {
	value, _ := h.lookup(name)
	return value
}

func (h *Host) lookup(name string) (value string, set bool) { return lookup(h.Environ, name) }

// lookup returns a variable of an environment; the last one of a name counts.
func lookup(environ []string, name string) (value string, set bool) {
	for _, entry := range slices.Backward(environ) {
		if k, v, ok := strings.Cut(entry, "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}

// byProject reports whether a prompt hook set the variable: then the project means it.
func (h *Host) byProject(name string) bool {
	if h.Before == nil {
		return false
	}
	is, _ := lookup(h.Environ, name)
	was, _ := lookup(h.Before, name)
	return is != was
}

func (h *Host) home() string { return h.getenv("HOME") }

// short writes a path as people do.
func (h *Host) short(path string) string {
	if home := h.home(); home != "" && home != "/" {
		if rel, ok := strings.CutPrefix(path, home+"/"); ok {
			return "~/" + rel
		}
	}
	return path
}

// startFiles returns the start files of the user's shells.
func (h *Host) startFiles() []startfile.File {
	return startfile.ReadAll(startfile.Paths(h.home(), h.Etc, h.getenv))
}

// shimsDir returns the directory of shims.
func (h *Host) shimsDir() string { return filepath.Join(h.Root, store.ShimsDir) }

// bins returns the directories of gostore that may stand on PATH: of the environment that this process is in, of
// shims, of profiles.
func (h *Host) bins() []string {
	var list []string
	if dir := h.getenv("GOSTORE_ENVIRONMENT"); dir != "" {
		list = append(list, filepath.Join(dir, "bin"))
	}
	if h.Root != "" {
		list = append(list, h.shimsDir())
	}
	for _, p := range h.Profiles {
		list = append(list, p.Bin)
	}
	return list
}
