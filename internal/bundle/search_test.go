package bundle

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"gostore/internal/digest"
	"gostore/internal/tree"
)

// Search reads as far as it has to: contents in their order, none that is not wanted, and not the end.
func TestSearch(t *testing.T) {
	w := newWorld(t)
	data := write(t, w.Store, Content{Objects: trees(w.env)})
	var all []tree.Entry
	know := func(m tree.Manifest) {
		for _, e := range m.Entries() {
			if e.Kind == tree.File || e.Kind == tree.Exec {
				all = append(all, e)
			}
		}
	}
	if err := Search(t.Context(), bytes.NewReader(data), know, nil, 0, nil); err != nil || len(all) < 2 {
		t.Fatal(all, err)
	}
	wanted := all[0].Content
	for _, c := range []struct {
		name string
		data []byte
		ok   bool
	}{{"whole", data, true}, {"without its end", data[:len(data)-40], true}, {"cut off", data[:100], false}, {"nothing", nil, false}} {
		found := 0
		err := Search(t.Context(), bytes.NewReader(c.data), func(tree.Manifest) {}, func(d digest.Content) bool { return d == wanted }, 1,
			func(e tree.Entry, r io.Reader) error {
				text, err := io.ReadAll(r)
				if digest.Sum(text) == wanted && e.Content == wanted {
					found++
				}
				return err
			})
		if (err == nil && found == 1) != c.ok {
			t.Errorf("%s: found %d, %v", c.name, found, err)
		}
		if damaged := (*DamagedError)(nil); !c.ok && !errors.As(err, &damaged) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	stop := errors.New("stop")
	err := Search(t.Context(), bytes.NewReader(data), func(tree.Manifest) {}, func(digest.Content) bool { return true }, len(all),
		func(tree.Entry, io.Reader) error { return stop })
	if damaged := (*DamagedError)(nil); !errors.Is(err, stop) || errors.As(err, &damaged) {
		t.Errorf("an error of who takes the contents became %v", err)
	}
}
