package comparisons

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"gostore/internal/environment"
	"gostore/internal/parallel"
	"gostore/internal/release"
	"gostore/profile"
	"gostore/store"
	"gostore/tests/bench/figures"
	"gostore/tests/bench/rounds"
)

const (
	liveObjects = 10_000
	deadObjects = 10_000
	generations = 100 // of what is alive, each with as many of it, but with 100 at least
)

// collect compares taking dead objects away, and finding out that there are none.
func (b bench) collect() error {
	mixed, err := b.filled(liveObjects, deadObjects)
	if err != nil {
		return err
	}
	const ours, nix = "gostore gc, synced", "nix-store --gc"
	swept := "" // the store that was collected last: what is left in it is alive
	sweep := []rounds.Arm{{Name: ours, Ours: true, Make: func() (cmd *exec.Cmd, err error) {
		swept, err = b.copied(mixed)
		return b.Gostore(swept, b.Dir, "gc"), err
	}}}
	least, err := b.unlinking(mixed, smallFrom(liveObjects))
	if err != nil {
		return err
	}
	sweep = append(sweep, least)
	nothing := []rounds.Arm{rounds.Always(ours, true, func() *exec.Cmd { return b.Gostore(swept, b.Dir, "gc") })}
	if path, ok := b.Peers.Path("nix-store"); ok {
		filled, err := b.nixFilled(path, liveObjects, deadObjects)
		if err != nil {
			return err
		}
		collect := func() *exec.Cmd { return filled.command(path, "--gc") }
		sweep = append(sweep, rounds.Arm{Name: nix, Make: func() (*exec.Cmd, error) { return collect(), b.renew(filled) }})
		nothing = append(nothing, rounds.Always(nix, false, collect))
	}
	skipped := b.skipped("nix-store")
	err = b.Compare(figures.Table{
		Name:    "gc",
		Title:   "Collect 10,000 dead objects among 10,000 live ones",
		Note:    fmt.Sprintf("Trees of a directory with one small program, the same in both. What is alive is so by %d generations of gostore, and by %d roots of Nix.", generations, liveObjects),
		Skipped: skipped,
		Targets: []figures.Target{{What: "gc of 10,000 dead among 10,000 live, against nix", Of: ours, To: nix, AtMost: 0.50}},
	}, 4, sweep...)
	if err != nil {
		return err
	}
	return b.Compare(figures.Table{
		Name:    "gc-nothing",
		Title:   "Collect nothing among 10,000 objects",
		Skipped: skipped,
		Targets: []figures.Target{{What: "nothing to collect among 10,000, against nix", Of: ours, To: nix, AtMost: 0.15}},
	}, 9, nothing...)
}

// copied returns a copy of a store. Everything inside of one is relative, so it can be.
func (b bench) copied(template string) (root string, err error) {
	root = filepath.Join(b.Fresh("copy"), "root")
	return root, rounds.Must(b.Program(b.Dir, "cp", "-a", template, root))
}

// filled makes a store of small objects, of which some are in the generations of its profile and the rest are dead. It is made where
// syncing is free, to be copied.
func (b bench) filled(live, dead int) (root string, err error) {
	root = b.Scratch("template")
	return root, b.fill(root, live, dead)
}

func (b bench) fill(root string, live, dead int) error {
	tools, err := b.addMany(root, live+dead)
	if err != nil {
		return err
	}
	s, err := store.Open(root)
	if err != nil {
		return err
	}
	defer s.Close()
	p, err := profile.Open(s, profile.Default)
	if err != nil {
		return err
	}
	each := max(100, live/generations)
	for at := 0; at < live; at += each {
		edit := func([]environment.Tool) (*store.Lease, error) {
			return environment.Build(b.Ctx, s, tools[at:min(at+each, live)])
		}
		if _, err := p.Switch(b.Ctx, profile.Change{Edit: edit, Replace: true}); err != nil {
			return err
		}
	}
	return b.Ctx.Err()
}

