// Scale measures how the cost of commands grows with a store and with a tree: stores of many small objects, of which all or half are
// needed, and one tree of many small files. It prints time, time per thing, and the peak of memory.
//
//	go run ./tests/bench/scale -dir DIR
//
// DIR should be on a file system that is not used for anything else; what is made there is removed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	dir := flag.String("dir", "", "where to work; required")
	objects := flag.String("objects", "1000,10000,100000", "sizes of stores")
	files := flag.String("files", "10000,100000,1000000", "sizes of trees")
	flag.Parse()
	if *dir == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(context.Background(), *dir, *objects, *files); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// run builds gostore and measures.
func run(ctx context.Context, dir, objects, files string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	s := &scale{ctx: ctx, dir: filepath.Join(dir, "scale"), gostore: filepath.Join(dir, "gostore")}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", s.gostore, "./cmd/gostore")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building gostore: %w", err)
	}
	fmt.Println("| | n | ms | µs each | peak MB |\n|---|---|---|---|---|")
	for _, sizes := range []struct {
		list    string
		measure func(n int) error
	}{{objects, s.objects}, {files, s.tree}} {
		for text := range strings.SplitSeq(sizes.list, ",") {
			n, err := strconv.Atoi(text)
			if err != nil || n < 2 {
				continue // an empty list leaves a part out
			}
			if err := sizes.measure(n); err != nil {
				return err
			}
			if err := exec.CommandContext(ctx, "rm", "-rf", s.dir).Run(); err != nil {
				return err
			}
		}
	}
	return nil
}

// scale is where and with what is measured.
type scale struct {
	ctx          context.Context
	dir, gostore string
}

// objects measures stores of n objects.
func (s *scale) objects(n int) error {
	for _, live := range []int{n, n / 2} {
		root := filepath.Join(s.dir, strconv.Itoa(live))
		if err := makeStore(s.ctx, root, n, live); err != nil {
			return fmt.Errorf("making a store of %d objects: %w", n, err)
		}
		commands := [][]string{{"gc", "--dry-run"}, {"gc"}, {"list"}}
		if live == n {
			commands = [][]string{{"gc"}, {"list"}, {"roots"}}
		}
		for _, args := range commands {
			name := fmt.Sprintf("%s, %d of the objects needed", strings.Join(args, " "), live)
			if err := s.measure(name, n, root, s.dir, args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// tree measures what is done with a tree of n files.
func (s *scale) tree(n int) error {
	root, project, from := filepath.Join(s.dir, "root"), filepath.Join(s.dir, "project"), filepath.Join(s.dir, "from")
	if err := makeTree(from, n); err != nil {
		return fmt.Errorf("making a tree of %d files: %w", n, err)
	}
	if err := os.MkdirAll(project, 0o755); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"lock", "big@1", "--path", from}, {"install"}, {"install"}, {"verify"}, {"list"},
		{"export", "--output", filepath.Join(s.dir, "bundle")}, {"gc", "--dry-run"},
		{"roots", "--forget", project}, {"gc", "--dry-run"}, {"gc"},
	} {
		name := strings.Join(args[:min(2, len(args))], " ")
		if err := s.measure(name+", a tree of files", n, root, project, args...); err != nil {
			return err
		}
	}
	return nil
}

// measure runs a command once and prints a line about it.
func (s *scale) measure(name string, n int, root, dir string, args ...string) error {
	if err := exec.CommandContext(s.ctx, "sync", "-f", s.dir).Run(); err != nil {
		return err
	}
	cmd := exec.CommandContext(s.ctx, s.gostore, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOSTORE_ROOT="+root)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(start)
	if err != nil {
		return fmt.Errorf("gostore %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	// A child begins with its parent's memory, so a peak below that of this program is not seen.
	peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10 // KiB on Linux
	fmt.Printf("| %s | %d | %.1f | %.2f | %d |\n", name, n, took.Seconds()*1e3, took.Seconds()*1e6/float64(n), peak)
	return nil
}
