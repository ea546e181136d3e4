// Package rounds runs the sides of a comparison in turn, A B A B, and keeps what each took.
//
// Each run gets fresh directories, and an environment without anything of the user's configuration. Everything is synced before it, so that nobody
// pays for what another wrote, and nothing is deleted before the comparison has ended: what follows a deletion is slower on some file systems.
package rounds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"gostore/tests/bench/figures"
	"gostore/tests/bench/peers"
	"gostore/tests/bench/place"
	"gostore/tests/bench/toolchains"
)

// Runner runs comparisons one after the other. Its fields are set before the first; Place, Dir and Suffix anew before each.
type Runner struct {
	Ctx      context.Context
	Log      io.Writer // progress, for whoever waits
	Work     string    // directory of the benchmark
	Env      []string  // environment of whoever started it
	Bin      string    // directory of the gostore that is measured
	Cache    *toolchains.Cache
	Peers    peers.Found
	Runs     int  // counted runs of each arm, of what takes milliseconds 20 times as many; 0 is as many as the comparison wants
	Quick    bool // a third of them
	Unsynced bool // not to sync before each run

	Place  *place.Place // that the comparison runs on
	Dir    string       // directory in it
	Suffix string       // of the names of tables there
	Brief  bool         // what a round made goes after it: room is scarce there, and deleting costs nothing
	Memory string       // directory where syncing is free, for what takes long to prepare; "" is none

	Tables []figures.Table // what was measured

	count int      // of fresh directories
	made  []string // what Clear removes
}

// Build builds packages as they are released, without libc: args are flags of go build, and packages.
func (r *Runner) Build(to string, args ...string) error {
	cmd := exec.CommandContext(r.Ctx, "go", append([]string{"build", "-trimpath", "-o", to}, args...)...)
	cmd.Env = append(r.Env[:len(r.Env):len(r.Env)], "CGO_ENABLED=0")
	return Must(cmd)
}

// Fresh returns a new empty directory.
func (r *Runner) Fresh(name string) string { return r.freshIn(r.Dir, name) }

// Scratch returns the same where syncing is free, if there is such a place.
func (r *Runner) Scratch(name string) string {
	if r.Memory != "" {
		return r.freshIn(r.Memory, name)
	}
	return r.Fresh(name)
}

func (r *Runner) freshIn(parent, name string) string {
	r.count++
	dir := filepath.Join(parent, fmt.Sprintf("%s-%d", name, r.count))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		panic(err) // the directory was made by us a moment ago
	}
	r.Made(dir)
	return dir
}

// Made has Clear remove a file or directory that was made in another way than by Fresh.
func (r *Runner) Made(path string) { r.made = append(r.made, path) }

// Clear removes what the comparison made that has ended.
func (r *Runner) Clear() {
	for _, dir := range r.made {
		Remove(dir)
	}
	r.made = nil
}

// Forget has the kernel give up what it holds of files, where it lets us: an image is held twice, and whoever is measured next would pay for making room.
func (r *Runner) Forget() {
	syscall.Sync()
	_ = os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0) // as root, on Linux
}

// Environ is the environment of every program that is measured: nothing of the user's configuration, caches and stores.
func (r *Runner) Environ(more ...string) []string {
	home := filepath.Join(r.Work, "home")
	var kept []string
	for _, v := range r.Env {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, "XDG_") && !strings.HasPrefix(name, "GOSTORE_") && !strings.HasPrefix(name, "MISE_") && !strings.HasPrefix(name, "NIX_") {
			kept = append(kept, v)
		}
	}
	return append(append(kept, "HOME="+home, "GOENV=off", "GOTOOLCHAIN=local", "GOCACHE="+filepath.Join(home, "gocache")), more...)
}

// Program returns a command in a directory.
func (r *Runner) Program(dir, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.Ctx, path, args...)
	cmd.Dir, cmd.Env = dir, r.Environ()
	ownGroup(cmd)
	return cmd
}

// Gostore returns a gostore command with its own store, which asks the file:// proxy.
func (r *Runner) Gostore(root, dir string, args ...string) *exec.Cmd {
	cmd := r.Program(dir, filepath.Join(r.Bin, "gostore"), args...)
	cmd.Env = append(cmd.Env, "GOSTORE_ROOT="+root, "GOPROXY="+r.Cache.FileURL())
	return cmd
}

// Shell returns a command of the shell. The arguments are $1 and so on.
func (r *Runner) Shell(dir, script string, args ...string) *exec.Cmd {
	return r.Program(dir, "sh", append([]string{"-c", script, "sh"}, args...)...)
}

// Must runs a command that prepares a comparison.
func Must(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// Each runs commands that prepare a comparison, until one fails.
func Each(cmds ...*exec.Cmd) error {
	for _, cmd := range cmds {
		if err := Must(cmd); err != nil {
			return err
		}
	}
	return nil
}

// Answer runs a command that prepares a comparison and returns what it says.
func Answer(cmd *exec.Cmd) (string, error) {
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

// Remove deletes a directory with read-only directories in it, as well as it can.
func Remove(dir string) {
	_ = filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			_ = os.Chmod(name, 0o755)
		}
		return nil
	})
	_ = os.RemoveAll(dir)
}
