package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/bundle"
	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/enter"
	"gostore/internal/install"
	"gostore/internal/release"
	"gostore/lock"
)

// exportOptions are the flags of "gostore export".
type exportOptions struct {
	platforms  []string
	output     string
	profile    string
	generation string
	json       bool
}

func (a *app) exportCommand() *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use:   "export [-o FILE] [OBJECT]...",
		Short: "Write tools to a bundle, for machines without a network",
		Long: `Writes the tools of the project's gostore.lock, for each --platform, into one file, which
"gostore import" brings into another store. What is not in the store yet is fetched first. With OBJECT it is
those objects instead: a digest, the beginning of one, or TOOL@VERSION. With --generation it is a generation of a profile with
all that it needs.

The bundle goes to standard output where -o is not given or is "-". Each content is in it once, compressed, with
the digests of everything and the checksum database's proofs. Equal input gives equal bytes.`,
		Example: `  gostore export -o tools.bundle
  gostore export --platform linux/arm64,darwin/arm64 -o tools.bundle
  gostore export go@1.22.6 -o go.bundle
  gostore export --generation current -o profile.bundle
  ssh host gostore export | gostore import -`,
		RunE: func(c *cobra.Command, args []string) error { return a.export(c.Context(), args, o) },
	}
	f := c.Flags()
	f.StringSliceVar(&o.platforms, "platform", nil, "platforms of the lock, such as linux/arm64, separated by commas; this machine's where none is given")
	f.StringVarP(&o.output, "output", "o", "", `file to write; "-" is standard output`)
	f.StringVar(&o.generation, "generation", "", `a generation of the profile: its number, or "current"`)
	a.profileFlag(c, &o.profile)
	jsonFlag(c, &o.json)
	c.ValidArgsFunction = a.completeObjects
	return c
}

func (o exportOptions) check(args []string) error {
	switch {
	case len(args) > 0 && (len(o.platforms) > 0 || o.generation != ""):
		return usagef("objects are named alone: --platform and --generation choose others")
	case o.generation != "" && len(o.platforms) > 0:
		return usagef("--generation and --platform exclude each other: a generation is for one platform")
	case o.json && (o.output == "" || o.output == "-"):
		return usagef("--json needs -o FILE: the bundle goes to standard output otherwise")
	}
	return nil
}

func (a *app) export(ctx context.Context, args []string, o exportOptions) error {
	if err := o.check(args); err != nil {
		return err
	}
	if (o.output == "" || o.output == "-") && isTerminal(a.cfg.Stdout) {
		return usagef("a bundle is nothing for a terminal").withHints("write it to a file: gostore export -o tools.bundle")
	}
	trees, done, err := a.toExport(ctx, args, o)
	if err != nil {
		return err
	}
	defer done()
	sum, err := a.writeBundle(ctx, trees, o.output)
	if err != nil {
		return err
	}
	return a.tellBundle(sum, o.output, o.json)
}

// toExport returns the objects to export, leased until done is called.
func (a *app) toExport(ctx context.Context, args []string, o exportOptions) (trees []digest.Tree, done func(), err error) {
	switch {
	case len(args) > 0:
		objects, err := a.findObjects(args)
		for _, object := range objects {
			trees = append(trees, object.Tree)
		}
		return trees, func() {}, err
	case o.generation != "":
		tree, err := a.generationTree(o.profile, o.generation)
		return []digest.Tree{tree}, func() {}, err
	}
	p, err := a.lockedProject()
	if err != nil {
		return nil, nil, err
	}
	platforms, err := parsePlatforms(o.platforms)
	if err != nil {
		return nil, nil, err
	}
	return a.lockedTrees(ctx, p.file.Tools, platforms)
}

// lockedTrees installs tools for platforms and returns what they are.
func (a *app) lockedTrees(ctx context.Context, tools []lock.Tool, platforms []release.Platform) (trees []digest.Tree, done func(), err error) {
	all := &enter.Held{}
	for _, p := range platforms {
		h, err := a.installFor(ctx, tools, p)
		if err != nil {
			all.Release()
			return nil, nil, err
		}
		all.Leases = append(all.Leases, h.Leases...)
		for _, t := range h.Tools {
			trees = append(trees, t.Tree)
		}
	}
	return trees, all.Release, nil
}

// writeBundle writes a bundle to a file, which appears when it is complete, or to standard output.
func (a *app) writeBundle(ctx context.Context, trees []digest.Tree, output string) (bundle.Summary, error) {
	board := a.ui.board(ctx)
	defer board.close()
	task := board.task("bundle")
	c := bundle.Content{Objects: trees, Proofs: a.proofs, Progress: func(done, total int64) { task(install.Copying, done, total) }}
	if output == "" || output == "-" {
		return bundle.Write(ctx, a.cfg.Stdout, a.st, c)
	}
	path := a.cfg.abs(output)
	var sum bundle.Summary
	err := durable.WriteFunc(path, 0o644, func(w io.Writer) (err error) {
		sum, err = bundle.Write(ctx, w, a.st, c)
		return err
	})
	var pathErr *os.PathError
	if errors.As(err, &pathErr) && strings.HasPrefix(pathErr.Path, filepath.Dir(path)) {
		err = fmt.Errorf("writing %q: %w", output, err)
	}
	return sum, err
}

// bundleJSON is the answer of export --json and import --json.
type bundleJSON struct {
	Bundle   string             `json:"bundle"`
	Size     int64              `json:"size"`     // bytes of the bundle
	Contents int                `json:"contents"` // different files
	Bytes    int64              `json:"bytes"`    // of these
	Objects  []bundleObjectJSON `json:"objects"`
}

type bundleObjectJSON struct {
	Tool    string `json:"tool"`
	Version string `json:"version"`
	Tree    string `json:"tree"`
	From    string `json:"from,omitempty"`
	Present bool   `json:"present"`           // was in the store already
	Vouched string `json:"vouched,omitempty"` // who says that it is what its archive unpacks to
}

func summaryJSON(sum bundle.Summary, name string) bundleJSON {
	j := bundleJSON{name, sum.Size, sum.Contents, sum.Bytes, []bundleObjectJSON{}}
	for _, o := range sum.Objects {
		j.Objects = append(j.Objects, bundleObjectJSON{o.Tool, o.Release, o.Tree.String(), o.From, o.Present, o.Vouched})
	}
	return j
}

// tellBundle says what was exported: on standard output only where that is not the bundle.
func (a *app) tellBundle(sum bundle.Summary, output string, asJSON bool) error {
	if asJSON {
		return a.ui.answerJSON(summaryJSON(sum, output))
	}
	tell := a.ui.answer
	if output == "" || output == "-" {
		tell = a.ui.note
	}
	for _, o := range sum.Objects {
		tell("%s@%s", o.Tool, o.Release)
	}
	a.ui.note("%s, %s in %s", count(len(sum.Objects), "object"), count(sum.Contents, "file content"), size(sum.Size))
	return nil
}

// generationTree returns the environment of a generation.
func (a *app) generationTree(profileName, which string) (digest.Tree, error) {
	p, err := a.profile(profileName)
	if err != nil {
		return digest.Tree{}, err
	}
	list, err := p.Generations()
	if err != nil {
		return digest.Tree{}, err
	}
	for _, g := range list {
		if fmt.Sprint(g.Number) == which || which == "current" && g.Current {
			return g.Tree, nil
		}
	}
	return digest.Tree{}, advise(fmt.Errorf("profile %q has no generation %q", profileName, which), exitNotFound, `"gostore generations" lists them`)
}
