package tree

import (
	"context"
	"os"
	"testing"
)

// TestGoTree holds that real Go trees obey the rules.
func TestGoTree(t *testing.T) {
	if testing.Short() {
		t.Skip("reads a whole Go tree")
	}
	dir := goroot(t)
	m, err := Scan(context.Background(), dir, 2)
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := m.Find("bin/go"); !ok || e.Kind != Exec {
		t.Errorf("bin/go is %v, %v; want an executable", e, ok)
	}
	if info, err := os.Stat(dir + "/VERSION"); err == nil {
		if e, _ := m.Find("VERSION"); e.Size != info.Size() {
			t.Errorf("VERSION has %d bytes, want %d", e.Size, info.Size())
		}
	}
	again, err := Parse(m.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if changes := Diff(m, again); again.Digest() != m.Digest() || len(changes) > 0 {
		t.Errorf("the parsed manifest differs: %d changes", len(changes))
	}
}
