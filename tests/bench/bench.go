package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gostore/tests/bench/figures"
	"gostore/tests/bench/peers"
	"gostore/tests/bench/place"
	"gostore/tests/bench/toolchains"
)

// bench is what every comparison needs.
type bench struct {
	ctx     context.Context
	options options
	log     io.Writer // progress, for whoever waits
	work    string    // for this run, removed at the end
	cache   *toolchains.Cache
	peers   peers.Found

	bin    string       // directory of the gostore that is measured
	place  *place.Place // that the comparison runs on
	dir    string       // directory in it
	suffix string       // of the names of tables there
	count  int          // of fresh directories
	made   []string     // those of the comparison that runs

	tables []figures.Table
}

// comparison makes one table, or some.
type comparison struct {
	name       string
	run        func(*bench) error
	everywhere bool // on every place, because it depends on the disk
	long       bool // not for -quick
}

// comparisons in the order in which they run.
var comparisons = []comparison{
	{name: "zip", run: (*bench).zipped, everywhere: true},
	{name: "http", run: (*bench).overHTTP},
	{name: "gz", run: (*bench).gzipped, everywhere: true},
	{name: "xz", run: (*bench).xzipped, long: true},
	{name: "neighbour", run: (*bench).neighbour},
	{name: "six", run: (*bench).six, long: true},
	{name: "verify", run: (*bench).verify},
	{name: "shims", run: (*bench).shims},
	{name: "profile", run: (*bench).profileLink},
	{name: "shell", run: (*bench).shell},
	{name: "switch", run: (*bench).switching},
	{name: "gc", run: (*bench).collect},
	{name: "remove", run: (*bench).removal},
	{name: "bundles", run: (*bench).bundles},
	{name: "scale", run: (*bench).scale},
}

func names() (names []string) {
	for _, c := range comparisons {
		names = append(names, c.name)
	}
	return names
}

// build builds gostore, unless a built one is to be measured.
func (b *bench) build() error {
	b.bin = b.options.gostore
	if b.bin != "" {
		return nil
	}
	b.bin = filepath.Join(b.work, "bin")
	return b.goBuild(b.bin+"/", "./cmd/gostore", "./cmd/gostore-shim")
}

// goBuild builds packages as they are released: without libc.
func (b *bench) goBuild(to string, packages ...string) error {
	cmd := exec.CommandContext(b.ctx, "go", append([]string{"build", "-trimpath", "-o", to}, packages...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return must(cmd)
}

// revision says which gostore is measured.
func (b *bench) revision() string {
	if b.options.gostore != "" {
		return "as it was given"
	}
	out, err := exec.CommandContext(b.ctx, "git", "describe", "--always", "--dirty", "--exclude=*").Output()
	if err != nil {
		return "of this working copy"
	}
	return strings.TrimSpace(string(out))
}

// fresh returns a new empty directory.
func (b *bench) fresh(name string) string {
	b.count++
	dir := filepath.Join(b.dir, fmt.Sprintf("%s-%d", name, b.count))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		panic(err) // the directory was made by us a moment ago
	}
	b.made = append(b.made, dir)
	return dir
}

// clear removes what the comparison made that has ended.
func (b *bench) clear() {
	for _, dir := range b.made {
		remove(dir)
	}
	b.made = nil
}

// environ is the environment of every program that is measured: nothing of the user's configuration, caches and stores.
func (b *bench) environ(more ...string) []string {
	home := filepath.Join(b.work, "home")
	var kept []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, "XDG_") && !strings.HasPrefix(name, "GOSTORE_") && !strings.HasPrefix(name, "MISE_") && !strings.HasPrefix(name, "NIX_") {
			kept = append(kept, v)
		}
	}
	return append(append(kept, "HOME="+home, "GOENV=off", "GOTOOLCHAIN=local", "GOCACHE="+filepath.Join(home, "gocache")), more...)
}

// program returns a command in a directory.
func (b *bench) program(dir, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(b.ctx, path, args...)
	cmd.Dir, cmd.Env = dir, b.environ()
	ownGroup(cmd)
	return cmd
}

// gostore returns a gostore command with its own store, which asks the file:// proxy.
func (b *bench) gostore(root, dir string, args ...string) *exec.Cmd {
	cmd := b.program(dir, filepath.Join(b.bin, "gostore"), args...)
	cmd.Env = append(cmd.Env, "GOSTORE_ROOT="+root, "GOPROXY="+b.cache.FileURL())
	return cmd
}

// shell returns a command of the shell. The arguments are $1 and so on.
func (b *bench) shellCommand(dir, script string, args ...string) *exec.Cmd {
	return b.program(dir, "sh", append([]string{"-c", script, "sh"}, args...)...)
}

// must runs a command that prepares a comparison.
func must(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// each runs commands that prepare a comparison, until one fails.
func each(cmds ...*exec.Cmd) error {
	for _, cmd := range cmds {
		if err := must(cmd); err != nil {
			return err
		}
	}
	return nil
}

// answer runs a command that prepares a comparison and returns what it says.
func answer(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w\n%s", err, exit.Stderr)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// remove deletes a directory with read-only directories in it, as well as it can.
func remove(dir string) {
	_ = filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			_ = os.Chmod(name, 0o755)
		}
		return nil
	})
	_ = os.RemoveAll(dir)
}
