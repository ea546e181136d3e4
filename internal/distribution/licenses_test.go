package distribution

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of docs/licenses.md anew")

// allowed are licences under which gostore, which has the Apache License 2.0, can contain a work.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "GooglePatentsFile", "ISC", "MIT", "Unlicense"}

// TestLicenses holds docs/licenses.md against what the programs link.
func TestLicenses(t *testing.T) {
	licenses, err := Licenses(t.Context(), Options{Source: "../..", Platforms: []string{"linux/amd64", "darwin/arm64"}})
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, l := range licenses {
		for _, name := range l.Names {
			if !slices.Contains(allowed, name) {
				t.Errorf("%s is under %s: may gostore contain it?", l.Module, name)
			}
		}
		fmt.Fprintf(&table, "| `%s` | %s |\n", l.Module, strings.Join(l.Names, ", "))
	}
	const path = "../../docs/licenses.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, old, ok := bytes.Cut(text, []byte("|---|---|\n"))
	if !ok {
		t.Fatalf("%s has no table", path)
	}
	if *update {
		text = slices.Concat(head, []byte("|---|---|\n"), []byte(table.String()))
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(old) != table.String() {
		t.Errorf("%s says\n%s\nwant\n%s\ngo test ./internal/distribution -update writes it", path, old, table.String())
	}
	all := licenseText(licenses)
	for _, want := range []string{"github.com/zeebo/blake3 v", "Redistributions in binary form must reproduce", "Permission is hereby granted"} {
		if !bytes.Contains(all, []byte(want)) {
			t.Errorf("the texts lack %q", want)
		}
	}
}
