// Bench measures gostore against what people use instead, as whole processes, side by side.
//
//	go run ./tests/bench [-install] [-write FILE] [-dir DIR] [-only NAME,...] [-runs N] [-quick] [-render] …
//
// It serves real Go toolchains, which it downloads once through the configured module proxy, from the loopback interface, builds gostore,
// and runs every comparison in turn, A B A B, after one warm-up. What it compares with is what is on PATH; with -install it first
// installs what package registries have: Debian's packages where it may, npm's into its own directory. What is not there is skipped,
// by name.
//
// Run by root on Linux it makes a journalled ext4 in an image and a tmpfs to run on, and takes both away at the end, also
// after Ctrl-C. Otherwise it runs on DIR as that is. Before each run everything is synced, so that nobody pays for what another
// wrote, and nothing is deleted before a comparison has ended.
//
// The tables are printed; with -write they go into the marked sections of FILE, and with them the single runs and a plot for each into the
// directory beside FILE that is named like it. -render writes all of that again from the runs that are there, and measures nothing.
// Absolute times are those of one machine; only the ratios say something elsewhere.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"gostore/tests/bench/comparisons"
	"gostore/tests/bench/figures"
	"gostore/tests/bench/peers"
	"gostore/tests/bench/place"
	"gostore/tests/bench/rounds"
	"gostore/tests/bench/toolchains"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are what the flags say.
type options struct {
	dir, only, write, gostore string
	runs                      int
	quick, install, render    bool
	plain, unsynced           bool
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.dir, "dir", os.TempDir(), "directory to work in; what is downloaded stays there, in gostore-bench-cache")
	f.StringVar(&o.only, "only", "", "comparisons to run: "+strings.Join(names(), ","))
	f.StringVar(&o.write, "write", "", "document whose marked sections to write; else the tables are printed")
	f.StringVar(&o.gostore, "gostore", "", "directory with the gostore and gostore-shim to measure, instead of building them")
	f.IntVar(&o.runs, "runs", 0, "counted runs of each, of what takes milliseconds twenty times as many; 0 is as many as each comparison wants")
	f.BoolVar(&o.quick, "quick", false, "a third of the runs, and nothing that takes minutes")
	f.BoolVar(&o.install, "install", false, "install what is missing and package registries have")
	f.BoolVar(&o.render, "render", false, "only write the document again, from the runs that were kept")
	f.BoolVar(&o.plain, "plain", false, "run on the directory as it is, and make no file systems")
	f.BoolVar(&o.unsynced, "unsynced", false, "do not sync before each run: only to try the benchmark out")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	for _, name := range strings.Split(o.only, ",") {
		if name != "" && !slices.Contains(names(), name) {
			return o, fmt.Errorf("-only %s: no such comparison; there are %s", name, strings.Join(names(), ", "))
		}
	}
	if o.render && o.write == "" {
		return o, errors.New("-render needs -write FILE")
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if o.write != "" {
		if err := writable(o.write); err != nil {
			return err
		}
	}
	if o.render {
		return rewrite(o.write, figures.File{})
	}
	measured, err := measure(ctx, o, stderr)
	if len(measured.Tables) == 0 {
		return err
	}
	if o.write == "" {
		return errors.Join(err, print(stdout, measured))
	}
	return errors.Join(err, rewrite(o.write, measured))
}

// measure runs the comparisons. When one fails the others are run all the same, and what was measured is returned with the error.
func measure(ctx context.Context, o options, stderr io.Writer) (file figures.File, err error) {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return file, err
	}
	cacheDir := filepath.Join(dir, "gostore-bench-cache")
	npm := filepath.Join(cacheDir, "npm")
	if o.install {
		peers.Install(ctx, npm, stderr)
	}
	cache, err := toolchains.Open(ctx, cacheDir)
	if err != nil {
		return file, err
	}
	defer cache.Close()
	work, err := os.MkdirTemp(dir, "gostore-bench-")
	if err != nil {
		return file, err
	}
	defer rounds.Remove(work)
	r := &rounds.Runner{Ctx: ctx, Log: stderr, Work: work, Env: os.Environ(), Bin: o.gostore, Cache: cache, Peers: peers.Find(ctx, npm),
		Runs: o.runs, Quick: o.quick, Unsynced: o.unsynced}
	if err := prepare(r); err != nil {
		return file, err
	}
	places, err := o.places(r)
	defer func() {
		for _, p := range slices.Backward(places) {
			err = errors.Join(err, p.Close())
		}
	}()
	if err != nil {
		return file, err
	}
	file.Machine, err = o.facts(r, places)
	if err != nil {
		return file, err
	}
	err = o.all(r, places)
	file.Tables = r.Tables
	return file, err
}

