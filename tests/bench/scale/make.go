package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/roots"
	"gostore/internal/tree"
	"gostore/store"
)

// makeStore makes a store of n objects of one small file each, of which a project needs some. It writes what store.Add would
// write, without syncing for each.
func makeStore(ctx context.Context, root string, n, live int) error {
	st, err := store.Open(root)
	if err != nil {
		return err
	}
	defer st.Close()
	trees := make([]digest.Tree, n)
	for i := range trees {
		if trees[i], err = makeObject(st, i); err != nil {
			return err
		}
	}
	return roots.Register(ctx, filepath.Join(root, store.RootsDir), roots.Project{
		Lock: filepath.Join(root, "away", "gostore.lock"), Platform: release.Host(), Trees: trees[:live], Used: time.Now(),
	})
}

func makeObject(st *store.Store, i int) (digest.Tree, error) {
	data := []byte("small " + strconv.Itoa(i))
	m, err := tree.New([]tree.Entry{{Path: "program", Kind: tree.Exec, Content: digest.Sum(data), Size: int64(len(data))}})
	if err != nil {
		return digest.Tree{}, err
	}
	o := store.Object{Tree: m.Digest(), Name: "small", Version: strconv.Itoa(i)}
	info, err := json.Marshal(store.Info{Tool: o.Name, Release: o.Version, Files: 1, Size: m.Size(), Added: time.Now().UTC()})
	if err != nil {
		return digest.Tree{}, err
	}
	meta := filepath.Join(st.Dir(), "meta", o.Tree.Hex())
	if err := os.Mkdir(st.Path(o), 0o755); err != nil {
		return digest.Tree{}, err
	}
	for path, data := range map[string][]byte{
		filepath.Join(st.Path(o), "program"): data, meta + ".manifest": m.Bytes(), meta + ".json": info,
	} {
		if err := os.WriteFile(path, data, 0o555); err != nil {
			return digest.Tree{}, err
		}
	}
	return o.Tree, os.Chmod(st.Path(o), 0o555)
}

// makeTree makes a tree of n files of some 20 bytes, a thousand in a directory.
func makeTree(dir string, n int) error {
	for i := range n {
		sub := filepath.Join(dir, fmt.Sprintf("d%d", i/1000))
		if i%1000 == 0 {
			if err := os.MkdirAll(sub, 0o755); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("f%d", i)), []byte(fmt.Sprintf("the file number %d\n", i)), 0o644); err != nil {
			return err
		}
	}
	return nil
}
