package comparisons

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gostore/store"
	"gostore/tests/bench/rounds"
)

// What the least costs, which no program that does more can be quicker than, stands beside gostore where the disk decides.
const (
	leastCopy   = "the least: copying the same files, synced"
	leastFetch  = "the least: downloading the archive and copying the same files, synced"
	leastRemove = "the least: unlinking the same names, synced"
	leastAlone  = "the least for " + neighbour + ": copying its files, synced"
	leastBeside = "the least for " + first + " beside it: linking the files that both have, copying the others, synced"
	leastAnew   = "the least for " + first + " anew: linking its files, synced"
)

// limit builds the program that does the least.
func (b bench) limit() (string, error) {
	path := filepath.Join(b.Work, "limit")
	return path, b.Build(path, "./tests/bench/limit")
}

// limitOn is limit, with the tree of a release that it is to be run on.
func (b bench) limitOn(version string) (limit, tree string, err error) {
	if limit, err = b.limit(); err != nil {
		return "", "", err
	}
	tree, err = b.unpacked(version)
	return limit, tree, err
}

// copying is the least for an install of a release, which is unpacked once, outside of the place that is measured.
func (b bench) copying(version string) (rounds.Arm, error) {
	limit, tree, err := b.limitOn(version)
	return rounds.Always(leastCopy, false, func() *exec.Cmd { return b.Program(b.Dir, limit, "copy", tree, b.Fresh("copied")) }), err
}

// downloading is the least for an install of a release from a mirror.
func (b bench) downloading(version, url string) (rounds.Arm, error) {
	limit, tree, err := b.limitOn(version)
	return rounds.Always(leastFetch, false, func() *exec.Cmd {
		return b.Shell(b.Fresh("copied"), `"$1" fetch "$2" archive && "$1" copy "$3" .`, limit, url, tree)
	}), err
}

// linking is the least for what the neighbouring release costs, and for the first.
func (b bench) linking() ([]rounds.Arm, error) {
	limit, old, err := b.limitOn(neighbour)
	if err != nil {
		return nil, err
	}
	tree, err := b.unpacked(first)
	copied, beside := "", "" // in this round
	return []rounds.Arm{
		rounds.Always(leastAlone, false, func() *exec.Cmd {
			copied = b.Fresh("copied")
			return b.Program(b.Dir, limit, "copy", old, copied)
		}),
		rounds.Always(leastBeside, false, func() *exec.Cmd {
			beside = b.Fresh("copied")
			return b.Program(b.Dir, limit, "copy", tree, beside, old, filepath.Join(copied, "copy"))
		}),
		rounds.Always(leastAnew, false, func() *exec.Cmd {
			return b.Program(b.Dir, limit, "copy", tree, b.Fresh("copied"), tree, filepath.Join(beside, "copy"))
		}),
	}, err
}

// unpacked returns the tree of a release, in a store of all that were asked for: what they have in common is the same file.
func (b bench) unpacked(version string) (tree string, err error) {
	root := filepath.Join(b.Work, "unpacked")
	if err := rounds.Must(b.installInto(root, version)); err != nil { // at most once
		return "", err
	}
	trees, err := filepath.Glob(filepath.Join(root, "store", "*-go-"+strings.TrimPrefix(version, "go")))
	if len(trees) != 1 {
		return "", fmt.Errorf("%s has %q of %s, %w", root, trees, version, err)
	}
	return trees[0], err
}

// unlinking is the least for a collection of the objects of a store that are dead, with what describes them and the contents in files/.
func (b bench) unlinking(template string, dead func(store.Object) bool) (rounds.Arm, error) {
	limit, err := b.limit()
	return rounds.Arm{Name: leastRemove, Make: func() (*exec.Cmd, error) {
		root, err := b.copied(template)
		if err != nil {
			return nil, err
		}
		list := filepath.Join(filepath.Dir(root), "list")
		names, err := namesOf(root, dead)
		return b.Program(b.Dir, limit, "remove", list), errors.Join(err, os.WriteFile(list, []byte(strings.Join(names, "\n")), 0o644))
	}}, err
}

// namesOf returns what is unlinked when objects of a store go: paths, those of directories with a slash at the end.
func namesOf(root string, dead func(store.Object) bool) (names []string, err error) {
	s, err := store.Open(root)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	objects, err := s.Objects()
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		if !dead(o) {
			continue
		}
		for _, suffix := range []string{".json", ".manifest", ".members"} {
			path := filepath.Join(root, "meta", o.Tree.Hex()+suffix)
			if _, err := os.Lstat(path); err == nil {
				names = append(names, path)
			}
		}
		if err := walk(s.Path(o), true, &names); err != nil {
			return nil, err
		}
	}
	return names, walk(filepath.Join(root, "files"), false, &names)
}

// walk adds what is in a directory, and the directories too if they are to go.
func walk(dir string, dirs bool, names *[]string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && dirs {
			*names = append(*names, path+"/")
		} else if err == nil && !e.IsDir() {
			*names = append(*names, path)
		}
		return err
	})
}
