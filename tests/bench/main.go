// Bench measures gostore against what people use instead, as whole processes, side by side.
//
//	go run ./tests/bench [-dir DIR] [-runs N] [-only NAME]
//
// It fetches the Go toolchains that it needs through the configured module proxy into a directory that
// then serves as a file:// proxy, builds gostore, and runs every comparison in turn, A B A B, after one
// warm-up. It prints Markdown: the machine, then for each comparison the median, the least and the most of
// each figure, and the median of the ratios of each pair. Absolute times are those of this machine; only
// the ratios say something elsewhere.
//
// DIR should be on a journalled file system, or on tmpfs, where syncing costs nothing: ext4 without a journal takes
// several times longer to create files after others were deleted. Before each run everything is synced, so
// that nobody pays for what another wrote; nothing is deleted before a comparison has ended.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is what every comparison needs.
type bench struct {
	ctx     context.Context
	dir     string // for this run, removed at the end
	runs    int
	gostore string   // the program
	proxy   string   // GOPROXY of the toolchains that were fetched
	count   int      // of fresh directories
	made    []string // those of the comparison that runs
}

// comparisons in the order in which they run.
var comparisons = []struct {
	name string
	run  func(*bench) error
}{
	{"install", (*bench).install},
	{"neighbour", (*bench).neighbour},
	{"shell", (*bench).shell},
	{"shims", (*bench).shims},
	{"switch", (*bench).switching},
	{"gc", (*bench).collect},
	{"verify", (*bench).verify},
	{"gz", (*bench).gzipped},
	{"xz", (*bench).xzipped},
	{"bundles", (*bench).bundles},
}

func run(ctx context.Context) error {
	var names []string
	for _, c := range comparisons {
		names = append(names, c.name)
	}
	dir := flag.String("dir", os.TempDir(), "directory to work in")
	runs := flag.Int("runs", 7, "counted runs of each")
	only := flag.String("only", "", "comparisons to run: "+strings.Join(names, ","))
	flag.Parse()

	work, err := os.MkdirTemp(*dir, "gostore-bench-")
	if err != nil {
		return err
	}
	defer remove(work)
	b := &bench{ctx: ctx, dir: work, runs: *runs}
	if err := b.prepare(filepath.Join(*dir, "gostore-bench-modcache")); err != nil {
		return err
	}
	fmt.Printf("%s, %s/%s, %d processors, runs: %d\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), b.runs)
	for _, c := range comparisons {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), c.name) {
			continue
		}
		if err := c.run(b); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		for _, dir := range b.made {
			remove(dir)
		}
		b.made = nil
	}
	return nil
}

// prepare builds gostore and fetches the toolchains into cache, which is kept for the next time.
func (b *bench) prepare(cache string) error {
	b.gostore = filepath.Join(b.dir, "gostore")
	build := exec.CommandContext(b.ctx, "go", "build", "-trimpath", "-o", b.dir+"/", "./cmd/gostore", "./cmd/gostore-shim")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building gostore: %w\n%s", err, out)
	}
	proxy, err := fetchToolchains(b.ctx, cache, []string{"go1.22.5", "go1.22.6"})
	b.proxy = "file://" + proxy
	return err
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

// command returns a gostore command with its own store.
func (b *bench) command(root, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(b.ctx, b.gostore, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOSTORE_ROOT="+root, "GOPROXY="+b.proxy, "GOENV=off")
	return cmd
}

// must runs a command that prepares a comparison.
func must(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// remove deletes a directory with read-only directories in it.
func remove(dir string) {
	filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			os.Chmod(name, 0o755)
		}
		return nil
	})
	os.RemoveAll(dir)
}
