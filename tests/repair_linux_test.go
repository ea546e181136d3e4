package tests

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gostore/tests/upstream"
)

// files returns the regular files of some size below directories, sorted.
func files(t *testing.T, dirs ...string) (list []string) {
	t.Helper()
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			if fi, err := e.Info(); err == nil && fi.Size() > 0 {
				list = append(list, path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(list)
	return list
}

// Bits flip in many files of a store: of objects that share them, of environments, manifests, descriptions and the index. A repair finds
// all of it and restores every digest; an independent look finds nothing wrong.
func TestRepairRot(t *testing.T) {
	w := newWorld(t, upstream.Config{Padding: 8 << 10, Shared: 4 << 10})
	top := filepath.Dir(w.dir)
	w.sh("gostore lock go@1.22.6 && gostore install && gostore switch go@1.22.5 && gostore switch go@1.23.0")
	before := look(t, top)
	flipped := 0
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 5))
		all := files(t, filepath.Join(top, "root", "store"), filepath.Join(top, "root", "meta"), filepath.Join(top, "root", "index"))
		var spoilt []string
		for range 24 {
			path := all[r.IntN(len(all))]
			if (strings.Contains(path, "/meta/") || strings.HasSuffix(path, "/environment.json")) && slices.Contains(spoilt, path) {
				continue // two flipped bits in what nothing else has are lost
			}
			flip(t, path, r.Int64N(1<<40))
			spoilt = append(spoilt, path)
		}
		flipped += len(spoilt)
		if out, err := w.command("gostore verify --repair").CombinedOutput(); err != nil {
			t.Fatalf("seed %d, flipped %q: %v\n%s", seed, spoilt, err, out)
		}
		now := look(t, top)
		if !slices.Equal(now.objects, before.objects) || fmt.Sprint(now.generations) != fmt.Sprint(before.generations) {
			t.Errorf("seed %d: %v became %v", seed, before, now)
		}
		if t.Failed() {
			t.Fatalf("seed %d, flipped %q", seed, spoilt)
		}
	}
	t.Logf("flipped %d bits in 4 rounds, all mended", flipped)
}