// prepare builds gostore, unless a built one is to be measured.
func prepare(r *rounds.Runner) error {
	if err := os.Mkdir(filepath.Join(r.Work, "home"), 0o755); err != nil || r.Bin != "" {
		return err
	}
	r.Bin = filepath.Join(r.Work, "bin")
	return errors.Join(r.Build(r.Bin+"/", "./cmd/gostore"), r.Build(r.Bin+"/", "-tags", "noasm", "./cmd/gostore-shim"))
}

// revision says which gostore is measured.
func (o options) revision(r *rounds.Runner) string {
	if o.gostore != "" {
		return "as it was given"
	}
	out, err := exec.CommandContext(r.Ctx, "git", "describe", "--always", "--dirty", "--exclude=*").Output()
	if err != nil {
		return "of this working copy"
	}
	return strings.TrimSpace(string(out))
}

func names() (names []string) {
	for _, c := range comparisons.All {
		names = append(names, c.Name)
	}
	return names
}

// The image has room for what the largest comparison makes; its inodes are written when it is made, 256 bytes for each.
const (
	imageSize   = 40 << 30
	imageInodes = 2_000_000
)

// places makes the file systems to run on: the first is for everything, the second, if there is one, for what depends on the disk.
func (o options) places(r *rounds.Runner) ([]*place.Place, error) {
	if o.plain || os.Geteuid() != 0 {
		return []*place.Place{place.Plain(r.Ctx, r.Work)}, nil
	}
	disk, err := place.Ext4(r.Ctx, r.Work, imageSize, imageInodes)
	if err != nil {
		fmt.Fprintf(r.Log, "running on the directory as it is: %v\n", err)
		return []*place.Place{place.Plain(r.Ctx, r.Work)}, nil
	}
	memory, err := place.Tmpfs(r.Ctx, r.Work)
	if err != nil {
		return []*place.Place{disk}, err
	}
	return []*place.Place{disk, memory}, nil
}

// facts are those of the machine, the places and the programs.
func (o options) facts(r *rounds.Runner, places []*place.Place) ([]figures.Fact, error) {
	facts := place.Machine(r.Ctx, time.Now())
	for _, p := range places {
		if o.quick {
			break // it takes seconds
		}
		fact, err := place.WriteSpeed(p.Dir)
		if err != nil {
			return nil, err
		}
		facts = append(facts, figures.Fact{Name: fact.Name + " to " + p.Kind, Value: fact.Value})
	}
	facts = append(facts, figures.Fact{Name: "gostore", Value: o.revision(r)})
	for _, p := range peers.All {
		value := "not there"
		if _, ok := r.Peers.Path(p.Command); ok {
			value = r.Peers.Version(p.Command)
		}
		if p.Command != "go" {
			facts = append(facts, figures.Fact{Name: p.Command, Value: value})
		}
	}
	return facts, nil
}

// all runs the comparisons that were asked for, each on the places that it is for.
func (o options) all(r *rounds.Runner, places []*place.Place) error {
	var failed []error
	if len(places) > 1 {
		r.Memory = places[1].Dir
	}
	for _, c := range comparisons.All {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), c.Name) || o.quick && c.Long {
			continue
		}
		for i, p := range places {
			if i > 0 && !c.Everywhere || r.Ctx.Err() != nil {
				continue
			}
			start := time.Now()
			r.Place, r.Dir, r.Suffix, r.Brief = p, p.Dir, "", i > 0
			if i > 0 {
				r.Suffix = "-" + filepath.Base(p.Dir)
			}
			r.Forget()
			if err := c.Run(r); err != nil {
				fmt.Fprintf(r.Log, "%s: %v\n", c.Name, err)
				failed = append(failed, fmt.Errorf("%s: %w", c.Name, err))
			}
			r.Clear()
			fmt.Fprintf(r.Log, "%s on %s: %.0f s\n", c.Name, p.Kind, time.Since(start).Seconds())
		}
	}
	return errors.Join(append(failed, r.Ctx.Err())...)
}
