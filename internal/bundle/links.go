package bundle

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/tree"
	"gostore/store"
)

const (
	maxHops  = 40        // links followed on one way, as many as Linux follows
	maxSteps = 2_000_000 // names walked for one tree, so that a stranger cannot keep the processor busy
)

// linksOut checks that each link of a tree leads to something in the tree, to nothing, or into one of
// the objects refs, beside the tree's own, and returns these objects by the names that they must have. Links are followed
// name by name as the kernel does it: what ".." means depends on the links before it.
func linksOut(m tree.Manifest, refs []digest.Tree) (map[digest.Tree]store.Object, error) {
	w := walker{m: m, refs: refs, out: map[digest.Tree]store.Object{}, steps: maxSteps}
	for _, e := range m.Entries() {
		if e.Kind != tree.Link {
			continue
		}
		if err := w.follow(e); err != nil {
			return nil, fmt.Errorf("link %q to %q: %w", e.Path, e.Target, err)
		}
	}
	return w.out, nil
}

// walker follows links.
type walker struct {
	m     tree.Manifest
	refs  []digest.Tree
	out   map[digest.Tree]store.Object
	steps int
}

func (w *walker) follow(e tree.Entry) error {
	at := strings.Split(e.Path, "/")
	at = at[:len(at)-1]
	todo := strings.Split(e.Target, "/")
	hops := 1
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		if w.steps--; w.steps < 0 {
			return errors.New("the links of the tree lead too far around")
		}
		switch name {
		case "", ".":
			continue
		case "..":
			if len(at) == 0 {
				return w.leave(todo)
			}
			at = at[:len(at)-1]
			continue
		}
		at = append(at, name)
		next, ok := w.m.Find(strings.Join(at, "/"))
		if !ok || next.Kind == tree.File || next.Kind == tree.Exec {
			return nil // leads to nothing, or to a file: whatever follows, the kernel goes no further
		}
		if next.Kind == tree.Link {
			if hops++; hops > maxHops {
				return errors.New("leads through too many links")
			}
			at = at[:len(at)-1]
			todo = append(strings.Split(next.Target, "/"), todo...)
		}
	}
	return nil
}

// leave checks what follows the ".." that leads out of the tree: the name of an object, and a way down.
func (w *walker) leave(rest []string) error {
	rest = slices.DeleteFunc(slices.Clone(rest), func(name string) bool { return name == "" || name == "." })
	if len(rest) == 0 || slices.Contains(rest, "..") {
		return errors.New("leads out of the tree")
	}
	o, err := store.ParseBase(rest[0])
	if err != nil || !slices.Contains(w.refs, o.Tree) {
		return errors.New("leads out of the tree")
	}
	if other, ok := w.out[o.Tree]; ok && other != o {
		return fmt.Errorf("another link calls that object %q", other.Base())
	}
	w.out[o.Tree] = o
	return nil
}
