// Package isolation keeps directories that programs use instead of the user's own: Go's caches for one toolchain
// each, private homes of people who share an account, and go env files without what must not come back.
//
//	isolated/<hex>-<name>-<version>/    build, mod, path and bin: GOCACHE, GOMODCACHE, GOPATH, GOBIN for the object of that digest
//	isolated/goenv-<hex>                a go env file, under the digest of its contents
//	isolated/.trash-<random>/           being removed
//	homes/<name>/                       a private home, 0700
//
// A Space is held with a shared filelock on its directory, which whoever uses it inherits: Collect removes none that is in use. What
// is removed is first renamed, with the exclusive filelock held, so whoever comes meanwhile makes a new one. After a crash there is a .trash
// directory more, which the next Collect removes.
//
// Caches can be made again, so nothing here is synced. Homes are people's: nothing here ever removes one.
package isolation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/filelock"
	"gostore/store"
)

// Space is the caches of one toolchain, in use.
type Space struct {
	Dir string
	// File holds the filelock. Closing it, and every copy that a program inherited, ends the use.
	File *os.File
}

// Open makes the space of a toolchain where it is missing and takes it into use. root is the store's directory.
func Open(ctx context.Context, root string, toolchain store.Object, now time.Time) (Space, error) {
	dir := filepath.Join(root, store.IsolatedDir, toolchain.Tree.Hex()+"-"+toolchain.Name+"-"+toolchain.Version)
	for {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return Space{}, fmt.Errorf("making caches: %w", err)
		}
		held, err := filelock.ShareDir(ctx, dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue // collected meanwhile
		}
		if err != nil {
			return Space{}, fmt.Errorf("using caches: %w", err)
		}
		_ = os.Chtimes(dir, now, now) // best effort: it only looks unused for longer
		return Space{dir, held}, nil
	}
}

// Variable is a name and a value.
type Variable struct{ Name, Value string }

// Variables returns what makes the go command use the space.
func (s Space) Variables() []Variable {
	return []Variable{
		{"GOBIN", filepath.Join(s.Dir, "bin")}, {"GOCACHE", filepath.Join(s.Dir, "build")},
		{"GOMODCACHE", filepath.Join(s.Dir, "mod")}, {"GOPATH", filepath.Join(s.Dir, "path")},
	}
}

// Cover writes a go env file with data and returns its path. It is never changed afterwards: a "go env -w" in it is an error. Only its owner
// can read it, as it may hold the passwords of proxies.
func Cover(root string, data []byte, now time.Time) (string, error) {
	dir := filepath.Join(root, store.IsolatedDir)
	path := filepath.Join(dir, coverPrefix+digest.Sum(data).Hex())
	if there, err := os.ReadFile(path); err == nil && string(there) == string(data) {
		_ = os.Chtimes(path, now, now) // best effort: it only looks unused for longer
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("covering the go env file: %w", err)
	}
	if err := durable.WriteFile(path, data, 0o400); err != nil {
		return "", fmt.Errorf("covering the go env file: %w", err)
	}
	return path, nil
}

const (
	coverPrefix = "goenv-"
	trashPrefix = ".trash-"
)

// coverAge is how long a go env file that nobody has asked for stays. They are small, and a shell that is open reads its own with every go command.
const coverAge = 365 * 24 * time.Hour

// toolchainOf returns whose caches a directory of that name are.
func toolchainOf(name string) (digest.Tree, bool) {
	hex, _, ok := strings.Cut(name, "-")
	t, err := digest.ParseTreeHex(hex)
	return t, ok && err == nil
}
