package goproxy

import (
	"cmp"
	"context"
	"errors"
	"go/version"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"gostore/internal/archive"
	"gostore/internal/release"
)

// Tree is a Go toolchain that is on this machine already.
type Tree struct {
	Version  string // "1.22.5"
	Platform release.Platform
	Dir      string
	Files    iter.Seq2[string, int64] // its regular files: slash-separated path below Dir, and size in bytes
}

const (
	// maxTrees is how many trees are looked at. What the nearest ones do not have, others hardly do.
	maxTrees = 3

	// moved is the smallest packed member that is looked for under other names as well, and maxMoved how many files
	// of its size are read for it. Between 1.22.5 and 1.22.6 nothing has moved.
	moved    = 16 << 10
	maxMoved = 4
)

// localFile is a file of a tree.
type localFile struct {
	name string // path on this machine
	size int64
}

// locals finds contents in trees.
type locals struct {
	zip    archive.ModuleZip
	byPath map[string][]localFile // in the order of the trees
	bySize map[int64][]localFile
	sums   *sync.Map // name of a file to its CRC-32, which does not change: what is here is immutable
}

// newLocals indexes those of trees that are nearest to a toolchain.
func newLocals(zip archive.ModuleZip, goVersion string, p release.Platform, trees []Tree, sums *sync.Map) *locals {
	l := &locals{zip: zip, byPath: map[string][]localFile{}, bySize: map[int64][]localFile{}, sums: sums}
	trees = slices.Clone(trees)
	slices.SortStableFunc(trees, func(a, b Tree) int {
		return cmp.Or(slices.Compare(distance(goVersion, a.Version), distance(goVersion, b.Version)), cmp.Compare(other(p, a), other(p, b)))
	})
	for _, t := range trees[:min(len(trees), maxTrees)] {
		for path, size := range t.Files {
			f := localFile{filepath.Join(t.Dir, filepath.FromSlash(path)), size}
			l.byPath[path] = append(l.byPath[path], f)
			if size >= moved {
				l.bySize[size] = append(l.bySize[size], f)
			}
		}
	}
	return l
}

func other(p release.Platform, t Tree) int {
	if t.Platform == p {
		return 0
	}
	return 1
}

// distance says how far apart two versions are: in the language's version, then in what follows it.
func distance(a, b string) []int {
	x, y := numbers(a), numbers(b)
	return []int{max(x[0]-y[0], y[0]-x[0]), max(x[1]-y[1], y[1]-x[1])}
}

// numbers returns 22 and 6 for 1.22.6, 23 and -1 for 1.23rc2.
func numbers(goVersion string) [2]int {
	lang := strings.TrimPrefix(version.Lang("go"+goVersion), "go")
	_, minor, _ := strings.Cut(lang, ".")
	n, _ := strconv.Atoi(minor) // what is no number is far away from everything
	patch := 0
	if rest, ok := strings.CutPrefix(goVersion, lang); ok && rest != "" {
		var err error
		if patch, err = strconv.Atoi(strings.TrimPrefix(rest, ".")); err != nil {
			patch = -1
		}
	}
	return [2]int{n, patch}
}

// find returns a file whose size and CRC are those of a zip's entry, "" when there is none. Files that cannot be read are passed
// over.
func (l *locals) find(ctx context.Context, e archive.Entry) string {
	path, ok := l.zip.Place(e.Name)
	if !ok {
		return ""
	}
	for _, f := range l.byPath[path] {
		if f.size == e.Size && l.matches(ctx, f, e.CRC) {
			return f.name
		}
	}
	if e.End-e.Offset < moved {
		return ""
	}
	same := l.bySize[e.Size]
	for _, f := range same[:min(len(same), maxMoved)] {
		if l.matches(ctx, f, e.CRC) {
			return f.name
		}
	}
	return ""
}

func (l *locals) matches(ctx context.Context, f localFile, crc uint32) bool {
	if sum, ok := l.sums.Load(f.name); ok {
		return sum == crc
	}
	sum, err := crcOf(ctx, f)
	if err != nil {
		return false
	}
	l.sums.Store(f.name, sum)
	return sum == crc
}

// crcOf reads a file. One that does not have the size that it should have is an error.
func crcOf(ctx context.Context, f localFile) (uint32, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	file, err := os.Open(f.name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	h := crc32.NewIEEE()
	n, err := io.Copy(h, io.LimitReader(file, f.size+1))
	if err == nil && n != f.size {
		err = errors.New("has another size")
	}
	return h.Sum32(), err
}

// known returns which of entries are here, one for each.
func (l *locals) known(ctx context.Context, entries []archive.Entry) ([]bool, error) {
	here := make([]bool, len(entries))
	group, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() error {
			for i := w; i < len(entries); i += workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				here[i] = l.find(ctx, entries[i]) != ""
			}
			return nil
		})
	}
	return here, group.Wait()
}