// addMany adds small objects to an empty store.
func (b bench) addMany(root string, n int) ([]environment.Tool, error) {
	s, err := store.Open(root)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	tools := make([]environment.Tool, n)
	return tools, parallel.Each(b.Ctx, runtime.NumCPU(), n, func(i int) (err error) {
		tools[i], err = addSmall(b.Ctx, s, i)
		return err
	})
}

// smallName begins the names of small objects; a number follows.
const smallName = "small"

// smallFrom says of an object whether it is a small one whose number is at least that.
func smallFrom(least int) func(store.Object) bool {
	return func(o store.Object) bool {
		i, err := strconv.Atoi(strings.TrimPrefix(o.Name, smallName))
		return err == nil && i >= least
	}
}

// addSmall adds an object of one small file.
func addSmall(ctx context.Context, s *store.Store, i int) (environment.Tool, error) {
	name := smallName + strconv.Itoa(i)
	l, err := s.Add(ctx, store.Spec{Name: name, Version: "1"}, func(g *store.Stage) error { return g.File("bin/"+name, true, []byte(name)) })
	if err != nil {
		return environment.Tool{}, err
	}
	return environment.Tool{Name: name, Version: "1", Tree: l.Object().Tree, Layout: release.Layout{Dirs: []string{"bin"}}}, l.Release()
}

// nixFilled makes a Nix store of the trees that addSmall makes, of which some have roots, and keeps a copy of it for renew.
func (b bench) nixFilled(path string, live, dead int) (nix, error) {
	n, err := b.nix("nix")
	if err != nil {
		return n, err
	}
	trees := b.Fresh("trees")
	for i := range live + dead {
		name := smallName + strconv.Itoa(i)
		bin := filepath.Join(trees, name, "bin")
		if err := errors.Join(os.MkdirAll(bin, 0o755), os.WriteFile(filepath.Join(bin, name), []byte(name), 0o755)); err != nil {
			return n, err
		}
	}
	// xargs, as all the names do not go into one command line; the roots are made at once, from the paths that are printed.
	script := n.command("sh", "-c", `cd "$1" && find . -mindepth 1 -maxdepth 1 -print0 | xargs -0 -n 5000 "$2" --option fsync-metadata false --add >"$3/added" && mkdir -p "$3/var/gcroots/live" && cd "$3/var/gcroots/live" &&
		head -n "$4" "$3/added" | xargs ln -s -t . && cp -a "$3" "$3.template"`, "sh", trees, path, n.dir, strconv.Itoa(live))
	b.Made(n.dir + ".template")
	return n, rounds.Must(script)
}

// renew puts the copy of a filled Nix store into its place, and the store aside: deleting it now would be paid for by what is measured next.
func (b bench) renew(n nix) error {
	return rounds.Must(b.Program(b.Dir, "sh", "-c", `mv "$1" "$2/old" && cp -a "$1.template" "$1"`, "sh", n.dir, b.Fresh("aside")))
}

// removal compares taking a toolchain away.
func (b bench) removal() error {
	if err := b.Cache.Fetch(b.Ctx, first); err != nil {
		return err
	}
	archive, _, err := b.archive(first, "tar.gz")
	if err != nil {
		return err
	}
	template := b.Fresh("template")
	if err := rounds.Must(b.installInto(template, first)); err != nil {
		return err
	}
	least, err := b.unlinking(template, func(store.Object) bool { return true })
	if err != nil {
		return err
	}
	const ours, rm = "gostore gc of one toolchain, synced", "rm -rf of an unpacked one"
	return b.Compare(figures.Table{
		Name:    "remove",
		Title:   "Remove a toolchain",
		Targets: []figures.Target{{What: "removal of a toolchain, against rm -rf", Of: ours, To: rm, AtMost: 0.75}},
	}, 5,
		rounds.Arm{Name: ours, Ours: true, Make: func() (*exec.Cmd, error) {
			root, err := b.copied(template)
			return b.Gostore(root, b.Dir, "gc"), err
		}},
		rounds.Arm{Name: rm, Ours: false, Make: func() (*exec.Cmd, error) {
			dir := b.Fresh("unpacked")
			return b.Program(b.Dir, "rm", "-rf", filepath.Join(dir, "go")), rounds.Must(b.Program(dir, "tar", "-xzf", archive))
		}},
		least)
}
