package gc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/filelock"
	"gostore/internal/tree"
	"gostore/store"
)

// parts are what a re-executed test binary can play.
var parts = map[string]func(args []string) error{
	"hold":    func([]string) error { return hold() },
	"stop":    stop,
	"install": install,
	"collect": collectForever,
	"scrub":   scrubForever,
}

// start runs this binary in another part. What it prints is read from the reader.
func start(t *testing.T, part string, files []*os.File, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "GC_TEST_PART="+part)
	cmd.ExtraFiles = files
	return cmd, begin(t, cmd)
}

// begin starts a command that ends when its standard input does, at the latest with the test.
func begin(t *testing.T, cmd *exec.Cmd) *bufio.Reader {
	t.Helper()
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if cmd.Stdin == nil {
		if _, err := cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(cmd) })
	return bufio.NewReader(out)
}

func kill(cmd *exec.Cmd) {
	cmd.Process.Kill() // with SIGKILL
	cmd.Wait()
}

// expect reads one line that a child prints.
func expect(t *testing.T, out *bufio.Reader, want string) {
	t.Helper()
	if line, err := out.ReadString('\n'); line != want+"\n" {
		t.Fatalf("child said %q, %v; want %q", line, err, want)
	}
}

// hold says that it runs, and lives until its standard input ends.
func hold() error {
	fmt.Println("holding")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// stop collects everything in the store args[0] except the tree args[1], and holds after step args[2].
func stop(args []string) error {
	st, err := store.Open(args[0])
	if err != nil {
		return err
	}
	keep, err := digest.ParseTree(args[1])
	if err != nil {
		return err
	}
	last, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	steps := 0
	atStep = func(string) {
		if steps++; steps == last {
			hold()
		}
	}
	c, err := Plan(context.Background(), st, naming(keep), Options{})
	if err != nil {
		return err
	}
	if _, err = Sweep(context.Background(), st, c, naming(keep), Options{Batch: 3}); err != nil {
		return err
	}
	fmt.Println("finished")
	return nil
}

// rootsIn are the roots that are files in a directory, each with a tree digest.
func rootsIn(dir string) Roots {
	return func(context.Context) ([]Root, error) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		var roots []Root
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), durable.TempPrefix) {
				continue
			}
			data, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			t, err := digest.ParseTree(string(data))
			if err != nil {
				return nil, err
			}
			roots = append(roots, Root{Kind: "test", Name: e.Name(), Trees: []digest.Tree{t}})
		}
		return roots, nil
	}
}

// collectForever collects the store args[0] with the roots in args[1], until its standard input ends.
func collectForever(args []string) error {
	st, err := store.Open(args[0])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	removed := 0
	for ctx.Err() == nil {
		c, err := Plan(ctx, st, rootsIn(args[1]), Options{})
		if err == nil {
			var r Report
			r, err = Sweep(ctx, st, c, rootsIn(args[1]), Options{Batch: 1 + rand.IntN(4)})
			removed += len(r.Removed)
		}
		if err != nil && !errors.Is(err, filelock.ErrBusy) && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	fmt.Println(removed)
	return nil
}

// tools is how few tools the installers compete for.
const tools = 4

// install makes environments in the store args[0], registers each in args[1] under a name that begins with
// args[2], and looks whether what it leased or registered is whole, args[3] times.
func install(args []string) error {
	st, err := store.Open(args[0])
	if err != nil {
		return err
	}
	rounds, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	for round := range rounds {
		if err := installOnce(context.Background(), st, filepath.Join(args[1], fmt.Sprintf("%s.%d", args[2], round%3))); err != nil {
			return fmt.Errorf("installer %s, round %d: %w", args[2], round, err)
		}
	}
	return nil
}

// installOnce makes root name an environment of two tools, by the rule for whoever makes a root.
func installOnce(ctx context.Context, st *store.Store, root string) error {
	var refs []digest.Tree
	for range 2 {
		l, err := addLeased(ctx, st, fmt.Sprintf("tool%d", rand.IntN(tools)))
		if err != nil {
			return err
		}
		defer l.Release()
		refs = append(refs, l.Object().Tree)
	}
	env, err := addLeased(ctx, st, fmt.Sprintf("env%d", rand.IntN(tools)), refs...)
	if err != nil {
		return err
	}
	tree := env.Object().Tree
	if err := wholeness(ctx, st, tree); err != nil {
		return fmt.Errorf("leased: %w", err)
	}
	if err := durable.WriteFile(root, []byte(tree.String()), 0o644); err != nil {
		return err
	}
	if err := env.Release(); err != nil {
		return err
	}
	for _, t := range append(refs, tree) {
		if err := wholeness(ctx, st, t); err != nil {
			return fmt.Errorf("rooted by %s: %w", filepath.Base(root), err)
		}
	}
	if rand.IntN(2) == 0 {
		return durable.Remove(root)
	}
	return nil
}

// scrubForever verifies the slice of the tree args[1] in the store args[0] until its standard input ends, and says how much damage it found.
func scrubForever(args []string) error {
	st, err := store.Open(args[0])
	if err != nil {
		return err
	}
	t, err := digest.ParseTree(args[1])
	if err != nil {
		return err
	}
	defer st.ReadWithoutLease()()
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	fmt.Println("reading")
	scrubber := st.Scrubber(tree.Auditor{Workers: 1})
	damage := 0
	for {
		r, err := scrubber.Slice(context.Background(), t[0])
		if err != nil {
			return err
		}
		damage += len(r.Damage)
		select {
		case <-ended:
			fmt.Println("damage", damage)
			return nil
		default:
		}
	}
}
