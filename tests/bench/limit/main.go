// Limit does the least that another program has to do, as fast as this machine can, and makes it durable by one syncfs: what
// no program that does more can be quicker than, on the same disk.
//
//	limit copy TREE DIR [OTHER COPY]
//	limit fetch URL FILE
//	limit read TREE
//	limit remove LIST
//
// The first copies the files of TREE below the new directory DIR/copy. Those that are the same file in OTHER, by the same name, it links from COPY, which is
// a copy of OTHER. The second downloads a file. The third reads the files of TREE. The fourth unlinks what LIST names, a path in each line, a directory
// with a slash at its end. All but the second use four goroutines for each processor, as the file system makes them wait, and look at nothing else.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"gostore/internal/durable"
	"gostore/internal/parallel"
)

func main() {
	err := errors.New("usage: limit copy TREE DIR [OTHER COPY] | limit fetch URL FILE | limit read TREE | limit remove LIST")
	switch args := os.Args[1:]; {
	case len(args) == 3 && args[0] == "copy":
		err = copyTree(args[1], filepath.Join(args[2], "copy"), "", "")
	case len(args) == 5 && args[0] == "copy":
		err = copyTree(args[1], filepath.Join(args[2], "copy"), args[3], args[4])
	case len(args) == 3 && args[0] == "fetch":
		err = fetch(args[1], args[2])
	case len(args) == 2 && args[0] == "read":
		err = read(args[1])
	case len(args) == 2 && args[0] == "remove":
		err = remove(args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "limit:", err)
		os.Exit(1)
	}
}

// copyTree copies the files of a tree, or links those that it shares with other from a copy of that. The largest come first, so that no processor waits
// for one at the end.
func copyTree(tree, dir, other, copied string) error {
	type file struct {
		path   string
		size   int64
		shared bool
	}
	var files []file
	err := filepath.WalkDir(tree, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(tree, path)
		if err != nil || e.IsDir() {
			return errors.Join(err, os.MkdirAll(filepath.Join(dir, rel), 0o755))
		}
		if info, err := e.Info(); err == nil && e.Type().IsRegular() {
			f := file{path: rel, size: info.Size()}
			if other != "" {
				known, err := os.Lstat(filepath.Join(other, rel))
				f.shared = err == nil && os.SameFile(info, known)
			}
			files = append(files, f)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(files, func(a, b file) int { return int(max(b.size, 256<<10) - max(a.size, 256<<10)) })
	err = inParallel(len(files), func(i int) error {
		if files[i].shared {
			return os.Link(filepath.Join(copied, files[i].path), filepath.Join(dir, files[i].path))
		}
		data, err := os.ReadFile(filepath.Join(tree, files[i].path))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, files[i].path), data, 0o644)
	})
	return errors.Join(err, synced(dir))
}

// fetch downloads a file.
func fetch(url, name string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, resp.Body)
	return errors.Join(err, f.Close())
}

// read reads the files of a tree, and forgets what is in them.
func read(tree string) error {
	var files []string
	err := filepath.WalkDir(tree, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	buffers := sync.Pool{New: func() any { return new([64 << 10]byte) }}
	return inParallel(len(files), func(i int) error {
		buffer := buffers.Get().(*[64 << 10]byte)
		defer buffers.Put(buffer)
		fd, err := unix.Open(files[i], unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		for n := len(buffer); n == len(buffer) && err == nil; { // less than was asked for is the end of a file
			n, err = unix.Read(fd, buffer[:])
		}
		return err
	})
}

// remove unlinks what a list names: files, then directories.
func remove(list string) error {
	data, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	var files []string
	levels := map[int][]string{} // directories by how deep they are
	for _, path := range strings.Fields(string(data)) {
		if dir, ok := strings.CutSuffix(path, "/"); ok {
			depth := strings.Count(dir, "/")
			levels[depth] = append(levels[depth], dir)
		} else {
			files = append(files, path)
		}
	}
	errs := []error{inParallel(len(files), func(i int) error { return unix.Unlink(files[i]) })}
	var depths []int
	for depth := range levels {
		depths = append(depths, depth)
	}
	slices.Sort(depths)
	for _, depth := range slices.Backward(depths) {
		dirs := levels[depth]
		errs = append(errs, inParallel(len(dirs), func(i int) error { return unix.Rmdir(dirs[i]) }))
	}
	return errors.Join(errors.Join(errs...), synced(filepath.Dir(list)))
}

// inParallel calls do for 0 to n-1.
func inParallel(n int, do func(i int) error) error {
	return parallel.Each(context.Background(), 4*runtime.GOMAXPROCS(0), n, do)
}

func synced(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(durable.SyncFS(f), f.Close())
}
