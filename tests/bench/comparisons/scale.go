package comparisons

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"

	"gostore/tests/bench/figures"
	"gostore/tests/bench/rounds"
)

// The aims of growth: what each piece costs at the largest size, against what it costs at a tenth of it, and the memory.
const (
	linear     = 1.3
	memoryAtMB = 300
)

// sizes returns n numbers up to most, each a tenth of the next.
func (b bench) sizes(most int) []int {
	if b.Quick {
		most /= 10
	}
	return []int{most / 100, most / 10, most}
}

// scale shows how costs grow with the number of objects, and with the number of files of one.
func (b bench) scale() error {
	if err := b.scaleObjects(b.sizes(100_000)); err != nil {
		return err
	}
	return b.scaleFiles(b.sizes(1_000_000))
}

// scaleObjects collects stores of ever more objects, of which half are dead: first as a dry run, then for good.
func (b bench) scaleObjects(sizes []int) error {
	plan := growth{Table: figures.Table{Name: "scale-plan", Title: "Plan a collection of ever more objects"}, what: "objects", verb: "planning"}
	sweep := growth{Table: figures.Table{Name: "scale-gc", Title: "Collect ever more objects"}, what: "objects", verb: "collecting"}
	templates, roots := make([]string, len(sizes)), make([]string, len(sizes))
	for i, n := range sizes {
		fmt.Fprintf(b.Log, "scale: %d objects\n", n)
		var err error
		if templates[i], err = b.filled(n/2, n/2); err != nil {
			return err
		}
		if roots[i], err = b.copied(templates[i]); err != nil {
			return err
		}
	}
	for range 3 {
		for i, n := range sizes {
			if err := plan.time(b, n, b.Gostore(roots[i], b.Dir, "gc", "--dry-run")); err != nil {
				return err
			}
		}
	}
	for i, n := range sizes {
		if err := sweep.time(b, n, b.Gostore(roots[i], b.Dir, "gc")); err != nil {
			return err
		}
		least, err := b.unlinking(templates[i], smallFrom(n/2))
		if err != nil {
			return err
		}
		unlink, err := least.Make()
		if err != nil {
			return err
		}
		if err := sweep.timeLeast(b, n, "unlinking what goes", unlink); err != nil {
			return err
		}
	}
	return b.keepAll(plan, sweep)
}

// scaleFiles installs, verifies and removes trees of ever more small files.
func (b bench) scaleFiles(sizes []int) error {
	install := growth{Table: figures.Table{Name: "scale-install", Title: "Install trees of ever more files from a directory"}, what: "files", verb: "installing"}
	verify := growth{Table: figures.Table{Name: "scale-verify", Title: "Verify trees of ever more files"}, what: "files", verb: "verifying"}
	gone := growth{Table: figures.Table{Name: "scale-remove", Title: "Remove trees of ever more files"}, what: "files", verb: "removing"}
	limit, err := b.limit()
	if err != nil {
		return err
	}
	for _, n := range sizes {
		fmt.Fprintf(b.Log, "scale: a tree of %d files\n", n)
		b.Forget()
		archive, _, err := b.Cache.Generated(b.Ctx, n)
		if err != nil {
			return err
		}
		// As a directory: archives of more than 100,000 files are refused.
		root, dir, from := b.Fresh("root"), b.Fresh("project"), b.Scratch("from")
		tree := filepath.Join(from, "tree")
		prepare := func(cmd *exec.Cmd) func() error { return func() error { return rounds.Must(cmd) } }
		verifying := func() error {
			return errors.Join(verify.time(b, n, b.Gostore(root, dir, "verify")), verify.timeLeast(b, n, "reading them", b.Program(dir, limit, "read", root)))
		}
		for _, step := range []func() error{
			prepare(b.Program(from, "tar", "-xzf", archive)),
			prepare(b.Gostore(root, dir, "lock", "many@1", "--path", tree)),
			func() error { return install.time(b, n, b.Gostore(root, dir, "install")) },
			verifying, verifying, verifying,
			prepare(b.Gostore(root, dir, "roots", "--forget", filepath.Join(dir, "gostore.lock"))),
			func() error { return gone.time(b, n, b.Gostore(root, dir, "gc")) },
			// Last, where it finds what gostore found: as few files, and nothing of its own in memory.
			func() error {
				return install.timeLeast(b, n, "copying them, synced", b.Program(dir, limit, "copy", tree, b.Fresh("copied")))
			},
		} {
			if err := step(); err != nil {
				return err
			}
		}
	}
	return b.keepAll(install, verify, gone)
}

// growth is a table of one command at several sizes, in µs for each piece, and of the least that another has to do for the same.
type growth struct {
	figures.Table
	what, verb string
	least      []figures.Arm
}

// time runs a command that deals with n pieces once, and adds that to the table.
func (g *growth) time(b bench, n int, cmd *exec.Cmd) error {
	return addPieces(&g.Arms, fmt.Sprintf("%d %s", n, g.what), b, n, cmd)
}

// timeLeast does the same for the least, which is said to be doing something.
func (g *growth) timeLeast(b bench, n int, doing string, cmd *exec.Cmd) error {
	return addPieces(&g.least, fmt.Sprintf("%d %s, the least: %s", n, g.what, doing), b, n, cmd)
}

// addPieces runs a command once, and adds what it took for each of n pieces to the arm of that name.
func addPieces(arms *[]figures.Arm, name string, b bench, n int, cmd *exec.Cmd) error {
	s, err := b.Once(cmd)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(*arms, func(a figures.Arm) bool { return a.Name == name })
	if i < 0 {
		i = len(*arms)
		*arms = append(*arms, figures.Arm{Name: name})
	}
	a := &(*arms)[i]
	a.Runs = append(a.Runs, rounds.Rounded(s.Wall*1000/float64(n)))
	a.Peak, a.CPU = max(a.Peak, s.Peak), rounds.Rounded(s.CPU)
	return nil
}

// keepAll adds the tables, each with its aims: of the largest size, against the one before.
func (b bench) keepAll(all ...growth) error {
	for _, g := range all {
		last, before := g.Arms[len(g.Arms)-1], g.Arms[len(g.Arms)-2]
		g.Arms[len(g.Arms)-1].Ours = true // the others are what it is compared with
		g.Unit = "µs for each of the " + g.what
		g.Targets = []figures.Target{
			{What: fmt.Sprintf("%s %s: each against one of a tenth as many", g.verb, last.Name), Of: last.Name, To: before.Name, AtMost: linear},
			{What: fmt.Sprintf("%s %s: memory", g.verb, last.Name), Of: last.Name, Peak: true, AtMost: memoryAtMB},
		}
		if n := len(g.least); n > 1 {
			g.Note = fmt.Sprintf("From %s to %s, what each costs the least grows to %.2f times as much.", before.Name, last.Name, figures.Ratio(g.least[n-1], g.least[n-2]))
		}
		g.Arms = append(g.Arms, g.least...)
		if err := b.Keep(g.Table); err != nil {
			return err
		}
	}
	return nil
}
