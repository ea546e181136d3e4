package bundle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"gostore/internal/digest"
	"gostore/store"
)

// closure is a set of objects and all that they refer to, leased.
type closure struct {
	infos  map[digest.Tree]store.Info
	rank   map[digest.Tree]int // the longest way down; what refers to nothing has 0
	leases map[digest.Tree]*store.Lease
}

// lease leases trees and all that they refer to.
func lease(ctx context.Context, st *store.Store, trees []digest.Tree) (*closure, error) {
	c := &closure{map[digest.Tree]store.Info{}, map[digest.Tree]int{}, map[digest.Tree]*store.Lease{}}
	for _, t := range trees {
		if err := c.add(ctx, st, t); err != nil {
			return nil, errors.Join(err, c.release())
		}
	}
	return c, nil
}

// add adds a tree after all that it refers to.
func (c *closure) add(ctx context.Context, st *store.Store, t digest.Tree) error {
	if _, begun := c.leases[t]; begun {
		if _, done := c.rank[t]; !done {
			return fmt.Errorf("object %s refers to itself", t)
		}
		return nil
	}
	l, err := st.Lease(ctx, t)
	if err != nil {
		return err
	}
	c.leases[t] = l
	info, err := st.Info(t)
	if err != nil {
		return err
	}
	rank := 0
	for _, ref := range info.Refs {
		if err := c.add(ctx, st, ref); err != nil {
			return fmt.Errorf("object %s: %w", info.Object, err)
		}
		rank = max(rank, c.rank[ref]+1)
	}
	c.infos[t], c.rank[t] = info, rank
	return nil
}

func (c *closure) release() error {
	var errs []error
	for _, l := range c.leases {
		errs = append(errs, l.Release())
	}
	return errors.Join(errs...)
}

// order returns the objects, each after those that it refers to. It depends on nothing but which objects they are.
func (c *closure) order() []store.Info {
	var list []store.Info
	for _, info := range c.infos {
		info.Refs = slices.Clone(info.Refs)
		slices.SortFunc(info.Refs, compareTrees)
		info.Refs = slices.Compact(info.Refs)
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b store.Info) int {
		return cmp.Or(cmp.Compare(c.rank[a.Tree], c.rank[b.Tree]), compareTrees(a.Tree, b.Tree))
	})
	return list
}
