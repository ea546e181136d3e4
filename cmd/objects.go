package cmd

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	order "gostore/internal/version"
	"gostore/store"
)

// leastDigits is how much of a digest must be given to mean an object.
const leastDigits = 4

// findObject finds the one object that a person means: by its digest or the beginning of it, its
// directory, or NAME@VERSION.
func (a *app) findObject(arg string) (store.Object, error) {
	st, err := a.openStore()
	if err != nil {
		return store.Object{}, err
	}
	all, err := st.Objects()
	if err != nil {
		return store.Object{}, err
	}
	found := slices.DeleteFunc(slices.Clone(all), func(o store.Object) bool { return !means(st, arg, o) })
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return store.Object{}, advise(fmt.Errorf("no object %q in the store", arg), exitNotFound,
			`"gostore list" shows the objects; name one by its digest, its directory or NAME@VERSION`)
	}
	tips := []string{}
	for _, o := range found {
		tip := fmt.Sprintf("%s is %s", o.Tree.Hex()[:12], label(o))
		if info, err := st.Info(o.Tree); err == nil && info.From != "" {
			tip += ", from " + info.From
		}
		tips = append(tips, tip)
	}
	return store.Object{}, advise(fmt.Errorf("object %q could be any of %d", arg, len(found)), exitUsage, tips...)
}

func means(st *store.Store, arg string, o store.Object) bool {
	hex := strings.TrimPrefix(arg, "b3:")
	switch {
	case len(hex) >= leastDigits && strings.HasPrefix(o.Tree.Hex(), hex):
		return true
	case filepath.IsAbs(arg):
		return filepath.Clean(arg) == st.Path(o)
	}
	return arg == label(o) || arg == o.Name+"-"+o.Version || arg == o.Base()
}

// sorted returns objects in the order in which people look for them.
func sorted(objects []store.Object) []store.Object {
	return slices.SortedFunc(slices.Values(objects), func(a, b store.Object) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), order.CompareNatural(a.Version, b.Version), cmp.Compare(a.Tree.Hex(), b.Tree.Hex()))
	})
}

// label names an object for people.
func label(o store.Object) string { return o.Name + "@" + o.Version }

// shortTree is as much of a digest as people compare.
func shortTree(o store.Object) string { return o.Tree.Hex()[:12] }
