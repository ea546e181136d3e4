package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
	"gostore/internal/tree"
)

// Copy makes a file that is equal to another file of the stage, as another name of the same inode where the file
// system lets it.
func (g *Stage) Copy(name, from string) error {
	e, err := g.file(from)
	if err != nil {
		return err
	}
	e.Path = name
	if err := g.claim(name, e.Kind); err != nil {
		return err
	}
	err = g.at(from, func(old place) error {
		return g.at(name, func(p place) error { return g.link(old, p, e) })
	})
	if err == nil {
		g.record(e)
	}
	return err
}

// file returns the entry of a file that was made.
func (g *Stage) file(name string) (tree.Entry, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.list()
	if g.index == nil {
		g.index = make(map[string]int, len(g.entries))
	}
	for i := len(g.index); i < len(g.entries); i++ {
		g.index[g.entries[i].Path] = i
	}
	i, ok := g.index[name]
	if !ok || (g.entries[i].Kind != tree.File && g.entries[i].Kind != tree.Exec) {
		return tree.Entry{}, fmt.Errorf("copying %q: %w", name, fs.ErrNotExist)
	}
	return g.entries[i], nil
}

// link makes p another name of the file old, or a copy where that has too many names already (65,000 on
// ext4) or can have one only.
func (g *Stage) link(old, p place, e tree.Entry) error {
	err := sys.Linkat(old.dir, old.base, p.dir, p.base, 0)
	if !errors.Is(err, unix.EMLINK) && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOTSUP) {
		return p.failed("link", err)
	}
	return g.write(old, p, e)
}

// write makes p a copy of the file old.
func (g *Stage) write(old, p place, e tree.Entry) error {
	fd, err := sys.Openat(old.dir, old.base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return old.failed("open", err)
	}
	f := os.NewFile(uintptr(fd), old.full)
	defer f.Close()
	_, err = g.store.streamSealed(p, e.Kind == tree.Exec, f)
	return err
}

// Nest makes the new directory dir and moves everything into it that its parent directory holds. It must
// not run at the same time as anything else on the stage. After an error the stage is good for nothing.
func (g *Stage) Nest(dir string) error {
	if err := tree.CheckPath(dir); err != nil {
		return err
	}
	parent, temp := path.Dir(dir), path.Join(path.Dir(dir), "nest.") // no entry's name ends in a dot
	var moved []string
	g.mu.Lock()
	defer g.mu.Unlock()
	g.list()
	for _, e := range g.entries {
		if path.Dir(e.Path) == parent && e.Kind != tree.Link {
			moved = append(moved, path.Base(e.Path))
		}
	}
	if err := g.mkdir(parent); err != nil {
		return err
	}
	err := g.at(temp, func(p place) error { return p.failed("mkdir", sys.Mkdirat(p.dir, p.base, 0o755)) })
	for _, base := range moved {
		err = errors.Join(err, g.rename(path.Join(parent, base), path.Join(temp, base)))
	}
	err = errors.Join(err, g.rename(temp, dir), g.dirs.clear()) // what was open has moved
	if err != nil {
		return err
	}
	return g.moved(parent, dir)
}

func (g *Stage) rename(from, to string) error {
	return g.at(from, func(old place) error {
		return g.at(to, func(p place) error {
			return p.failed("rename", sys.Renameat(old.dir, old.base, p.dir, p.base))
		})
	})
}

// moved writes down that what was in parent is in dir now. g.mu is held.
func (g *Stage) moved(parent, dir string) error {
	g.names, g.made, g.index = tree.Names{}, map[string]bool{".": true}, nil
	entries := append(g.entries, tree.Entry{Path: dir, Kind: tree.Dir})
	for i := range entries[:len(g.entries)] {
		e := &entries[i]
		if rest, ok := strings.CutPrefix(e.Path, parent+"/"); ok || parent == "." {
			if !ok {
				rest = e.Path
			}
			e.Path = path.Join(dir, rest)
		}
	}
	g.entries = entries
	for _, e := range entries {
		if err := g.names.Add(e.Path, e.Kind); err != nil {
			return err
		}
		if e.Kind == tree.Dir {
			g.made[e.Path] = true
		}
	}
	return nil
}
