// Package enter becomes a command in an environment: it lays variables on top of it, leaves the leases to the command, and
// executes it. It knows the ways that need no explanation and no network; whoever calls it goes the long way, and explains, where
// these do not lead there.
//
// # What it promises
//
// The command replaces this process. The leases on the environment and its tools stay open across that, so that the
// kernel holds them for as long as the command, or anything that it started, lives.
//
// Every start of every shim goes through here, so the package reads a handful of small files, writes none unless something
// changed, and brings along nothing that is slow to load: no HTTP, no archives, no command line.
//
// # What it does not promise
//
// To know: an environment is recalled by the bytes of a lock that was entered before, with this version of gostore. Whatever is not
// as it was is ErrUnknown, without a word of why.
package enter

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"gostore/internal/guard"
	"gostore/internal/layers"
	"gostore/store"
)

// Version is what this gostore calls itself. It is part of what is remembered, so that a program that builds
// environments differently does not meet the old ones.
const Version = "0.1.0"

// Process is what is known of this process.
type Process struct {
	Environ []string // KEY=VALUE
	Dir     string   // the working directory, absolute; "" where it was removed
	Root    string   // of the store that a shim belongs to, which counts where GOSTORE_ROOT is not set; "" for none
	Etc     string   // the directory of the system's settings; "" is /etc
}

// ErrNoRoot says that nothing tells where the store is.
var ErrNoRoot = errors.New("no place for the store: neither GOSTORE_ROOT nor HOME is set")

// Getenv returns the value of a variable, "" when it is not set. The last setting counts, as it does in a child process.
func (p Process) Getenv(key string) string {
	for i := len(p.Environ) - 1; i >= 0; i-- {
		if k, v, _ := strings.Cut(p.Environ[i], "="); k == key {
			return v
		}
	}
	return ""
}

// Abs makes a path that a person gave absolute.
func (p Process) Abs(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(p.Dir, path)
}

// StoreRoot returns the store's directory: $GOSTORE_ROOT, else the one of the shim that runs, else gostore in the user's data
// directory. Without any the error is ErrNoRoot.
func (p Process) StoreRoot() (string, error) {
	if dir := p.Getenv("GOSTORE_ROOT"); dir != "" {
		return p.Abs(dir), nil
	}
	if p.Root != "" {
		return p.Root, nil
	}
	if dir := p.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) { // relative ones are to be ignored, says its specification
		return filepath.Join(dir, "gostore"), nil
	}
	if home := p.Getenv("HOME"); home != "" {
		return filepath.Join(p.Abs(home), ".local", "share", "gostore"), nil
	}
	return "", ErrNoRoot
}

// aloneVariable says, with 1 or true, that nobody else uses the machine, as in most containers: then it is nobody's concern who could change
// the store's directories.
const aloneVariable = "GOSTORE_ALONE"

// User is who must be safe from others. Root is, where sudo did not bring it here, free to live among others: in containers it does.
func (p Process) User() guard.User {
	id := os.Geteuid()
	return guard.User{ID: id, Among: id == 0 && p.Getenv("SUDO_UID") == ""}
}

// Alone reports whether nobody else uses the machine, as far as the environment says.
func (p Process) Alone() bool {
	value := p.Getenv(aloneVariable)
	return value == "1" || value == "true"
}

// StoreOptions says in whose hands a store is, and which layers the environment, the user's file or the system's names.
func (p Process) StoreOptions() store.Options {
	return store.Options{
		User: p.User(), Alone: p.Alone(),
		Layers: func() ([]string, error) { return layers.Read(p.Getenv, cmp.Or(p.Etc, "/etc")) },
	}
}

// OpenStore opens the store in dir with StoreOptions.
func (p Process) OpenStore(dir string) (*store.Store, error) {
	return store.OpenWith(dir, p.StoreOptions())
}
