package buildlist

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"gostore/internal/check"
	"gostore/internal/command"
)

// Ask asks a go command what the build of a module selects. The module's files are not changed: outside of a workspace the go command works on
// a copy of go.mod below temp, which it may bring in order. Where it cannot answer, for want of a network, the vendor directory says what
// is built, and the Build has no Graph.
func Ask(ctx context.Context, g command.Program, mod check.GoFile, work *check.GoFile, temp string) (Build, error) {
	b := Build{Work: work}
	g.Dir = filepath.Dir(mod.Path)
	flags := []string{"-mod=readonly"}
	var copyFlag []string
	if work == nil {
		copied, done, err := copyModule(filepath.Dir(mod.Path), temp)
		if err != nil {
			return b, err
		}
		defer done()
		copyFlag = []string{"-modfile=" + copied}
		flags = append(copyFlag, "-mod=mod")
		g.Environ = append(slices.Clone(g.Environ), "GOWORK=off")
	}
	out, err := run(ctx, g, append(append([]string{"list"}, flags...), "-m", "-json", "all"))
	if err != nil && ctx.Err() == nil {
		if data, readErr := os.ReadFile(filepath.Join(g.Dir, "vendor", "modules.txt")); readErr == nil {
			list, _ := check.ParseModules(data)
			b.List = OfVendor(list)
			return b, nil
		}
	}
	if err != nil {
		return b, err
	}
	if b.List, err = Parse(out); err != nil {
		return b, err
	}
	if work == nil {
		g.Environ = append(slices.Clone(g.Environ), "GOFLAGS="+g.Getenv("GOFLAGS")+" -mod=mod") // "go mod graph" takes it from there only
	}
	out, err = run(ctx, g, append([]string{"mod", "graph"}, copyFlag...))
	b.Graph = ParseGraph(out)
	return b, err
}

// copyModule copies go.mod and go.sum to a directory of their own and returns the copy of go.mod.
func copyModule(dir, temp string) (path string, done func(), err error) {
	to, err := os.MkdirTemp(temp, "gostore-modules-")
	if err != nil {
		return "", nil, err
	}
	done = func() { os.RemoveAll(to) } // best effort: it is in the directory for temporary files
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) && name == "go.sum" {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), data, 0o644)
		}
		if err != nil {
			done()
			return "", nil, err
		}
	}
	return filepath.Join(to, "go.mod"), done, nil
}

func run(ctx context.Context, g command.Program, args []string) ([]byte, error) {
	g.Argv = append(slices.Clone(g.Argv), args...)
	out, _, err := command.Run(ctx, g)
	return out, err
}
