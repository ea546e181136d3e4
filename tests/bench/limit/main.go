// Limit writes the files of a tree from memory, as fast as this machine can, and syncs: the floor below which no
// unpacking of that tree, verified or not, can get on the same disk.
//
//	limit TREE DIR
//
// TREE is read first, which is not counted. Then its files are made below the new directory DIR/copy, by as many
// goroutines as there are processors, each with the mode that it has in TREE, and made durable by one syncfs. It prints
// how long the writing and the syncing took.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"gostore/internal/durable"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: limit TREE DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1], filepath.Join(os.Args[2], "copy")); err != nil {
		fmt.Fprintln(os.Stderr, "limit:", err)
		os.Exit(1)
	}
}

// file is a file in memory.
type file struct {
	path string // below the tree
	mode fs.FileMode
	data []byte
}

func run(tree, dir string) error {
	dirs, files, err := read(tree)
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := write(dir, dirs, files); err != nil {
		return err
	}
	written := time.Since(begin)
	if err := sync(dir); err != nil {
		return err
	}
	var size int
	for _, f := range files {
		size += len(f.data)
	}
	fmt.Printf("%d files, %d bytes: %d ms, of which the sync at the end %d ms\n",
		len(files), size, time.Since(begin).Milliseconds(), (time.Since(begin) - written).Milliseconds())
	return nil
}

// read returns the directories of a tree, parents first, and its files, the largest first.
func read(tree string) (dirs []string, files []file, err error) {
	err = filepath.WalkDir(tree, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(tree, path)
		switch {
		case err != nil || e.IsDir():
			dirs = append(dirs, rel)
			return err
		case !e.Type().IsRegular():
			return nil
		}
		info, infoErr := e.Info()
		data, err := os.ReadFile(path)
		if err = errors.Join(err, infoErr); err == nil {
			files = append(files, file{rel, info.Mode().Perm(), data})
		}
		return err
	})
	slices.SortStableFunc(files, func(a, b file) int { return max(len(b.data), 256<<10) - max(len(a.data), 256<<10) })
	return dirs, files, err
}

func write(dir string, dirs []string, files []file) error {
	for _, d := range dirs {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	var next atomic.Int64
	var group errgroup.Group
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(files) {
					return nil
				}
				if err := os.WriteFile(filepath.Join(dir, files[i].path), files[i].data, files[i].mode); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

func sync(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(durable.SyncFS(f), f.Close())
}
