package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"gostore/store"
)

// goToolchain is cmd/go installing a toolchain for itself into a fresh module cache. It does not sync.
func (b *bench) goToolchain(version string) arm {
	return arm{"cmd/go into a fresh module cache, not synced", func() (*exec.Cmd, error) {
		cmd := exec.CommandContext(b.ctx, "go", "version")
		cmd.Dir = b.fresh("empty")
		cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+version, "GOMODCACHE="+b.fresh("modcache"),
			"GOPROXY="+b.proxy, "GOFLAGS=-modcacherw", "GOENV=off", "GOSUMDB=off")
		return cmd, nil
	}}
}

// installOnce is gostore installing a toolchain into a store that holds the given ones.
func (b *bench) installOnce(name, request string, before ...string) arm {
	return arm{name, func() (*exec.Cmd, error) {
		root := b.fresh("root")
		for _, r := range before {
			if err := must(b.command(root, b.fresh("empty"), "install", r)); err != nil {
				return nil, err
			}
		}
		return b.command(root, b.fresh("empty"), "install", request), nil
	}}
}

func (b *bench) install() error {
	return b.compare("Install go1.22.6 from a file:// proxy",
		b.goToolchain("go1.22.6"),
		b.installOnce("gostore install, verified and synced", "go@1.22.6"))
}

func (b *bench) neighbour() error {
	err := b.compare("Install the neighbouring release",
		b.installOnce("go1.22.5 into an empty store", "go@1.22.5"),
		b.installOnce("go1.22.6 beside go1.22.5", "go@1.22.6", "go@1.22.5"),
		b.installOnce("go1.22.6 again", "go@1.22.6", "go@1.22.6"))
	if err != nil {
		return err
	}
	root := b.fresh("disk")
	var used [3]int64
	for i, request := range []string{"", "go@1.22.5", "go@1.22.6"} {
		if request != "" {
			if err := must(b.command(root, b.fresh("empty"), "install", request)); err != nil {
				return err
			}
		} else if err := must(b.command(root, b.fresh("empty"), "list")); err != nil {
			return err
		}
		if used[i], err = diskUse(root); err != nil {
			return err
		}
	}
	first, second := used[1]-used[0], used[2]-used[1]
	fmt.Printf("\nDisk: the first %d bytes, its neighbour %d bytes, ratio %.2f\n", first, second, float64(second)/float64(first))
	return nil
}

// locked makes a project with a lock for go1.22.6 that is installed.
func (b *bench) locked() (root, dir string, err error) {
	root, dir = b.fresh("root"), b.fresh("project")
	if err := must(b.command(root, dir, "lock", "go@1.22.6")); err != nil {
		return "", "", err
	}
	return root, dir, must(b.command(root, dir, "install"))
}

func (b *bench) shell() error {
	root, dir, err := b.locked()
	if err != nil {
		return err
	}
	once := *b
	once.runs = 40 * b.runs // a few milliseconds each
	return once.compare("Start a program in a locked project",
		arm{"true", func() (*exec.Cmd, error) { return exec.CommandContext(b.ctx, "true"), nil }},
		arm{"gostore shell -- true", func() (*exec.Cmd, error) { return b.command(root, dir, "shell", "--", "true"), nil }})
}

func (b *bench) switching() error {
	root, dir := b.fresh("root"), b.fresh("project")
	requests := []string{"go@1.22.5", "go@1.22.6"}
	for _, request := range requests {
		if err := must(b.command(root, dir, "switch", request)); err != nil {
			return err
		}
	}
	next, turn := 0, 0
	once := *b
	once.runs = 10 * b.runs
	return once.compare("Switch and roll back, synced",
		arm{"gostore rollback", func() (*exec.Cmd, error) {
			next = next%2 + 1
			return b.command(root, dir, "rollback", strconv.Itoa(next)), nil
		}},
		arm{"gostore switch, with its check (go version)", func() (*exec.Cmd, error) {
			turn++
			return b.command(root, dir, "switch", requests[turn%2]), nil
		}})
}

// smallObjects is how many objects the collector is measured with.
const smallObjects = 10_000

func (b *bench) collect() error {
	root := b.fresh("root")
	s, err := store.Open(root)
	if err != nil {
		return err
	}
	defer s.Close()
	for i := range smallObjects {
		if err := addSmall(b.ctx, s, i); err != nil {
			return err
		}
	}
	return b.compare(fmt.Sprintf("Plan a collection of %d objects", smallObjects),
		arm{"gostore gc --dry-run", func() (*exec.Cmd, error) { return b.command(root, root, "gc", "--dry-run"), nil }})
}

// addSmall adds an object of one small file.
func addSmall(ctx context.Context, s *store.Store, i int) error {
	spec := store.Spec{Name: "small", Version: strconv.Itoa(i)}
	l, err := s.Add(ctx, spec, func(g *store.Stage) error { return g.File("bin/small", true, []byte(spec.Version)) })
	if err != nil {
		return err
	}
	return l.Release()
}

func (b *bench) verify() error {
	root, dir, err := b.locked()
	if err != nil {
		return err
	}
	return b.compare("Verify a Go toolchain, warm",
		arm{"sha256sum of its files", func() (*exec.Cmd, error) {
			return exec.CommandContext(b.ctx, "sh", "-c", "find "+filepath.Join(root, "store")+" -type f -print0 | xargs -0 sha256sum >/dev/null"), nil
		}},
		arm{"gostore verify", func() (*exec.Cmd, error) { return b.command(root, dir, "verify"), nil }})
}
