package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gostore/internal/digest"
	"gostore/internal/tree"
	"gostore/store"
)

// The manifests of vendor directories are kept, the newest of them.
func TestVendorManifestsAreFew(t *testing.T) {
	st, err := store.Open(filepath.Join(t.TempDir(), "root"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var all []tree.Manifest
	for i := range mostVendorManifests + 3 {
		m, err := tree.New([]tree.Entry{{Path: fmt.Sprintf("f%d", i), Kind: tree.File, Content: digest.Sum(nil)}})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
		keepVendorManifest(st, m)
		at := time.Unix(int64(1_000_000_000+i), 0)
		if err := os.Chtimes(vendorManifestPath(st, m.Digest().Hex()), at, at); err != nil {
			t.Fatal(err)
		}
	}
	kept := 0
	for i, m := range all {
		if _, ok := readVendorManifest(st, m.Digest()); ok {
			kept++
		} else if i > 3 {
			t.Errorf("%d is gone", i)
		}
	}
	if kept != mostVendorManifests {
		t.Errorf("%d are kept", kept)
	}
	path := vendorManifestPath(st, all[20].Digest().Hex())
	if err := os.WriteFile(path, all[21].Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok := readVendorManifest(st, all[20].Digest()); ok {
		t.Error("another manifest is believed")
	}
}
