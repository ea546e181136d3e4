package doctor

import (
	"errors"
	"os"
	"path/filepath"

	"gostore/internal/guard"
	"gostore/internal/removal"
	"gostore/store"
)

var layerCases = []testCase{
	{"", "layers-unknown", Problem, func(k *kit) {
		k.over(func() ([]string, error) { return nil, errors.New("GOSTORE_LAYERS: layer \"x\" is no absolute path") })
	}, `GOSTORE_LAYERS: layer "x"`, `mend what`},
	{"away", "layer-unusable", Problem, func(k *kit) { k.over(layers(k.at("away"))) }, `the layer ".*/away" is not there`, `^ls -ld `},
	{"folder", "layer-unusable", Problem, func(k *kit) {
		k.mkdir(k.at("folder"))
		k.over(layers(k.at("folder")))
	}, `the layer ".*/folder" is not a store`, `^ls -ld `},
	{"", "layer-exposed", Problem, func(k *kit) {
		k.layer()
		k.must(os.Chmod(k.at("layer"), 0o777))
	}, `everybody can write in ".*/layer"`, `chmod go-w .*/layer`},
	{"", "layer-object", Problem, func(k *kit) {
		tree := k.layer()
		_, err := k.Store.Lookup(tree.Tree)
		k.must(err)
		k.must(removal.Tree(k.at("layer/store/" + tree.Base())))
	}, `go-1\.0\.1 .* does not have it any more`, `gostore install go@1\.0\.1`},
}

func layers(dirs ...string) func() ([]string, error) {
	return func() ([]string, error) { return dirs, nil }
}

// over opens the store once more, over layers.
func (k *kit) over(read func() ([]string, error)) {
	k.t.Helper()
	st, err := store.OpenWith(k.Root, store.Options{User: guard.User{ID: os.Geteuid()}, Layers: read})
	k.must(err)
	k.t.Cleanup(func() { st.Close() })
	k.Store = st
}

// layer makes a layer with an object, over which the store is opened.
func (k *kit) layer() store.Object {
	k.t.Helper()
	st, err := store.Open(k.at("layer"))
	k.must(err)
	defer st.Close()
	lease, err := st.Add(k.t.Context(), store.Spec{Name: "go", Version: "1.0.1"}, func(g *store.Stage) error {
		return g.File(filepath.Join("bin", "go"), true, []byte("#!/bin/sh\n"))
	})
	k.must(err)
	defer lease.Release()
	k.over(layers(k.at("layer")))
	return lease.Object()
}
