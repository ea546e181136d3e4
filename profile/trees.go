package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"gostore/internal/digest"
	"gostore/store"
)

// Root is an environment that a profile keeps alive.
type Root struct {
	Profile string
	Number  int // of the generation; 0 where only current, bent by hand, leads to the object
	Tree    digest.Tree
	Current bool
}

// Trees returns what the profiles of a store keep alive: for a collector, which must give up on an error. A link
// that names no object keeps nothing alive; one whose object is missing is returned all the same.
func Trees(st *store.Store) ([]Root, error) {
	names, err := List(st)
	if err != nil {
		return nil, fmt.Errorf("reading the profiles: %w", err)
	}
	var roots []Root
	for _, name := range names {
		p, err := Open(st, name)
		if err != nil {
			return nil, err
		}
		more, err := p.roots()
		if err != nil {
			return nil, fmt.Errorf("reading profile %q: %w", name, err)
		}
		roots = append(roots, more...)
	}
	return roots, nil
}

func (p *Profile) roots() ([]Root, error) {
	current := 0
	var roots []Root
	target, err := os.Readlink(p.path(currentName))
	if err == nil {
		if o, ok := parseTarget(target); ok {
			roots = append(roots, Root{p.name, 0, o.Tree, true})
		}
		current, _ = parseNumber(target)
	}
	numbers, err := p.numbers()
	if err != nil {
		return nil, err
	}
	for _, n := range numbers {
		g, err := p.generation(n, current)
		if errors.Is(err, fs.ErrNotExist) {
			continue // pruned since the directory was read
		}
		if err != nil {
			return nil, fmt.Errorf("generation %s: %w", strconv.Itoa(n), err)
		}
		if !g.Tree.IsZero() {
			roots = append(roots, Root{p.name, n, g.Tree, g.Current})
		}
	}
	return roots, nil
}
