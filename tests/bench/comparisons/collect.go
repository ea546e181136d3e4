package comparisons

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"

	"gostore/internal/environment"
	"gostore/internal/release"
	"gostore/profile"
	"gostore/store"
	"gostore/tests/bench/figures"
	"gostore/tests/bench/rounds"
)

const (
	liveObjects = 10_000
	deadObjects = 10_000
	generation  = 100 // objects that one generation needs
)

// collect compares taking dead objects away, and finding out that there are none.
func (b bench) collect() error {
	mixed, live := b.Fresh("template"), b.Fresh("root")
	if err := b.fill(mixed, liveObjects, deadObjects); err != nil {
		return err
	}
	if err := b.fill(live, liveObjects, 0); err != nil {
		return err
	}
	const ours, nix = "gostore gc, synced", "nix-store --gc"
	sweep := []rounds.Arm{{Name: ours, Ours: true, Make: func() (*exec.Cmd, error) {
		root := filepath.Join(b.Fresh("copy"), "root")
		return b.Gostore(root, b.Dir, "gc"), rounds.Must(b.Program(b.Dir, "cp", "-a", mixed, root))
	}}}
	nothing := []rounds.Arm{rounds.Always(ours, true, func() *exec.Cmd { return b.Gostore(live, b.Dir, "gc") })}
	if path, ok := b.Peers.Path("nix-store"); ok {
		filled, err := b.nixFilled(path, liveObjects, deadObjects)
		if err != nil {
			return err
		}
		sweep = append(sweep, rounds.Arm{Name: nix, Ours: false, Make: func() (*exec.Cmd, error) { return filled.command(path, "--gc"), b.renew(filled) }})
		clean, err := b.nixFilled(path, liveObjects, 0)
		if err != nil {
			return err
		}
		nothing = append(nothing, rounds.Always(nix, false, func() *exec.Cmd { return clean.command(path, "--gc") }))
	}
	skipped := b.skipped("nix-store")
	err := b.Compare(figures.Table{
		Name:    "gc",
		Title:   "Collect 10,000 dead objects among 10,000 live ones",
		Note:    fmt.Sprintf("Objects of one small file. What is alive is so by %d generations of gostore, and by %d roots of Nix.", liveObjects/generation, liveObjects),
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

// fill makes a store of small objects, of which some are in the generations of its profile and the rest are dead.
func (b bench) fill(root string, live, dead int) error {
	s, err := store.Open(root)
	if err != nil {
		return err
	}
	defer s.Close()
	tools := make([]environment.Tool, live+dead)
	var failed sync.Map
	var workers sync.WaitGroup
	for w := range 8 {
		workers.Go(func() {
			for i := w; i < len(tools) && b.Ctx.Err() == nil; i += 8 {
				if tools[i], err = addSmall(b.Ctx, s, i); err != nil {
					failed.Store(i, err)
				}
			}
		})
	}
	workers.Wait()
	for _, err := range failed.Range {
		return err.(error)
	}
	p, err := profile.Open(s, profile.Default)
	if err != nil {
		return err
	}
	for at := 0; at < live; at += generation {
		edit := func([]environment.Tool) (*store.Lease, error) {
			return environment.Build(b.Ctx, s, tools[at:at+generation])
		}
		if _, err := p.Switch(b.Ctx, profile.Change{Edit: edit, Replace: true}); err != nil {
			return err
		}
	}
	return b.Ctx.Err()
}

// addSmall adds an object of one small file.
func addSmall(ctx context.Context, s *store.Store, i int) (environment.Tool, error) {
	name := "small" + strconv.Itoa(i)
	l, err := s.Add(ctx, store.Spec{Name: name, Version: "1"}, func(g *store.Stage) error { return g.File("bin/"+name, true, []byte(name)) })
	if err != nil {
		return environment.Tool{}, err
	}
	return environment.Tool{Name: name, Version: "1", Tree: l.Object().Tree, Layout: release.Layout{Dirs: []string{"bin"}}}, l.Release()
}

// nixFilled makes a Nix store of small paths, of which some have roots, and keeps a copy of it for renew.
func (b bench) nixFilled(path string, live, dead int) (nix, error) {
	n, err := b.nix("nix")
	if err != nil {
		return n, err
	}
	files := b.Fresh("files")
	for i := range live + dead {
		if err := os.WriteFile(filepath.Join(files, fmt.Sprintf("small%d", i)), []byte(strconv.Itoa(i)), 0o644); err != nil {
			return n, err
		}
	}
	// xargs, as all the names do not go into one command line; the roots are made at once, from the paths that are printed.
	script := n.command("sh", "-c", `cd "$1" && find . -type f -print0 | xargs -0 -n 5000 "$2" --add >"$3/added" && mkdir -p "$3/var/gcroots/live" && cd "$3/var/gcroots/live" &&
		head -n "$4" "$3/added" | xargs ln -s -t . && cp -a "$3" "$3.template"`, "sh", files, path, n.dir, strconv.Itoa(live))
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
	const ours, rm = "gostore gc of one toolchain, synced", "rm -rf of an unpacked one"
	return b.Compare(figures.Table{
		Name:    "remove",
		Title:   "Remove a toolchain",
		Targets: []figures.Target{{What: "removal of a toolchain, against rm -rf", Of: ours, To: rm, AtMost: 0.75}},
	}, 5,
		rounds.Arm{Name: ours, Ours: true, Make: func() (*exec.Cmd, error) {
			root := filepath.Join(b.Fresh("copy"), "root")
			return b.Gostore(root, b.Dir, "gc"), rounds.Must(b.Program(b.Dir, "cp", "-a", template, root))
		}},
		rounds.Arm{Name: rm, Ours: false, Make: func() (*exec.Cmd, error) {
			dir := b.Fresh("unpacked")
			return b.Program(b.Dir, "rm", "-rf", filepath.Join(dir, "go")), rounds.Must(b.Program(dir, "tar", "-xzf", archive))
		}})
}
